import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysFrom } from './local-keys.ts';
import { createSeal, openSeal, sealOf } from './open-seal.ts';
import { createSealer } from './sealer.ts';

const CHEAP = { n: 16, r: 8, p: 1 };
const encode = (text: string) => new TextEncoder().encode(text);
const passphrase = (text: string) => ({ passphrase: () => Promise.resolve(text) });
const failing = (code: string) => expect.objectContaining({ code }) as unknown;

let folder: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-seal-'));
});
afterAll(() => rm(folder, { recursive: true }));
const place = () => join(folder, String(made++));

describe('a sealer', () => {
  const sealer = createSealer(keysFrom(encode('k'.repeat(32)), 'the test'));

  it('opens what it sealed, for the same purpose only', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.string(), fc.string(), async (plain, purpose, other) => {
        const sealed = await sealer.seal(purpose, plain);
        expect(await sealer.open(purpose, sealed)).toEqual(new Uint8Array(plain));
        if (purpose !== other)
          await expect(sealer.open(other, sealed)).rejects.toEqual(failing('STORE_ANSWER_UNREADABLE'));
      }),
      { numRuns: 50 },
    );
  });

  it('opens nothing with any bit changed, cut off or added', async () => {
    const sealed = await sealer.seal('p', encode('secret'));
    const opened = (bytes: Uint8Array) => sealer.open('p', bytes);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      await expect(opened(changed)).rejects.toEqual(failing('STORE_ANSWER_UNREADABLE'));
    }
    for (let length = 0; length < sealed.length; length++) {
      await expect(opened(sealed.subarray(0, length))).rejects.toEqual(failing('STORE_ANSWER_UNREADABLE'));
    }
    await expect(opened(Uint8Array.from([...sealed, 0]))).rejects.toEqual(failing('STORE_ANSWER_UNREADABLE'));
  });

  it('never gives one thing twice the same form, nor shows it', async () => {
    const sealed = await Promise.all(Array.from({ length: 20 }, () => sealer.seal('p', encode('a very secret text'))));
    const texts = sealed.map((bytes) => Buffer.from(bytes).toString('latin1'));
    expect(new Set(texts).size).toBe(20);
    for (const text of texts) expect(text).not.toContain('secret');
  });
});

describe('a folder sealed by a passphrase', () => {
  it('opens with that passphrase only', async () => {
    const at = place();
    expect(await sealOf(at)).toBeUndefined();
    const sealer = await createSeal(at, { kind: 'passphrase', cost: CHEAP }, passphrase('correct horse battery'));
    const sealed = await sealer.seal('p', encode('x'));
    expect(await sealOf(at)).toBe('passphrase');
    const again = await openSeal(at, passphrase('correct horse battery'));
    expect(await again.open('p', sealed)).toEqual(encode('x'));
    await expect(openSeal(at, passphrase('correct horse batterx'))).rejects.toEqual(failing('SETTINGS_INVALID'));
    await expect(openSeal(at, {})).rejects.toEqual(failing('SETTINGS_MISSING'));
    expect(await readFile(join(at, 'seal.json'), 'utf8')).not.toContain('horse');
  });

  it('wants a passphrase that is worth one, and is chosen once', async () => {
    const at = place();
    const choice = { kind: 'passphrase', cost: CHEAP } as const;
    await expect(createSeal(at, choice, passphrase('short'))).rejects.toEqual(failing('SETTINGS_INVALID'));
    expect(await sealOf(at)).toBeUndefined();
    await createSeal(at, choice, passphrase('correct horse battery'));
    await expect(createSeal(at, choice, passphrase('correct horse battery'))).rejects.toEqual(
      failing('SETTINGS_INVALID'),
    );
  });

  it.each([
    ['no JSON', '{'],
    [
      'a cost that would take the memory',
      JSON.stringify({ version: 1, check: 'AA', key: { kind: 'passphrase', salt: 'AA', n: 2 ** 30, r: 8, p: 1 } }),
    ],
    ['an unknown kind', JSON.stringify({ version: 1, check: 'AA', key: { kind: 'rot13' } })],
  ])('says so where seal.json is damaged: %s', async (_what, text) => {
    const at = place();
    await createSeal(at, { kind: 'passphrase', cost: CHEAP }, passphrase('correct horse battery'));
    await writeFile(join(at, 'seal.json'), text);
    await expect(openSeal(at, passphrase('correct horse battery'))).rejects.toEqual(failing('STATE_CORRUPT'));
  });
});

describe('a folder sealed by a key file', () => {
  it('makes the file for its owner alone, and refuses it where others may read it', async () => {
    const at = place();
    const path = join(folder, `${made++}.key`);
    const sealed = await (await createSeal(at, { kind: 'key-file', path }, {})).seal('p', encode('x'));
    expect(await (await openSeal(at, {})).open('p', sealed)).toEqual(encode('x'));
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(path, mode);
      await expect(openSeal(at, {})).rejects.toEqual(failing('SETTINGS_UNREADABLE'));
    }
    await chmod(path, 0o400);
    await openSeal(at, {});
  });

  it('refuses another key, a damaged one and a missing one', async () => {
    const [at, path] = [place(), join(folder, `${made++}.key`)];
    await createSeal(at, { kind: 'key-file', path }, {});
    await writeFile(path, `${Buffer.alloc(32, 7).toString('base64url')}\n`);
    await expect(openSeal(at, {})).rejects.toEqual(failing('SETTINGS_INVALID'));
    await writeFile(path, 'short');
    await expect(openSeal(at, {})).rejects.toEqual(failing('SETTINGS_UNREADABLE'));
    await rm(path);
    await expect(openSeal(at, {})).rejects.toEqual(failing('SETTINGS_UNREADABLE'));
  });
});

it('says where there is no seal', async () => {
  await expect(openSeal(place(), {})).rejects.toEqual(failing('SETTINGS_MISSING'));
});

import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchanges } from '../../autoid/testing/vectors.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import type { ServerKeys } from '../rotation/generations.ts';
import { readReferenceKeys, withReferenceKeys } from './reference-keys.ts';
import { createVerifierV1 } from './verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'vigil-reference-'));
const files = createNodeFileStore();
const vectors = fileURLToPath(new URL('../../autoid/v1/vectors/', import.meta.url));
const put = (from: string, to: string): void => {
  copyFileSync(join(vectors, from), join(folder, to));
  chmodSync(join(folder, to), 0o600);
};
beforeAll(() => {
  writeFileSync(join(folder, 'info2048.bin'), gunzipSync(readFileSync(join(vectors, 'info2048.bin.gz'))));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rejected = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as unknown;

describe("a reference server's folder of keys", () => {
  it.each([
    ['private.openssh.pem', 'public.openssh.pem'],
    ['private.pkcs1.pem', 'public.pkcs1.pem'],
    ['private.pkcs8.pem', 'public.spki.pem'],
    ['private.openssh.pem', 'public.spki.pem'],
  ])('is read from %s and %s', async (secret, published) => {
    put(secret, 'private.pem');
    put(published, 'public.pem');
    const verify = await createVerifierV1([await readReferenceKeys(folder, files)]);
    expect(await verify(new TextEncoder().encode(JSON.stringify(exchanges[0]?.request)))).toMatchObject({
      verified: true,
    });
  });

  it('is refused where a key is missing, readable by others, locked, none, or of another pair', async () => {
    put('public.spki.pem', 'public.pem');
    rmSync(join(folder, 'private.pem'));
    await expect(readReferenceKeys(folder, files)).rejects.toEqual(rejected('KEYS_NOT_FOUND', /private\.pem/));
    put('private.pkcs8.pem', 'private.pem');
    chmodSync(join(folder, 'private.pem'), 0o644);
    await expect(readReferenceKeys(folder, files)).rejects.toEqual(rejected('KEYS_UNREADABLE', /chmod 600/));
    const write = (text: string): void => writeFileSync(join(folder, 'private.pem'), text, { mode: 0o600 });
    put('private.pkcs8.pem', 'private.pem');
    const { generateKeyPairSync } = await import('node:crypto');
    const make = (bits: number, cipher?: string): string =>
      generateKeyPairSync('rsa', { modulusLength: bits })
        .privateKey.export({
          type: 'pkcs8',
          format: 'pem',
          ...(cipher === undefined ? {} : { cipher, passphrase: 'x' }),
        })
        .toString();
    write(make(2048));
    await expect(readReferenceKeys(folder, files)).rejects.toEqual(rejected('KEYS_INVALID', /not one pair/));
    write(make(1024));
    await expect(readReferenceKeys(folder, files)).rejects.toEqual(rejected('KEYS_INVALID', /2048 to 8192 bits/));
    write(make(2048, 'aes-256-cbc'));
    await expect(readReferenceKeys(folder, files)).rejects.toEqual(rejected('KEYS_INVALID', /passphrase/));
    const openSsh = readFileSync(join(vectors, 'private.openssh.pem'), 'utf8').split('\n');
    for (const text of ['', 'x', openSsh.toSpliced(3, 2).join('\n'), openSsh.toSpliced(1, 1).join('\n')]) {
      write(text);
      await expect(readReferenceKeys(folder, files)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    }
  });

  it('is taken up anew when a file of it changes', async () => {
    put('private.pkcs8.pem', 'private.pem');
    const own: ServerKeys = { serverId: 's', root: new Uint8Array(32), v2: [], v1: [], version: '7' };
    const source = withReferenceKeys({ read: () => Promise.resolve(own) }, folder, files);
    const first = await source.read();
    expect(first.v1).toHaveLength(1);
    expect(await source.read()).toBe(first);
    put('private.openssh.pem', 'private.pem');
    const second = await source.read();
    expect(second.version).not.toBe(first.version);
    expect(second.v1[0]?.privateKeyPem).toBe(first.v1[0]?.privateKeyPem);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKeyPair, softwareSigner } from '../../autoid/v2/signatures.ts';
import type { Fetch } from '../../core/ports.ts';
import { createNodeClock } from '../../node/clock.ts';
import { keysFrom } from '../seal/local-keys.ts';
import { createSealer } from '../seal/sealer.ts';
import { openTestBucket, type TestBucket } from '../testing/bucket.ts';
import { initKeys } from './init.ts';
import { vaultKeySource } from './key-source.ts';
import type { Place } from './places/place.ts';
import { readRing } from './ring.ts';
import { createRotator } from './rotator.ts';
import { s3Vault } from './s3-vault.ts';
import { SILENT, testClock } from './testing/world.ts';
import type { KeyVault } from './vault.ts';

const HOUR = 3600_000;
const sealer = createSealer(keysFrom(randomBytes(32), 'a key'));
let folder: string;
let bucket: TestBucket;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-s3-vault-'));
  bucket = await openTestBucket(folder);
});
afterAll(async () => {
  await bucket.stop();
  await rm(folder, { recursive: true });
});

let made = 0;
const prefixes = () => `keys-${made++}`;
function vaultIn(prefix: string, how: { fetch?: Fetch; clock?: { now(): number } } = {}): KeyVault {
  return s3Vault({
    fetch: how.fetch ?? bucket.fetch,
    clock: { ...createNodeClock(), ...how.clock },
    bucket: bucket.name,
    prefix,
    region: 'us-east-1',
    endpoint: bucket.endpoint,
    credentials: () => Promise.resolve(bucket.credentials),
    sealer,
    timeoutMs: 20_000,
  });
}

describe('keys in a bucket', () => {
  it('puts a ring in the place of the one that was read, and of no other', async () => {
    const prefix = prefixes();
    const [a, b] = [vaultIn(prefix), vaultIn(prefix)];
    expect(await a.version()).toBe(0);
    expect(await a.readRing()).toBeUndefined();
    expect(await a.writeRing('one', 1)).toBe(false);
    expect(await a.writeRing('one', 0)).toBe(true);
    expect(await b.writeRing('other', 0)).toBe(false);
    expect(await b.readRing()).toEqual({ version: 1, text: 'one' });
    expect(await b.writeRing('two', 1)).toBe(true);
    expect(await a.writeRing('two again', 1)).toBe(false);
    expect([await a.version(), await b.version()]).toEqual([2, 2]);
    // The same text once more is another ring all the same.
    expect(await a.writeRing('two', 2)).toBe(true);
    expect(await b.writeRing('late', 2)).toBe(false);
  });

  it('lets one of many that write at once be first', async () => {
    const prefix = prefixes();
    const vaults = Array.from({ length: 12 }, () => vaultIn(prefix));
    for (const seen of [0, 1]) {
      const won = await Promise.all(vaults.map((vault, index) => vault.writeRing(`ring of ${index}`, seen)));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await vaults[0]?.readRing()).toEqual({ version: seen + 1, text: `ring of ${won.indexOf(true)}` });
    }
  });

  it('takes a write whose first try went through without an answer for its own', async () => {
    let lose = true;
    const losing: Fetch = async (request) => {
      const answer = await bucket.fetch(request);
      if (!lose || request.method !== 'PUT') return answer;
      lose = false;
      return { status: 500, headers: {}, body: new Uint8Array() };
    };
    const vault = vaultIn(prefixes(), { fetch: losing });
    expect(await vault.writeRing('mine', 0)).toBe(true);
    expect(lose).toBe(false);
    lose = true;
    await vault.writeSecret('k-1', randomBytes(100));
    expect(lose).toBe(false);
  });

  it('keeps secrets sealed and by name, and destroys them', async () => {
    const prefix = prefixes();
    const vault = vaultIn(prefix);
    const secret = new TextEncoder().encode('a private key of the server');
    expect(await vault.readSecret('k-1')).toBeUndefined();
    await vault.writeSecret('k-1', secret);
    expect(await vault.readSecret('k-1')).toEqual(secret);
    const stored = await bucket.object(`${prefix}/k-1.key`);
    expect(stored?.includes('private key')).toBe(false);
    // Nor does what was sealed as one key open as another.
    await expect(vault.writeSecret('k-1', secret)).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    await vault.destroySecret('k-1');
    await vault.destroySecret('k-1');
    expect(await vault.readSecret('k-1')).toBeUndefined();
    expect(await bucket.object(`${prefix}/k-1.key`)).toBeUndefined();
  });

  it('sweeps up what no ring names, once it is an hour old', async () => {
    let now = Date.now();
    const prefix = prefixes();
    const vault = vaultIn(prefix, { clock: { now: () => now } });
    for (const name of ['kept-1', 'orphan-1', 'orphan-2']) await vault.writeSecret(name, randomBytes(8));
    await vault.writeRing('ring', 0);
    await vault.sweep(new Set(['kept-1']));
    expect(await vault.readSecret('orphan-1')).toBeDefined();
    now += 2 * HOUR;
    await vault.sweep(new Set(['kept-1']));
    expect(await vault.readSecret('orphan-1')).toBeUndefined();
    expect(await vault.readSecret('orphan-2')).toBeUndefined();
    expect(await vault.readSecret('kept-1')).toBeDefined();
    expect(await vault.version()).toBe(1);
  });

  it('says what is wrong with bucket, network or content', async () => {
    const prefix = prefixes();
    const denied = vaultIn(prefix, {
      fetch: () => Promise.resolve({ status: 403, headers: {}, body: new Uint8Array() }),
    });
    await expect(denied.version()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
    const down = vaultIn(prefix, {
      fetch: () => Promise.resolve({ status: 503, headers: {}, body: new Uint8Array() }),
    });
    await expect(down.writeRing('x', 0)).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    const vault = vaultIn(prefix);
    await vault.writeRing('x', 0);
    const garbled = vaultIn(prefix, {
      fetch: async (request) => ({ ...(await bucket.fetch(request)), body: new TextEncoder().encode('{}') }),
    });
    await expect(garbled.readRing()).rejects.toMatchObject({ code: expect.stringMatching(/^KEYS_/) as string });
  });
});

describe('a rotation in a bucket', () => {
  /** A process that dies after its n-th change of the bucket, or right before the answer of it. */
  function dying(after: number): { fetch: Fetch; changes: () => number } {
    let changes = 0;
    return {
      changes: () => changes,
      fetch: async (request) => {
        if (changes > after) throw new Error('dead');
        const isChange = request.method === 'PUT' || request.method === 'DELETE';
        if (isChange && changes++ === after) throw new Error('dead');
        return bucket.fetch(request);
      },
    };
  }

  it('can die after any change, and is finished by the next process with nothing half-done to be seen', async () => {
    const root = await softwareSigner(await generateKeyPair('ed25519'));
    let died = 0;
    for (let after = 0; ; after++) {
      const prefix = prefixes();
      const clock = testClock();
      const place: Place = {
        name: 'place',
        holds: () => Promise.resolve(true),
        publish: async () => {
          // Whoever is given a set finds it accepted.
          const { ring } = await readRing(vaultIn(prefix));
          expect(await accepted()).toContain(ring.lastGeneration);
        },
      };
      const accepted = async () =>
        (await vaultKeySource({ vault: vaultIn(prefix), clock }).read()).v2.map(({ generation }) => generation);
      const rotator = (fetch = bucket.fetch) =>
        createRotator({ vault: vaultIn(prefix, { fetch, clock }), places: [place], clock, logger: SILENT });
      await initKeys({ vault: vaultIn(prefix), clock, root, serverId: 'test', protocols: ['v2'] });
      await rotator().advance();

      const dies = dying(after);
      const isOver = await rotator(dies.fetch)
        .rotate({ overlapMs: HOUR })
        .then(
          () => true,
          () => false,
        );
      // Whatever was done: generation 1 is accepted still, and what stands can be read.
      expect(await accepted()).toContain(1);
      expect(await rotator().rotate({ overlapMs: HOUR })).toMatchObject({ pending: false, failures: [] });
      const { ring } = await readRing(vaultIn(prefix));
      expect(await accepted()).toEqual(expect.arrayContaining([1, ring.lastGeneration]));
      clock.pass(HOUR);
      await rotator().advance();
      expect(await accepted()).toEqual([ring.lastGeneration]);
      expect((await readRing(vaultIn(prefix))).ring.doomed).toEqual([]);
      if (isOver) break;
      died++;
    }
    expect(died).toBeGreaterThanOrEqual(3);
  });
});

import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generateKeyPair, softwareSigner } from '../../autoid/v2/signatures.ts';
import { createNodeClock } from '../../node/clock.ts';
import { keysFrom } from '../seal/local-keys.ts';
import { createSealer } from '../seal/sealer.ts';
import { directoryVault } from './directory-vault.ts';
import { createDisk } from './disk.ts';
import { initKeys } from './init.ts';
import { vaultKeySource } from './key-source.ts';
import { directoryPlace } from './places/directory-place.ts';
import { readRing } from './ring.ts';
import { createRotator } from './rotator.ts';
import { accept, servesV2 } from './testing/clients.ts';

const KILLS = 12;
const LONGEST_LIFE_MS = 250;
const PROCESS = fileURLToPath(new URL('testing/rotate-process.ts', import.meta.url));
const NODE = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
const PLACES = ['one', 'two'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-kill-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a process that rotates is killed at any moment, and clients and server have whole sets of the same generations', async () => {
  const key = randomBytes(32);
  const disk = createDisk();
  const vault = directoryVault({ disk, folder: join(folder, 'vault'), sealer: createSealer(keysFrom(key, 'a key')) });
  const clock = createNodeClock();
  const places = PLACES.map((name) => directoryPlace({ disk, folder: join(folder, name) }));
  const rotator = createRotator({ vault, places, clock, logger: { log: () => undefined }, takeUpMs: 5 });
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  await initKeys({ vault, clock, root, serverId: 'test', protocols: ['v2'] });
  await rotator.advance();

  /** Reads as clients and a server of their own do; the generations that the places hold. */
  async function look(): Promise<readonly number[]> {
    const found: number[] = [];
    for (const name of PLACES) {
      const file = await readFile(join(folder, name, 'build', 'keyset.bin'));
      const { ring } = await readRing(vault);
      const keys = await accept(file, ring, clock.now());
      // Read after the client's set: whoever has it is served.
      const server = await vaultKeySource({ vault, clock }).read();
      expect(await servesV2(server, keys, clock.now())).toBe(keys.generation);
      found.push(keys.generation);
    }
    return found;
  }

  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(NODE, [PROCESS, folder, key.toString('hex')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    const life = sleep(randomInt(LONGEST_LIFE_MS));
    await look();
    await life;
    child.kill('SIGKILL');
    await exited;
    await look();
    const { generation, pending } = await rotator.advance();
    expect(pending).toBe(false);
    expect(await look()).toEqual([generation, generation]);
  }
  const { ring } = await readRing(vault);
  expect(ring.lastGeneration).toBeGreaterThan(1);
  const files = await readdir(join(folder, 'vault'));
  for (const { secret } of ring.generations) expect(files).toContain(`${secret}.key`);
});

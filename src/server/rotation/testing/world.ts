import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { generateKeyPair, softwareSigner } from '../../../autoid/v2/signatures.ts';
import type { Clock, Logger } from '../../../core/ports.ts';
import { keysFrom } from '../../seal/local-keys.ts';
import { createSealer, type Sealer } from '../../seal/sealer.ts';
import { directoryVault } from '../directory-vault.ts';
import { createDisk, type Disk } from '../disk.ts';
import type { GenerationV1 } from '../generations.ts';
import { initKeys } from '../init.ts';
import { makeV1 } from '../make-generation.ts';
import type { Place } from '../places/place.ts';
import type { ProtocolName } from '../ring.ts';
import { createRotator, type Rotator } from '../rotator.ts';

export const SILENT: Logger = { log: () => undefined };

/** Time that a test moves; whoever sleeps moves it too. */
export function testClock(start = Date.UTC(2026, 10, 22)): Clock & { now: () => number; pass(ms: number): void } {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    pass: (ms) => {
      now += ms;
    },
  };
}

/** Real keys of protocol 1, made once for each number: making them takes a good part of a second. */
const made = new Map<number, Promise<GenerationV1>>();
export function cachedV1(generation: number): Promise<GenerationV1> {
  const found = made.get(generation) ?? makeV1(generation);
  made.set(generation, found);
  return found;
}

export interface World {
  readonly folder: string;
  readonly clock: ReturnType<typeof testClock>;
  readonly sealer: Sealer;
  vault(disk?: Disk): ReturnType<typeof directoryVault>;
  rotator(places: readonly Place[], disk?: Disk): Rotator;
}

/** A server with generation 1 in `folder`. */
export async function rotationWorld(folder: string, protocols: readonly ProtocolName[]): Promise<World> {
  const clock = testClock();
  const sealer = createSealer(keysFrom(randomBytes(32), 'a key'));
  const vault = (disk: Disk = createDisk()) => directoryVault({ disk, folder: join(folder, 'vault'), sealer });
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  await initKeys({ vault: vault(), clock, root, serverId: 'test', protocols, makeV1: cachedV1 });
  return {
    folder,
    clock,
    sealer,
    vault,
    rotator: (places, disk) =>
      createRotator({ vault: vault(disk), places, clock, logger: SILENT, makeV1: cachedV1, takeUpMs: 15_000 }),
  };
}

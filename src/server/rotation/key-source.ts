import { fromBase64Url } from '../../autoid/encoding.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { ServerKeys, ServerKeySource } from './generations.ts';
import { acceptedAt, nextEnd, readRing, type Ring } from './ring.ts';
import { readGeneration, type GenerationSecret } from './secrets.ts';
import type { KeyVault } from './vault.ts';

const ATTEMPTS = 3;

interface Held {
  readonly ringVersion: number;
  /** When a generation of it ends, in ms since the epoch. */
  readonly until: number;
  readonly keys: ServerKeys;
  readonly ring: Ring;
}

/**
 * The server's keys from a vault. Reading again costs one look at the ring's version while nothing has changed. A
 * generation whose overlap has ended is left out from that moment, whether or not it is destroyed already, and leaves the
 * memory of this process with the next reading.
 */
export function vaultKeySource({ vault, clock }: { readonly vault: KeyVault; readonly clock: Clock }): ServerKeySource {
  let held: Held | undefined;
  let secrets = new Map<string, GenerationSecret>();
  let flight: Promise<ServerKeys> | undefined;

  /** What the ring names; undefined when a secret of it is gone, since then there is a newer ring. */
  async function load(ring: Ring, ringVersion: number): Promise<ServerKeys | undefined> {
    const now = clock.now();
    const accepted = acceptedAt(ring, now);
    const loaded = new Map<string, GenerationSecret>();
    for (const { secret } of accepted) {
      const known = secrets.get(secret);
      const bytes = known === undefined ? await vault.readSecret(secret) : undefined;
      if (known === undefined && bytes === undefined) return undefined;
      loaded.set(secret, known ?? readGeneration(secret, bytes ?? new Uint8Array()));
    }
    secrets = loaded;
    const root = fromBase64Url(ring.root);
    if (root === undefined) throw new AppError('KEYS_INVALID', `The list of keys in ${vault.name} names no root.`);
    const of = accepted.flatMap(({ secret }) => loaded.get(secret) ?? []);
    const keys: ServerKeys = {
      serverId: ring.serverId,
      root,
      v2: of.flatMap(({ v2 }) => v2 ?? []),
      v1: of.flatMap(({ v1 }) => v1 ?? []),
      version: `${ringVersion} ${accepted.map(({ generation }) => generation).join(' ')}`,
    };
    held = { ringVersion, until: nextEnd(ring, now) ?? Infinity, keys, ring };
    return keys;
  }

  async function readNow(): Promise<ServerKeys> {
    if (held !== undefined && clock.now() < held.until && (await vault.version()) === held.ringVersion)
      return held.keys;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { ring, version } = await readRing(vault);
      try {
        const keys = await load(ring, version);
        if (keys !== undefined) return keys;
      } catch (error) {
        // A key that is being destroyed: there is a newer ring, which does not name it.
        if ((await vault.version()) === version) throw error;
      }
    }
    throw new AppError('KEYS_UNREADABLE', `A key that ${vault.name} names is missing there: restore it, or rotate.`);
  }

  /** A generation ends even while the vault cannot be read. */
  async function readOrEnd(): Promise<ServerKeys> {
    try {
      return await readNow();
    } catch (error) {
      if (held === undefined || clock.now() < held.until) throw error;
      const left = await load(held.ring, held.ringVersion);
      if (left === undefined) throw error;
      return left;
    }
  }

  return {
    read: () => (flight ??= readOrEnd().finally(() => (flight = undefined))),
  };
}

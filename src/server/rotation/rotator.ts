import { softwareSigner } from '../../autoid/v2/signatures.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import { makeGeneration, type makeV1 } from './make-generation.ts';
import type { Place, PublishedFiles } from './places/place.ts';
import { publishedFiles } from './published-files.ts';
import {
  readRing,
  ringText,
  secretName,
  secretsOf,
  type ProtocolName,
  type Ring,
  type RingGeneration,
} from './ring.ts';
import { generationBytes, readGeneration, readPair } from './secrets.ts';
import type { KeyVault } from './vault.ts';

/** How long the generation before stays accepted, in ms, where nothing else is said. */
export const OVERLAP_MS = 24 * 3600_000;
/** How long servers have to take a new generation up before clients can come by it, in ms. They look every few seconds. */
export const TAKE_UP_MS = 15_000;
const MOST_RACES = 20;

export interface RotatorOptions {
  readonly vault: KeyVault;
  readonly places: readonly Place[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit?: Audit;
  readonly takeUpMs?: number;
  /** Makes the keys themselves; for tests, where real ones take long. */
  readonly makeV1?: typeof makeV1;
}

/** What came of a step. */
export interface Progress {
  /** The generation that clients are given now. */
  readonly generation: number;
  /** Whether a rotation is still under way, because of the failures. */
  readonly pending: boolean;
  readonly failures: readonly { readonly place: string; readonly error: AppError }[];
}

export interface Inspection {
  readonly ring: Ring;
  /** Whether a place holds the newest set; what asking it failed with, where it could not be told. */
  readonly places: readonly { readonly place: string; readonly holds: boolean | AppError }[];
}

/**
 * Moves a server from one generation of keys to the next. Each step is one write that may be repeated, and the ring says
 * which are done, so that `advance` finishes what a killed process has begun. The order is what keeps walls lit: the
 * server accepts the new generation, every place gets it, only then does the overlap of the old one begin, and only after
 * it the old one is destroyed.
 */
export interface Rotator {
  /**
   * A new generation, published everywhere; or, where a rotation is under way, the rest of that one. With `emergency` the
   * server accepts nothing but a fresh generation from now on, and the others are destroyed before it is published.
   * Rejects with KEYS_* and what the vault rejects with; what places reject with is told among the failures.
   */
  rotate(how?: { readonly emergency?: boolean; readonly overlapMs?: number }): Promise<Progress>;
  /** Does whatever is due: publishes what is not published, ends overlaps, destroys. Cheap when nothing is. */
  advance(): Promise<Progress>;
  /** What there is, and unless `places` is false what each place holds, as clients see it; changes nothing. */
  inspect(what?: { readonly places: boolean }): Promise<Inspection>;
  /** `advance`, and then looks whether every place holds what it should, and puts it there. */
  publish(): Promise<Progress>;
}

export function createRotator(options: RotatorOptions): Rotator {
  const { vault, places, clock, logger } = options;
  const takeUpMs = options.takeUpMs ?? TAKE_UP_MS;

  /** Puts a changed ring in the place of the one that stands; the same object means that there is nothing to change. */
  async function update(change: (ring: Ring) => Ring): Promise<Ring> {
    for (let race = 0; race < MOST_RACES; race++) {
      const { ring, version } = await readRing(vault);
      const changed = change(ring);
      if (changed === ring || (await vault.writeRing(ringText(changed), version))) return changed;
    }
    throw new AppError('KEYS_UNAVAILABLE', `The keys in ${vault.name} change too often just now: try again.`);
  }

  async function told(event: Pick<AuditEvent, 'event' | 'generation' | 'detail'>): Promise<void> {
    logger.log('info', event.event, { generation: event.generation, detail: event.detail });
    try {
      await options.audit?.append({ ...event, allowed: true, reason: 'ok' });
    } catch (error) {
      // Keys must not stay where they are because of the log; the server itself hands out nothing without it.
      logger.log('error', 'keys.audit-failed', { sentence: toAppError(error).message });
    }
  }

  async function secretNamed(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const secret = await vault.readSecret(name);
    if (secret !== undefined) return secret;
    throw new AppError('KEYS_UNREADABLE', `The key ${name} is missing in ${vault.name}: restore it from a backup.`);
  }

  /** Makes a generation and has the server accept it; false when another process began a rotation meanwhile. */
  async function begin(emergency: boolean, overlapMs: number): Promise<boolean> {
    const { ring } = await readRing(vault);
    const now = clock.now();
    const generation = ring.lastGeneration + 1;
    if (ring.certificate.notAfter <= now) {
      const sentence = `The rotation key's certificate ended on ${new Date(ring.certificate.notAfter).toISOString()}: renew it with vigil keys certify.`;
      throw new AppError('KEYS_INVALID', sentence);
    }
    const secret = secretName(`generation-${generation}`);
    const signer = readPair(ring.signer, await secretNamed(ring.signer));
    const { notAfter, keys } = await makeGeneration({
      generation,
      protocols: protocolsOf(ring),
      signer: await softwareSigner(signer),
      certificate: ring.certificate,
      now,
      ...(options.makeV1 === undefined ? {} : { makeV1: options.makeV1 }),
    });
    await vault.writeSecret(secret, generationBytes(keys));
    const startedAt = clock.now();
    const made: RingGeneration = {
      generation,
      secret,
      protocols: protocolsOf(ring),
      madeAt: startedAt,
      notAfter,
      state: emergency ? 'current' : 'new',
    };
    const after = await update((before) => {
      const isFirst = before.lastGeneration === generation - 1 && (emergency || before.rotation === undefined);
      if (!isFirst) return before;
      return {
        ...before,
        lastGeneration: generation,
        generations: emergency ? [made] : [...before.generations, made],
        rotation: { generation, startedAt, emergency, overlapMs, published: [] },
        doomed: emergency ? [...before.doomed, ...before.generations.map((one) => one.secret)] : before.doomed,
      };
    });
    if (!secretsOf(after).has(secret)) {
      await vault.destroySecret(secret);
      return false;
    }
    await told({ event: emergency ? 'keys.emergency' : 'keys.rotate', generation });
    return true;
  }

  async function endOverlaps(): Promise<void> {
    const now = clock.now();
    const over = ({ endsAt }: RingGeneration): boolean => endsAt !== undefined && endsAt <= now;
    let ended: readonly RingGeneration[] = [];
    await update((ring) => {
      ended = ring.generations.filter(over);
      if (ended.length === 0) return ring;
      const generations = ring.generations.filter((one) => !over(one));
      return { ...ring, generations, doomed: [...ring.doomed, ...ended.map(({ secret }) => secret)] };
    });
    for (const { generation } of ended) await told({ event: 'keys.end', generation });
  }

  async function destroyDoomed(): Promise<void> {
    const { doomed } = (await readRing(vault)).ring;
    if (doomed.length === 0) return;
    for (const secret of doomed) await vault.destroySecret(secret);
    const done = new Set(doomed);
    await update((ring) => ({ ...ring, doomed: ring.doomed.filter((secret) => !done.has(secret)) }));
    logger.log('info', 'keys.destroyed', { secrets: doomed.length });
  }

  /** Has a place hold a set, and notes it. Another rotation that began meanwhile is what the place must hold then. */
  async function publishTo(place: Place, generation: number, files: PublishedFiles): Promise<void> {
    await place.publish(files);
    const after = await update((ring) => {
      const { rotation } = ring;
      if (rotation?.generation !== generation || rotation.published.includes(place.name)) return ring;
      return { ...ring, rotation: { ...rotation, published: [...rotation.published, place.name] } };
    });
    const newest = offered(after);
    if (newest.generation !== generation) await publishTo(place, newest.generation, await filesOf(newest));
    else logger.log('info', 'keys.published', { generation, place: place.name });
  }

  async function filesOf({ secret }: RingGeneration): Promise<PublishedFiles> {
    return publishedFiles(readGeneration(secret, await secretNamed(secret)));
  }

  /** Publishes to the places, all of them even where one fails. */
  async function publishAll(which: readonly Place[], newest: RingGeneration): Promise<Progress['failures']> {
    const failures: { place: string; error: AppError }[] = [];
    const files = which.length === 0 ? undefined : await filesOf(newest);
    for (const place of which) {
      try {
        if (files !== undefined) await publishTo(place, newest.generation, files);
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        failures.push({ place: place.name, error: thrown });
        logger.log('warn', 'keys.publish-failed', { place: place.name, code: thrown.code, sentence: thrown.message });
      }
    }
    return failures;
  }

  async function finishRotation(): Promise<Progress['failures']> {
    const { ring } = await readRing(vault);
    const { rotation } = ring;
    if (rotation === undefined) return [];
    // A clock that was set back must not hold the rotation up for longer than a full wait.
    const wait = Math.min(rotation.startedAt + takeUpMs - clock.now(), takeUpMs);
    if (!rotation.emergency && wait > 0 && places.length > 0) await clock.sleep(wait);
    const missing = places.filter(({ name }) => !rotation.published.includes(name));
    const failures = await publishAll(missing, offered(ring));
    if (failures.length > 0) return failures;
    const switched: number[] = [];
    await update((before) => {
      switched.length = 0;
      if (before.rotation?.generation !== rotation.generation) return before;
      switched.push(rotation.generation);
      return switchTo(before, rotation.generation, clock.now());
    });
    if (switched.length > 0) await told({ event: 'keys.current', generation: rotation.generation });
    return [];
  }

  async function progress(failures: Progress['failures']): Promise<Progress> {
    const { ring } = await readRing(vault);
    return { generation: offered(ring).generation, pending: ring.rotation !== undefined, failures };
  }

  async function advance(): Promise<Progress> {
    await endOverlaps();
    // Before anything that can fail: what is to be gone is gone.
    await destroyDoomed();
    const failures = await finishRotation();
    return progress(failures);
  }

  return {
    advance,
    async rotate({ emergency = false, overlapMs = OVERLAP_MS } = {}) {
      const { ring } = await readRing(vault);
      // One that was begun in another process meanwhile is finished here, and is what was asked for.
      if (emergency || ring.rotation === undefined) {
        for (let race = 0; race < MOST_RACES && !(await begin(emergency, overlapMs)) && emergency; race++);
      }
      const done = await advance();
      await vault.sweep(secretsOf((await readRing(vault)).ring));
      return done;
    },
    async inspect(what = { places: true }) {
      const { ring } = await readRing(vault);
      if (!what.places) return { ring, places: [] };
      const files = await filesOf(offered(ring));
      const found: Inspection['places'][number][] = [];
      for (const place of places) {
        const holds = await place.holds(files).catch((error: unknown) => toAppError(error));
        found.push({ place: place.name, holds });
      }
      return { ring, places: found };
    },
    async publish() {
      const { failures } = await advance();
      if (failures.length > 0) return progress(failures);
      const { ring } = await readRing(vault);
      return progress(await publishAll(places, offered(ring)));
    },
  };
}

/** What places are to hold: the newest that is accepted. */
function offered(ring: Ring): RingGeneration {
  const [newest] = [...ring.generations].sort((a, b) => b.generation - a.generation);
  if (newest === undefined) throw new AppError('KEYS_INVALID', 'The server has no generation of keys: make new ones.');
  return newest;
}

/** The protocols that the server has keys for. */
function protocolsOf(ring: Ring): readonly ProtocolName[] {
  return offered(ring).protocols;
}

/** The new generation is current, the overlap of the one before begins. */
function switchTo(ring: Ring, generation: number, now: number): Ring {
  const { rotation, ...rest } = ring;
  const overlapMs = rotation?.overlapMs ?? OVERLAP_MS;
  const generations = ring.generations.map((one): RingGeneration => {
    if (one.generation === generation) return { ...one, state: 'current' };
    return one.state === 'current' ? { ...one, state: 'previous', endsAt: now + overlapMs } : one;
  });
  return { ...rest, generations };
}

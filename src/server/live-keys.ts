import { toAppError } from '../core/errors.ts';
import type { Clock, Logger, Random } from '../core/ports.ts';
import { createOpener, type Opener } from '../autoid/v2/server.ts';
import type { Suite } from '../autoid/v2/suite.ts';
import type { ServerKeys, ServerKeySource } from './rotation/generations.ts';
import { createVerifierV1, type VerifierV1 } from './v1/verify.ts';

const EVERY_MS = 5000;
/** Least time between two looks that requests cause, in ms. */
const AGAIN_MS = 1000;

/** Keys ready for use. */
export interface ReadyKeys {
  readonly keys: ServerKeys;
  readonly verifyV1: VerifierV1;
  readonly opener: Opener;
}

export interface LiveKeys {
  current(): ReadyKeys;
  /** Looks whether there are other keys, at most once a second; whether `current` changed since `seen`. */
  changedSince(seen: ReadyKeys): Promise<boolean>;
  /** Whether the last look worked. */
  isFresh(): boolean;
  stop(): void;
}

export interface LiveKeysOptions {
  readonly source: ServerKeySource;
  readonly suite: Suite;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look, in ms; default 5 s. 0 for never by itself. */
  readonly everyMs?: number;
}

/**
 * The server's keys, looked at every five seconds and whenever a request does not open, so that a rotation by another
 * process is taken up. Keys that cannot be read leave those in use that are. Rejects with KEYS_* when there are none at
 * the start.
 */
export async function createLiveKeys(options: LiveKeysOptions): Promise<LiveKeys> {
  const { source, suite, clock, random, logger } = options;
  let ready = await prepare(await source.read());
  let lookedAt = clock.monotonic();
  let failed = false;
  let look: Promise<void> | undefined;

  async function prepare(keys: ServerKeys): Promise<ReadyKeys> {
    const [verifyV1, opener] = await Promise.all([
      createVerifierV1(keys.v1),
      createOpener(suite, { serverId: keys.serverId, generations: keys.v2, random }),
    ]);
    return { keys, verifyV1, opener };
  }

  async function refresh(): Promise<void> {
    lookedAt = clock.monotonic();
    try {
      const keys = await source.read();
      if (keys !== ready.keys && keys.version !== ready.keys.version) {
        ready = await prepare(keys);
        const [v1, v2] = [keys.v1, keys.v2].map((all) => all.map(({ generation }) => generation));
        logger.log('info', 'keys.taken-up', { v1, v2 });
      }
      failed = false;
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      if (!failed) logger.log('error', 'keys.unreadable', { code, sentence: message });
      failed = true;
    }
  }
  const once = (): Promise<void> => (look ??= refresh().finally(() => (look = undefined)));

  const everyMs = options.everyMs ?? EVERY_MS;
  const timer = everyMs === 0 ? undefined : setInterval(() => void once(), everyMs);
  timer?.unref();
  return {
    current: () => ready,
    async changedSince(seen) {
      if (look !== undefined || clock.monotonic() - lookedAt >= AGAIN_MS) await once();
      return ready !== seen;
    },
    isFresh: () => !failed,
    stop: () => clearInterval(timer),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { toAppError } from '../../core/errors.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import type { Progress, Rotator } from './rotator.ts';

/** How often it is looked what is due, in ms. */
const TICK_MS = 60_000;
/** How many times longer it waits at most while something fails. */
const LONGEST_WAIT = 15;
/** How often every place is asked whether it still holds what it should, in ms. */
const CHECK_MS = 24 * 3600_000;

export interface ScheduleOptions {
  readonly rotator: Rotator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A new generation when the newest is so old, in ms; undefined for none by itself. */
  readonly everyMs?: number;
  /** For tests. */
  readonly tickMs?: number;
}

/**
 * Rotates where that is due, else does whatever else is: goes on with a rotation, ends overlaps. What an EventBridge rule
 * calls every few minutes, and a server once a minute. Rejects as `Rotator` does.
 */
export async function rotateIfDue(rotator: Rotator, now: number, everyMs: number | undefined): Promise<Progress> {
  const before = await rotator.advance();
  if (everyMs === undefined || before.pending) return before;
  const { ring } = await rotator.inspect({ places: false });
  const newest = Math.max(...ring.generations.map(({ madeAt }) => madeAt));
  return now - newest >= everyMs ? rotator.rotate() : before;
}

/**
 * Keeps a server's keys moving for as long as the process runs; what fails is logged and tried again with the next tick.
 * Several processes may do this on one vault. `stop` resolves when nothing is under way any more.
 */
export function startRotations(options: ScheduleOptions): { stop(): Promise<void> } {
  const { rotator, clock, logger, everyMs, tickMs = TICK_MS } = options;
  const stopped = new AbortController();

  async function run(): Promise<void> {
    let checkedAt = clock.monotonic();
    let wait = 1;
    while (!stopped.signal.aborted) {
      try {
        let { failures } = await rotateIfDue(rotator, clock.now(), everyMs);
        if (failures.length === 0 && clock.monotonic() - checkedAt >= CHECK_MS) {
          ({ failures } = await rotator.publish());
          checkedAt = clock.monotonic();
        }
        wait = failures.length === 0 ? 1 : Math.min(2 * wait, LONGEST_WAIT);
      } catch (error) {
        const { code, message } = toAppError(error);
        logger.log('error', 'keys.rotation-failed', { code, sentence: message });
        wait = Math.min(2 * wait, LONGEST_WAIT);
      }
      await sleep(tickMs * wait, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

import type { Clock } from '../core/ports.ts';

/** Longest delay a Node timer takes, in ms; anything longer would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock as a port. `sleep` keeps the process alive while it waits. */
export function createNodeClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    async sleep(ms) {
      for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
        await new Promise<void>((resolve) => setTimeout(resolve, Math.min(left, LONGEST_TIMER_MS)));
      }
    },
  };
}

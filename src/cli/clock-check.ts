/** This machine's clock against the Date headers of answers that came anyway. */
import type { Clock, Fetch } from '../core/ports.ts';

export interface ClockReading {
  /** How far this machine is ahead, in ms; negative when it is behind. */
  readonly aheadMs: number;
  /** How long the answer took, in ms: the reading cannot be better than that. */
  readonly tookMs: number;
}

/** Worth a word, in ms. */
export const NOTABLE_SKEW_MS = 60_000;

/** A Fetch that notes what each answer says of the time. */
export function withClockReadings(fetch: Fetch, clock: Clock): { fetch: Fetch; readings: readonly ClockReading[] } {
  const readings: ClockReading[] = [];
  return {
    readings,
    fetch: async (request) => {
      const startedAt = clock.now();
      const answer = await fetch(request);
      const endedAt = clock.now();
      const date = Date.parse(answer.headers['date'] ?? '');
      if (!Number.isNaN(date)) {
        // Date has whole seconds, cut off: on average half a second has passed since.
        readings.push({ aheadMs: (startedAt + endedAt) / 2 - (date + 500), tookMs: endedAt - startedAt });
      }
      return answer;
    },
  };
}

/** The reading that was taken fastest. */
export function bestReading(readings: readonly ClockReading[]): ClockReading | undefined {
  return [...readings].sort((a, b) => a.tookMs - b.tookMs)[0];
}

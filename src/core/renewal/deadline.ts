/** A reading of both clocks, in ms: the wall clock can be set and jumps over sleep, the monotonic one may stand still in sleep. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The instant `ms` milliseconds from `from`. */
export function after(from: Instant, ms: number): Instant {
  return { wall: from.wall + ms, monotonic: from.monotonic + ms };
}

/**
 * Whether a deadline that protects a session's life has come by either clock: the wall clock shows time slept, the monotonic one
 * shows time passed although the clock was set back.
 */
export function hasCome(deadline: Instant, now: Instant): boolean {
  return now.wall >= deadline.wall || now.monotonic >= deadline.monotonic;
}

/** Whether a wait is over, by the monotonic clock alone, so that a clock set forward cannot hasten attempts. */
export function hasElapsed(deadline: Instant, now: Instant): boolean {
  return now.monotonic >= deadline.monotonic;
}

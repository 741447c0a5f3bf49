import schedule from 'node-schedule';
import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/renewal/deadline.ts';

const RECHECK = '*/30 * * * * *';
// setTimeout counts in 32 bits; the recheck covers what lies beyond.
const LONGEST_TIMER_MS = 2_000_000_000;

/**
 * Wakes the wall when a deadline comes. Timers slip by the time a machine slept and by clock changes, so the deadlines are looked at every
 * 30 seconds as well, and whenever somebody calls `look`.
 */
export class Clockwork {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #recheck: schedule.Job;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
    this.#recheck = schedule.scheduleJob(RECHECK, () => {
      look();
    });
  }

  /** Both clocks now. */
  now(): Instant {
    return { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }

  /** Arms the timer for the nearest of the deadlines, by whichever clock brings it first. */
  arm(deadlines: readonly Instant[]): void {
    clearTimeout(this.#timer);
    if (deadlines.length === 0) return;
    const now = this.now();
    const waits = deadlines.flatMap((deadline) => [deadline.wall - now.wall, deadline.monotonic - now.monotonic]);
    // A deadline that only one clock has reached does not count as come for every kind of wait; a second keeps it from spinning.
    const soonest = Math.min(...waits.map((wait) => (wait <= 0 ? 1_000 : wait + 5)), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#look();
    }, soonest);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#recheck.cancel();
  }
}

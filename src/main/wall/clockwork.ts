import schedule from 'node-schedule';
import type { Clock } from '../../core/ports.ts';
import type { Instant } from '../../core/renewal/deadline.ts';

const RECHECK_MS = 30_000;
// setTimeout counts in 32 bits; the recheck covers what lies beyond.
const LONGEST_TIMER_MS = 2_000_000_000;
// Timers may fire a little early by the clock that a deadline is compared with.
const LATE_MS = 5;

/**
 * Wakes the wall when a deadline comes: by a job on the wall clock, by a timer on the monotonic one. Both slip by the time a machine
 * slept and by clock changes, so the deadlines are looked at every 30 seconds as well, and whenever somebody calls `look`. The
 * recheck is no job: jobs that repeat are planned by the wall clock, and one set back or forward by a day would hold them up or
 * run them all at once.
 */
export class Clockwork {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #recheck: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #job: schedule.Job | undefined;
  #armedFor: Instant | undefined;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
    this.#recheck = setInterval(look, RECHECK_MS);
  }

  /** Both clocks now. */
  now(): Instant {
    return { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }

  /** Arms job and timer for the nearest of the deadlines, each by its clock. Those before are forgotten. */
  arm(deadlines: readonly Instant[]): void {
    const now = this.now();
    const monotonic = Math.min(...deadlines.map((deadline) => deadline.monotonic));
    const ahead = deadlines.map((deadline) => deadline.wall).filter((time) => time > now.wall);
    const wall = Math.min(...ahead);
    // Most events move no deadline: what is armed for the same moment stays.
    const isArmed = wall === this.#armedFor?.wall && Math.abs(monotonic - this.#armedFor.monotonic) < 1;
    if (isArmed && this.#timer !== undefined) return;
    this.#disarm();
    if (deadlines.length === 0) return;
    this.#armedFor = { wall, monotonic };
    const wait = Math.max(0, monotonic - now.monotonic) + LATE_MS;
    this.#timer = setTimeout(this.#fire, Math.min(wait, LONGEST_TIMER_MS));
    // A date that has passed meanwhile gives no job, and needs none: the timer and the recheck look all the same.
    if (ahead.length > 0) this.#job = schedule.scheduleJob(new Date(wall + LATE_MS), this.#fire);
  }

  stop(): void {
    this.#disarm();
    clearInterval(this.#recheck);
  }

  readonly #fire = (): void => {
    this.#disarm();
    this.#look();
  };

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = undefined;
    this.#job?.cancel();
    this.#job = undefined;
  }
}

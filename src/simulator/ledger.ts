import { LONGEST_RETRY_AFTER_MS, POLICY } from './policy.ts';
import type { Timeline } from './timeline.ts';

/**
 * Most sign-ins of a session in a day, whatever the world does: one for every half of the longest wait (576), those that connectivity may
 * hasten (some 300), renewals, and the quick first steps after sessions that were lost.
 */
export const MOST_SIGN_INS_A_DAY = 1_000;
const DAY_MS = 86_400_000;
/** Milliseconds are rounded here and there. */
const TOLERANCE_MS = 2;

/** The longest wait after so many failures in a row, in ms. */
export function ceilingMs(failures: number): number {
  const { firstMs, longestMs } = POLICY.backoff;
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
}

/** The books on one session's sign-ins: whether they keep to the backoff and the budget. */
export class Ledger {
  readonly #timeline: Timeline;
  readonly #name: string;
  readonly #break: (name: string, detail: string) => void;
  #inFlight: number | undefined;
  #newest = 0;
  /** Failures in a row, quick losses among them. */
  #failures = 0;
  /** Sessions in a row that were lost as soon as they were live. */
  #losses = 0;
  #failedAt = 0;
  /** Only the page that the sign-in opened failed: another one may hasten the next try. */
  #mayBeHastened = false;
  #retryAfterMs = 0;
  /** Until when a server asked to be left alone, by the monotonic clock: the wall clock may be set. */
  #patienceUntil = 0;
  #wasNudged = false;
  #wasNudgedInFlight = false;
  #nudges: readonly number[] = [];
  #hastened: readonly number[] = [];
  #liveSince: number | undefined;
  #day = 0;
  #today = 0;
  mostInADay = 0;
  attempts = 0;

  constructor(timeline: Timeline, name: string, broken: (name: string, detail: string) => void) {
    this.#timeline = timeline;
    this.#name = name;
    this.#break = (rule, detail) => {
      broken(rule, `${name}: ${detail}`);
    };
  }

  get inFlight(): number | undefined {
    return this.#inFlight;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The longest that it may take until the session is tried again, now that nothing hinders it, in ms. */
  stepMs(isNudged: boolean, firstMs: number): number {
    if (this.#failures === 0) return 0;
    let stepMs = this.#ceilingMs();
    const mayHasten = this.#recentNudges() < POLICY.nudges.most;
    if ((isNudged || this.#wasNudgedInFlight) && mayHasten) stepMs = Math.min(stepMs, firstMs);
    return Math.max(stepMs, this.#patienceUntil - this.#timeline.monotonic());
  }

  nudged(): void {
    this.#nudges = [...this.#nudges.slice(-100), this.#timeline.monotonic()];
    this.#wasNudged = true;
    this.#wasNudgedInFlight = this.#inFlight !== undefined;
  }

  began(attempt: number, byOperator: boolean): void {
    const { now } = this.#timeline;
    if (attempt <= this.#newest) this.#break('attempt ids grow', `${attempt} after ${this.#newest}`);
    this.#newest = attempt;
    if (this.#inFlight !== undefined) {
      this.#break('one sign-in in flight', `${attempt} begins while ${this.#inFlight} is in flight`);
    }
    this.#inFlight = attempt;
    if (this.#hasSettled(this.#liveSince)) this.#losses = 0;
    this.#wasNudgedInFlight = false;
    if (this.#failures > 0 && !byOperator) {
      const gap = now - this.#failedAt;
      const least = this.#leastWaitMs();
      if (gap < least - TOLERANCE_MS) {
        const expected = `at least ${Math.round(least)} ms expected`;
        this.#break(
          'attempts keep to the backoff',
          `${Math.round(gap)} ms after failure ${this.#failures}, ${expected}`,
        );
      }
      if (gap < this.#ceilingMs() / 2 - TOLERANCE_MS) this.#beganEarly();
    }
    const day = Math.floor(now / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#today = 0;
    }
    this.#today += 1;
    this.attempts += 1;
    if (this.#today === MOST_SIGN_INS_A_DAY + 1) this.#break('sign-ins within the budget', `day ${day}`);
    this.mostInADay = Math.max(this.mostInADay, this.#today);
    if (this.#today > 100 * MOST_SIGN_INS_A_DAY) throw new Error(`a storm of sign-ins of ${this.#name}`);
  }

  #ceilingMs(): number {
    return ceilingMs(this.#failures);
  }

  /** @param what the sign-in itself, or only the page that it opened */
  failed(attempt: number, retryAfterMs: number, what: 'sign-in' | 'entry'): void {
    if (this.#inFlight !== attempt) return;
    this.#inFlight = undefined;
    this.#failures += 1;
    this.#mayBeHastened = what === 'entry';
    this.#wait(retryAfterMs);
  }

  /** Given up because nobody needed it. */
  dropped(attempt: number): void {
    if (this.#inFlight === attempt) this.#inFlight = undefined;
  }

  entered(attempt: number): void {
    if (this.#inFlight !== attempt) {
      this.#break('only the attempt in flight goes live', `${attempt}, in flight ${this.#inFlight ?? 'none'}`);
    }
    this.#inFlight = undefined;
    this.#failures = 0;
    this.#liveSince = this.#timeline.monotonic();
  }

  /** The wall was told that the session which is live is over. */
  lost(): void {
    const since = this.#liveSince;
    this.#liveSince = undefined;
    if (since === undefined || this.#inFlight !== undefined || this.#failures > 0) return;
    this.#losses = this.#hasSettled(since) ? 0 : this.#losses + 1;
    if (this.#losses === 0) return;
    this.#failures = this.#losses;
    this.#mayBeHastened = false;
    this.#wasNudgedInFlight = false;
    this.#wait(0);
  }

  /** An attempt began that only a nudge can have brought forward. */
  #beganEarly(): void {
    const { most, ms } = POLICY.nudges;
    const now = this.#timeline.monotonic();
    this.#hastened = [...this.#hastened.filter((at) => now - at < ms), now];
    // A wait that was brought forward at the beginning of the time may end within it.
    if (this.#hastened.length > most + 1) this.#break('nudges hasten no more than they may', '');
  }

  #recentNudges(): number {
    return this.#nudges.filter((at) => this.#timeline.monotonic() - at < POLICY.nudges.ms).length;
  }

  #hasSettled(since: number | undefined): boolean {
    return since !== undefined && this.#timeline.monotonic() - since >= POLICY.settledMs;
  }

  #wait(retryAfterMs: number): void {
    // A nudge that came while the attempt was in flight counts for the wait after it.
    this.#wasNudged = this.#wasNudgedInFlight;
    this.#failedAt = this.#timeline.now;
    this.#retryAfterMs = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
    this.#patienceUntil = this.#timeline.monotonic() + this.#retryAfterMs;
  }

  /**
   * Equal jitter: at least half of the ceiling. A nudge brings a try forward, but never within the first step; a server's wish to be left
   * alone holds in any case.
   */
  #leastWaitMs(): number {
    const wait = this.#ceilingMs() / 2;
    return Math.max(
      this.#wasNudged || this.#mayBeHastened ? Math.min(wait, POLICY.backoff.firstMs) : wait,
      this.#retryAfterMs,
    );
  }
}

import { LONGEST_RETRY_AFTER_MS, ONLINE_CHECK_MS, POLICY, RECHECK_MS } from './policy.ts';
import { type Ticket, canBeKnownOver, isOver } from './ticket.ts';
import type { Timeline } from './timeline.ts';

/** What the oracle must know of a view. */
export interface Shown {
  readonly attempt: number;
  readonly ticket: Ticket | undefined;
  readonly hasPainted: boolean;
  /** The process that draws it is gone or hangs, or drawing itself is. */
  readonly hasPicture: boolean;
}

/** How a wall hears of the end of a fault: connectivity comes back, it wakes, or nothing says so. */
export type FaultEnd = 'nudged' | 'woken-unannounced' | 'unannounced';

export interface Verdict {
  /** Share of the judged time, which is what no fault excuses, with a picture of a session that is not over. */
  readonly availability: number;
  /** Share of all time. */
  readonly litOfAllTime: number;
  readonly judgedOfAllTime: number;
  readonly longestUnexplainedDarkSeconds: number;
  readonly longestStaleSeconds: number;
  readonly signInsPerDay: number;
  readonly mostSignInsInADay: number;
  readonly brokenInvariants: readonly { readonly name: string; readonly count: number; readonly first: string }[];
}

const DAY_MS = 86_400_000;
/** A sign-in in which nothing goes wrong takes no longer in this world, in ms. */
export const NORMAL_SIGN_IN_MS = 12_000;
/**
 * Most sign-ins in a day, whatever the world does: one for every half of the longest wait (576), those that connectivity may hasten (some
 * 300), renewals, and the quick first steps after sessions that were lost.
 */
export const MOST_SIGN_INS_A_DAY = 1_000;
/**
 * A session that is over by what the machine can know is never on the wall for longer than this time of being awake, in ms: one look, the
 * short wait that keeps the last picture, and one attempt.
 */
export const LONGEST_STALE_MS = RECHECK_MS + POLICY.keepPictureMs + POLICY.attemptMs + 2_000;
const HOPELESS = 1_000;
/** Milliseconds are rounded here and there. */
const TOLERANCE_MS = 2;

/**
 * Judges a wall by what is on its screen and by when it does what, knowing what the world does to it. It knows nothing of the wall's code.
 *
 * Dark is every moment without a picture of a session that is not over. It is excused while a fault lasts, and afterwards for one backoff
 * step and a normal sign-in. The step is the ceiling of the wait after as many failures as the wall has had in a row; where
 * connectivity or waking nudges the wall it is the first step only, unless it has been nudged too often in the last hour; a Retry-After
 * that a server asked for is part of the fault.
 */
export class Oracle {
  readonly #timeline: Timeline;
  readonly #journal: ((day: number, line: string) => void) | undefined;
  readonly #broken = new Map<string, { count: number; first: string }>();
  #breaks = 0;
  #judgedTo = 0;
  #faults = 0;
  #excusedUntil: number;
  #shown: Shown | undefined;
  #lit = 0;
  #judged = 0;
  #unexplained = 0;
  #stretch = 0;
  #longestStretch = 0;
  #stale = 0;
  #longestStale = 0;

  #inFlight: number | undefined;
  #newest = 0;
  /** Failures in a row, quick losses among them. */
  #failures = 0;
  /** Sessions in a row that were lost as soon as they were live. */
  #losses = 0;
  #failedAt = 0;
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
  #mostInADay = 0;
  #attempts = 0;

  /** @param journal is given a line for whatever happens, with its day */
  constructor(timeline: Timeline, journal?: (day: number, line: string) => void) {
    this.#timeline = timeline;
    this.#journal = journal;
    // The first sign-in.
    this.#excusedUntil = NORMAL_SIGN_IN_MS;
  }

  /** Writes into the journal, if there is one. */
  write(line: () => string): void {
    this.#journal?.(this.#timeline.now / DAY_MS, line());
  }

  /** So much is broken that the rest of the years would tell nothing new. */
  get isHopeless(): boolean {
    return this.#breaks > HOPELESS;
  }

  break(name: string, detail = ''): void {
    this.#breaks += 1;
    this.write(() => `BROKEN: ${name}: ${detail}`);
    const known = this.#broken.get(name);
    if (known !== undefined) known.count += 1;
    else this.#broken.set(name, { count: 1, first: `day ${(this.#timeline.now / DAY_MS).toFixed(5)}: ${detail}` });
  }

  faultBegins(): void {
    this.look();
    this.#faults += 1;
    this.write(() => `a fault begins, ${this.#faults} now`);
  }

  faultEnds(end: FaultEnd = 'unannounced'): void {
    this.look();
    this.#faults -= 1;
    const { firstMs, longestMs } = POLICY.backoff;
    const ceiling = this.#failures === 0 ? 0 : ceilingMs(this.#failures);
    let stepMs: number = Math.min(ceiling, longestMs);
    const mayHasten = this.#recentNudges() < POLICY.nudges.most;
    if (end === 'nudged' && mayHasten) stepMs = Math.min(stepMs, firstMs) + ONLINE_CHECK_MS;
    if (this.#wasNudgedInFlight && this.#failures > 0 && mayHasten) stepMs = Math.min(stepMs, firstMs);
    if (end === 'woken-unannounced') stepMs = Math.max(stepMs, RECHECK_MS + 1_000);
    if (this.#failures > 0) stepMs = Math.max(stepMs, this.#patienceUntil - this.#timeline.monotonic());
    this.#excusedUntil = Math.max(this.#excusedUntil, this.#timeline.now + stepMs + NORMAL_SIGN_IN_MS);
    this.write(() => {
      const excused = Math.round(this.#excusedUntil - this.#timeline.now);
      return `a fault ends (${end}), ${this.#faults} left; excused for ${excused} ms after ${this.#failures} failures`;
    });
  }

  /** The wall was told that a try may come at once. */
  nudged(): void {
    this.#nudges = [...this.#nudges.slice(-100), this.#timeline.monotonic()];
    this.#wasNudged = true;
    this.#wasNudgedInFlight = this.#inFlight !== undefined;
  }

  get inFlight(): number | undefined {
    return this.#inFlight;
  }

  // What the wall does.

  attemptBegan(attempt: number, byOperator: boolean): void {
    this.look();
    const { now } = this.#timeline;
    if (attempt <= this.#newest) this.break('attempt ids grow', `${attempt} after ${this.#newest}`);
    this.#newest = attempt;
    if (this.#inFlight !== undefined) {
      this.break('one sign-in in flight', `${attempt} begins while ${this.#inFlight} is in flight`);
    }
    this.#inFlight = attempt;
    if (this.#hasSettled(this.#liveSince)) this.#losses = 0;
    this.#wasNudgedInFlight = false;
    if (this.#failures > 0 && !byOperator) {
      const gap = now - this.#failedAt;
      const least = this.#leastWaitMs();
      if (gap < least - TOLERANCE_MS) {
        this.break(
          'attempts keep to the backoff',
          `${Math.round(gap)} ms after failure ${this.#failures}, at least ${Math.round(least)} ms expected`,
        );
      }
      if (gap < ceilingMs(this.#failures) / 2 - TOLERANCE_MS) this.#beganEarly();
    }
    const day = Math.floor(now / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#today = 0;
    }
    this.#today += 1;
    this.#attempts += 1;
    if (this.#today === MOST_SIGN_INS_A_DAY + 1) this.break('sign-ins within the budget', `day ${day}`);
    this.#mostInADay = Math.max(this.#mostInADay, this.#today);
    if (this.#today > 100 * MOST_SIGN_INS_A_DAY) throw new Error('a storm of sign-ins');
  }

  attemptFailed(attempt: number, retryAfterMs: number): void {
    if (this.#inFlight !== attempt) return;
    this.#inFlight = undefined;
    this.#failures += 1;
    this.#failed(retryAfterMs);
  }

  attemptEntered(attempt: number): void {
    if (this.#inFlight !== attempt) {
      this.break('only the attempt in flight goes live', `${attempt}, in flight ${this.#inFlight ?? 'none'}`);
    }
    this.#inFlight = undefined;
    this.#failures = 0;
    this.#liveSince = this.#timeline.monotonic();
  }

  /** The wall was told that the session which is live is over. */
  sessionLost(): void {
    const since = this.#liveSince;
    this.#liveSince = undefined;
    if (since === undefined || this.#inFlight !== undefined || this.#failures > 0) return;
    this.#losses = this.#hasSettled(since) ? 0 : this.#losses + 1;
    if (this.#losses === 0) return;
    this.#failures = this.#losses;
    this.#wasNudgedInFlight = false;
    this.#failed(0);
  }

  /** A view is on top; undefined: the notice. */
  raised(view: Shown | undefined): void {
    this.look();
    const under = this.#shown;
    if (view !== undefined && !view.hasPainted) {
      this.break('a picture gives way only to one that has painted', `attempt ${view.attempt}`);
    }
    if (view === undefined && under !== undefined && this.#isFresh() && !this.#canBeKnownOver()) {
      this.break('a live picture is not taken down', `attempt ${under.attempt}`);
    }
    this.#shown = view;
    this.#stale = 0;
  }

  /** A view was closed. */
  closed(view: Shown): void {
    if (view !== this.#shown) return;
    this.break('what is on top is not closed', `attempt ${view.attempt}`);
    this.look();
    this.#shown = undefined;
  }

  /** Something may have changed: settles the account up to now. Call it before and after every change of what is on the screen. */
  look(): void {
    const { now } = this.#timeline;
    const passed = now - this.#judgedTo;
    if (passed <= 0) return;
    const isFresh = this.#wasFresh;
    if (isFresh) this.#lit += passed;
    if (this.#wasKnownStale) {
      this.#stale += passed;
      this.#longestStale = Math.max(this.#longestStale, this.#stale);
      if (this.#stale > LONGEST_STALE_MS && this.#stale - passed <= LONGEST_STALE_MS) {
        this.break('a session that is over is not shown', `for ${Math.round(this.#stale / 1000)} s`);
      }
    }
    const judged =
      this.#faults > 0 || this.#wasUnknowable ? 0 : Math.max(0, now - Math.max(this.#judgedTo, this.#excusedUntil));
    this.#judged += judged;
    if (!isFresh && judged > 0) {
      this.#unexplained += judged;
      this.#stretch += judged;
      if (this.#stretch > this.#longestStretch) {
        this.#longestStretch = this.#stretch;
        this.longestDay = now / DAY_MS;
      }
    } else this.#stretch = 0;
    this.#judgedTo = now;
  }

  /** The day on which the longest unexplained dark stretch ended. */
  longestDay = 0;
  #wasFresh = false;
  #wasKnownStale = false;
  #wasUnknowable = false;

  /** Call at the end of everything that happened: what is true now holds until the next look. */
  note(): void {
    this.look();
    this.#wasFresh = this.#isFresh();
    const over = this.#shown?.ticket !== undefined && isOver(this.#shown.ticket, this.#timeline);
    const known = over && this.#canBeKnownOver();
    this.#wasKnownStale = known && !this.#timeline.isAsleep;
    this.#wasUnknowable = over && !known;
  }

  verdict(): Verdict {
    this.look();
    const { now } = this.#timeline;
    return {
      availability: this.#judged === 0 ? 0 : rounded(1 - this.#unexplained / this.#judged),
      litOfAllTime: rounded(this.#lit / now),
      judgedOfAllTime: rounded(this.#judged / now),
      longestUnexplainedDarkSeconds: Math.round(this.#longestStretch / 100) / 10,
      longestStaleSeconds: Math.round(this.#longestStale / 100) / 10,
      signInsPerDay: Math.round((this.#attempts / (now / DAY_MS)) * 100) / 100,
      mostSignInsInADay: this.#mostInADay,
      brokenInvariants: [...this.#broken].map(([name, { count, first }]) => ({ name, count, first })),
    };
  }

  /** An attempt began that only a nudge can have brought forward. */
  #beganEarly(): void {
    const { most, ms } = POLICY.nudges;
    const now = this.#timeline.monotonic();
    this.#hastened = [...this.#hastened.filter((at) => now - at < ms), now];
    // A wait that was brought forward at the beginning of the time may end within it.
    if (this.#hastened.length > most + 1) this.break('nudges hasten no more than they may');
  }

  #recentNudges(): number {
    return this.#nudges.filter((at) => this.#timeline.monotonic() - at < POLICY.nudges.ms).length;
  }

  #hasSettled(since: number | undefined): boolean {
    return since !== undefined && this.#timeline.monotonic() - since >= POLICY.settledMs;
  }

  #failed(retryAfterMs: number): void {
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
    const wait = ceilingMs(this.#failures) / 2;
    return Math.max(this.#wasNudged ? Math.min(wait, POLICY.backoff.firstMs) : wait, this.#retryAfterMs);
  }

  #isFresh(): boolean {
    const shown = this.#shown;
    return (
      shown?.ticket !== undefined &&
      shown.hasPainted &&
      shown.hasPicture &&
      !this.#timeline.isAsleep &&
      !isOver(shown.ticket, this.#timeline)
    );
  }

  #canBeKnownOver(): boolean {
    const ticket = this.#shown?.ticket;
    return ticket !== undefined && canBeKnownOver(ticket, this.#timeline);
  }
}

/** Sums of millions of lengths of time differ in their last digits with the order they are taken in. */
const rounded = (share: number) => Math.round(share * 1e9) / 1e9;

/** The longest wait after so many failures in a row, in ms. */
function ceilingMs(failures: number): number {
  const { firstMs, longestMs } = POLICY.backoff;
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
}

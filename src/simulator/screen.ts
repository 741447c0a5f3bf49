import type { PlannedSurface, Showing, WallPlan } from '../core/plan/plan.ts';
import { programmeAt } from '../core/playlist/programme.ts';
import { ceilingMs } from './ledger.ts';
import { POLICY, RECHECK_MS } from './policy.ts';
import { canBeKnownOver, isOver } from './ticket.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';

const DAY_MS = 86_400_000;
/** A view that shows for this long has settled, in ms. */
const SETTLED_MS = 60_000;
/**
 * A session that is over by what the machine can know is never on a screen for longer than this time of being awake, in ms: one look, the
 * short wait that keeps the last picture, and one attempt.
 */
export const LONGEST_STALE_MS = RECHECK_MS + POLICY.keepPictureMs + POLICY.attemptMs + 2_000;
/** A session is signed in so long before it is needed at most, in ms. */
const SESSION_LEAD_MS = 60_000 + 1_000;
/** Timers are a little late. */
const LATE_MS = 10;
const HOUR_MS = 3_600_000;
/** Most page loads of a surface in an hour, whatever the world does: one for every first step, for connectivity may hasten each. */
export const MOST_LOADS_AN_HOUR = 720;

/** A failure that nothing was tried after for this long counts no more, in ms. */
const FORGOTTEN_MS = 600_000;

/** Loads of a dashboard that failed in a row, and the fewest that the wall may count, for it forgets those that lie far back. */
interface Failed {
  readonly failures: number;
  readonly atLeast: number;
  /** When the last one failed, true time. */
  readonly at: number;
  wasNudged: boolean;
}

/** The books on one screen: what is on it, against what the plan says. */
export class Screen {
  readonly #timeline: Timeline;
  readonly #surface: PlannedSurface;
  readonly #plan: WallPlan;
  /** The session of what it is to show, as of the last note. */
  needed: string | undefined;
  readonly #break: (name: string, detail: string) => void;
  shown: SimulatedView | undefined;
  isPlugged = true;
  isRinging = false;
  /** Dashboards that cannot be shown, through no fault of the wall. */
  readonly bad = new Set<string>();
  /** Dashboards that get no data. */
  readonly starved = new Set<string>();
  #loads: number[] = [];
  /** Loads that failed in a row by dashboard, quick deaths of views among them. */
  readonly #failed = new Map<string, Failed>();
  #deaths = 0;
  #raisedAt = 0;
  #judgedTo = 0;
  litMs = 0;
  judgedMs = 0;
  #unexplained = 0;
  #stretch = 0;
  longestStretch = 0;
  /** The day on which the longest unexplained dark stretch ended. */
  longestDay = 0;
  #stale = 0;
  longestStale = 0;
  /** What the plan says from `since` to `until`, by the wall clock in ms. */
  #known: { readonly now: Showing; readonly since: number; readonly until: number } = {
    now: { kind: 'night' },
    since: Infinity,
    until: -Infinity,
  };
  #wasLit = false;
  #wasKnownStale = false;
  #wasUnknowable = false;
  #wasPlugged = true;

  constructor(
    timeline: Timeline,
    surface: PlannedSurface,
    plan: WallPlan,
    broken: (name: string, detail: string) => void,
  ) {
    this.#timeline = timeline;
    this.#surface = surface;
    this.#plan = plan;
    this.#break = (name, detail) => {
      broken(name, `${surface.name}: ${detail}`);
    };
  }

  get name(): string {
    return this.#surface.name;
  }

  get availability(): number {
    return this.judgedMs === 0 ? 1 : 1 - this.#unexplained / this.judgedMs;
  }

  /** When the plan changes next, by the wall clock in ms. */
  nextChange(): number {
    return programmeAt(this.#surface, this.#plan.timeZone, this.#timeline.wall()).until;
  }

  /** A page is loaded, by the login URL of a sign-in or by its own address. */
  loads(dashboard: string, signsIn: boolean): void {
    const { now } = this.#timeline;
    const failed = this.#failed.get(dashboard);
    if (failed !== undefined && !signsIn && !failed.wasNudged) {
      const gap = now - failed.at;
      const least = ceilingMs(failed.atLeast) / 2;
      if (gap < least - 2)
        this.#break('loads keep to the backoff', `${Math.round(gap)} ms after failure ${failed.atLeast}`);
    }
    this.#loads.push(now);
    if (this.#loads.length <= MOST_LOADS_AN_HOUR) return;
    const first = this.#loads.shift();
    if (first === undefined || now - first >= HOUR_MS) return;
    this.#break('page loads within the budget', `${MOST_LOADS_AN_HOUR} in ${Math.round((now - first) / 1000)} s`);
    this.#loads = [];
  }

  get failures(): number {
    return Math.max(0, ...[...this.#failed.values()].map(({ failures }) => failures));
  }

  /** A wait may be brought forward. */
  nudged(): void {
    for (const failed of this.#failed.values()) failed.wasNudged = true;
  }

  /** Nothing is known of what failed before. */
  replugged(): void {
    this.#failed.clear();
    this.#deaths = 0;
  }

  loadFailed(view: SimulatedView): void {
    const { dashboard = '' } = view.view ?? {};
    const before = this.#failed.get(dashboard);
    // Counted from when it was to be tried again, which may have been brought forward.
    const isForgotten = before === undefined || this.#timeline.now - before.at >= FORGOTTEN_MS;
    this.#fails(dashboard, (before?.failures ?? 0) + 1, isForgotten ? 1 : before.atLeast + 1);
  }

  #fails(dashboard: string, failures: number, atLeast: number): void {
    if (failures === 0) this.#failed.delete(dashboard);
    else this.#failed.set(dashboard, { failures, atLeast, at: this.#timeline.now, wasNudged: false });
  }

  /** It can be shown: what failed before is over. */
  painted(view: SimulatedView): void {
    this.#failed.delete(view.view?.dashboard ?? '');
  }

  died(view: SimulatedView): void {
    if (view !== this.shown) {
      this.loadFailed(view);
      return;
    }
    const hasSettled = this.#timeline.monotonic() - this.#raisedAt >= SETTLED_MS;
    this.#deaths = hasSettled ? 1 : this.#deaths + 1;
    this.#fails(view.view?.dashboard ?? '', this.#deaths - 1, this.#deaths - 1);
  }

  raised(view: SimulatedView | undefined, isSignedIn: (session: string) => boolean): void {
    if (view !== undefined && !view.hasPainted) {
      this.#break('a picture gives way only to one that has painted', `view ${view.view?.id ?? 0}`);
    }
    const under = this.shown;
    if (view === undefined && under?.view !== undefined && this.isPlugged && this.#wanted().kind !== 'night') {
      const isBad = this.bad.has(under.view.dashboard);
      if (!isBad && this.#isFresh() && !this.#canBeKnownOver() && isSignedIn(under.view.session)) {
        this.#break('a live picture is not taken down', `view ${under.view.id}`);
      }
    }
    const hasStood = under !== undefined && this.#timeline.monotonic() - this.#raisedAt >= SETTLED_MS;
    this.shown = view;
    this.#stale = 0;
    if (view === undefined) return;
    if (hasStood && under.doubtedMonotonic === undefined) this.#deaths = 0;
    // A page that no data have reached is as old as what it follows.
    const followed = under?.view?.dashboard === view.view?.dashboard ? under?.dataMonotonic : undefined;
    view.dataMonotonic ??= followed ?? view.paintedMonotonic;
    this.painted(view);
    this.#raisedAt = this.#timeline.monotonic();
  }

  /** Whether it shows a dashboard of a session, is to show one now or soon, or may have to at any time. */
  needs(session: string): boolean {
    if (!this.isPlugged) return false;
    const { now, until, next } = programmeAt(this.#surface, this.#plan.timeZone, this.#timeline.wall());
    const isNext = until - this.#timeline.wall() <= SESSION_LEAD_MS;
    const planned = [now, ...(isNext || this.isRinging ? [next] : [])];
    const dashboards = planned.flatMap((one) => (one.kind === 'dashboard' ? [one.dashboard] : []));
    const names = [...dashboards, this.#surface.alarms?.dashboard, this.shown?.view?.dashboard];
    return names.some((name) => name !== undefined && this.#plan.dashboards[name]?.session === session);
  }

  look(isExcused: boolean, excusedUntil: number): void {
    const { now } = this.#timeline;
    const passed = now - this.#judgedTo;
    if (passed <= 0) return;
    const isLit = this.#wasLit;
    if (isLit) this.litMs += passed;
    if (this.#wasKnownStale) {
      this.#stale += passed;
      this.longestStale = Math.max(this.longestStale, this.#stale);
      if (this.#stale > LONGEST_STALE_MS && this.#stale - passed <= LONGEST_STALE_MS) {
        this.#break('a session that is over is not shown', `for ${Math.round(this.#stale / 1000)} s`);
      }
    }
    const isJudged = !isExcused && !this.#wasUnknowable && this.#wasPlugged;
    const judged = isJudged ? Math.max(0, now - Math.max(this.#judgedTo, excusedUntil)) : 0;
    this.judgedMs += judged;
    if (!isLit && judged > 0) {
      this.#stretch += judged;
      if (this.#stretch > LATE_MS) this.#unexplained += judged;
      if (this.#stretch > Math.max(LATE_MS, this.longestStretch)) {
        this.longestStretch = this.#stretch;
        this.longestDay = now / DAY_MS;
      }
    } else this.#stretch = 0;
    this.#judgedTo = now;
  }

  note(): void {
    this.#wasLit = this.#isLit();
    const ticket = this.shown?.ticket;
    const over = ticket !== undefined && isOver(ticket, this.#timeline);
    const known = over && this.#canBeKnownOver();
    this.#wasKnownStale = known && !this.#timeline.isAsleep;
    this.#wasUnknowable = over && !known;
    const wanted = this.#wanted();
    const isBad = wanted.kind === 'dashboard' && this.bad.has(wanted.dashboard);
    this.needed = wanted.kind === 'dashboard' ? this.#plan.dashboards[wanted.dashboard]?.session : undefined;
    this.#wasPlugged = this.isPlugged && !isBad;
  }

  #wanted(): Showing {
    const { alarms } = this.#surface;
    if (this.isRinging && alarms !== undefined) return { kind: 'dashboard', dashboard: alarms.dashboard };
    const wall = this.#timeline.wall();
    if (wall < this.#known.since || wall >= this.#known.until) {
      const { now, until } = programmeAt(this.#surface, this.#plan.timeZone, wall);
      this.#known = { now, since: wall, until };
    }
    return this.#known.now;
  }

  #isLit(): boolean {
    const wanted = this.#wanted();
    if (wanted.kind === 'night') return this.shown === undefined;
    return this.#isFresh() && this.shown?.view?.dashboard === wanted.dashboard;
  }

  #isFresh(): boolean {
    const { shown } = this;
    return (
      shown?.ticket !== undefined &&
      shown.hasPainted &&
      shown.hasPicture &&
      !this.#timeline.isAsleep &&
      !isOver(shown.ticket, this.#timeline)
    );
  }

  #canBeKnownOver(): boolean {
    const ticket = this.shown?.ticket;
    return ticket !== undefined && canBeKnownOver(ticket, this.#timeline);
  }
}

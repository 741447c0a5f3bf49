import type { AlarmStatus, DisplayStatus, SessionStatus, SurfaceStatus, WallStatus } from '../../core/health/status.ts';
import type { Failure } from '../../core/errors.ts';
import type { Instant } from '../../core/renewal/deadline.ts';
import type { Session } from '../../core/session/state.ts';
import { isStale } from '../../core/surface/freshness.ts';
import { kindOf } from '../../core/surface/state.ts';
import { shownOf } from '../../core/surface/surface.ts';
import { wantsOf } from '../../core/wall/outlook.ts';
import type { WallContext, WallEvent, Wall as WallState } from '../../core/wall/state.ts';

/** What is counted beside the state machines. */
interface Counts {
  since: Instant;
  /** It has been signed in before. */
  wasLive: boolean;
  renewals: number;
  /** The failed try that was counted last, as long as no sign-in has succeeded since. */
  counted?: { readonly reason: Failure; readonly failures: number } | undefined;
  readonly failuresByCode: Record<string, number>;
}

/** What the wall's parts know of a surface. */
interface Surroundings {
  readonly displayOf: (surface: string) => DisplayStatus | undefined;
  readonly alarmOf: (surface: string) => AlarmStatus | undefined;
}

type Rest = Pick<WallStatus, 'version' | 'startedAt' | 'restarts' | 'safeMode'>;

/** What the wall tells of itself that its state machine does not remember: since when, and how often. */
export class WallRecord {
  readonly #sessions = new Map<string, Counts>();
  /** By surface: loads of its dashboards that failed, by code. */
  readonly #loads = new Map<string, Record<string, number>>();
  readonly #faults: Record<string, number> = {};
  readonly #memory: () => Record<string, number>;

  /** @param memory resident memory by type of process, in bytes */
  constructor(memory: () => Record<string, number>) {
    this.#memory = memory;
  }

  /** Takes note of what an event has changed. */
  take(before: WallState, after: WallState, event: WallEvent, now: Instant): void {
    if (event.type === 'gone') this.fault('page-gone');
    if (event.type === 'cookies-gone') this.fault('network-service-gone');
    for (const [name, session] of after.sessions) {
      const counts = this.#sessions.get(name) ?? newCounts(now);
      this.#sessions.set(name, counts);
      const was = before.sessions.get(name);
      if (was !== undefined && was !== session) count(counts, was, session, now);
    }
    for (const [name, surface] of after.surfaces) {
      const was = before.surfaces.get(name)?.troubles;
      if (was === surface.troubles) continue;
      const loads = this.#loads.get(name) ?? {};
      this.#loads.set(name, loads);
      for (const [dashboard, { reason, failures }] of surface.troubles) {
        const known = was?.get(dashboard);
        // A wait that is cut short is no new failure.
        if (reason !== known?.reason || failures !== known.failures) loads[reason.code] = (loads[reason.code] ?? 0) + 1;
      }
    }
  }

  fault(kind: string): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
  }

  /** The wall as it is now. */
  status(
    state: WallState,
    context: WallContext,
    rest: Rest,
    displayOf: Surroundings['displayOf'],
    alarmOf: Surroundings['alarmOf'],
  ): WallStatus {
    const { now, plan } = context;
    const surroundings = { displayOf, alarmOf };
    return {
      at: now.wall,
      ...rest,
      electron: process.versions.electron,
      sessions: [...state.sessions].map(([name, session]) => this.#sessionStatus(name, session, now)),
      surfaces: plan.surfaces.map(({ name }) => ({
        ...surfaceStatus(state, name, context, surroundings),
        failuresByCode: { ...this.#loads.get(name) },
      })),
      memoryBytes: this.#memory(),
      faults: { ...this.#faults },
    };
  }

  #sessionStatus(name: string, session: Session, now: Instant): SessionStatus {
    const counts = this.#sessions.get(name) ?? newCounts(now);
    const { phase } = session;
    const live = liveOf(session);
    const failed = failureOf(session);
    const renewal = phase.kind === 'live' || phase.kind === 'renewing' ? phase.renewal : undefined;
    return {
      name,
      phase: phase.kind,
      since: passed(counts.since, now),
      ...(live === undefined ? {} : { endsAt: coming(live.endsAt, now) }),
      ...(renewal === undefined ? {} : { renewsAt: coming(renewal.at, now) }),
      ...(failed === undefined ? {} : { failure: failed.reason, nextTryAt: waited(failed.nextTry.until, now) }),
      failures: failed?.failures ?? 0,
      renewals: counts.renewals,
      failuresByCode: { ...counts.failuresByCode },
    };
  }
}

function newCounts(now: Instant): Counts {
  return { since: now, wasLive: false, renewals: 0, failuresByCode: {} };
}

function count(counts: Counts, was: Session, session: Session, now: Instant): void {
  const live = liveOf(session);
  if (live?.attempt !== liveOf(was)?.attempt) {
    counts.since = live?.since ?? now;
    if (live !== undefined) {
      if (counts.wasLive) counts.renewals += 1;
      counts.wasLive = true;
      counts.counted = undefined;
    }
  }
  const failed = failureOf(session);
  if (failed === undefined) return;
  const { reason, failures } = failed;
  // A wait that is cut short, and a session that ends while it waits, are told anew; they are no new failure.
  if (counts.counted?.reason === reason && counts.counted.failures === failures) return;
  counts.counted = { reason, failures };
  counts.failuresByCode[reason.code] = (counts.failuresByCode[reason.code] ?? 0) + 1;
}

function liveOf({ phase }: Session) {
  return phase.kind === 'live' || phase.kind === 'renewing' ? phase.live : undefined;
}

function failureOf({ phase }: Session) {
  if (phase.kind === 'waiting') return phase;
  return phase.kind === 'live' ? phase.renewal.failed : undefined;
}

/** When something was, by the wall clock as it is now: as long ago as the clock says that shows more, for one stands still in sleep. */
function passed(instant: Instant, now: Instant): number {
  return now.wall - Math.max(0, now.monotonic - instant.monotonic, now.wall - instant.wall);
}

/** When a deadline comes that goes by either clock (`hasCome`). */
function coming(instant: Instant, now: Instant): number {
  return now.wall + Math.min(instant.monotonic - now.monotonic, instant.wall - now.wall);
}

/** When a wait is over, which goes by the monotonic clock (`hasElapsed`). */
function waited(instant: Instant, now: Instant): number {
  return now.wall + (instant.monotonic - now.monotonic);
}

function surfaceStatus(
  state: WallState,
  name: string,
  context: WallContext,
  { displayOf, alarmOf }: Surroundings,
): Omit<SurfaceStatus, 'failuresByCode'> {
  const { now, plan, programme } = context;
  const surface = state.surfaces.get(name);
  const planned = plan.surfaces.find((one) => one.name === name);
  const wants =
    surface === undefined || planned === undefined
      ? undefined
      : wantsOf(planned, surface.ringing, programme(name, now.wall));
  if (surface === undefined || surface.base.kind === 'unplugged') {
    const isNight = wants?.now.kind === 'night';
    return { name, state: 'unplugged', ...(isNight ? { atNight: true } : {}), stale: false };
  }
  const { base } = surface;
  const shown = shownOf(surface);
  const wanted = wants?.now.kind === 'dashboard' ? wants.now.dashboard : undefined;
  const dashboard = plan.dashboards[shown?.view.dashboard ?? wanted ?? ''];
  const display = displayOf(name);
  const alarm = alarmOf(name);
  const trouble = wanted === undefined ? undefined : surface.troubles.get(wanted);
  const dataAt = shown?.dataAt ?? (base.kind === 'dark' ? base.dataAt : undefined);
  return {
    name,
    state: kindOf(surface),
    ...(display === undefined ? {} : { display }),
    ...(dashboard === undefined || base.kind === 'night'
      ? {}
      : { dashboard: dashboard.name, session: dashboard.session, staleAfterMs: dashboard.staleAfterMs }),
    ...(shown === undefined ? {} : { paintedAt: passed(shown.paintedAt, now) }),
    ...(dataAt === undefined ? {} : { dataAt: passed(dataAt, now) }),
    stale: shown !== undefined && dashboard !== undefined && isStale(shown, dashboard, now),
    ...(trouble === undefined ? {} : { failure: trouble.reason }),
    ...(alarm === undefined ? {} : { alarm }),
  };
}

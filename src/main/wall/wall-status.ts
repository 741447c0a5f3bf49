import { app } from 'electron';
import type { AlarmStatus, DisplayStatus, SessionStatus, SurfaceStatus, WallStatus } from '../../core/health/status.ts';
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
  renewals: number;
  readonly failuresByCode: Record<string, number>;
}

/** What the wall tells of itself that its state machine does not remember: since when, and how often. */
export class WallRecord {
  readonly #sessions = new Map<string, Counts>();
  readonly #faults: Record<string, number> = {};

  /** Takes note of what an event has changed. */
  take(before: WallState, after: WallState, event: WallEvent, now: Instant): void {
    if (event.type === 'gone') this.fault('page-gone');
    if (event.type === 'cookies-gone') this.fault('network-service-gone');
    for (const [name, session] of after.sessions) {
      const was = before.sessions.get(name);
      const counts = this.#sessions.get(name) ?? { since: now, renewals: 0, failuresByCode: {} };
      this.#sessions.set(name, counts);
      if (was === undefined || was === session) continue;
      const live = liveOf(session);
      if (live?.attempt !== liveOf(was)?.attempt) {
        counts.since = live?.since ?? now;
        if (live !== undefined && session.attempts > 1) counts.renewals += 1;
      }
      const failed = failureOf(session);
      if (failed !== undefined && failed !== failureOf(was)) {
        const { code } = failed.reason;
        counts.failuresByCode[code] = (counts.failuresByCode[code] ?? 0) + 1;
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
    rest: Pick<WallStatus, 'version' | 'startedAt' | 'restarts' | 'safeMode'>,
    displayOf: (surface: string) => DisplayStatus | undefined,
    alarmOf: (surface: string) => AlarmStatus | undefined,
  ): WallStatus {
    const { now } = context;
    const at = now.wall;
    return {
      at,
      ...rest,
      electron: process.versions['electron'] ?? '',
      sessions: [...state.sessions].map(([name, session]) => this.#sessionStatus(name, session, now)),
      surfaces: context.plan.surfaces.map(({ name }) => surfaceStatus(state, name, context, displayOf, alarmOf)),
      memoryBytes: memoryBytes(),
      faults: this.#faults,
    };
  }

  #sessionStatus(name: string, session: Session, now: Instant): SessionStatus {
    const counts = this.#sessions.get(name) ?? { since: now, renewals: 0, failuresByCode: {} };
    const { phase } = session;
    const live = liveOf(session);
    const failed = failureOf(session);
    const renewal = phase.kind === 'live' || phase.kind === 'renewing' ? phase.renewal : undefined;
    return {
      name,
      phase: phase.kind,
      since: wallOf(counts.since, now),
      ...(live === undefined ? {} : { endsAt: wallOf(live.endsAt, now) }),
      ...(renewal === undefined ? {} : { renewsAt: wallOf(renewal.at, now) }),
      ...(failed === undefined ? {} : { failure: failed.reason, nextTryAt: wallOf(failed.nextTry.until, now) }),
      failures: failed?.failures ?? 0,
      renewals: counts.renewals,
      failuresByCode: counts.failuresByCode,
    };
  }
}

function liveOf({ phase }: Session) {
  return phase.kind === 'live' || phase.kind === 'renewing' ? phase.live : undefined;
}

function failureOf({ phase }: Session) {
  if (phase.kind === 'waiting') return phase;
  return phase.kind === 'live' ? phase.renewal.failed : undefined;
}

/** An instant by the wall clock as it is now, however it was set meanwhile. */
function wallOf(instant: Instant, now: Instant): number {
  return now.wall + (instant.monotonic - now.monotonic);
}

function surfaceStatus(
  state: WallState,
  name: string,
  context: WallContext,
  displayOf: (surface: string) => DisplayStatus | undefined,
  alarmOf: (surface: string) => AlarmStatus | undefined,
): SurfaceStatus {
  const surface = state.surfaces.get(name);
  if (surface === undefined || surface.base.kind === 'unplugged') return { name, state: 'unplugged', stale: false };
  const { now, plan, programme } = context;
  const planned = plan.surfaces.find((one) => one.name === name);
  const wants = planned === undefined ? undefined : wantsOf(planned, surface.ringing, programme(name, now.wall));
  const shown = shownOf(surface);
  const wanted = wants?.now.kind === 'dashboard' ? wants.now.dashboard : undefined;
  const dashboard = plan.dashboards[shown?.view.dashboard ?? wanted ?? ''];
  const display = displayOf(name);
  const alarm = alarmOf(name);
  const dataAt = shown?.dataAt ?? (surface.base.kind === 'dark' ? surface.base.dataAt : undefined);
  return {
    name,
    state: kindOf(surface),
    ...(display === undefined ? {} : { display }),
    ...(dashboard === undefined || surface.base.kind === 'night'
      ? {}
      : { dashboard: dashboard.name, session: dashboard.session, staleAfterMs: dashboard.staleAfterMs }),
    ...(shown === undefined ? {} : { paintedAt: wallOf(shown.paintedAt, now) }),
    ...(dataAt === undefined ? {} : { dataAt: wallOf(dataAt, now) }),
    stale: shown !== undefined && dashboard !== undefined && isStale(shown, dashboard, now),
    ...(alarm === undefined ? {} : { alarm }),
  };
}

function memoryBytes(): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const { type, memory } of app.getAppMetrics()) {
    bytes[type] = (bytes[type] ?? 0) + memory.workingSetSize * 1024;
  }
  return bytes;
}

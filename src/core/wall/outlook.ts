/** What the sessions and surfaces of a wall must know of each other. */
import type { PlannedSurface, Programme } from '../plan/plan.ts';
import { type Instant, hasCome, hasElapsed } from '../renewal/deadline.ts';
import type { Partition, Session } from '../session/state.ts';
import { type Entry, SESSION_LEAD_MS, type Wants, isSoon } from '../surface/settle.ts';
import type { Surface, View } from '../surface/state.ts';
import { forgottenAt, shownOf, viewsOf } from '../surface/surface.ts';

/**
 * What a surface wants: its programme, or the dashboard of an alarm for as long as that rings. The one of the two that does not show is
 * on standby, so that nothing has to be signed in when they change places.
 */
export function wantsOf({ alarms }: Pick<PlannedSurface, 'alarms'>, ringing: boolean, programme: Programme): Wants {
  const { now, until, next } = programme;
  if (alarms === undefined) return { now, until, next, standby: NOTHING };
  const alarm = { kind: 'dashboard', dashboard: alarms.dashboard } as const;
  if (!ringing) return { now, until, next, standby: [alarms.dashboard] };
  const standby = [now, next].flatMap((one) => (one.kind === 'dashboard' ? [one.dashboard] : []));
  return { now: alarm, until, next: alarm, standby };
}

const NOTHING: readonly string[] = [];

/** The dashboards that a surface shows, wants, or will want so soon that their sessions are needed. */
export function neededDashboards(surface: Surface, wants: Wants, now: Instant): readonly string[] {
  if (surface.base.kind === 'unplugged') return [];
  const needed: string[] = [];
  if (wants.now.kind === 'dashboard') needed.push(wants.now.dashboard);
  if (wants.next.kind === 'dashboard' && isSoon(wants, now, SESSION_LEAD_MS)) needed.push(wants.next.dashboard);
  needed.push(...wants.standby);
  const shown = shownOf(surface);
  // What stands past its time is looked after like any other; but night falls at once.
  if (shown !== undefined && wants.now.kind === 'dashboard') needed.push(shown.view.dashboard);
  return needed;
}

/** Whether a dashboard has not failed of late, whichever surface it was to show on. */
export function isGood(dashboard: string, surfaces: Iterable<Surface>, now: Instant): boolean {
  for (const { troubles } of surfaces) {
    const trouble = troubles.get(dashboard);
    if (trouble !== undefined && !hasElapsed(forgottenAt(trouble), now)) return false;
  }
  return true;
}

/** How dashboards of a session can be opened. */
export function entryOf(session: Session | undefined, name: string, surfaces: Iterable<Surface>): Entry {
  const phase = session?.phase;
  if (phase === undefined) return {};
  const live = phase.kind === 'live' || phase.kind === 'renewing' ? phase.live : undefined;
  const attempt = phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt : undefined;
  let entry: Entry = {};
  if (live !== undefined) {
    entry = { live: { generation: live.attempt, partition: live.partition, endsAt: live.endsAt } };
  }
  if (attempt?.step !== 'entering' || attempt.endsAt === undefined) return entry;
  const isTaken = (view: View) => view.signsIn && view.session === name && view.generation === attempt.id;
  for (const { incoming } of surfaces) if (incoming !== undefined && isTaken(incoming.view)) return entry;
  return { ...entry, login: { generation: attempt.id, partition: attempt.partition, endsAt: attempt.endsAt } };
}

/** The partitions of a session in which pictures of older sign-ins than the one that it holds stand and are still good, the oldest first. */
export function occupiedPartitions(
  { held }: Session,
  name: string,
  surfaces: Iterable<Surface>,
  now: Instant,
): readonly Partition[] {
  if (held === undefined) return NOWHERE;
  let occupying: View[] | undefined;
  for (const surface of surfaces) {
    const shown = shownOf(surface);
    if (shown?.view.session !== name || shown.view.partition === held || shown.lostAt !== undefined) continue;
    if (!hasCome(shown.view.endsAt, now)) (occupying ??= []).push(shown.view);
  }
  if (occupying === undefined) return NOWHERE;
  return occupying.sort((one, other) => one.generation - other.generation).map(({ partition }) => partition);
}

const NOWHERE: readonly Partition[] = [];

/** Whether anything lives in a partition of a session, or is about to. */
export function isUsed(session: Session, name: string, partition: Partition, surfaces: Iterable<Surface>): boolean {
  const { phase } = session;
  if ((phase.kind === 'live' || phase.kind === 'renewing') && phase.live.partition === partition) return true;
  if ((phase.kind === 'signing-in' || phase.kind === 'renewing') && phase.attempt.partition === partition) return true;
  for (const surface of surfaces) {
    if (viewsOf(surface).some((view) => view.session === name && view.partition === partition)) return true;
  }
  return false;
}

/**
 * What a surface does of its own accord: goes by its programme, follows its sessions' renewals, refreshes its dashboard, and tries again
 * after failures. One view at a time is loaded beneath what shows; it is raised when it has painted and its time has come.
 */
import type { PlannedDashboard, Showing } from '../plan/plan.ts';
import { type Instant, after, hasCome, hasElapsed } from '../renewal/deadline.ts';
import type { Partition } from '../session/state.ts';
import { freshnessDeadlines, isStale, wantsRefresh } from './freshness.ts';
import type { Shown, Surface, SurfaceEffect, SurfaceStep, View } from './state.ts';
import { dropIncoming, goDark, raise, shownOf, withoutIncoming } from './surface.ts';

/** The next dashboard of a programme is loaded this long before its time, in ms. */
export const VIEW_LEAD_MS = 30_000;
/** A session whose dashboard comes next is needed this long before its time, in ms. */
export const SESSION_LEAD_MS = 60_000;
/** The picture of a view whose session was lost stays for this long at most, in ms. */
const KEEP_PICTURE_MS = 15_000;

/** What a surface wants to show. */
export interface Wants {
  readonly now: Showing;
  /** When `next` follows, by the wall clock in ms; Infinity: never. */
  readonly until: number;
  readonly next: Showing;
  /** Dashboards that may be wanted at any time: their sessions are kept signed in. */
  readonly standby: readonly string[];
}

/** What a surface must know of a session. */
export interface Entry {
  /** Signed in: dashboards open by their own addresses. */
  readonly live?: { readonly generation: number; readonly partition: Partition; readonly endsAt: Instant };
  /** A login URL waits for a view to be opened with it. */
  readonly login?: { readonly generation: number; readonly partition: Partition; readonly endsAt: Instant };
}

export interface SettleContext {
  readonly now: Instant;
  readonly dashboards: Readonly<Record<string, PlannedDashboard>>;
  entryOf(session: string): Entry;
  /** Some session has a login URL that waits. */
  readonly isLoginWaiting: boolean;
  readonly nextViewId: number;
}

const dashboardOf = (showing: Showing) => (showing.kind === 'dashboard' ? showing.dashboard : undefined);

/** Whether what comes next is near enough for `leadMs`. */
export function isSoon({ until }: Wants, now: Instant, leadMs: number): boolean {
  return until - now.wall <= leadMs;
}

/** One step towards what the surface wants; it has settled when nothing comes out any more. */
export function settle(surface: Surface, wants: Wants, context: SettleContext): SurfaceStep {
  if (surface.base.kind === 'unplugged') return [surface, []];
  const { now } = context;
  const wanted = dashboardOf(wants.now);
  if (wanted === undefined && surface.base.kind !== 'night') return toNight(surface);
  const upcoming = isSoon(wants, now, VIEW_LEAD_MS) ? dashboardOf(wants.next) : undefined;
  const { incoming } = surface;
  const kept = wanted === undefined ? undefined : keptPast(surface, wanted);
  if (incoming !== undefined) {
    const { dashboard } = incoming.view;
    const isItsTime = dashboard === wanted || dashboard === kept;
    if (incoming.painted !== undefined && isItsTime && isWorthRaising(surface, incoming.view)) {
      return raise(surface, incoming, incoming.painted);
    }
    const soon = isSoon(wants, now, SESSION_LEAD_MS) ? dashboardOf(wants.next) : undefined;
    if (isUnwanted(surface, [wanted, soon, kept], context)) return dropIncoming(surface);
    // What is only kept, or comes next while nothing shows, gives way as soon as something better can be had.
    const isSecond = dashboard === kept || (dashboard !== wanted && shownOf(surface) === undefined);
    const mayGiveWay = isSecond && (!incoming.view.signsIn || incoming.painted !== undefined);
    const better = mayGiveWay ? choose(surface, wants, [wanted, upcoming, kept], context)?.dashboard : undefined;
    const isBetter = better === wanted || (dashboard === kept && better !== dashboard);
    if (better !== undefined && isBetter) return dropIncoming(surface);
  }
  if (wanted !== undefined && surface.base.kind === 'night') {
    return [{ ...surface, base: { kind: 'notice' } }, [{ type: 'cover' }]];
  }
  const shown = shownOf(surface);
  if (shown !== undefined && isOver(shown, context)) return goDark(surface);
  if (shown?.view.dashboard === wanted && shown !== undefined && needsRenewal(shown, context)) {
    const told: Shown = { ...shown, renewalAsked: true };
    return [{ ...surface, base: { kind: 'showing', shown: told } }, [{ type: 'report-stale', view: shown.view }]];
  }
  if (incoming !== undefined) return [surface, []];
  return open(surface, wants, [wanted, upcoming, kept], context);
}

/** When the surface next wants to look at the clock, some of it long past. */
export function surfaceDeadlines(surface: Surface, wants: Wants, context: SettleContext): readonly Instant[] {
  if (surface.base.kind === 'unplugged') return [];
  const { now, dashboards } = context;
  const deadlines: Instant[] = [];
  if (Number.isFinite(wants.until)) {
    const change = after(now, wants.until - now.wall);
    deadlines.push(change, after(change, -VIEW_LEAD_MS), after(change, -SESSION_LEAD_MS));
  }
  for (const { nextTry } of surface.troubles.values()) deadlines.push(nextTry.until);
  const shown = shownOf(surface);
  const dashboard = shown === undefined ? undefined : dashboards[shown.view.dashboard];
  if (shown !== undefined && dashboard !== undefined) {
    const { endsAt } = shown.view;
    deadlines.push(...freshnessDeadlines(shown, dashboard), endsAt, after(endsAt, KEEP_PICTURE_MS));
    if (shown.lostAt !== undefined) deadlines.push(after(shown.lostAt, KEEP_PICTURE_MS));
  }
  return deadlines;
}

function toNight(surface: Surface): SurfaceStep {
  const shown = shownOf(surface);
  const close: SurfaceEffect[] = shown === undefined ? [] : [{ type: 'close', view: shown.view.id }];
  return [{ ...surface, base: { kind: 'night' } }, [{ type: 'cover' }, ...close]];
}

/** A dashboard that shows past its time, for the next one does not come: it is looked after like any other. */
function keptPast(surface: Surface, wanted: string): string | undefined {
  const dashboard = shownOf(surface)?.view.dashboard;
  return dashboard === wanted ? undefined : dashboard;
}

/** A view of an older sign-in never follows one of a newer that shows the same. */
function isWorthRaising(surface: Surface, view: View): boolean {
  const shown = shownOf(surface);
  return shown?.view.dashboard !== view.dashboard || view.generation >= shown.view.generation;
}

function isUnwanted(surface: Surface, wanted: readonly (string | undefined)[], context: SettleContext): boolean {
  const { incoming } = surface;
  if (incoming === undefined) return false;
  const { view, painted } = incoming;
  // Its sign-in needs it, whatever it shows.
  if (view.signsIn && painted === undefined) return false;
  if (!wanted.includes(view.dashboard)) return true;
  const { live } = context.entryOf(view.session);
  if (live === undefined || live.generation === view.generation) return live === undefined;
  // Its session was renewed meanwhile. What is not shown yet comes on time all the same, and is renewed then.
  return shownOf(surface)?.view.dashboard === view.dashboard || hasCome(view.endsAt, context.now);
}

/** The picture's session has ended, and nothing newer of it has come in time. */
function isOver(shown: Shown, context: SettleContext): boolean {
  const { view, lostAt } = shown;
  const isCurrent = context.entryOf(view.session).live?.generation === view.generation;
  if (isCurrent) return false;
  // What becomes of a session that is not live is told by the session itself, as long as nothing newer of it is there.
  if (context.entryOf(view.session).live === undefined) return false;
  const goneAt = hasCome(view.endsAt, context.now) ? view.endsAt : lostAt;
  return goneAt !== undefined && hasCome(after(goneAt, KEEP_PICTURE_MS), context.now);
}

/** A fresh load has failed to mend stale data: the session may be the reason. Asked once each time. */
function needsRenewal(shown: Shown, { now, dashboards }: SettleContext): boolean {
  const dashboard = dashboards[shown.view.dashboard];
  return dashboard !== undefined && shown.refreshFailed && !shown.renewalAsked && isStale(shown, dashboard, now);
}

/** What is to be opened, and with what. */
interface Choice {
  readonly dashboard: string;
  readonly source: NonNullable<Entry['live']>;
  readonly signsIn: boolean;
}

/** Opens what is wanted most and can be had. */
function open(
  surface: Surface,
  wants: Wants,
  candidates: readonly (string | undefined)[],
  context: SettleContext,
): SurfaceStep {
  const choice = choose(surface, wants, candidates, context);
  if (choice === undefined) return [surface, []];
  const { dashboard, source, signsIn } = choice;
  const session = context.dashboards[dashboard]?.session ?? '';
  const view: View = { id: context.nextViewId, dashboard, session, ...source, signsIn };
  return [{ ...withoutIncoming(surface), incoming: { view } }, [{ type: 'open', view }]];
}

/** @param candidates what is wanted, what comes next, what is kept past its time */
function choose(
  surface: Surface,
  wants: Wants,
  candidates: readonly (string | undefined)[],
  context: SettleContext,
): Choice | undefined {
  const [wanted] = candidates;
  const logins = context.isLoginWaiting ? forLogin(surface, wants, candidates, context) : [];
  if (wanted !== undefined && shownOf(surface)?.view.dashboard !== wanted) {
    const session = sessionOf(wanted, context);
    const best = mayTry(surface, wanted, context)
      ? logins.find((one) => sessionOf(one, context) === session)
      : undefined;
    const missing = withLogin(best, context) ?? direct(surface, wanted, context);
    if (missing !== undefined) return missing;
  }
  for (const dashboard of logins) {
    const choice = withLogin(dashboard, context);
    if (choice !== undefined) return choice;
  }
  for (const dashboard of candidates) {
    const choice = direct(surface, dashboard, context);
    if (choice !== undefined) return choice;
  }
  return undefined;
}

/**
 * What a login URL may be opened with, best first: a sign-in takes along what has to be loaded anyway, and is not for a dashboard that
 * does not open.
 */
function forLogin(
  surface: Surface,
  wants: Wants,
  candidates: readonly (string | undefined)[],
  context: SettleContext,
): readonly string[] {
  const [wanted, upcoming] = candidates;
  const isShown = shownOf(surface)?.view.dashboard === wanted;
  const first = isShown && sessionOf(upcoming, context) === sessionOf(wanted, context) ? upcoming : wanted;
  const later = isSoon(wants, context.now, SESSION_LEAD_MS) ? dashboardOf(wants.next) : undefined;
  const isThere = (one: string | undefined): one is string => one !== undefined;
  const others = [...candidates, later, ...wants.standby].filter(isThere);
  // In turn, those that failed longest ago first; one failure may be anybody's.
  const failedAt = (one: string) => {
    const trouble = surface.troubles.get(one);
    return trouble === undefined || trouble.failures < 2 ? 0 : trouble.nextTry.until.monotonic;
  };
  const good = (first === undefined ? others : [first, ...others])
    .filter((one) => mayTry(surface, one, context))
    .sort((one, other) => failedAt(one) - failedAt(other));
  return [...good, ...others];
}

function mayTry(surface: Surface, dashboard: string, { now }: SettleContext): boolean {
  const trouble = surface.troubles.get(dashboard);
  return trouble === undefined || hasElapsed(trouble.nextTry.until, now);
}

function withLogin(dashboard: string | undefined, context: SettleContext): Choice | undefined {
  const session = sessionOf(dashboard, context);
  const login = session === undefined ? undefined : context.entryOf(session).login;
  return dashboard === undefined || login === undefined ? undefined : { dashboard, source: login, signsIn: true };
}

/** By its own address, where its session is signed in and something is to be had by it. */
function direct(surface: Surface, dashboard: string | undefined, context: SettleContext): Choice | undefined {
  const planned = dashboard === undefined ? undefined : context.dashboards[dashboard];
  const live = planned === undefined ? undefined : context.entryOf(planned.session).live;
  if (dashboard === undefined || planned === undefined || live === undefined) return undefined;
  if (!mayTry(surface, dashboard, context)) return undefined;
  const shown = shownOf(surface);
  if (shown?.view.dashboard === dashboard) {
    const isSpent = shown.doubted !== undefined || wantsRefresh(shown, planned, context.now);
    if (!isSpent && shown.view.generation === live.generation) return undefined;
  }
  return { dashboard, source: live, signsIn: false };
}

function sessionOf(dashboard: string | undefined, { dashboards }: SettleContext): string | undefined {
  return dashboard === undefined ? undefined : dashboards[dashboard]?.session;
}

/**
 * The state machine of one surface: what fills one display.
 *
 *  notice ─► entering(incoming) ─► showing(view) ─► swapping(view, incoming) ─► showing(incoming)
 *                 dark(last picture) and night in the place of notice; unplugged where there is no display
 *
 * Here is what becomes of it when something happens; what it wants next is decided in `settle.ts`. A picture that shows is taken down
 * only for one that has painted, or when it cannot be trusted any more.
 */
import type { Failure } from '../errors.ts';
import type { PlannedDashboard } from '../plan/plan.ts';
import { type BackoffPolicy, backoffMs } from '../renewal/backoff.ts';
import { type Instant, after, hasElapsed } from '../renewal/deadline.ts';
import { isStale } from './freshness.ts';
import type {
  Base,
  Incoming,
  Shown,
  Surface,
  SurfaceEffect,
  SurfaceEvent,
  SurfaceStep,
  Trouble,
  View,
} from './state.ts';
import { UNPLUGGED_SURFACE } from './state.ts';

/** A view that shows for this long has settled: its end counts as the first. In ms. */
const SETTLED_MS = 60_000;
/** A dashboard that failed counts as good again when nothing was tried of it for this long, in ms. */
const FORGOTTEN_MS = 600_000;

export interface SurfaceContext {
  readonly now: Instant;
  /** Uniform in [0, 1). */
  readonly fraction: number;
  readonly backoff: BackoffPolicy;
  readonly dashboards: Readonly<Record<string, PlannedDashboard>>;
}

/** One step of a surface. Events of views that it neither shows nor loads change nothing. */
export function reduceSurface(surface: Surface, event: SurfaceEvent, context: SurfaceContext): SurfaceStep {
  switch (event.type) {
    case 'plugged':
      return surface.base.kind === 'unplugged'
        ? [{ ...surface, base: { kind: 'notice' } }, [{ type: 'cover' }]]
        : [surface, []];
    case 'unplugged':
      return onUnplugged(surface);
    case 'painted':
      return onPainted(surface, event, context);
    case 'load-failed':
      // Led to the sign-in page: it is the session that failed.
      if (event.failure.code === 'CONSOLE_SIGNED_OUT') return onLost(surface, { ...event, type: 'lost' }, context);
      return surface.incoming?.view.id === event.view ? incomingFailed(surface, event.failure, context) : [surface, []];
    case 'lost':
      return onLost(surface, event, context);
    case 'doubted':
      return onDoubted(surface, event, context);
    case 'gone':
      return onGone(surface, event, context);
    case 'data':
      return onData(surface, event.view, context.now);
    case 'session-dark':
      return shownOf(surface)?.view.session === event.session ? goDark(surface) : [surface, []];
    case 'nudge':
      return onNudge(surface, event.atOnce === true, context);
    case 'alarm':
      return surface.ringing === event.ringing ? [surface, []] : [{ ...surface, ringing: event.ringing }, []];
  }
}

export function shownOf({ base }: Surface): Shown | undefined {
  return base.kind === 'showing' ? base.shown : undefined;
}

export function withoutIncoming({ base, troubles, deaths, ringing }: Surface): Surface {
  return { base, troubles, deaths, ringing };
}

/** Puts a view that has painted on top. */
export function raise(surface: Surface, incoming: Incoming, painted: NonNullable<Incoming['painted']>): SurfaceStep {
  const old = shownOf(surface);
  const { view } = incoming;
  const { dataAt = painted.at } = incoming;
  const { verified, at: paintedAt } = painted;
  const fresh = { view, verified, paintedAt, dataAt, refreshFailed: false, renewalAsked: false };
  const isBare = incoming.dataAt === undefined && !verified && old?.view.dashboard === view.dashboard;
  // A page that no data have reached makes nothing younger.
  const { refreshFailed, renewalAsked } = old ?? fresh;
  const shown: Shown = isBare ? { ...fresh, dataAt: old.dataAt, refreshFailed, renewalAsked } : fresh;
  const effects: SurfaceEffect[] = [{ type: 'raise', view: view.id }];
  if (old !== undefined) effects.push({ type: 'close', view: old.view.id });
  const { ringing, troubles } = surface;
  const hasStood = old?.doubted === undefined && old !== undefined && isSettled(old, paintedAt);
  const deaths = hasStood ? 0 : surface.deaths;
  return [{ base: { kind: 'showing', shown }, troubles: without(troubles, view.dashboard), deaths, ringing }, effects];
}

const isSettled = ({ paintedAt }: Shown, now: Instant) => now.monotonic - paintedAt.monotonic >= SETTLED_MS;

/** Takes down a picture that cannot be trusted any more: dimmed, it stands as the last one there was. */
export function goDark(surface: Surface): SurfaceStep {
  const shown = shownOf(surface);
  if (shown === undefined) return [surface, []];
  const base: Base = { kind: 'dark', dashboard: shown.view.dashboard, dataAt: shown.dataAt };
  return [{ ...surface, base }, [{ type: 'cover' }, { type: 'close', view: shown.view.id }]];
}

/** Takes the incoming view away without a word: nobody wants it any more. */
export function dropIncoming(surface: Surface): SurfaceStep {
  if (surface.incoming === undefined) return [surface, []];
  return [withoutIncoming(surface), [{ type: 'close', view: surface.incoming.view.id }]];
}

function withShown(
  surface: Surface,
  view: number,
  change: (shown: Shown) => Shown,
  otherwise: () => SurfaceStep,
): SurfaceStep {
  const shown = shownOf(surface);
  if (shown?.view.id !== view) return otherwise();
  return [{ ...surface, base: { kind: 'showing', shown: change(shown) } }, []];
}

function onUnplugged(surface: Surface): SurfaceStep {
  if (surface.base.kind === 'unplugged') return [surface, []];
  const effects: SurfaceEffect[] = [];
  const shown = shownOf(surface);
  if (shown !== undefined) effects.push({ type: 'close', view: shown.view.id });
  if (surface.incoming !== undefined) {
    effects.push({ type: 'close', view: surface.incoming.view.id });
    effects.push(...entryFailed(surface.incoming, UNPLUGGED));
  }
  return [{ ...UNPLUGGED_SURFACE, ringing: surface.ringing }, effects];
}

const UNPLUGGED: Failure = {
  code: 'CONSOLE_LOAD_FAILED',
  sentence: 'The display was unplugged while Vigil signed in on it. It is tried again.',
};

/** The sign-in of a view that had not painted yet has failed with it. */
function entryFailed({ view, painted }: Incoming, failure: Failure): SurfaceEffect[] {
  return view.signsIn && painted === undefined ? [{ type: 'report-entry-failed', view, failure }] : [];
}

function onPainted(
  surface: Surface,
  event: Extract<SurfaceEvent, { type: 'painted' }>,
  context: SurfaceContext,
): SurfaceStep {
  const { incoming } = surface;
  if (incoming?.view.id !== event.view || incoming.painted !== undefined) return [surface, []];
  const { view } = incoming;
  const { verified } = event;
  const effects: SurfaceEffect[] = view.signsIn ? [{ type: 'report-entered', view, verified }] : [];
  const painted = { ...surface, incoming: { ...incoming, painted: { at: context.now, verified } } };
  if (verified || !hasBetter(surface, incoming, context)) {
    return [{ ...painted, troubles: without(surface.troubles, view.dashboard) }, effects];
  }
  const [next, failed] = incomingFailed(painted, UNVERIFIED, context);
  return [next, [...effects, ...failed]];
}

const UNVERIFIED: Failure = {
  code: 'CONSOLE_NOT_PAINTED',
  sentence: 'The dashboard was loaded afresh but did not finish. The picture from before stays, and it is tried again.',
};

/**
 * Whether a picture of the same dashboard stands that is better than one that was not proved: one that was and is still good, or, unless
 * its sign-in is older, whatever has had data.
 */
function hasBetter(surface: Surface, { view, dataAt }: Incoming, { dashboards, now }: SurfaceContext): boolean {
  const shown = shownOf(surface);
  const planned = dashboards[view.dashboard];
  if (shown?.view.dashboard !== view.dashboard || planned === undefined) return false;
  if (shown.lostAt !== undefined || shown.doubted !== undefined) return false;
  if (dataAt === undefined && view.generation === shown.view.generation) return true;
  return shown.verified && !isStale(shown, planned, now);
}

function without(troubles: Surface['troubles'], dashboard: string): Surface['troubles'] {
  if (!troubles.has(dashboard)) return troubles;
  const rest = new Map(troubles);
  rest.delete(dashboard);
  return rest;
}

/** When a trouble counts no more, unless there is another one. */
export function forgottenAt({ nextTry }: Trouble): Instant {
  return after(nextTry.until, FORGOTTEN_MS);
}

function withTrouble({ troubles }: Surface, dashboard: string, trouble: Trouble): Surface['troubles'] {
  return new Map(troubles).set(dashboard, trouble);
}

function wait(reason: Failure, failures: number, context: SurfaceContext): Trouble {
  const { now, backoff, fraction } = context;
  const ms = backoffMs(backoff, failures, fraction, reason.retryAfterMs);
  const notBefore = after(now, Math.min(ms, Math.max(backoff.firstMs, reason.retryAfterMs ?? 0)));
  return { reason, failures, nextTry: { until: after(now, ms), notBefore } };
}

function incomingFailed(surface: Surface, failure: Failure, context: SurfaceContext): SurfaceStep {
  const { incoming } = surface;
  if (incoming === undefined) return [surface, []];
  const { view } = incoming;
  const { dashboard } = view;
  const before = surface.troubles.get(dashboard);
  const isForgotten = before === undefined || hasElapsed(forgottenAt(before), context.now);
  const failures = isForgotten ? 1 : before.failures + 1;
  const troubles = withTrouble(surface, dashboard, wait(failure, failures, context));
  const rest = { ...withoutIncoming(surface), troubles };
  const { base } = rest;
  const effects: SurfaceEffect[] = [{ type: 'close', view: view.id }, ...entryFailed(incoming, failure)];
  if (base.kind !== 'showing') return [rest, effects];
  const { shown } = base;
  const isOfShown = shown.view.dashboard === dashboard;
  const next: Base = isOfShown ? { kind: 'showing', shown: { ...shown, refreshFailed: true } } : base;
  return [{ ...rest, base: next }, effects];
}

function onLost(
  surface: Surface,
  event: Extract<SurfaceEvent, { type: 'lost' }>,
  context: SurfaceContext,
): SurfaceStep {
  const { failure } = event;
  const { incoming } = surface;
  if (incoming?.view.id === event.view) {
    const [next, effects] = incomingFailed(surface, failure, context);
    const isOfDashboard = surface.troubles.get(incoming.view.dashboard)?.reason.code === failure.code;
    // One that signs in has told its failure already. One that came to the same end after a fresh sign-in is no loss of the session.
    const isTold = incoming.painted === undefined && (incoming.view.signsIn || isOfDashboard);
    return [next, isTold ? effects : [...effects, { type: 'report-lost', view: incoming.view, failure }]];
  }
  const shown = shownOf(surface);
  if (shown?.view.id !== event.view) return [surface, []];
  const base: Base = { kind: 'showing', shown: { ...shown, lostAt: shown.lostAt ?? context.now } };
  return [{ ...surface, base }, [{ type: 'report-lost', view: shown.view, failure }]];
}

function onGone(
  surface: Surface,
  event: Extract<SurfaceEvent, { type: 'gone' }>,
  context: SurfaceContext,
): SurfaceStep {
  if (surface.incoming?.view.id === event.view) return incomingFailed(surface, event.failure, context);
  const shown = shownOf(surface);
  if (shown?.view.id !== event.view) return [surface, []];
  const [dark, effects] = goDark(afterShort(surface, shown, event.failure, context));
  return [dark, effects];
}

function onDoubted(
  surface: Surface,
  event: Extract<SurfaceEvent, { type: 'doubted' }>,
  context: SurfaceContext,
): SurfaceStep {
  if (surface.incoming?.view.id === event.view) return incomingFailed(surface, event.failure, context);
  const shown = shownOf(surface);
  if (shown?.view.id !== event.view || shown.doubted !== undefined) return [surface, []];
  const base: Base = { kind: 'showing', shown: { ...shown, doubted: event.failure } };
  return [{ ...afterShort(surface, shown, event.failure, context), base }, []];
}

/** A view that is to be opened afresh: at once the first time, later and later where one after the other does not last. */
function afterShort(surface: Surface, shown: Shown, failure: Failure, context: SurfaceContext): Surface {
  const deaths = isSettled(shown, context.now) ? 1 : surface.deaths + 1;
  const { dashboard } = shown.view;
  const troubles =
    deaths > 1
      ? withTrouble(surface, dashboard, wait(failure, deaths - 1, context))
      : without(surface.troubles, dashboard);
  return { ...surface, deaths, troubles };
}

function onData(surface: Surface, view: number, now: Instant): SurfaceStep {
  const { incoming } = surface;
  if (incoming?.view.id === view) return [{ ...surface, incoming: { ...incoming, dataAt: now } }, []];
  return withShown(
    surface,
    view,
    (shown) => ({ ...shown, dataAt: now, refreshFailed: false, renewalAsked: false }),
    () => [surface, []],
  );
}

function onNudge(surface: Surface, atOnce: boolean, { now }: SurfaceContext): SurfaceStep {
  const waiting = [...surface.troubles].filter(([, { nextTry }]) => nextTry.until.monotonic > now.monotonic);
  if (waiting.length === 0) return [surface, []];
  const troubles = new Map(surface.troubles);
  for (const [dashboard, trouble] of waiting) {
    const notBefore = atOnce ? now : trouble.nextTry.notBefore;
    troubles.set(dashboard, { ...trouble, nextTry: { until: notBefore, notBefore } });
  }
  return [{ ...surface, troubles }, []];
}

/** The views that a surface has. */
export function viewsOf(surface: Surface): readonly View[] {
  const shown = shownOf(surface);
  const views = shown === undefined ? [] : [shown.view];
  return surface.incoming === undefined ? views : [...views, surface.incoming.view];
}

import { faceOf } from '../core/wall/face.ts';
import { shownOf } from '../core/surface/surface.ts';
import type { Session } from '../core/session/state.ts';
import type { Shown } from '../core/surface/state.ts';
import type { Oracle } from './oracle.ts';
import { LONGEST_RETRY_AFTER_MS, PAINT_DEADLINE_MS, POLICY, RECHECK_MS } from './policy.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';
import type { Wall } from './wall.ts';

/** Stale data are loaded afresh for this long before they are said to be stale, in ms. */
const SAID_WITHIN_MS = 60_000 + RECHECK_MS + 1_000;

/** A page is loaded afresh within this time where nothing hinders it: two waits and two loads, in ms. */
const MENDED_WITHIN_MS = 2 * (POLICY.backoff.longestMs + PAINT_DEADLINE_MS);

/** What must hold of a wall between any two things that happen. */
export function checkWall(wall: Wall, oracle: Oracle, timeline: Timeline, isNew: boolean): void {
  checkSurfaces(wall, oracle, timeline);
  for (const [name, session] of wall.state.sessions) checkSession(wall, oracle, timeline, name, session);
  checkLeaks(wall, oracle);
  if (!isNew) return;
  const isIdle = [...wall.state.surfaces.values()].every(({ base }) => base.kind === 'unplugged');
  if (isIdle) return;
  if (!wall.instants.every((instant) => Number.isFinite(instant.wall) && Number.isFinite(instant.monotonic))) {
    oracle.break('deadlines are instants');
  }
  const now = timeline.monotonic();
  const waits = [...wall.state.sessions.values()].some(({ phase }) => phase.kind === 'signing-in');
  if (waits && !wall.instants.some(({ monotonic }) => monotonic > now)) {
    oracle.break('every state that waits has a deadline');
  }
}

function checkSurfaces(wall: Wall, oracle: Oracle, timeline: Timeline): void {
  for (const [name, surface] of wall.state.surfaces) {
    const shown = shownOf(surface);
    const top = oracle.onTop(name);
    if (top?.view?.id !== shown?.view.id)
      oracle.break('the surface shows what it says', `${name}: ${surface.base.kind}`);
    if (top === undefined || shown === undefined || timeline.isAsleep) continue;
    checkPage(wall, oracle, timeline, name, top, shown);
  }
}

function checkPage(
  wall: Wall,
  oracle: Oracle,
  timeline: Timeline,
  name: string,
  { dataMonotonic = 0, doubtedMonotonic = Infinity }: SimulatedView,
  { view: { dashboard }, dataAt }: Shown,
): void {
  const what = `${name} shows ${dashboard}`;
  if (Math.abs(dataAt.monotonic - dataMonotonic) > 1) oracle.break('the wall knows how old its data are', what);
  const now = timeline.monotonic();
  const staleAt = dataMonotonic + (wall.plan.dashboards[dashboard]?.staleAfterMs ?? Infinity);
  if (now > staleAt + SAID_WITHIN_MS && faceOf(wall.state, name, wall.context)?.strip === undefined) {
    oracle.break('stale data are said to be stale', what);
  }
  if (timeline.now - timeline.wokeAt < MENDED_WITHIN_MS) return;
  if (
    now > Math.min(staleAt, doubtedMonotonic) + MENDED_WITHIN_MS &&
    oracle.canHaveBeenMended(name, MENDED_WITHIN_MS)
  ) {
    oracle.break('what is stale or doubted is loaded afresh', what);
  }
}

function checkSession(wall: Wall, oracle: Oracle, timeline: Timeline, name: string, { phase }: Session): void {
  const now = wall.context.now.monotonic;
  if (phase.kind === 'waiting' && phase.nextTry.until.monotonic - now > LONGEST_RETRY_AFTER_MS + 1) {
    oracle.break('no wait is longer than it may be', `${name}: ${phase.nextTry.until.monotonic - now} ms`);
  }
  const attempt = phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt : undefined;
  if (attempt !== undefined && attempt.giveUpAt.monotonic - now > POLICY.attemptMs + 1) {
    oracle.break('no attempt is longer than it may be', `${name}: ${attempt.giveUpAt.monotonic - now} ms`);
  }
  const looked = timeline.now - timeline.wokeAt > RECHECK_MS + 1_000 && !timeline.isAsleep;
  if (attempt !== undefined && looked && attempt.giveUpAt.monotonic < now - RECHECK_MS - 1_000) {
    oracle.break('an attempt ends', name);
  }
}

function checkLeaks(wall: Wall, oracle: Oracle): void {
  const known = new Set<number>();
  for (const surface of wall.state.surfaces.values()) {
    const shown = shownOf(surface);
    if (shown !== undefined) known.add(shown.view.id);
    if (surface.incoming !== undefined) known.add(surface.incoming.view.id);
  }
  for (const id of wall.opened.keys()) if (!known.has(id)) oracle.break('no view is leaked', `view ${id}`);
  if (wall.opened.size < known.size) oracle.break('every view was opened', `${known.size} known`);
  for (const [name, runtime] of wall.runtimes) {
    const phase = wall.state.sessions.get(name)?.phase;
    const attempt = phase?.kind === 'signing-in' || phase?.kind === 'renewing' ? phase.attempt.id : undefined;
    if (runtime.warmAttempt !== undefined && runtime.warmAttempt !== attempt) {
      oracle.break('no view is leaked', `attempt ${runtime.warmAttempt} of ${name} was never opened`);
    }
    // Those that linger, and those whose making outlasted what they were made for.
    if (runtime.views.size > 3 * wall.state.surfaces.size + 4) {
      oracle.break('no view is leaked', `${runtime.views.size} of ${name} are open`);
    }
    for (const jar of runtime.partitions.jars) {
      if (jar.isBeingCleared && [...jar.views].length > 0) {
        oracle.break('a partition is cleared only when every view has left', jar.name);
      }
    }
  }
}

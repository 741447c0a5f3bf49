/** What stands on a surface beside its dashboard: our own page with what it says, and the line over a picture whose data are stale. */
import type { Failure } from '../errors.ts';
import type { Session } from '../session/state.ts';
import { mustBeSaid } from '../surface/freshness.ts';
import { type Notice, type StripText, failureNotice, noticeOf } from '../surface/notice.ts';
import { shownOf } from '../surface/surface.ts';
import type { Wall, WallContext } from './state.ts';
import { wantsOf } from './outlook.ts';

export interface Face {
  /** What our own page says while it is on top. */
  readonly notice: Notice;
  /** Wall-clock ms since the epoch of the data of the last picture, which stands behind the notice, dimmed. */
  readonly pictureOf?: number;
  readonly strip?: StripText;
}

/** What a surface has to say; undefined for one without a display. */
export function faceOf(wall: Wall, name: string, context: WallContext): Face | undefined {
  const surface = wall.surfaces.get(name);
  const planned = context.plan.surfaces.find((one) => one.name === name);
  if (surface === undefined || planned === undefined || surface.base.kind === 'unplugged') return undefined;
  if (surface.base.kind === 'night') return { notice: { kind: 'night' } };
  const { dashboards } = context.plan;
  const programme = context.programme(name, context.now.wall);
  const { now } = wantsOf(planned, surface.ringing, programme);
  const wanted = now.kind === 'dashboard' ? dashboards[now.dashboard] : undefined;
  const session = wanted === undefined ? undefined : wall.sessions.get(wanted.session);
  const trouble = wanted === undefined ? undefined : surface.troubles.get(wanted.name);
  const shown = shownOf(surface);
  if (shown === undefined) {
    const picture = surface.base.kind === 'dark' ? { pictureOf: surface.base.dataAt.wall } : {};
    const isIn = session?.phase.kind === 'live' || session?.phase.kind === 'renewing';
    if (!isIn || trouble === undefined)
      return { notice: session === undefined ? STARTING : noticeOf(session), ...picture };
    return { notice: failureNotice('cannot-show', trouble.reason, trouble.nextTry.until.wall), ...picture };
  }
  const dashboard = dashboards[shown.view.dashboard];
  // Nobody sees it now. Black where the night comes next: what it says takes a moment to change once it is on top.
  const isBeforeNight = programme.now.kind === 'night' || programme.next.kind === 'night';
  const notice = isBeforeNight ? NIGHT : session === undefined ? STARTING : noticeOf(session);
  if (dashboard === undefined) return { notice };
  // Another dashboard stands in the place of the one that is wanted, which has failed more than once.
  const failed = dashboard.name === wanted?.name ? undefined : (failureOf(session) ?? trouble);
  if (wanted !== undefined && failed !== undefined && failed.failures > 1) {
    return { notice, strip: { dataAt: shown.dataAt.wall, inPlaceOf: wanted.name, ...tried(failed) } };
  }
  if (!mustBeSaid(shown, dashboard, context.now)) return { notice };
  const own = failureOf(wall.sessions.get(shown.view.session)) ?? surface.troubles.get(dashboard.name);
  return { notice, strip: { dataAt: shown.dataAt.wall, ...(own === undefined ? {} : tried(own)) } };
}

const STARTING: Notice = { kind: 'starting' };
const NIGHT: Notice = { kind: 'night' };

interface Failed {
  readonly reason: Failure;
  readonly failures: number;
  /** Absent while it is being tried. */
  readonly nextTry?: { readonly until: { readonly wall: number } };
}

function tried({ reason, nextTry }: Failed): Pick<StripText, 'reason' | 'nextTryAt'> {
  const { sentence } = reason;
  return nextTry === undefined ? { reason: sentence } : { reason: sentence, nextTryAt: nextTry.until.wall };
}

/** What the session's last try came to, while it waits for the next or makes it. */
function failureOf(session: Session | undefined): Failed | undefined {
  const phase = session?.phase;
  if (phase?.kind === 'waiting') return phase;
  if (phase?.kind === 'signing-in' && phase.reason !== undefined) {
    return { reason: phase.reason, failures: phase.attempt.failures };
  }
  return phase?.kind === 'live' ? phase.renewal.failed : undefined;
}

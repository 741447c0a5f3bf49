/** What stands on a surface beside its dashboard: our own page with what it says, and the line over a picture whose data are stale. */
import type { Failure } from '../errors.ts';
import type { Session } from '../session/state.ts';
import { mustBeSaid } from '../surface/freshness.ts';
import { type Notice, noticeOf } from '../surface/notice.ts';
import { shownOf } from '../surface/surface.ts';
import type { Wall, WallContext } from './state.ts';
import { wantsOf } from './outlook.ts';

/** The line over a picture; wall-clock ms since the epoch. */
export interface Strip {
  readonly dataAt: number;
  readonly nextTryAt?: number;
  readonly reason?: string;
}

export interface Face {
  /** What our own page says while it is on top. */
  readonly notice: Notice;
  /** Wall-clock ms since the epoch of the data of the last picture, which stands behind the notice, dimmed. */
  readonly pictureOf?: number;
  readonly strip?: Strip;
}

/** What a surface has to say; undefined for one without a display. */
export function faceOf(wall: Wall, name: string, context: WallContext): Face | undefined {
  const surface = wall.surfaces.get(name);
  const planned = context.plan.surfaces.find((one) => one.name === name);
  if (surface === undefined || planned === undefined || surface.base.kind === 'unplugged') return undefined;
  if (surface.base.kind === 'night') return { notice: { kind: 'night' } };
  const { dashboards } = context.plan;
  const { now } = wantsOf(planned, surface.ringing, context.programme(name, context.now.wall));
  const wanted = now.kind === 'dashboard' ? dashboards[now.dashboard] : undefined;
  const session = wanted === undefined ? undefined : wall.sessions.get(wanted.session);
  const trouble = surface.trouble?.dashboard === wanted?.name ? surface.trouble : undefined;
  const shown = shownOf(surface);
  if (shown === undefined) {
    const picture = surface.base.kind === 'dark' ? { pictureOf: surface.base.dataAt.wall } : {};
    const isIn = session?.phase.kind === 'live' || session?.phase.kind === 'renewing';
    if (!isIn || trouble === undefined)
      return { notice: session === undefined ? STARTING : noticeOf(session), ...picture };
    const { code, sentence } = trouble.reason;
    return { notice: { kind: 'cannot-show', code, sentence, nextTryAt: trouble.nextTry.until.wall }, ...picture };
  }
  const dashboard = dashboards[shown.view.dashboard];
  const notice = session === undefined ? STARTING : noticeOf(session);
  if (dashboard === undefined || !mustBeSaid(shown, dashboard, context.now)) return { notice };
  const next = nextTryOf(wall.sessions.get(shown.view.session)) ?? trouble;
  return {
    notice,
    strip: {
      dataAt: shown.dataAt.wall,
      ...(next === undefined ? {} : { reason: next.reason.sentence, nextTryAt: next.nextTry.until.wall }),
    },
  };
}

const STARTING: Notice = { kind: 'starting' };

/** What the session's last try came to, while it waits for the next. */
function nextTryOf(
  session: Session | undefined,
): { reason: Failure; nextTry: { until: { wall: number } } } | undefined {
  const phase = session?.phase;
  if (phase?.kind === 'waiting') return phase;
  return phase?.kind === 'live' ? phase.renewal.failed : undefined;
}

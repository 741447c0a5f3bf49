import type { Logger } from '../../core/ports.ts';
import type { Surface } from '../../core/surface/state.ts';
import type { StripText } from '../../core/surface/notice.ts';
import { kindOf } from '../../core/surface/state.ts';
import { shownOf } from '../../core/surface/surface.ts';
import type { Wall } from '../../core/wall/state.ts';
import { logTransition } from './session-log.ts';

/** Logs what changed between two states of a wall: `session.*`, `surface.*`, and `surface.shows` for whatever takes a surface over. */
export function logChanges(logger: Logger, before: Wall, after: Wall): void {
  if (before === after) return;
  for (const [name, session] of after.sessions) {
    const was = before.sessions.get(name);
    if (was !== undefined && was !== session) logTransition(logger, name, was, session);
  }
  for (const [name, surface] of after.surfaces) {
    const was = before.surfaces.get(name);
    if (was !== undefined && was !== surface) logSurface(logger, name, was, surface);
  }
}

/** Logs that a line over a picture begins or ends to say that its data are old, or in whose place it stands: `surface.marked`, `unmarked`. */
export function logStrip(
  logger: Logger,
  surface: string,
  before: StripText | undefined,
  after: StripText | undefined,
): void {
  if (after === undefined) {
    if (before !== undefined) logger.log('info', 'surface.unmarked', { surface });
    return;
  }
  const { inPlaceOf, reason } = after;
  if (before !== undefined && before.inPlaceOf === inPlaceOf) return;
  const dataAt = new Date(after.dataAt).toISOString();
  logger.log('warn', 'surface.marked', { surface, dataAt, inPlaceOf, reason });
}

function logSurface(logger: Logger, name: string, before: Surface, after: Surface): void {
  const kind = kindOf(after);
  if (kind !== kindOf(before)) logger.log('info', `surface.${kind}`, { surface: name });
  const shown = shownOf(after)?.view;
  if (shown !== undefined && shown.id !== shownOf(before)?.view.id) {
    const { id, dashboard, session, generation } = shown;
    logger.log('info', 'surface.shows', { surface: name, dashboard, view: id, session, generation });
  } else if (shown === undefined && before.base.kind !== after.base.kind) {
    logger.log('info', 'surface.shows', { surface: name, cover: after.base.kind });
  }
  for (const [dashboard, trouble] of after.troubles) {
    const known = before.troubles.get(dashboard);
    // A wait that is cut short is told by nobody; a failure after one that was forgiven is, though it counts as the first again.
    if (trouble.failures === known?.failures && trouble.reason === known.reason) continue;
    const { code, sentence: reason } = trouble.reason;
    const nextTryAt = new Date(trouble.nextTry.until.wall).toISOString();
    const { failures } = trouble;
    logger.log('warn', 'surface.trouble', { surface: name, dashboard, code, reason, failures, nextTryAt });
  }
  if (after.ringing !== before.ringing) logger.log('info', 'surface.alarm', { surface: name, ringing: after.ringing });
}

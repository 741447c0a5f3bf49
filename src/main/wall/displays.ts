import { type Display, screen } from 'electron';
import {
  type DisplayAssignment,
  type DisplayIdentity,
  NO_ASSIGNMENT,
  type SurfaceOnDisplay,
  matchDisplays,
} from '../../core/displays/match.ts';
import type { DisplayStatus } from '../../core/health/status.ts';
import type { Logger } from '../../core/ports.ts';

// One cable makes a handful of events, and a desktop goes on to arrange the others.
const QUIET_MS = 150;
const AT_MOST_MS = 1_000;
// Another display that becomes the primary one is no event.
const RECHECK_MS = 10_000;

export interface WatchDisplaysOptions {
  readonly surfaces: readonly SurfaceOnDisplay[];
  readonly logger: Logger;
  /** Told which surface is on which display, at once and whenever that changes. Those without a display are left out. */
  readonly onChange: (assignment: ReadonlyMap<string, DisplayStatus>) => void;
}

export interface DisplayWatch {
  /** Looks at once, as after sleep: what happened meanwhile may have made no event. */
  recheck(): void;
  stop(): void;
}

/** Watches the displays come, go, move and change their size, and gives each surface the one that is its own. */
export function watchDisplays({ surfaces, logger, onChange }: WatchDisplaysOptions): DisplayWatch {
  let assignment: DisplayAssignment = NO_ASSIGNMENT;
  let told: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let firstEventAt: number | undefined;
  let hasSeenOne = false;

  const look = () => {
    clearTimeout(timer);
    firstEventAt = undefined;
    const displays = screen.getAllDisplays();
    hasSeenOne ||= !displays.every(isStopgap);
    assignment = matchDisplays(
      surfaces,
      identitiesOf(hasSeenOne ? displays.filter((one) => !isStopgap(one)) : displays),
      assignment,
    );
    const statuses = statusesOf(assignment);
    const text = JSON.stringify([...statuses]);
    if (text === told) return;
    told = text;
    const unplugged = surfaces.map(({ name }) => name).filter((name) => !statuses.has(name));
    logger.log('info', 'displays.changed', {
      displays: assignment.displays.length,
      surfaces: [...statuses],
      unplugged,
    });
    onChange(statuses);
  };
  const onEvent = () => {
    clearTimeout(timer);
    const now = performance.now();
    firstEventAt ??= now;
    timer = setTimeout(look, Math.max(0, Math.min(QUIET_MS, firstEventAt + AT_MOST_MS - now)));
  };

  // At once: the system has moved its window onto another display, whose picture it covers.
  screen.on('display-removed', look);
  screen.on('display-added', onEvent);
  screen.on('display-metrics-changed', onEvent);
  const rechecks = setInterval(look, RECHECK_MS);
  look();
  return {
    recheck: look,
    stop() {
      clearTimeout(timer);
      clearInterval(rechecks);
      screen.off('display-added', onEvent);
      screen.off('display-removed', look);
      screen.off('display-metrics-changed', onEvent);
    },
  };
}

/**
 * Where every display is unplugged, Chromium on X11 makes one up as large as the desktop. A server that knows nothing of displays has
 * only such a one, and never another.
 */
function isStopgap({ id, label, displayFrequency }: Display): boolean {
  return id === 0 && label === '' && displayFrequency === 0;
}

function identitiesOf(displays: readonly Display[]): readonly DisplayIdentity[] {
  const primary = screen.getPrimaryDisplay();
  return displays.map(({ id, label, bounds }) => ({
    id,
    label,
    ...{ x: bounds.x, y: bounds.y, width: bounds.width, height: bounds.height },
    primary: id === primary.id && bounds.x === primary.bounds.x && bounds.y === primary.bounds.y,
  }));
}

function statusesOf({ placements }: DisplayAssignment): ReadonlyMap<string, DisplayStatus> {
  return new Map(
    [...placements].flatMap(([name, { display }]) => {
      if (display === undefined) return [];
      const { id, label, x, y, width, height } = display;
      return [[name, { id, label, bounds: { x, y, width, height } }] as const];
    }),
  );
}

/** Times as people read them from afar. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something lasted, rounded down: `45 s`, `14 min`, `3 h`, `2 days`. A clock that was set back makes no negative time. */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} days`;
}

/** How long ago something was: `45 seconds ago`, `14 minutes ago`, `1 hour ago`. */
export function ago(ms: number): string {
  const [size, unit] =
    ms < MINUTE ? [1_000, 'second'] : ms < HOUR ? [MINUTE, 'minute'] : ms < 2 * DAY ? [HOUR, 'hour'] : [DAY, 'day'];
  const count = Math.max(0, Math.floor(ms / size));
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}

/** When the next try comes: `in 20 s`, `in 3 min`, `now`. Rounded up, so that it never says less than is left. */
export function nextTry(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds === 0) return 'now';
  if (seconds < 120) return `in ${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `in ${minutes} min` : `in ${Math.ceil(minutes / 60)} h`;
}

/** The line over a picture whose data are stale, or which stands for another, without its reason. Times are wall-clock ms since the epoch. */
export function staleLine(
  {
    dataAt,
    nextTryAt,
    inPlaceOf,
  }: { readonly dataAt: number; readonly nextTryAt?: number; readonly inPlaceOf?: string },
  now: number,
): string {
  const what = inPlaceOf === undefined ? `Data ${span(now - dataAt)} old` : `In place of ${inPlaceOf}`;
  return nextTryAt === undefined ? what : `${what}, trying again ${nextTry(nextTryAt - now)}`;
}

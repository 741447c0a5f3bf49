/** What a surface shows, found the slow way: one second after the other, by what a clock on the wall would read. */
import type { Period, PlannedSurface } from '../../plan/plan.ts';

const DAY = 86_400;

/** What a clock of the zone reads at an instant, as seconds since 1970 as if it were UTC's; asked of Intl once a minute. */
function clockOf(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const minutes = new Map<number, number>();
  return (instant) => {
    const minute = Math.floor(instant / 60);
    let reading = minutes.get(minute);
    if (reading === undefined) {
      const parts = Object.fromEntries(
        format.formatToParts(minute * 60_000).map(({ type, value }) => [type, Number(value)]),
      );
      const { year = 0, month = 0, day = 0, hour = 0, minute: past = 0 } = parts;
      reading = Date.UTC(year, month - 1, day, hour, past) / 1000;
      minutes.set(minute, reading);
    }
    return reading + (instant - minute * 60);
  };
}

function applies({ hours, days }: Period, day: number, minute: number): boolean {
  const dayNames = (of: number): boolean => {
    const iso = new Date(of * DAY * 1000).getUTCDay();
    return days === undefined || days.some((one) => one % 7 === iso);
  };
  if (hours === undefined) return dayNames(day);
  // Every stretch that may reach this minute, as minutes since the day's start.
  return [day - 1, day].some((begun) => {
    const from = hours.from + (begun - day) * 1440;
    const to = hours.to + (begun - day) * 1440 + (hours.to <= hours.from ? 1440 : 0);
    return dayNames(begun) && from <= minute && minute < to;
  });
}

/** By the second from `from` on: what is shown (`night` or the dashboard); undefined before the first segment begins. */
export function shownBySecond(
  surface: PlannedSurface,
  timeZone: string,
  from: number,
  until: number,
): (string | undefined)[] {
  const clock = clockOf(timeZone);
  const periods = [...surface.playlist, ...surface.night];
  const times = periods.flatMap(({ hours }) => (hours === undefined ? [] : [hours.from, hours.to]));
  const shown: (string | undefined)[] = [];
  let latest = -Infinity;
  let latestMinute = -Infinity;
  let segment = '';
  let isWhole = false;
  let eligible: PlannedSurface['playlist'] = [];
  let isNight = false;
  let turn = 0;
  let left = 0;
  for (let instant = from; instant < until; instant++) {
    // A clock that is put back is not believed until it is where it was.
    latest = Math.max(latest, clock(instant));
    let isNew = false;
    if (Math.floor(latest / 60) !== latestMinute) {
      latestMinute = Math.floor(latest / 60);
      const day = Math.floor(latest / DAY);
      const minute = latestMinute - day * 1440;
      const name = `${day} ${Math.max(0, ...times.filter((time) => time <= minute))}`;
      if (name !== segment) {
        isNew = true;
        isWhole = segment !== '';
        segment = name;
        eligible = surface.playlist.filter((entry) => applies(entry, day, minute));
        isNight = eligible.length === 0 || surface.night.some((one) => applies(one, day, minute));
      }
    }
    if (isNew) turn = 0;
    else if (left === 0) turn = (turn + 1) % Math.max(1, eligible.length);
    if (isNew || left === 0) left = (eligible[turn]?.dwellMs ?? 0) / 1000;
    left -= 1;
    shown.push(!isWhole && !isNight && eligible.length > 1 ? undefined : isNight ? 'night' : eligible[turn]?.dashboard);
  }
  return shown;
}

/** What a surface is to show at any time: a function of the plan and of wall-clock time, with no state of its own. */
import type { HoursOfDay, Period, PlannedSurface, Programme, Showing, Weekday } from '../plan/plan.ts';
import { type Zone, zone } from './zone.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Temporal's own range, less what looking around takes. */
const FARTHEST_MS = 8e15;
/** Plans repeat weekly, and a change of the clocks hides a part of a day once: what has not changed by then never does. */
const LOOK_AHEAD_MS = 40 * DAY_MS;
const MOST_DAYS = 64;

/** One after the other, over and over, from the segment's start. */
interface Round {
  readonly turns: readonly { readonly showing: Showing; readonly endsMs: number }[];
  /** Length in ms; Infinity where nothing changes. */
  readonly lengthMs: number;
}

/** A showing and the instant it ends at the latest. */
interface Slot {
  readonly showing: Showing;
  readonly until: number;
}

interface Timetable {
  slotAt(instant: number): Slot;
  /** What is shown where only one thing ever is. */
  readonly constant: Showing | undefined;
  /** The last answer, good from `since` until its own end. */
  last?: { readonly since: number; readonly programme: Programme };
}

const NIGHT: Showing = { kind: 'night' };

function isSame(a: Showing, b: Showing): boolean {
  return a === b || (a.kind === 'dashboard' && b.kind === 'dashboard' && a.dashboard === b.dashboard);
}

/** Monday is 1; 1970-01-01 was a Thursday. */
function weekdayOf(day: number): Weekday {
  return (((((day + 3) % 7) + 7) % 7) + 1) as Weekday;
}

function isOn({ days }: Period, weekday: Weekday): boolean {
  return days === undefined || days.includes(weekday);
}

function covers(period: Period, weekday: Weekday, minute: number): boolean {
  const { hours } = period;
  if (hours === undefined) return isOn(period, weekday);
  const { from, to } = hours;
  if (from < to) return from <= minute && minute < to && isOn(period, weekday);
  const dayBefore = (weekday === 1 ? 7 : weekday - 1) as Weekday;
  return (minute >= from && isOn(period, weekday)) || (minute < to && isOn(period, dayBefore));
}

function roundOf(surface: PlannedSurface, weekday: Weekday, minute: number): Round {
  const still = (showing: Showing): Round => ({ turns: [{ showing, endsMs: Infinity }], lengthMs: Infinity });
  if (surface.night.some((period) => covers(period, weekday, minute))) return still(NIGHT);
  const eligible = surface.playlist.filter((entry) => covers(entry, weekday, minute));
  const [first] = eligible;
  if (first === undefined) return still(NIGHT);
  if (eligible.every(({ dashboard }) => dashboard === first.dashboard)) {
    return still({ kind: 'dashboard', dashboard: first.dashboard });
  }
  let lengthMs = 0;
  const turns = eligible.map(({ dashboard, dwellMs }) => {
    lengthMs += Math.max(1, Math.round(dwellMs));
    return { showing: { kind: 'dashboard', dashboard } as const, endsMs: lengthMs };
  });
  return { turns, lengthMs };
}

/** The minutes of the day at which something may begin or end; always with midnight. */
function cutsOf(surface: PlannedSurface): readonly number[] {
  const hours = [...surface.playlist, ...surface.night]
    .map((period) => period.hours)
    .filter((one): one is HoursOfDay => one !== undefined);
  const minutes = new Set([0, ...hours.flatMap(({ from, to }) => [from, to])]);
  return [...minutes].filter((minute) => minute < 1440).sort((a, b) => a - b);
}

function timetableOf(surface: PlannedSurface, timeZone: string | undefined): Timetable {
  let clocks: Zone | undefined;
  const cuts = cutsOf(surface);
  const week = [1, 2, 3, 4, 5, 6, 7].map((weekday) =>
    cuts.map((minute) => roundOf(surface, weekday as Weekday, minute)),
  );
  const all = week.flat().flatMap(({ turns }) => turns.map(({ showing }) => showing));
  const days = new Map<number, readonly number[]>();

  /** Instants at which the segments of a day begin, and its end; the day is counted from 1970-01-01. */
  const segmentsOf = (day: number): readonly number[] => {
    const known = days.get(day);
    if (known !== undefined) return known;
    // Asked for only now: a surface that never changes has no need of the zone's rules, which take a while to come by.
    const { firstReading } = (clocks ??= zone(timeZone));
    const starts = [...cuts, 1440].map((minute) => firstReading(day * DAY_MS + minute * MINUTE_MS));
    const [oldest] = days.keys();
    if (days.size >= MOST_DAYS && oldest !== undefined) days.delete(oldest);
    days.set(day, starts);
    return starts;
  };

  const slotAt = (instant: number): Slot => {
    // The local day is UTC's or one beside it, and a day that a zone leaves out has no length.
    let day = Math.floor(instant / DAY_MS);
    while (instant < (segmentsOf(day)[0] ?? -Infinity)) day -= 1;
    while (instant >= (segmentsOf(day).at(-1) ?? Infinity)) day += 1;
    const starts = segmentsOf(day);
    const index = starts.findLastIndex((start) => start <= instant);
    const start = starts[index] ?? instant;
    const end = starts[index + 1] ?? Infinity;
    const round = week[weekdayOf(day) - 1]?.[index];
    if (round === undefined) return { showing: NIGHT, until: end };
    const gone = round.lengthMs === Infinity ? 0 : (instant - start) % round.lengthMs;
    const turn = round.turns.find(({ endsMs }) => gone < endsMs);
    if (turn === undefined) return { showing: NIGHT, until: end };
    return { showing: turn.showing, until: Math.min(end, instant - gone + turn.endsMs) };
  };

  const [first = NIGHT] = all;
  return { slotAt, constant: all.every((showing) => isSame(showing, first)) ? first : undefined };
}

const timetables = new WeakMap<PlannedSurface, Map<string, Timetable>>();

function timetable(surface: PlannedSurface, timeZone: string | undefined): Timetable {
  const ofZones = timetables.get(surface) ?? new Map<string, Timetable>();
  timetables.set(surface, ofZones);
  const known = ofZones.get(timeZone ?? '');
  if (known !== undefined) return known;
  const made = timetableOf(surface, timeZone);
  ofZones.set(timeZone ?? '', made);
  return made;
}

function look(table: Timetable, instant: number): Programme {
  const forGood = (showing: Showing): Programme => ({ now: showing, until: Infinity, next: showing });
  if (table.constant !== undefined) return forGood(table.constant);
  const { showing: now, until } = table.slotAt(instant);
  let end = until;
  while (end - instant < LOOK_AHEAD_MS) {
    const { showing, until: later } = table.slotAt(end);
    if (!isSame(showing, now)) return { now, until: end, next: showing };
    end = later;
  }
  return forGood(now);
}

/**
 * What the surface shows at a wall-clock time, until when, and what then. It depends on nothing but its arguments: a
 * wall that restarts, wakes up or has its clock set shows what it would have shown anyway.
 *
 * Each local day is cut into segments at midnight and at every from and to of the surface's hours, on whichever days
 * those apply. Within a segment the entries whose hours and days cover it go round for their dwell times, from the
 * segment's start; it is night where a night covers it or no entry does. `until` is when something else is shown, across
 * segments and days, and Infinity where that never comes.
 *
 * When the clocks change, a local time means the first instant of its day at which clocks read that or later. So 02:30
 * in a night that leaves out 02:00 to 03:00 is the jump itself, when it becomes 03:00, and hours wholly inside the jump
 * do not happen. In a night that goes through 02:00 to 03:00 twice, 02:30 is its first coming, for beginnings and ends
 * alike: hours from 02:30 on go on through the second 02:00, and hours up to 02:30 are over with the first.
 *
 * @param timeZone IANA name; undefined: the machine's own. Throws a RangeError for a name that is none, where it matters.
 * @param wallMs ms since the epoch; times beyond 250 000 years from now count as those
 */
export function programmeAt(surface: PlannedSurface, timeZone: string | undefined, wallMs: number): Programme {
  const table = timetable(surface, timeZone);
  const instant = Math.min(Math.max(Math.floor(wallMs), -FARTHEST_MS), FARTHEST_MS);
  const { last } = table;
  if (last !== undefined && last.since <= instant && instant < last.programme.until) return last.programme;
  const programme = look(table, instant);
  table.last = { since: instant, programme };
  return programme;
}

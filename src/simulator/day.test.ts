/**
 * A wall of three displays and two accounts through whole days: what stood on each display, to the second, is what is written here. The
 * tables were written by hand from the settings; nothing in them comes from the code that reads plans.
 */
import { describe, expect, it } from 'vitest';
import { wallPlanOf } from '../core/plan/from-settings.ts';
import type { FileStore } from '../core/ports.ts';
import { loadSettings } from '../node/load-settings.ts';
import { ANSWER_MS, type Day, type DayOptions, LONGEST_LOAD_MS, type Load, liveThrough } from './testing/day.ts';

const SETTINGS = `
version: 1
role: { arn: 'arn:aws:iam::111122223333:role/Wall' }
roles:
  harbour: { arn: 'arn:aws:iam::444455556666:role/Harbour' }
dashboard: { url: https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/Main }
dashboards:
  orders: { url: https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/Orders, refreshSeconds: 60 }
  cranes: { url: https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/Cranes, role: harbour }
  tides: { url: https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/Tides, role: harbour, refreshSeconds: 0 }
  fire: { url: https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/Fire, role: harbour }
wall:
  timeZone: Europe/Berlin
  night: { hours: 22:00-06:00 }
displays:
  - name: hall
    show:
      - { dashboard: default, seconds: 4500 }
      - { dashboard: cranes, seconds: 2400 }
    alarms: { dashboard: fire, names: [crane-on-fire], everySeconds: 30 }
  - name: gate
    show:
      - { dashboard: cranes, hours: 00:00-12:00 }
      - { dashboard: tides, seconds: 45, hours: 12:00-12:05 }
      - { dashboard: orders, seconds: 25, hours: 12:00-12:05 }
      - { dashboard: tides, hours: 12:05-24:00 }
    night: { hours: 23:00-02:30 }
  - name: desk
    show:
      - { dashboard: tides, hours: 02:15-02:45 }
      - { dashboard: default, seconds: 1200, hours: 02:45-03:30 }
      - { dashboard: cranes, seconds: 1200, hours: 02:45-03:30 }
      - { dashboard: orders, hours: 08:00-18:00, days: [mon, tue, wed, thu, fri] }
      - { dashboard: tides, hours: 10:00-16:00, days: [sat, sun] }
      - { dashboard: default, hours: 22:30-00:30, days: [tue, sat] }
    night: []
`;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SEEDS = [1, 2, 3, 4];

/*
 * A line is a local time with its offset to UTC, which is that of the whole table where it has none, and what shows from then on.
 * `loading` says that it is opened then and shows as soon as it has painted; out of the night our own page stands meanwhile. Times in the place of which a word stands are the world's.
 */
const HALL = `
  00:00:00 night
  06:00:00 default
  07:15:00 cranes
  07:55:00 default
  09:10:00 cranes
  09:50:00 default
  10:17:30 loading fire
  10:53:00 loading default
  11:05:00 cranes
  11:45:00 default
  13:00:00 cranes
  13:40:00 default
  14:40:30 loading fire
  15:01:30 loading cranes
  15:35:00 default
  16:50:00 cranes
  17:30:00 default
  18:45:00 cranes
  19:25:00 default
  20:40:00 cranes
  21:20:00 default
  22:00:00 night
  23:10:30 signing-in
  23:10:30 loading fire
  23:26:00 night`;
const HALL_WITHOUT_ALARMS = HALL.replace('15:01:30 loading cranes', '14:55:00 cranes').replace(
  /.*loading.*\n|.*signing-in.*\n|.*23:26.*/g,
  '',
);
/** When the alarm of the hall is in ALARM; it is asked for at full half minutes. */
const RINGING = ['10:17:12 10:52:40', '14:40:05 15:01:20', '23:10:05 23:25:50'];

const GATE_FROM_NOON = `
  12:00:00 tides
  12:00:45 orders
  12:01:10 tides
  12:01:55 orders
  12:02:20 tides
  12:03:05 orders
  12:03:30 tides
  12:04:15 orders
  12:04:40 tides
  23:00:00 night`;

interface OneDay {
  readonly date: string;
  /** Offsets to UTC of its first and of its last midnight, in hours. */
  readonly offsets: readonly [string, string];
  readonly hall: string;
  readonly gate: string;
  readonly desk: string;
}

const ORDINARY: OneDay = {
  date: '2027-06-16',
  offsets: ['+02', '+02'],
  hall: HALL,
  gate: `
    00:00:00 night
    02:30:00 cranes
    ${GATE_FROM_NOON}`,
  desk: `
    00:00:00 default
    00:30:00 night
    02:15:00 tides
    02:45:00 default
    03:05:00 cranes
    03:25:00 default
    03:30:00 night
    08:00:00 orders
    18:00:00 night`,
};

/** At 02:00 it is 03:00: hours inside the jump do not happen, and those that end or begin in it do so at the jump. */
const SPRING: OneDay = {
  date: '2027-03-28',
  offsets: ['+01', '+02'],
  hall: HALL.replace('00:00:00', '00:00:00+01'),
  gate: `
    00:00:00+01 night
    03:00:00 cranes
    ${GATE_FROM_NOON}`,
  desk: `
    00:00:00+01 default
    00:30:00+01 night
    03:00:00 default
    03:20:00 cranes
    03:30:00 night
    10:00:00 tides
    16:00:00 night`,
};

/** At 03:00 it is 02:00 again: hours begin and end when their time first comes, and what goes round goes on through both. */
const AUTUMN: OneDay = {
  date: '2027-10-31',
  offsets: ['+02', '+01'],
  hall: HALL.replace('00:00:00', '00:00:00+02'),
  gate: `
    00:00:00+02 night
    02:30:00+02 cranes
    ${GATE_FROM_NOON}`,
  desk: `
    00:00:00+02 default
    00:30:00+02 night
    02:15:00+02 tides
    02:45:00+02 default
    02:05:00 cranes
    02:25:00 default
    02:45:00 cranes
    03:05:00 default
    03:25:00 cranes
    03:30:00 night
    10:00:00 tides
    16:00:00 night`,
};

async function planOf(yaml: string) {
  const path = '/etc/wall.yml';
  const files: FileStore = {
    read: (wanted) => Promise.resolve(wanted === path ? new TextEncoder().encode(yaml) : undefined),
    stamp: () => Promise.resolve(undefined),
  };
  const input = { env: {}, configFile: path, platform: 'linux', home: '/home/wall', workingFolder: '/', files };
  const { settings, problems } = await loadSettings(input);
  expect(problems).toEqual([]);
  return wallPlanOf(settings);
}

const instantOf = ({ date, offsets }: OneDay, clock: string) => {
  const [time, hours] = clock.length > 8 ? [clock.slice(0, 8), clock.slice(8)] : [clock, offsets[1]];
  return Date.parse(`${date}T${time}${hours}:00`);
};

const CLOCK = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Berlin',
  dateStyle: 'short',
  timeStyle: 'medium',
});
/** What a clock in Berlin reads, to the second: 02:30 comes twice, so UTC's hour goes along. */
const clockOf = (instant: number) => `${CLOCK.format(instant)} (UTC ${new Date(instant).toISOString().slice(11, 13)})`;

const midnightsOf = (day: OneDay): readonly [number, number] => [
  instantOf(day, `00:00:00${day.offsets[0]}`),
  instantOf(day, `00:00:00${day.offsets[1]}`) + 24 * HOUR,
];

/** What a wall shows on a day that is begun twenty minutes before midnight. */
async function lived(
  day: OneDay,
  seed: number,
  more: Partial<Omit<DayOptions, 'ringing'>> & { ringing?: readonly string[] } = {},
): Promise<Day> {
  const [midnight, until] = midnightsOf(day);
  const ringing = (more.ringing ?? RINGING).map((line) => {
    const [from = '', to = ''] = line.split(' ').map((clock) => instantOf(day, clock));
    return { from: Number(from), until: Number(to) };
  });
  const plan = await planOf(SETTINGS);
  return liveThrough({ plan, seed, lifeMs: HOUR, ...more, from: midnight - 20 * MINUTE, until, ringing });
}

/** The day's log of one display, a line for each change, beginning with what stood at midnight. */
function logOf(day: OneDay, { log }: Day, surface: string): readonly string[] {
  const [midnight] = midnightsOf(day);
  const own = log.filter((one) => one.surface === surface);
  const first = own.findLastIndex(({ at }) => at < midnight + 1_000);
  return own.slice(first).map(({ at, shows }) => `${clockOf(Math.max(at, midnight))} ${shows}`);
}

/** A table in the log's own form. @param world times that the world decided */
function linesOf(
  day: OneDay,
  { loads }: Day,
  surface: 'hall' | 'gate' | 'desk',
  table = day[surface],
  world: Readonly<Record<string, number>> = {},
): readonly string[] {
  const paintedAt = (at: number, dashboard: string): number => {
    const own = loads.filter((one) => one.surface === surface);
    const isUnderWay = (one: Load) => one.openedAt < at && at < one.paintedAt;
    // Nothing takes the place of a page that is signing in at the moment: its session needs it.
    const entering = own.find((one) => one.signsIn && isUnderWay(one));
    if (entering !== undefined) {
      return entering.dashboard === dashboard ? entering.paintedAt : paintedAt(entering.paintedAt, dashboard);
    }
    const load = own.find((one) => one.dashboard === dashboard && one.openedAt === at);
    if (load !== undefined) return load.paintedAt;
    // A page whose session is renewed on another display while it loads is loaded afresh.
    const session = loads.find((one) => one.dashboard === dashboard)?.session;
    const renewal = loads.find((one) => one.signsIn && one.session === session && one.paintedAt > at);
    if (renewal === undefined || renewal.paintedAt > at + LONGEST_LOAD_MS) {
      throw new Error(`${dashboard} was not opened on ${surface} at ${clockOf(at)}`);
    }
    return paintedAt(renewal.paintedAt, dashboard);
  };
  const lines = table
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.map((line) => {
    const [time = '', ...words] = line.split(' ');
    const shows = words.at(-1) ?? '';
    const at = world[time] ?? instantOf(day, time);
    const shownAt = words.length === 1 ? at : paintedAt(at + ANSWER_MS, shows);
    return `${clockOf(shownAt)} ${shows}`;
  });
}

describe.each([
  ['an ordinary day', ORDINARY],
  ['the day on which clocks go forward', SPRING],
  ['the day on which clocks go back', AUTUMN],
])('%s', (_name, day) => {
  it.each(SEEDS)('shows what the plan says, to the second, through renewals and alarms (seed %i)', async (seed) => {
    const life = await lived(day, seed);
    for (const surface of ['hall', 'gate', 'desk'] as const) {
      expect(logOf(day, life, surface), surface).toEqual(linesOf(day, life, surface));
    }
    // There was something that could have left a trace: half an hour of a session's hour, and dashboards loaded afresh.
    expect(life.signIns.filter(({ session }) => session === 'harbour').length).toBeGreaterThan(35);
    expect(life.signIns.filter(({ session }) => session === 'default').length).toBeGreaterThan(20);
    expect(life.loads.filter(({ dashboard }) => dashboard === 'orders').length).toBeGreaterThan(
      day === ORDINARY ? 400 : 3,
    );
  });
});

it('has as many seconds as the days have', () => {
  const hours = [ORDINARY, SPRING, AUTUMN].map((day) => {
    const [from, until] = midnightsOf(day);
    return (until - from) / HOUR;
  });
  expect(hours).toEqual([24, 23, 25]);
});

describe('a day on which nobody can sign in to one of the accounts for an hour', () => {
  const from = instantOf(ORDINARY, '12:20:00');
  const outage = { session: 'harbour', from, until: from + HOUR };
  /** Longest wait between two tries, and a sign-in; then the page loads. */
  const NEXT_TRY_MS = 5 * MINUTE;

  it.each(SEEDS)(
    'shows what the plan says but for that account, from its session’s end to its next one (seed %i)',
    async (seed) => {
      const life = await lived(ORDINARY, seed, { lifeMs: HOUR / 2, outage, ringing: [] });
      const own = life.signIns.filter(({ session }) => session === 'harbour');
      const good = own.filter(({ sessionEndsAt }) => sessionEndsAt !== undefined);
      const endsAt = good.findLast(({ askedAt }) => askedAt < outage.from)?.sessionEndsAt ?? NaN;
      // A try that is under way at the session's end is waited for.
      const over = own.find(({ askedAt, endedAt }) => askedAt < endsAt && endsAt < endedAt)?.endedAt ?? endsAt;
      const back = good.find(({ askedAt }) => askedAt >= outage.from);
      expect(back?.askedAt).toBeGreaterThanOrEqual(outage.until);
      expect(back?.askedAt).toBeLessThan(outage.until + NEXT_TRY_MS + 20_000);
      const firstLoad = (surface: string): Load => {
        const found = life.loads.find(
          (one) => one.surface === surface && one.openedAt >= outage.until && one.dashboard !== 'default',
        );
        if (found === undefined) throw new Error(`nothing was loaded on ${surface}`);
        return found;
      };
      // The first display opens what the sign-in brought, at once; then the other.
      expect(firstLoad('hall').openedAt).toBe(back?.endedAt);
      expect(firstLoad('gate').openedAt).toBe(firstLoad('hall').paintedAt);

      // What is shown past its time says in whose place it stands.
      const hall = HALL_WITHOUT_ALARMS.replace('13:00:00', '13:00:00 default-for-cranes\nback');
      expect(logOf(ORDINARY, life, 'hall')).toEqual(
        linesOf(ORDINARY, life, 'hall', hall, { back: firstLoad('hall').paintedAt }),
      );
      const gate = ORDINARY.gate.replace('23:00:00', 'over dark\nback tides\n23:00:00');
      expect(logOf(ORDINARY, life, 'gate')).toEqual(
        linesOf(ORDINARY, life, 'gate', gate, { over, back: firstLoad('gate').paintedAt }),
      );
      expect(logOf(ORDINARY, life, 'desk')).toEqual(linesOf(ORDINARY, life, 'desk'));
    },
  );

  it.each(SEEDS)('shows what the plan says where the session outlasts the hour (seed %i)', async (seed) => {
    const life = await lived(ORDINARY, seed, { lifeMs: 8 * HOUR, outage });
    for (const surface of ['hall', 'gate', 'desk'] as const) {
      expect(logOf(ORDINARY, life, surface), surface).toEqual(linesOf(ORDINARY, life, surface));
    }
  });
});

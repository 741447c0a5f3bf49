import type { PlannedDashboard, PlannedSurface, WallPlan } from '../core/plan/plan.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const dashboard = (name: string, session: string, refreshMs: number | undefined): PlannedDashboard => ({
  name,
  session,
  url: `https://console/${name}`,
  zoom: 1,
  ...(refreshMs === undefined ? {} : { refreshMs }),
  staleAfterMs: 3 * (refreshMs ?? HOUR),
});

const always = (name: string) => [{ dashboard: name, dwellMs: MINUTE }];

function planOf(
  dashboards: readonly PlannedDashboard[],
  surfaces: readonly PlannedSurface[],
  timeZone: string,
): WallPlan {
  return {
    timeZone,
    sessions: [...new Set(dashboards.map(({ session }) => session))],
    dashboards: Object.fromEntries(dashboards.map((one) => [one.name, one])),
    surfaces,
  };
}

/** One dashboard on one display. */
const SINGLE = planOf(
  [dashboard('main', 'default', HOUR)],
  [{ name: 'one', display: {}, playlist: always('main'), night: [] }],
  'UTC',
);

/** Two displays of one session, one with a playlist that is black at night. */
const PAIR = planOf(
  [dashboard('main', 'default', 4 * HOUR), dashboard('cost', 'default', 2 * HOUR)],
  [
    { name: 'one', display: {}, playlist: always('main'), night: [] },
    {
      name: 'two',
      display: {},
      playlist: [
        { dashboard: 'main', dwellMs: 2 * HOUR },
        { dashboard: 'cost', dwellMs: HOUR },
      ],
      night: [{ hours: { from: 22 * 60, to: 6 * 60 } }],
    },
  ],
  'Europe/Berlin',
);

/** Three displays of two accounts: a playlist of both, office hours, and alarms that take a display over. */
const TRIO = planOf(
  [
    dashboard('main', 'default', 4 * HOUR),
    dashboard('orders', 'shop', 4 * HOUR),
    dashboard('alarms', 'shop', 4 * HOUR),
  ],
  [
    {
      name: 'one',
      display: {},
      playlist: [
        { dashboard: 'main', dwellMs: 2 * HOUR },
        { dashboard: 'orders', dwellMs: 3 * HOUR },
      ],
      night: [],
    },
    {
      name: 'two',
      display: {},
      playlist: [{ dashboard: 'orders', dwellMs: MINUTE, hours: { from: 7 * 60, to: 19 * 60 }, days: [1, 2, 3, 4, 5] }],
      night: [],
    },
    {
      name: 'three',
      display: {},
      playlist: always('main'),
      night: [],
      alarms: { dashboard: 'alarms', session: 'shop', names: ['fire'], everyMs: 30_000 },
    },
  ],
  'America/New_York',
);

/** Quick turns of two accounts for a while each week, alarms of one of them, and a dashboard that nobody refreshes. */
const QUICK = planOf(
  [
    dashboard('main', 'default', 4 * HOUR),
    dashboard('cost', 'default', undefined),
    dashboard('orders', 'shop', 4 * HOUR),
    dashboard('alarms', 'shop', 4 * HOUR),
  ],
  [
    {
      name: 'one',
      display: {},
      playlist: [
        { dashboard: 'main', dwellMs: 20_000, hours: { from: 720, to: 730 }, days: [1] },
        { dashboard: 'orders', dwellMs: 20_000, hours: { from: 720, to: 730 }, days: [1] },
        { dashboard: 'main', dwellMs: MINUTE, hours: { from: 730, to: 720 } },
      ],
      night: [],
      alarms: { dashboard: 'alarms', session: 'shop', names: ['fire'], everyMs: 30_000 },
    },
    { name: 'two', display: {}, playlist: always('cost'), night: [] },
  ],
  'Australia/Lord_Howe',
);

const PLANS = [SINGLE, PAIR, TRIO, QUICK] as const;

/** Walls of one, two and three displays, and one with quick turns, take turns. */
export function planFor(seed: number): WallPlan {
  return PLANS[seed % PLANS.length] ?? SINGLE;
}

import type { PlannedDashboard, PlannedSurface, WallPlan } from '../core/plan/plan.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const dashboard = (name: string, session: string, refreshMs: number): PlannedDashboard => ({
  name,
  session,
  url: `https://console/${name}`,
  zoom: 1,
  refreshMs,
  staleAfterMs: 3 * refreshMs,
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
  [dashboard('main', 'default', 2 * HOUR), dashboard('cost', 'default', 2 * HOUR)],
  [
    { name: 'one', display: {}, playlist: always('main'), night: [] },
    {
      name: 'two',
      display: {},
      playlist: [
        { dashboard: 'main', dwellMs: 40 * MINUTE },
        { dashboard: 'cost', dwellMs: 20 * MINUTE },
      ],
      night: [{ hours: { from: 22 * 60, to: 6 * 60 } }],
    },
  ],
  'Europe/Berlin',
);

/** Three displays of two accounts: a playlist of both, office hours, and alarms that take a display over. */
const TRIO = planOf(
  [
    dashboard('main', 'default', 2 * HOUR),
    dashboard('orders', 'shop', 2 * HOUR),
    dashboard('alarms', 'shop', 2 * HOUR),
  ],
  [
    {
      name: 'one',
      display: {},
      playlist: [
        { dashboard: 'main', dwellMs: 25 * MINUTE },
        { dashboard: 'orders', dwellMs: 35 * MINUTE },
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

const PLANS = [SINGLE, PAIR, TRIO] as const;

/** Walls of one, two and three displays take turns. */
export function planFor(seed: number): WallPlan {
  return PLANS[seed % PLANS.length] ?? SINGLE;
}

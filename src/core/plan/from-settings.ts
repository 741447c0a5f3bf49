import { displayName } from '../settings/references.ts';
import type { Settings } from '../settings/schema.ts';
import { DEFAULT_NAME, dashboardSettings } from '../settings/sessions.ts';
import type {
  AlarmWatch,
  HoursOfDay,
  Period,
  PlannedDashboard,
  PlannedSurface,
  PlaylistEntry,
  Weekday,
  WallPlan,
} from './plan.ts';

type DisplaySettings = NonNullable<Settings['displays']>[number];
type PeriodSettings = NonNullable<Settings['wall']['night']>[number];

/** A surface that nobody named. */
const ONLY_SURFACE = 'main';
const WITHOUT_REFRESH_STALE_AFTER_SECONDS = 900;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/**
 * What the wall is to show, where and when. Of sessions and dashboards it has those that some surface uses, in the
 * order of their first use; the `role` group's session is named `default`, and so is the `dashboard` group's dashboard.
 * Without `displays` it is the default dashboard alone, on the primary display.
 *
 * @param settings without problems, and with nothing missing for a wall; a dashboard without an address gets an empty one
 */
export function wallPlanOf(settings: Settings): WallPlan {
  const { displays, wall } = settings;
  const commonNight = (wall.night ?? []).map(periodOf);
  const surfaces = displays?.map((display, index) => surfaceOf(settings, display, index, commonNight)) ?? [
    {
      name: ONLY_SURFACE,
      display: { primary: true },
      playlist: [{ dashboard: DEFAULT_NAME, dwellMs: 60_000 }],
      night: commonNight,
    },
  ];
  const names = surfaces.flatMap(({ playlist, alarms }) => [
    ...playlist.map(({ dashboard }) => dashboard),
    ...(alarms === undefined ? [] : [alarms.dashboard]),
  ]);
  const dashboards = [...new Set(names)].map((name) => plannedDashboard(settings, name));
  return {
    ...(wall.timeZone === undefined ? {} : { timeZone: wall.timeZone }),
    sessions: [...new Set(dashboards.map(({ session }) => session))],
    dashboards: Object.fromEntries(dashboards.map((dashboard) => [dashboard.name, dashboard])),
    surfaces,
  };
}

function plannedDashboard(settings: Settings, name: string): PlannedDashboard {
  const found = dashboardSettings(settings, name) ?? { ...settings.dashboard, session: DEFAULT_NAME };
  const { url, session, zoom, refreshSeconds, staleAfterSeconds } = found;
  const staleAfter =
    staleAfterSeconds ?? (refreshSeconds === 0 ? WITHOUT_REFRESH_STALE_AFTER_SECONDS : 3 * refreshSeconds);
  return {
    name,
    session,
    url: url ?? '',
    zoom,
    ...(refreshSeconds === 0 ? {} : { refreshMs: refreshSeconds * 1000 }),
    staleAfterMs: staleAfter * 1000,
  };
}

function surfaceOf(
  settings: Settings,
  display: DisplaySettings,
  index: number,
  commonNight: readonly Period[],
): PlannedSurface {
  const { name, match, show, night, alarms } = display;
  return {
    name: displayName(name, index),
    display: match ?? {},
    playlist: show.map(({ dashboard, seconds, ...period }): PlaylistEntry => {
      return { dashboard, dwellMs: seconds * 1000, ...periodOf(period) };
    }),
    night: night?.map(periodOf) ?? commonNight,
    ...(alarms === undefined ? {} : { alarms: alarmsOf(settings, alarms) }),
  };
}

function alarmsOf(settings: Settings, alarms: NonNullable<DisplaySettings['alarms']>): AlarmWatch {
  const { everySeconds, ...rest } = alarms;
  const session = dashboardSettings(settings, alarms.dashboard)?.session ?? DEFAULT_NAME;
  return { ...rest, session, everyMs: everySeconds * 1000 };
}

function periodOf({ hours, days }: PeriodSettings): Period {
  return {
    ...(hours === undefined ? {} : { hours: hoursOf(hours) }),
    ...(days === undefined ? {} : { days: days.map((day) => (DAYS.indexOf(day) + 1) as Weekday) }),
  };
}

/** `22:00-06:00`, which the schema has checked. */
function hoursOf(text: string): HoursOfDay {
  const [from = 0, to = 0] = text.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  return { from, to };
}

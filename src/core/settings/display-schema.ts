/** What the settings say of dashboards, and of which display shows which of them when. */
import { z } from 'zod';
import {
  givenName,
  group,
  matching,
  named,
  region,
  seconds,
  text,
  unlessMissing,
  url,
  yesOrNo,
} from './field-kinds.ts';

const consoleUrl = () => url({ schemes: ['https:'], query: true, login: false });

const zoom = () => {
  const error = 'must be a number from 0.25 to 5';
  return z
    .number({ error })
    .min(0.25, { error })
    .max(5, { error })
    .default(1)
    .describe('Zoom of the dashboard: 1 is 100 %.');
};

const DAY_SECONDS = 86_400;

const refreshSeconds = () => {
  const error = `must be 0 (never) or a whole number of seconds from 10 to ${DAY_SECONDS}`;
  const often = z.number({ error }).int({ error }).min(10, { error }).max(DAY_SECONDS, { error });
  return z
    .union([z.literal(0, { error }), often], { error })
    .default(300)
    .describe('Load the dashboard afresh this often, in seconds; 0 is never.');
};

const staleAfterSeconds = () =>
  seconds(10, 7 * DAY_SECONDS)
    .exactOptional()
    .describe(
      'Data older than this is called stale, in seconds. Where it is missing, three times refreshSeconds, or 900 without refreshes.',
    );

/** What is wrong with an allowance for old data, as a verb phrase, or undefined. */
export function staleComplaint(refresh: number, staleAfter: number | undefined): string | undefined {
  return staleAfter === undefined || staleAfter > refresh ? undefined : 'must be longer than refreshSeconds';
}

export const dashboard = z
  .strictObject({
    url: consoleUrl()
      .exactOptional()
      .describe('Address of the dashboard in the AWS console, as copied from a browser.'),
    zoom: zoom(),
    refreshSeconds: refreshSeconds(),
    staleAfterSeconds: staleAfterSeconds(),
  })
  .prefault({})
  .describe('What the wall shows.');

const namedDashboard = group({
  url: consoleUrl().describe('Address of the dashboard in the AWS console, as copied from a browser.'),
  role: givenName()
    .exactOptional()
    .describe('Name of an entry of roles. Where it is missing, the role that has no name.'),
  zoom: zoom(),
  refreshSeconds: refreshSeconds(),
  staleAfterSeconds: staleAfterSeconds(),
}).superRefine((value, context) => {
  const message = staleComplaint(value.refreshSeconds, value.staleAfterSeconds);
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['staleAfterSeconds'], message });
});

export const dashboards = named(namedDashboard, 'dashboards', 200)
  .default({})
  .describe('More dashboards by name, for displays to show; at most 200.');

const period = {
  hours: matching(
    /^([01]?\d|2[0-3]):[0-5]\d-(([01]?\d|2[0-3]):[0-5]\d|24:00)$/,
    'hours such as 08:00-18:00, or 22:00-06:00 past midnight',
    11,
  )
    .exactOptional()
    .describe("Hours of the day in the wall's time zone; they may go on past midnight. Where it is missing, all day."),
  days: z
    .array(
      z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], {
        error: 'must be mon, tue, wed, thu, fri, sat or sun',
      }),
      { error: 'must be a list of days such as mon' },
    )
    .min(1, { error: 'must list at least one day' })
    .max(7, { error: 'must list each day once at most' })
    .exactOptional()
    .describe('Days of the week; hours past midnight belong to the day they begin on. Where it is missing, every day.'),
};

const nightPeriod = group(period).refine(({ hours, days }) => hours !== undefined || days !== undefined, {
  error: 'must have hours, days or both',
});

/** One period or several, as a list. */
export const night = () =>
  z.union(
    [
      nightPeriod.transform((one) => [one]),
      z.array(nightPeriod, { error: 'must be a list of periods' }).max(20, { error: 'must list at most 20 periods' }),
    ],
    { error: 'must be hours and days, or a list of them' },
  );

const dashboardName = () =>
  givenName().describe('Name of an entry of dashboards, or default for the dashboard that has no name.');

const SECONDS_SHOWN = 60;

/** An entry, or a dashboard's name alone. */
const shown = z.union(
  [
    dashboardName().transform((name) => ({ dashboard: name, seconds: SECONDS_SHOWN })),
    group({
      dashboard: dashboardName(),
      seconds: seconds(5, DAY_SECONDS)
        .default(SECONDS_SHOWN)
        .describe('How long it shows before the next one, in seconds.'),
      ...period,
    }),
  ],
  { error: 'must be the name of a dashboard, or a group of fields' },
);

const wholeNumber = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
};

const pixels = (least: number, what: string) =>
  wholeNumber(least, 100_000).exactOptional().describe(`${what} in pixels, as the system counts them.`);

const match = group({
  id: wholeNumber(0, Number.MAX_SAFE_INTEGER).exactOptional().describe("The system's own number of the display."),
  label: text(256).exactOptional().describe("The display's name, as the system gives it."),
  width: pixels(1, 'Width'),
  height: pixels(1, 'Height'),
  x: pixels(-100_000, 'Place of the left edge'),
  y: pixels(-100_000, 'Place of the upper edge'),
  primary: yesOrNo().exactOptional().describe('Whether it is the display that the system calls its first.'),
});

// CloudWatch API reference, DescribeAlarms: AlarmNames and AlarmNamePrefix.
const alarmText = () => text(255);

const alarms = group({
  dashboard: dashboardName(),
  names: z
    .array(alarmText(), { error: 'must be a list of alarm names' })
    .min(1, { error: 'must name at least one alarm' })
    .max(100, { error: 'must name at most 100 alarms' })
    .exactOptional()
    .describe('Names of the alarms; at most 100.'),
  prefix: alarmText().exactOptional().describe('What the names of the alarms begin with.'),
  region: region().exactOptional().describe("Region of the alarms. Where it is missing, the dashboard's role's."),
  everySeconds: seconds(10, 3600).default(30).describe('How often to ask for the alarms, in seconds.'),
}).refine(({ names, prefix }) => names !== undefined || prefix !== undefined, {
  error: 'must have names, prefix or both',
});

const display = group({
  name: givenName()
    .exactOptional()
    .describe('Name of the display in logs and metrics. Where it is missing, display-1 and so on.'),
  match: match
    .exactOptional()
    .describe('Which display it is: all that is given must fit. Where it is missing, any that is left.'),
  show: z
    .array(shown, { error: unlessMissing('must be a list of dashboards') })
    .min(1, { error: 'must have at least one dashboard' })
    .max(100, { error: 'must have at most 100 dashboards' })
    .describe('Dashboards to show in turn.'),
  night: night().exactOptional().describe('When the display is black. Where it is missing, wall.night.'),
  alarms: alarms.exactOptional().describe('Alarms that make a dashboard take the display over while they last.'),
});

export const displays = z
  .array(display, { error: 'must be a list of displays' })
  .min(1, { error: 'must have at least one display' })
  .max(32, { error: 'must have at most 32 displays' })
  .exactOptional()
  .describe('What each display shows. Where it is missing, the first display shows the dashboard that has no name.');

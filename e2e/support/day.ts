import type { Display } from '../../scripts/display.mjs';
import type { Verdict } from '../../scripts/frame-classifier.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { startCapture } from '../../scripts/screen-capture.mjs';
import type { LogRecord } from './log.ts';
import { type Stage, REGION, ROLE } from './stage.ts';
import { OTHER_ACCOUNT, OTHER_ROLE, stripOf } from './x-displays.ts';

const MINUTE = 60_000;

/** Two accounts with dashboards that each have a picture of their own, and an alarm. */
export const DAY_STAGE = {
  dashboards: [{ name: 'Operations' }, { name: 'Orders' }],
  roles: { [ROLE]: { maxSessionDurationSeconds: 3600 }, [OTHER_ROLE]: { maxSessionDurationSeconds: 3600 } },
  accounts: {
    [OTHER_ACCOUNT]: {
      alias: 'harbour',
      dashboards: [{ name: 'Cranes' }, { name: 'Tides' }, { name: 'Fire' }],
      alarms: [{ name: 'crane-on-fire' }],
    },
  },
} as const;

/** Settings of a wall on which the night changes over from the right display to the left one at a full minute. */
export function daySettings(stage: Stage, changeAt: number): object {
  const { timeZone, clockOf } = zoneAtNoon(changeAt);
  const hour = 60 * MINUTE;
  return {
    roles: { harbour: { arn: OTHER_ROLE } },
    dashboard: { url: stage.dashboardUrl('Operations') },
    dashboards: {
      orders: { url: stage.dashboardUrl('Orders') },
      cranes: { url: stage.dashboardUrl('Cranes'), role: 'harbour' },
      tides: { url: stage.dashboardUrl('Tides'), role: 'harbour' },
      fire: { url: stage.dashboardUrl('Fire'), role: 'harbour' },
    },
    displays: [
      {
        name: 'left',
        match: { x: 0 },
        show: ['default', 'cranes', 'orders'].map((dashboard) => ({ dashboard, seconds: 10 })),
        night: { hours: `${clockOf(changeAt)}-${clockOf(changeAt + hour)}` },
      },
      {
        name: 'right',
        show: ['tides'],
        night: { hours: `${clockOf(changeAt - hour)}-${clockOf(changeAt)}` },
        alarms: { dashboard: 'fire', names: ['crane-on-fire'], everySeconds: 10 },
      },
    ],
    // The alarms are asked for at the stage; the other endpoints have variables of their own.
    aws: { region: REGION, endpoints: { all: stage.urls.cloudwatch } },
    wall: { timeZone, maxSessionAgeSeconds: 15 },
  };
}

/** A time zone in which it is about noon, so that no midnight comes near, and what its clocks read. */
export function zoneAtNoon(instant: number): { timeZone: string; clockOf: (instant: number) => string } {
  const ahead = 12 - new Date(instant).getUTCHours();
  const name = `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
  const clockOf = (at: number) => new Date(at + ahead * 60 * MINUTE).toISOString().slice(11, 16);
  return { timeZone: name, clockOf };
}

/** From when until when a display showed one thing, ms since the epoch: a dashboard's name, `black`, or another kind of picture. */
export interface Span {
  readonly shows: string;
  readonly from: number;
  until: number;
  frames: number;
}

/** What was on one display, from the first picture to the last. */
export interface Recording {
  readonly spans: readonly Span[];
  /** Waits until the newest picture shows this. */
  sees(shows: string): Promise<void>;
  /** The longest time between two pictures, in ms. */
  stop(): Promise<{ readonly worstGapMs: number; readonly fps: number }>;
}

/** Records one display. @param names of dashboards, by the numbers in their strips */
export async function record(
  { display, env }: Display,
  place: { x: number; y: number; width: number; height: number },
  names: ReadonlyMap<number, string>,
): Promise<Recording> {
  const spans: Span[] = [];
  // Times are counted from the first picture's, which is known once the recording has begun.
  let startedAtMs = 0;
  const early: { readonly atMs: number; readonly shows: string }[] = [];
  const add = (at: number, shows: string) => {
    const last = spans.at(-1);
    if (last?.shows === shows) {
      last.until = at;
      last.frames += 1;
    } else spans.push({ shows, from: at, until: at, frames: 1 });
  };
  const capture = await startCapture({
    display,
    env,
    ...place,
    fps: 15,
    onFrame: ({ atMs, verdict }) => {
      const shows = sightOf(verdict, names);
      if (startedAtMs === 0) early.push({ atMs, shows });
      else add(startedAtMs + atMs, shows);
    },
  });
  startedAtMs = capture.startedAtMs;
  for (const { atMs, shows } of early) add(startedAtMs + atMs, shows);
  return {
    spans,
    async sees(shows) {
      const look = () => spans.at(-1)?.shows === shows;
      try {
        await waitUntil(look, { what: `It did not show ${shows}`, timeoutMs: 120_000 });
      } catch (error) {
        throw new Error(`${String(error)}, but ${spans.map((span) => span.shows).join(', ')}`, { cause: error });
      }
    },
    async stop() {
      const { worstGapMs, fps } = await capture.stop();
      return { worstGapMs, fps };
    },
  };
}

function sightOf(verdict: Verdict, names: ReadonlyMap<number, string>): string {
  if (verdict.kind === 'dashboard') return names.get(verdict.dashboardId ?? -1) ?? 'a dashboard that nobody knows';
  return verdict.kind === 'blank' && verdict.topColour === '#000000' ? 'black' : verdict.kind;
}

/** Names that the settings give to the stage's dashboards, by the numbers in their strips. */
export function namesOf(stage: Stage, account: string): ReadonlyMap<number, string> {
  return new Map([
    [stripOf(stage, account, 'Operations'), 'default'],
    [stripOf(stage, account, 'Orders'), 'orders'],
    [stripOf(stage, OTHER_ACCOUNT, 'Cranes'), 'cranes'],
    [stripOf(stage, OTHER_ACCOUNT, 'Tides'), 'tides'],
    [stripOf(stage, OTHER_ACCOUNT, 'Fire'), 'fire'],
  ]);
}

/** What a wall says that it put on a display, and when (ms since the epoch); the same again, as after a renewal, counts once. */
export function toldOf(records: readonly LogRecord[], surface: string): readonly { shows: string; at: number }[] {
  const told: { shows: string; at: number }[] = [];
  for (const record of records) {
    if (record.event !== 'surface.shows' || record['surface'] !== surface) continue;
    const cover = record['cover'] === 'night' ? 'black' : record['cover'];
    const shows = String(record['dashboard'] ?? cover);
    if (told.at(-1)?.shows !== shows) told.push({ shows, at: Date.parse(record.time) });
  }
  return told;
}

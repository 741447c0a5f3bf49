// Watches a wall through one renewal: the whole screen picture by picture, the wall's own log, and what the stand-in saw.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { classifyFrame } from '../frame-classifier.mjs';
import { projectRoot } from '../lib/npm.mjs';
import { waitUntil } from '../lib/process.mjs';
import { screenshot, startCapture } from '../screen-capture.mjs';
import { narrate } from './story.mjs';

/**
 * @typedef {{ live: boolean, renewals: number, framesChecked: number, fps: number, blankFrames: number,
 *   electron: string | null, screenshot: string | null }} Result
 * @typedef {import('../lib/program.mjs').LogRecord} LogRecord
 * @typedef {{ atMs: number, kind: string }} Seen time since the epoch, in ms
 */

const PAINTED_WITHIN_MS = 90_000;
const RENEWED_WITHIN_MS = 60_000;
const BEFORE_MS = 1_000;
const AFTER_MS = 1_000;
const LEAST_FPS = 20;
const CAPTURE_FPS = 30;
const BLANKS = join(projectRoot, 'test-results', 'demo-blanks');

/**
 * @param {{ display: import('../display.mjs').Display, standIn: import('../lib/program.mjs').StandIn,
 *   wall: import('../lib/program.mjs').Wall, picture: string, log: (line: string) => void }} options
 * @returns {Promise<{ result: Result, holds: boolean }>} `holds`: live, one renewal, 20 pictures a second, none blank
 */
export async function watchRenewal({ display, standIn, wall, picture, log }) {
  /** @type {Result} */
  const result = {
    live: false,
    renewals: 0,
    framesChecked: 0,
    fps: 0,
    blankFrames: 0,
    electron: null,
    screenshot: null,
  };
  await rm(BLANKS, { recursive: true, force: true });
  /** @type {Seen[]} */
  const seen = [];
  let holds = false;
  const endStory = narrate(wall, log);
  try {
    await seeDashboard(display, wall, log);
    const loginsBefore = await logins(standIn);
    const { window, summary, renewals } = await seeRenewal(display, wall, seen, log);
    const inWindow = seen.filter(({ atMs }) => atMs >= window.from && atMs <= window.to);
    const newSessions = (await logins(standIn)) - loginsBefore;
    if (newSessions < renewals)
      log(`The stand-in has seen ${newSessions} new sessions, the wall speaks of ${renewals}`);
    result.renewals = Math.min(renewals, newSessions);
    result.framesChecked = inWindow.length;
    result.fps = ratePerSecond(inWindow);
    // All of them count, also those before and after the renewal.
    result.blankFrames = seen.filter(({ kind }) => kind !== 'dashboard').length;
    result.live = wall.isRunning() && seen.at(-1)?.kind === 'dashboard' && isLive(wall);
    log(
      `${seen.length} pictures, ${inWindow.length} of them around the renewal; longest gap ${Math.round(longestGap(inWindow))} ms`,
    );
    for (const file of summary.saved) log(`A picture without the dashboard: ${file}`);
    holds = result.live && result.renewals === 1 && result.fps >= LEAST_FPS && result.blankFrames === 0;
  } catch (error) {
    log(/** @type {Error} */ (error).message);
    if (wall.complaints()) log(wall.complaints());
  } finally {
    endStory();
  }
  result.electron = wall.log.find(({ event }) => event === 'wall.start')?.electron ?? null;
  try {
    await screenshot({ ...display, file: resolve(picture) });
    result.screenshot = picture;
  } catch (error) {
    log(/** @type {Error} */ (error).message);
    holds = false;
  }
  return { result, holds };
}

/** @param {import('../display.mjs').Display} display @param {import('../lib/program.mjs').Wall} wall @param {(line: string) => void} log */
async function seeDashboard(display, wall, log) {
  log('Waiting for the dashboard');
  let isThere = false;
  const capture = await startCapture({
    ...display,
    fps: 10,
    onFrame: ({ verdict }) => (isThere = verdict.kind === 'dashboard'),
  });
  try {
    const look = () => isThere || (wall.isRunning() ? false : Promise.reject(new Error('The wall ended early')));
    await waitUntil(look, { what: 'The dashboard did not appear', timeoutMs: PAINTED_WITHIN_MS });
  } finally {
    await capture.stop();
  }
  await wall.waitFor(({ event }) => event === 'session.live', {
    what: 'The wall did not say that it is live',
    timeoutMs: 10_000,
  });
}

/**
 * @param {import('../display.mjs').Display} display
 * @param {import('../lib/program.mjs').Wall} wall
 * @param {Seen[]} seen is filled
 * @param {(line: string) => void} log
 */
async function seeRenewal(display, wall, seen, log) {
  const capture = await startCapture({
    ...display,
    fps: CAPTURE_FPS,
    saveBlanksTo: BLANKS,
    // To who looks at the wall, everything but the dashboard is a gap.
    classify: (frame) => {
      const verdict = classifyFrame(frame);
      return verdict.kind === 'dashboard' ? verdict : { ...verdict, kind: 'blank' };
    },
    onFrame: ({ atMs, verdict }) => seen.push({ atMs, kind: verdict.kind }),
  });
  try {
    // Only a renewal that begins under our eyes counts.
    await delay(BEFORE_MS);
    const wait = { timeoutMs: RENEWED_WITHIN_MS, from: wall.log.length };
    const begin = await wall.waitFor(({ event }) => event === 'session.renewing', {
      ...wait,
      what: 'No renewal began',
    });
    const isEnd = (/** @type {LogRecord} */ { event, attempt }) => event === 'session.live' && attempt >= begin.attempt;
    const end = await wall.waitFor(isEnd, { ...wait, what: 'The renewal did not end' });
    await delay(AFTER_MS);
    const summary = await capture.stop();
    const renewals = wall.log.slice(wall.log.indexOf(begin)).filter(({ event }) => event === 'session.live').length;
    return {
      window: { from: Date.parse(begin.time) - BEFORE_MS, to: Date.parse(end.time) + AFTER_MS },
      summary,
      renewals,
    };
  } catch (error) {
    const { saved } = await capture.stop();
    for (const file of saved) log(`A picture without the dashboard: ${file}`);
    throw error;
  } finally {
    for (const one of seen) one.atMs += capture.startedAtMs;
  }
}

/** How many console sessions the stand-in has begun. @param {import('../lib/program.mjs').StandIn} standIn */
async function logins(standIn) {
  /** @type {import('../lib/program.mjs').RequestRecord[]} */
  const requests = await standIn.control('requests');
  return requests.filter(({ action, status }) => action === 'login' && status === 302).length;
}

/** @param {import('../lib/program.mjs').Wall} wall */
function isLive(wall) {
  return wall.log.findLast(({ event }) => event.startsWith('session.'))?.event === 'session.live';
}

/** @param {Seen[]} seen */
function ratePerSecond(seen) {
  const first = seen[0]?.atMs ?? 0;
  const span = (seen.at(-1)?.atMs ?? 0) - first;
  return span > 0 ? Math.round(((seen.length - 1) * 10_000) / span) / 10 : 0;
}

/** @param {Seen[]} seen */
function longestGap(seen) {
  return seen.slice(1).reduce((longest, { atMs }, i) => Math.max(longest, atMs - (seen[i]?.atMs ?? atMs)), 0);
}

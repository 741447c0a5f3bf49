// Whether the wall grows from renewal to renewal, and whether it ever stands without its dashboard: "Renew now" in its tray
// menu, again and again, with what all its processes hold after each, and every picture of the screen looked at meanwhile.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { judgePieces } from './bench/growth.mjs';
import { memoryOfTree } from './bench/memory.mjs';
import { ownCopy } from './bench/own-copy.mjs';
import { holdingsOf, processesOf } from './bench/processes.mjs';
import { report } from './bench/report.mjs';
import { bootstrap } from './bootstrap.mjs';
import { startDisplay } from './display.mjs';
import { classifyFrame } from './frame-classifier.mjs';
import { projectRoot } from './lib/npm.mjs';
import { waitUntil } from './lib/process.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';
import { startTray } from './lib/tray.mjs';
import { startCapture } from './screen-capture.mjs';

const HELP = `Usage: npm run bench:memory -- [options]

  --renewals N   how many (500)
  --minutes N    end the piece after so long (8.5); what is missing then, --resume brings
  --resume       go on where the last run stopped: with a new wall, which is a piece of its own
  --fps N        pictures of the screen a second (25)
`;

const LIVE_WITHIN_MS = 60_000;
const CLICK_WORKS_WITHIN_MS = 3_000;
const CLICKS_AT_MOST = 5;
/** For the old view's partition to be emptied; its renderer is waited for. */
const SETTLE_MS = 400;
const RENDERER_ENDS_WITHIN_MS = 10_000;
/** Our own page, and the dashboard. */
const RENDERERS_AT_REST = 2;
/** Pictures without the dashboard that are further apart are different cases. */
const APART_MS = 1_000;
const GAPS_TOLD = 10;
const STATE = join(projectRoot, '.cache', 'bench-memory.json');
const GAPS = join(projectRoot, 'test-results', 'bench-memory');

/**
 * @typedef {import('./bench/growth.mjs').Piece} Piece
 * @typedef {{ atMs: number, toMs: number, before?: number, after?: number }} Gap pictures in a row without the dashboard: the
 *   first and the last, and which load of the page was seen before and after them
 */

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    renewals: { type: 'string', default: '500' },
    minutes: { type: 'string', default: '8.5' },
    fps: { type: 'string', default: '25' },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [renewals, minutes, fps] = [values.renewals, values.minutes, values.fps].map(Number);
if (values.help) process.stdout.write(HELP);
else if (!(Number.isInteger(renewals) && renewals > 0 && minutes > 0 && fps > 0)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else await runScript(measure);

/** @param {import('./lib/teardown.mjs').Defer} defer */
async function measure(defer) {
  const until = performance.now() + minutes * 60_000;
  /** @type {Piece[]} */
  const pieces = values.resume ? JSON.parse(await readFile(STATE, 'utf8').catch(() => '[]')) : [];
  const missing = renewals - countOf(pieces);
  if (missing > 0) await measurePiece(defer, pieces, missing, until);
  const { lines, result } = judgePieces(pieces);
  for (const line of lines) say(line);
  const done = countOf(pieces);
  if (done < renewals) say(`${done} of ${renewals} renewals: run again with --resume`);
  return report({ ...result, holds: result.holds && done >= renewals, renewals: done, pieces: pieces.length });
}

/** @param {readonly Piece[]} pieces */
function countOf(pieces) {
  return pieces.reduce((sum, { samples }) => sum + samples.length, 0);
}

/**
 * @param {import('./lib/teardown.mjs').Defer} defer
 * @param {Piece[]} pieces gets one more
 * @param {number} count of renewals
 * @param {number} until by `performance.now()`
 */
async function measurePiece(defer, pieces, count, until) {
  const { electron, node } = await bootstrap();
  const folder = await temporaryFolder(defer);
  const display = await startDisplay();
  defer(display.stop);
  const tray = await startTray(/** @type {string} */ (display.env.DBUS_SESSION_BUS_ADDRESS));
  defer(tray.close);
  const standIn = await startStandIn({ node, keysDir: join(folder, 'keys'), defer });
  const { executable, libraries } = await ownCopy(electron.distPath, folder);
  const env = { ...display.env, LD_LIBRARY_PATH: libraries };
  const wall = await startWall({ executable, folder, env, settings: standIn.env, defer });
  const live = (/** @type {number} */ from) =>
    wall.waitFor(({ event }) => event === 'session.live', { what: 'Not live', timeoutMs: LIVE_WITHIN_MS, from });
  await live(0);
  await delay(SETTLE_MS);
  const root = /** @type {number} */ (wall.child.pid);
  /** @type {Piece} */
  const piece = {
    startedAt: new Date().toISOString(),
    electron: electron.version,
    samples: [],
    frames: { seen: 0, without: 0, longestGapMs: 0, elapsedMs: 0 },
  };
  pieces.push(piece);
  await mkdir(dirname(STATE), { recursive: true });
  const eyes = await watch(display, piece.frames, wall);
  defer(eyes.stop);
  say(
    `Electron ${electron.version}; after each renewal: PSS of all processes in KB / of it, what is no page of a file /`,
  );
  say('file descriptors / threads / processes');
  for (let i = 1; i <= count && performance.now() < until; i++) {
    const from = wall.log.length;
    await renewNow(tray, wall, from);
    await live(from);
    await oldViewGone(root);
    await delay(SETTLE_MS);
    piece.samples.push({ ...(await memoryOfTree(root)), ...(await holdingsOf(root)) });
    await writeFile(STATE, JSON.stringify(pieces));
    if (i % 5 === 0 || i === count) sayLatest(piece, i % 5 || 5);
    await standIn.control('clearRequests');
  }
  for (const file of await eyes.stop()) say(`A picture without the dashboard: ${file}`);
  await writeFile(STATE, JSON.stringify(pieces));
}

/** Waits until there are no more renderers than a wall at rest has; one that stays is in the samples. @param {number} root */
async function oldViewGone(root) {
  const renderers = async () => (await processesOf(root)).filter(({ kind }) => kind === 'renderer').length;
  const look = async () => (await renderers()) <= RENDERERS_AT_REST;
  await waitUntil(look, { what: 'The old view', timeoutMs: RENDERER_ENDS_WITHIN_MS }).catch(() => undefined);
}

/** @param {Piece} piece @param {number} count */
function sayLatest({ samples, frames }, count) {
  const latest = samples
    .slice(-count)
    .map(({ whole, own, descriptors, threads, processes }) => [whole, own, descriptors, threads, processes].join('/'));
  const pictures = `${frames.seen} pictures, ${frames.without} without the dashboard`;
  say(`${`${samples.length}`.padStart(5)}: ${latest.join('  ')}  (${pictures})`);
}

/**
 * Looks at every picture of the screen.
 *
 * @param {import('./display.mjs').Display} display
 * @param {Piece['frames']} frames is kept up to date
 * @param {import('./lib/program.mjs').Wall} wall its log is told around pictures without the dashboard
 * @returns {Promise<{ stop: () => Promise<string[]> }>} `stop` gives the files of pictures without the dashboard, the first
 *   ones; a second call does nothing
 */
async function watch(display, frames, wall) {
  let last = 0;
  /** @type {Gap[]} */
  const gaps = [];
  /** @type {number | undefined} */
  let load;
  const capture = await startCapture({
    ...display,
    fps,
    saveBlanksTo: GAPS,
    // To who looks at the wall, everything but the dashboard is a gap.
    classify: (frame) => {
      const verdict = classifyFrame(frame);
      return verdict.kind === 'dashboard' ? verdict : { ...verdict, kind: 'blank' };
    },
    onFrame: ({ atMs, verdict }) => {
      frames.seen++;
      const gap = gaps.at(-1);
      if (verdict.kind === 'dashboard') {
        load = verdict.loadSeq;
        if (gap !== undefined) gap.after ??= load;
      } else {
        frames.without++;
        if (gap === undefined || atMs - gap.toMs > APART_MS) gaps.push({ atMs, toMs: atMs, before: load });
        else gap.toMs = atMs;
      }
      frames.longestGapMs = Math.max(frames.longestGapMs, Math.round(atMs - last));
      frames.elapsedMs = Math.round(atMs);
      last = atMs;
    },
  });
  let isStopped = false;
  return {
    async stop() {
      if (isStopped) return [];
      isStopped = true;
      for (const gap of gaps.slice(0, GAPS_TOLD)) sayAround(wall, gap, capture.startedAtMs);
      return (await capture.stop()).saved;
    },
  };
}

/**
 * @param {import('./lib/program.mjs').Wall} wall
 * @param {Gap} gap
 * @param {number} startedAtMs of the pictures, since the epoch
 */
function sayAround(wall, gap, startedAtMs) {
  const atMs = startedAtMs + gap.atMs;
  const loads = `after load ${gap.before} of the page, before load ${gap.after}`;
  say(`No dashboard at ${new Date(atMs).toISOString()} for ${Math.round(gap.toMs - gap.atMs)} ms and more, ${loads}:`);
  for (const record of wall.log) {
    if (Math.abs(Date.parse(record.time) - atMs) <= APART_MS) say(`  ${JSON.stringify(record)}`);
  }
}

/**
 * @param {Awaited<ReturnType<typeof startTray>>} tray
 * @param {import('./lib/program.mjs').Wall} wall
 * @param {number} from in the log
 */
async function renewNow(tray, wall, from) {
  const began = (/** @type {import('./lib/program.mjs').LogRecord} */ { event }) => event === 'session.renewing';
  for (let tries = 1; ; tries++) {
    await tray.click('Renew now');
    try {
      await wall.waitFor(began, { what: 'No renewal', timeoutMs: CLICK_WORKS_WITHIN_MS, from });
      return;
    } catch (error) {
      // The menu was just being made anew.
      if (tries === CLICKS_AT_MOST) throw error;
    }
  }
}

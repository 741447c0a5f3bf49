// Whether the wall grows from renewal to renewal: "Renew now" in its tray menu, again and again, with what all its
// processes hold in memory after each.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { medianSlopeOf, memoryOfTree, slopeErrorOf, slopeOf } from './bench/memory.mjs';
import { median, report, rounded } from './bench/report.mjs';
import { bootstrap } from './bootstrap.mjs';
import { startDisplay } from './display.mjs';
import { executableName } from './electron-runtime.mjs';
import { projectRoot } from './lib/npm.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';
import { startTray } from './lib/tray.mjs';

const HELP = `Usage: npm run bench:memory -- [options]

  --renewals N   how many (200)
  --minutes N    stop after so long (8.5); what is missing then, --resume brings
  --resume       go on where the last run stopped: with a new wall, which is a piece of its own
`;

/** A renewal every half hour makes 17520 a year: at this slope a wall has grown by a third of a gigabyte then. */
const BAR_KB = 20;
const LIVE_WITHIN_MS = 60_000;
const CLICK_WORKS_WITHIN_MS = 3_000;
const CLICKS_AT_MOST = 5;
/** For the old view's renderer to end and its partition to be emptied. */
const SETTLE_MS = 400;
/** Fewer say nothing about a slope. */
const LEAST_SAMPLES = 40;
const STATE = join(projectRoot, '.cache', 'bench-memory.json');

/** @typedef {{ startedAt: string, electron: string, whole: number[], own: number[] }} Piece one wall, from its start; KB */

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    renewals: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '8.5' },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [renewals, minutes] = [values.renewals, values.minutes].map(Number);
if (values.help) process.stdout.write(HELP);
else if (!(Number.isInteger(renewals) && renewals > 0 && minutes > 0)) {
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
  return judge(pieces);
}

/** @param {readonly Piece[]} pieces */
function countOf(pieces) {
  return pieces.reduce((sum, { own }) => sum + own.length, 0);
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
  // Another Electron that runs from the same files would take its share of their pages, and the sum with it.
  const ownElectron = join(folder, 'electron');
  await cp(electron.distPath, ownElectron, { recursive: true });
  const wall = await startWall({
    executable: join(ownElectron, executableName()),
    folder,
    env: display.env,
    settings: standIn.env,
    defer,
  });
  const live = (/** @type {number} */ from) =>
    wall.waitFor(({ event }) => event === 'session.live', { what: 'Not live', timeoutMs: LIVE_WITHIN_MS, from });
  await live(0);
  /** @type {Piece} */
  const piece = { startedAt: new Date().toISOString(), electron: electron.version, whole: [], own: [] };
  pieces.push(piece);
  await mkdir(dirname(STATE), { recursive: true });
  say(
    `Electron ${electron.version}; after each renewal, in KB: PSS of all processes / of it, what is no page of a file`,
  );
  for (let i = 1; i <= count && performance.now() < until; i++) {
    const from = wall.log.length;
    await renewNow(tray, wall, from);
    await live(from);
    await delay(SETTLE_MS);
    const { whole, own, processes } = await memoryOfTree(/** @type {number} */ (wall.child.pid));
    piece.whole.push(whole);
    piece.own.push(own);
    await writeFile(STATE, JSON.stringify(pieces));
    if (i % 10 === 0) {
      const latest = piece.own.slice(-10).map((kilobytes, at) => `${piece.whole.at(at - 10)}/${kilobytes}`);
      say(`${`${i}`.padStart(5)}: ${latest.join(' ')}  (${processes} processes)`);
    }
    await standIn.control('clearRequests');
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

/** @param {readonly Piece[]} pieces */
function judge(pieces) {
  const usable = pieces.filter(({ own }) => own.length >= LEAST_SAMPLES);
  for (const { startedAt, whole, own } of usable) {
    say(`wall of ${startedAt}, ${own.length} renewals; second half, slopes in KB per renewal:`);
    say(`  PSS                     ${described(secondHalf(whole))}`);
    say(`  without pages of files  ${described(secondHalf(own))}`);
  }
  say(
    'The figure is the median slope without pages of files. Pictures that await garbage collection, 8 MB each, come and go,',
  );
  say("and the wall's share of files' pages changes with whatever else runs on this machine.");
  if (pieces.length > 1)
    say('Each piece is a wall of its own, which warms up in its own first half; figures are means by length.');
  const weights = usable.reduce((sum, { own }) => sum + own.length, 0);
  const mean = (/** @type {(piece: Piece) => number} */ slope) =>
    rounded(usable.reduce((sum, piece) => sum + slope(piece) * piece.own.length, 0) / weights, 1);
  const figure = mean(({ own }) => medianSlopeOf(secondHalf(own)));
  const pssSlope = mean(({ whole }) => slopeOf(secondHalf(whole)));
  const done = countOf(pieces);
  if (done < renewals) say(`${done} of ${renewals} renewals: run again with --resume`);
  const unit = 'KB per renewal, second half';
  const holds = done >= renewals && figure <= BAR_KB;
  return report({ bench: 'memory', figure, unit, bar: BAR_KB, holds, renewals: done, pieces: pieces.length, pssSlope });
}

/** @param {readonly number[]} values */
function secondHalf(values) {
  return values.slice(Math.floor(values.length / 2));
}

/** @param {readonly number[]} values */
function described(values) {
  const [line, error, middle] = [slopeOf(values), slopeErrorOf(values), medianSlopeOf(values)].map((one) =>
    rounded(one, 1),
  );
  return `median slope ${middle}; straight line ${line} ± ${error}; median ${median(values)} KB`;
}

// Whether the wall grows from renewal to renewal: "Renew now" in its tray menu, again and again, with what all its
// processes hold in memory after each.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { slopeOf, treePss } from './bench/memory.mjs';
import { median, report, rounded } from './bench/report.mjs';
import { bootstrap } from './bootstrap.mjs';
import { startDisplay } from './display.mjs';
import { projectRoot } from './lib/npm.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';
import { startTray } from './lib/tray.mjs';

const HELP = `Usage: npm run bench:memory -- [options]

  --renewals N   how many (200)
  --minutes N    stop after so long (8.5); what is missing then, --resume brings
  --resume       go on where the last run stopped: with a new wall, which is a piece of its own
`;

/** A renewal every half hour makes 17520 a year: at this slope a wall has grown by a quarter of a gigabyte then. */
const BAR_KB = 15;
const LIVE_WITHIN_MS = 60_000;
/** For the old view's renderer to end and its partition to be emptied. */
const SETTLE_MS = 400;
/** Fewer say nothing about a slope. */
const LEAST_SAMPLES = 20;
const STATE = join(projectRoot, '.cache', 'bench-memory.json');

/** @typedef {{ startedAt: string, electron: string, kilobytes: number[] }} Piece one wall, from its start */

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
  return pieces.reduce((sum, { kilobytes }) => sum + kilobytes.length, 0);
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
  const wall = await startWall({
    executable: electron.executablePath,
    folder,
    env: display.env,
    settings: standIn.env,
    defer,
  });
  const live = (/** @type {number} */ from) =>
    wall.waitFor(({ event }) => event === 'session.live', { what: 'Not live', timeoutMs: LIVE_WITHIN_MS, from });
  await live(0);
  /** @type {Piece} */
  const piece = { startedAt: new Date().toISOString(), electron: electron.version, kilobytes: [] };
  pieces.push(piece);
  await mkdir(dirname(STATE), { recursive: true });
  say(`Electron ${electron.version}; PSS of all processes after each renewal, in KB`);
  for (let i = 1; i <= count && performance.now() < until; i++) {
    const from = wall.log.length;
    await tray.click('Renew now');
    await live(from);
    await delay(SETTLE_MS);
    const { kilobytes, processes } = await treePss(/** @type {number} */ (wall.child.pid));
    piece.kilobytes.push(kilobytes);
    await writeFile(STATE, JSON.stringify(pieces));
    if (i % 10 === 0) say(`${`${i}`.padStart(5)}: ${piece.kilobytes.slice(-10).join(' ')}  (${processes} processes)`);
    await standIn.control('clearRequests');
  }
}

/** @param {readonly Piece[]} pieces */
function judge(pieces) {
  const usable = pieces.filter(({ kilobytes }) => kilobytes.length >= LEAST_SAMPLES);
  const slopes = usable.map(({ startedAt, kilobytes }) => {
    const half = kilobytes.slice(Math.floor(kilobytes.length / 2));
    const slope = slopeOf(half);
    say(
      `wall of ${startedAt}: ${kilobytes.length} renewals, second half from ${half[0]} to ${half.at(-1)} KB, ` +
        `median ${median(half)}, slope ${rounded(slope, 1)} KB per renewal`,
    );
    return { slope, weight: half.length };
  });
  if (pieces.length > 1)
    say('Each piece is a wall of its own, which warms up in its own first half; the figure is the mean by length.');
  const weights = slopes.reduce((sum, { weight }) => sum + weight, 0);
  const figure = rounded(slopes.reduce((sum, { slope, weight }) => sum + slope * weight, 0) / weights, 1);
  const done = countOf(pieces);
  if (done < renewals) say(`${done} of ${renewals} renewals: run again with --resume`);
  const unit = 'KB of PSS per renewal, second half';
  const holds = done >= renewals && figure <= BAR_KB;
  return report({ bench: 'memory', figure, unit, bar: BAR_KB, holds, renewals: done, pieces: pieces.length });
}

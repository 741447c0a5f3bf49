// What the wall costs while nothing happens: processor time of all its processes with the live demo page, against a bare
// Electron with the same page full screen. In turns, each started anew, each measured when it has come to rest.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loginUrl, startBare } from './bench/bare.mjs';
import { processWith, processorTimeOf } from './bench/processes.mjs';
import { median, report, rounded } from './bench/report.mjs';
import { bootstrap } from './bootstrap.mjs';
import { startDisplay } from './display.mjs';
import { projectRoot } from './lib/npm.mjs';
import { waitUntil } from './lib/process.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';
import { startCapture } from './screen-capture.mjs';

const HELP = `Usage: npm run bench:idle -- [options]

  --pairs N      a run of the wall and one of bare Electron each (3)
  --seconds N    how long each is measured (60)
  --minutes N    begin no run that would end after so long (9.8); what is missing then, --resume brings
  --resume       keep what the last run has measured, and go on
`;

/** Times what bare Electron uses. */
const RATIO_BAR = 1.2;
/** Percent of one core above what bare Electron uses. */
const EXCESS_BAR = 0.5;
const SHOWN_WITHIN_MS = 90_000;
/**
 * After the dashboard came up: what a program does once at its start is over then. The last of it is V8 tidying up after it: two whole
 * collections of garbage, 23 to 25 s after the sign-in, and then none for minutes.
 */
const SETTLE_MS = 30_000;
const STATE = join(projectRoot, '.cache', 'bench-idle.json');

/**
 * @typedef {{ percent: number, xPercent: number, byKind: Record<string, number> }} Sample percent of one core; `xPercent`
 *   is what the X server used meanwhile
 * @typedef {{ wall: Sample, bare: Sample }} Pair
 * @typedef {{ child: { pid?: number }, isRunning: () => boolean, ended: Promise<string>, complaints: () => string,
 *   stop: () => Promise<void>, own: string }} Program
 */

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '9.8' },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [wanted, seconds, minutes] = [values.pairs, values.seconds, values.minutes].map(Number);
if (values.help) process.stdout.write(HELP);
else if (!(Number.isInteger(wanted) && wanted > 0 && seconds > 0 && minutes > 0)) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else await runScript(measure);

/** @param {import('./lib/teardown.mjs').Defer} defer */
async function measure(defer) {
  const until = performance.now() + minutes * 60_000;
  /** @type {Pair[]} */
  const pairs = values.resume ? JSON.parse(await readFile(STATE, 'utf8').catch(() => '[]')) : [];
  if (pairs.length < wanted) await measurePairs(defer, pairs, until);
  return judge(pairs);
}

/**
 * @param {import('./lib/teardown.mjs').Defer} defer
 * @param {Pair[]} pairs gets more
 * @param {number} until by `performance.now()`
 */
async function measurePairs(defer, pairs, until) {
  const { electron, node } = await bootstrap();
  const folder = await temporaryFolder(defer);
  const display = await startDisplay();
  defer(display.stop);
  const standIn = await startStandIn({ node, keysDir: join(folder, 'keys'), defer });
  await mkdir(dirname(STATE), { recursive: true });

  const executable = electron.executablePath;
  const { env } = display;
  /** @param {number} run @returns {Promise<Program>} */
  const wall = async (run) => {
    const own = join(folder, `wall-${run}`);
    const started = await startWall({ executable, folder: own, env, settings: standIn.env, defer });
    const isLive = (/** @type {{ event: string }} */ { event }) => event === 'session.live';
    await started.waitFor(isLive, { what: 'Not live', timeoutMs: SHOWN_WITHIN_MS });
    return { ...started, own };
  };
  /** @param {number} run @returns {Promise<Program>} */
  const bare = async (run) => {
    const own = join(folder, `bare-${run}`);
    const url = await loginUrl(node, standIn.env);
    return { ...(await startBare({ executable, folder: own, env, url, defer })), own };
  };

  say(`Electron ${electron.version}; ${seconds} s each, ${SETTLE_MS / 1000} s after the dashboard is on the screen`);
  let longestMs = 0;
  for (let i = pairs.length; i < wanted; i++) {
    const from = performance.now();
    if (i > 0 && from + longestMs > until) break;
    // Whoever comes second finds the machine a little warmer.
    const first = i % 2 === 0 ? 'wall' : 'bare';
    const one = await sampleOf(display, () => (first === 'wall' ? wall(i) : bare(i)));
    const two = await sampleOf(display, () => (first === 'wall' ? bare(i) : wall(i)));
    const pair = first === 'wall' ? { wall: one, bare: two } : { wall: two, bare: one };
    pairs.push(pair);
    await writeFile(STATE, JSON.stringify(pairs));
    say(`pair ${i + 1} (${first} first): ${told(pair)}`);
    longestMs = Math.max(longestMs, performance.now() - from);
  }
}

/**
 * @param {import('./display.mjs').Display} display
 * @param {() => Promise<Program>} start
 * @returns {Promise<Sample>}
 */
async function sampleOf(display, start) {
  const program = await start();
  try {
    await shown(display, program);
    await delay(SETTLE_MS);
    const root = /** @type {number} */ (program.child.pid);
    const look = async () => ({ at: performance.now(), own: await processorTimeOf(root), x: await xServerMs(display) });
    const before = await look();
    await delay(seconds * 1000);
    const after = await look();
    if (!program.isRunning()) throw new Error(`The program ${await program.ended}: ${program.complaints()}`);
    const percent = (/** @type {number} */ usedMs) => rounded((usedMs / (after.at - before.at)) * 100, 3);
    const kinds = new Set([...Object.keys(before.own.byKind), ...Object.keys(after.own.byKind)]);
    return {
      percent: percent(after.own.usedMs - before.own.usedMs),
      xPercent: percent(after.x - before.x),
      byKind: Object.fromEntries(
        [...kinds].map((kind) => [kind, percent((after.own.byKind[kind] ?? 0) - (before.own.byKind[kind] ?? 0))]),
      ),
    };
  } finally {
    await program.stop();
    await rm(program.own, { recursive: true, force: true });
    await delay(500);
  }
}

/** Waits for the dashboard on the screen. @param {import('./display.mjs').Display} display @param {Program} program */
async function shown(display, program) {
  let isThere = false;
  const capture = await startCapture({
    ...display,
    fps: 5,
    onFrame: ({ verdict }) => (isThere = verdict.kind === 'dashboard'),
  });
  try {
    const look = async () => {
      if (!program.isRunning()) throw new Error(`The program ${await program.ended}: ${program.complaints()}`);
      return isThere;
    };
    await waitUntil(look, { what: 'No dashboard', timeoutMs: SHOWN_WITHIN_MS });
  } finally {
    await capture.stop();
  }
}

/** @param {import('./display.mjs').Display} display @returns {Promise<number>} processor time of the X server so far */
async function xServerMs({ env }) {
  const pid = await processWith(`-auth\0${env.XAUTHORITY}`);
  return pid === undefined ? 0 : (await processorTimeOf(pid)).usedMs;
}

/** @param {Pair} pair */
function told({ wall, bare }) {
  const parts = (/** @type {Sample} */ { byKind }) =>
    Object.entries(byKind)
      .filter(([, percent]) => percent > 0)
      .map(([kind, percent]) => `${kind} ${percent}`)
      .join(', ');
  return `wall ${wall.percent} % (${parts(wall)}), bare ${bare.percent} % (${parts(bare)}), ratio ${rounded(wall.percent / bare.percent)}`;
}

/** @param {readonly Pair[]} pairs */
function judge(pairs) {
  pairs.forEach((pair, i) => say(`${`${i + 1}`.padStart(3)}: ${told(pair)}`));
  const figure = rounded(median(pairs.map(({ wall, bare }) => wall.percent / bare.percent)));
  const excess = rounded(median(pairs.map(({ wall, bare }) => wall.percent - bare.percent)));
  say('Percent of one core, user and kernel time of all processes, those that ended meanwhile included.');
  if (pairs.length < wanted) say(`${pairs.length} of ${wanted} pairs: run again with --resume`);
  return report({
    bench: 'idle',
    figure,
    unit: 'times the processor time of bare Electron, median of the pairs',
    bar: RATIO_BAR,
    holds: pairs.length >= wanted && figure <= RATIO_BAR && excess <= EXCESS_BAR,
    excess,
    excessUnit: 'percent of a core more, median of the pairs',
    excessBar: EXCESS_BAR,
    pairs: pairs.length,
  });
}

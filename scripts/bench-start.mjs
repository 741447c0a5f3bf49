// From process start to the dashboard on the screen: the wall, which signs itself in, against a bare Electron that is given
// a login URL made beforehand. Both are started and watched from outside in the same way, in turns.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loginUrl, startBare } from './bench/bare.mjs';
import { median, report, rounded } from './bench/report.mjs';
import { bootstrap } from './bootstrap.mjs';
import { startDisplay } from './display.mjs';
import { matchingSquares } from './frame-classifier.mjs';
import { waitUntil } from './lib/process.mjs';
import { startStandIn, startWall, temporaryFolder } from './lib/program.mjs';
import { runScript } from './lib/teardown.mjs';
import { startCapture } from './screen-capture.mjs';

const PAIRS = 15;
const WARM_UP = 1;
const BAR = 2.0;
const PICTURES_PER_SECOND = 100;
const PAINTED_WITHIN_MS = 60_000;
/** The corner of the screen that the strip stands in; small, so that looking costs next to nothing. */
const CORNER = { width: 480, height: 20 };
const SQUARES = 16;

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);

await runScript(async (defer) => {
  const { electron, node } = await bootstrap();
  const folder = await temporaryFolder(defer);
  const display = await startDisplay();
  defer(display.stop);
  const keysDir = join(folder, 'keys');
  const standIn = await startStandIn({ node, keysDir, defer });

  /** @param {number} run */
  const startOurs = async (run) => {
    const own = join(folder, `wall-${run}`);
    const wall = await startWall({
      executable: electron.executablePath,
      folder: own,
      env: display.env,
      settings: standIn.env,
      flags: ['--no-tray'],
      defer,
    });
    return { ...wall, own };
  };
  /** @param {number} run */
  const startTheirs = async (run) => {
    const own = join(folder, `bare-${run}`);
    const url = await loginUrl(node, standIn.env);
    const bare = await startBare({ executable: electron.executablePath, folder: own, env: display.env, url, defer });
    return { ...bare, own };
  };

  /** @type {{ wall: number, bare: number }[]} */
  const pairs = [];
  say(`Electron ${electron.version}; ${PAIRS} pairs after ${WARM_UP} to warm up; times in ms`);
  for (let i = 0; i < WARM_UP + PAIRS; i++) {
    const wall = await timeToDashboard(display, () => startOurs(i));
    const bare = await timeToDashboard(display, () => startTheirs(i));
    const isWarmUp = i < WARM_UP;
    say(
      `${isWarmUp ? 'warm-up' : `pair ${i - WARM_UP + 1}`}: wall ${wall}, bare ${bare}, ratio ${rounded(wall / bare)}`,
    );
    if (!isWarmUp) pairs.push({ wall, bare });
  }
  const figure = rounded(median(pairs.map(({ wall, bare }) => wall / bare)));
  const [wall, bare] = [pairs.map((pair) => pair.wall), pairs.map((pair) => pair.bare)].map(median);
  say(`median: wall ${wall}, bare ${bare}; a picture of the corner about every ${1000 / PICTURES_PER_SECOND} ms`);
  const unit = 'times the bare start, median of the pairs';
  return report({ bench: 'start', figure, unit, bar: BAR, holds: figure <= BAR });
});

/**
 * @param {import('./display.mjs').Display} display
 * @param {() => Promise<import('./lib/process.mjs').Started & { own: string }>} start
 * @returns {Promise<number>} milliseconds from right before the start to the first picture with the whole strip
 */
async function timeToDashboard(display, start) {
  /** @type {number | undefined} */
  let seenAtMs;
  const capture = await startCapture({
    ...display,
    ...CORNER,
    fps: PICTURES_PER_SECOND,
    // Only whether the strip is there is asked.
    classify: (frame) => {
      const strip = matchingSquares(frame);
      return {
        kind: strip === SQUARES ? 'dashboard' : 'unknown',
        strip,
        topShare: 0,
        topColour: '',
        colours: 0,
        edges: 0,
        brightness: 0,
      };
    },
    onFrame: ({ atMs, verdict }) => {
      if (verdict.kind === 'dashboard') seenAtMs ??= atMs;
    },
  });
  if (seenAtMs !== undefined) throw new Error('The dashboard of the run before still stands on the screen');
  const program = await start();
  try {
    const look = async () => {
      if (!program.isRunning()) throw new Error(`The program ${await program.ended}: ${program.complaints()}`);
      return seenAtMs !== undefined;
    };
    await waitUntil(look, { what: 'No dashboard', timeoutMs: PAINTED_WITHIN_MS });
    return Math.round(
      capture.startedAtMs + /** @type {number} */ (/** @type {unknown} */ (seenAtMs)) - program.startedAtMs,
    );
  } finally {
    await program.stop();
    await capture.stop();
    await rm(program.own, { recursive: true, force: true });
    // The X server clears the screen, and the machine settles.
    await delay(500);
  }
}

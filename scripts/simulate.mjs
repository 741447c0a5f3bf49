// Years of a wall's life in seconds: the core's own state machines in a simulated world (src/simulator).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const HELP = `Usage: npm run simulate -- [options]

  --years N     how long each wall runs; may be a fraction (10)
  --seeds A..B  one world and one wall for each (1..20)
  --jobs N      so many at once (1)
  --fail-fast   ends a wall's life as soon as something is wrong with it
  --trace D     of the first seed, what happened in the quarter of an hour that ends on day D, instead of its report

Prints a line of JSON for each seed and one for all; ends with 1 when an invariant broke, a wall was available for less than
99.99 % of the time that no fault excuses, or was dark for more than 90 s without an excuse.
`;
const LEAST_AVAILABILITY = 0.9999;
const LONGEST_DARK_SECONDS = 90;

/** @typedef {import('../src/simulator/simulate.ts').Report} Report */

if (!process.features.typescript) await again();
else if (!isMainThread) await work();
else {
  const { values } = parseArgs({
    options: {
      years: { type: 'string', default: '10' },
      seeds: { type: 'string', default: '1..20' },
      jobs: { type: 'string', default: '1' },
      trace: { type: 'string' },
      'fail-fast': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const years = Number(values.years);
  const jobs = Number(values.jobs);
  const [first = NaN, last = first] = values.seeds.split('..').map(Number);
  const isSound = years > 0 && Number.isInteger(jobs) && jobs > 0 && Number.isInteger(first) && last >= first;
  if (values.help) process.stdout.write(HELP);
  else if (!isSound) {
    process.stderr.write(HELP);
    process.exitCode = 2;
  } else if (values.trace !== undefined) await trace(years, first, Number(values.trace));
  else await run(years, first, last, jobs, values['fail-fast']);
}

/** Once more on the pinned Node, for this one does not read TypeScript. */
async function again() {
  const { pinnedNode } = await import('./lib/npm.mjs');
  const node = pinnedNode();
  if (node === undefined) throw new Error('The pinned Node is missing: run npm run bootstrap.');
  const { status } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

async function work() {
  const { simulate } = await import('../src/simulator/simulate.ts');
  parentPort?.on('message', (seed) => {
    if (seed === undefined) parentPort?.close();
    else parentPort?.postMessage(simulate(workerData.years, seed, { endsWhenBroken: workerData.isFast }));
  });
}

/**
 * @param {number} years
 * @param {number} seed
 * @param {number} end day
 */
async function trace(years, seed, end) {
  const { simulate } = await import('../src/simulator/simulate.ts');
  simulate(years, seed, {
    journal: (day, line) => {
      if (day < end - 0.0105 || day > end + 0.0005) return;
      process.stdout.write(`${((day - end) * 86_400).toFixed(3).padStart(9)} s  ${line}\n`);
    },
  });
}

/**
 * @param {number} years
 * @param {number} first
 * @param {number} last
 * @param {number} jobs
 * @param {boolean} isFast
 */
async function run(years, first, last, jobs, isFast) {
  /** @type {Map<number, Report>} */
  const reports = new Map();
  let next = first;
  let toPrint = first;
  const worker = () =>
    new Promise((done, failed) => {
      const thread = new Worker(fileURLToPath(import.meta.url), { workerData: { years, isFast } });
      const give = () => thread.postMessage(next <= last ? next++ : undefined);
      thread.on('message', (report) => {
        reports.set(report.seed, report);
        for (; reports.has(toPrint); toPrint += 1) print(reports.get(toPrint));
        give();
      });
      thread.once('error', failed);
      thread.once('exit', done);
      give();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, last - first + 1) }, worker));
  const all = [...reports.values()];
  print(sum(years, `${first}..${last}`, all));
  if (all.length !== last - first + 1 || all.some(isBroken)) process.exitCode = 1;
}

/** @param {unknown} value */
function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** @param {Report} report */
function isBroken({ availability, longestUnexplainedDarkSeconds, brokenInvariants }) {
  return (
    brokenInvariants.length > 0 ||
    availability < LEAST_AVAILABILITY ||
    longestUnexplainedDarkSeconds > LONGEST_DARK_SECONDS
  );
}

/**
 * @param {number} years of each
 * @param {string} seeds
 * @param {Report[]} reports
 */
function sum(years, seeds, reports) {
  /** @type {Record<string, number>} */
  const faults = {};
  for (const report of reports) {
    for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  }
  const most = (/** @type {(report: Report) => number} */ of) => Math.max(...reports.map(of));
  const mean = (/** @type {(report: Report) => number} */ of) =>
    reports.reduce((total, report) => total + of(report), 0) / reports.length;
  return {
    years: years * reports.length,
    seeds,
    faults,
    availability: mean(({ availability }) => availability),
    leastAvailability: Math.min(...reports.map(({ availability }) => availability)),
    litOfAllTime: mean(({ litOfAllTime }) => litOfAllTime),
    judgedOfAllTime: mean(({ judgedOfAllTime }) => judgedOfAllTime),
    longestUnexplainedDarkSeconds: most(({ longestUnexplainedDarkSeconds }) => longestUnexplainedDarkSeconds),
    longestStaleSeconds: most(({ longestStaleSeconds }) => longestStaleSeconds),
    signInsPerDay: mean(({ signInsPerDay }) => signInsPerDay),
    mostSignInsInADay: most(({ mostSignInsInADay }) => mostSignInsInADay),
    brokenInvariants: reports.flatMap(({ seed, brokenInvariants }) =>
      brokenInvariants.map(({ name, count, first }) => ({ seed, name, count, first })),
    ),
  };
}

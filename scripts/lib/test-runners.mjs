// Runs the test runners, each in a process of its own on the pinned Node, and counts what they report.
import { readFile, readdir, readlink } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from './npm.mjs';
import { startProcess } from './process.mjs';
import { temporaryFolder } from './program.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const LEAVE_WITHIN_MS = 5_000;
const MARK = 'VIGIL_TEST_RUN';

/** @type {Record<'unit' | 'e2e', { what: string, command: (report: string) => { args: string[], env?: Record<string, string> }, count: (report: any) => Counts }>} */
const RUNNERS = {
  unit: {
    what: 'unit tests',
    command: (report) => ({
      args: ['vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    }),
    count: countUnit,
  },
  e2e: {
    what: 'end-to-end tests',
    command: (report) => ({
      args: ['@playwright/test/cli.js', 'test', '--config=e2e/playwright.config.ts', '--reporter=list,json'],
      env: { PLAYWRIGHT_JSON_OUTPUT_FILE: report },
    }),
    count: countE2e,
  },
};

/**
 * Runs one kind of tests with its own progress on this terminal.
 *
 * @param {'unit' | 'e2e'} kind
 * @param {{ node: string, defer: import('./teardown.mjs').Defer, args?: readonly string[] }} options `args` go to the runner
 * @returns {Promise<Counts>} a runner that crashed, and a file that did not load, count as one failed test each
 */
export async function runTests(kind, { node, defer, args = [] }) {
  const { what, command, count } = RUNNERS[kind];
  const report = join(await temporaryFolder(defer), 'report.json');
  const { args: own, env = {} } = command(report);
  const [program = '', ...rest] = own;
  const run = randomUUID();
  const started = performance.now();
  process.stdout.write(`\n${what}\n`);
  const runner = startProcess(node, [join(projectRoot, 'node_modules', program), ...rest, ...args], {
    cwd: projectRoot,
    show: true,
    env: {
      ...process.env,
      ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
      PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      [MARK]: run,
      ...env,
    },
  });
  defer(async () => {
    await runner.stop();
    await endLeftovers(run, 0);
  });
  const how = await runner.ended;
  await endLeftovers(run, LEAVE_WITHIN_MS);
  const counts = await readFile(report, 'utf8').then(
    (text) => count(JSON.parse(text)),
    () => undefined,
  );
  const seconds = Math.round((performance.now() - started) / 1000);
  if (!counts) process.stdout.write(`${what}: the runner ${how} and left no report\n`);
  else process.stdout.write(`${what}: ${counts.passed} of ${counts.passed + counts.failed} passed in ${seconds} s\n`);
  const result = counts ?? { passed: 0, failed: 1, skipped: 0 };
  if (runner.child.exitCode === 0 || result.failed > 0) return result;
  process.stdout.write(`${what}: the runner ${how} although no test failed\n`);
  return { ...result, failed: 1 };
}

/** @param {any} report as vitest's json reporter writes it @returns {Counts} */
export function countUnit(report) {
  const unloaded = report.testResults.filter(
    (/** @type {any} */ file) =>
      file.status === 'failed' && !file.assertionResults.some((/** @type {any} */ test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {any} report as Playwright's json reporter writes it @returns {Counts} */
export function countE2e({ stats, errors }) {
  return {
    passed: stats.expected,
    // A test that passed at a second try has failed once.
    failed: stats.unexpected + stats.flaky + (stats.unexpected + stats.flaky === 0 ? errors.length : 0),
    skipped: stats.skipped,
  };
}

/**
 * Ends what the tests left running, and names it: a test that leaves a process behind has a fault.
 *
 * @param {string} run as marked in their environment
 * @param {number} graceMs how long they may take to go by themselves
 */
async function endLeftovers(run, graceMs) {
  let left = await processesOf(run);
  for (const end = performance.now() + graceMs; left.length > 0 && performance.now() < end; await delay(100)) {
    left = await processesOf(run);
  }
  for (const { pid, name } of left) {
    process.stderr.write(`Left behind by the tests, and ended: ${name} (${pid})\n`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone in the meantime.
    }
  }
}

/** @param {string} run @returns {Promise<{ pid: number, name: string }[]>} Linux only; elsewhere none */
async function processesOf(run) {
  const names = await readdir('/proc').catch(() => /** @type {string[]} */ ([]));
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
        if (!environment.split('\0').includes(`${MARK}=${run}`)) return [];
        return [{ pid: Number(pid), name: await readlink(`/proc/${pid}/exe`).catch(() => '?') }];
      }),
  );
  return found.flat();
}

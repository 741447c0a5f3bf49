// A program started as a process of its own, which never outlives this one.
import { spawn } from 'node:child_process';
import { onPath } from '../display.mjs';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

const STOP_WITHIN_MS = 10_000;
const KEPT_OUTPUT = 8_000;
const isWindows = process.platform === 'win32';
// The kernel then ends the child even when this process is killed outright.
const hasSetpriv = process.platform === 'linux' && onPath('setpriv');

/**
 * @typedef {object} Started
 * @property {ChildProcess} child
 * @property {number} startedAtMs right before the start, milliseconds since the epoch
 * @property {Promise<string>} ended resolves, in words, with how it ended
 * @property {() => boolean} isRunning
 * @property {() => string} complaints the last of what it wrote on standard error, when that is not shown
 * @property {() => Promise<void>} stop asks it to end, and after 10 s ends it and what it started
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, show?: boolean }} [options] `show` lets it share this terminal's
 *   standard output and error; else its output is a pipe on `child.stdout`, and its errors are kept for `complaints`
 * @returns {Started}
 */
export function startProcess(command, args, { env = process.env, cwd, show = false } = {}) {
  const [program, before] = hasSetpriv ? ['setpriv', ['--pdeathsig', 'KILL', command]] : [command, []];
  const startedAtMs = Date.now();
  const child = spawn(program, [...before, ...args], {
    env,
    cwd,
    // A group of its own: Ctrl-C reaches us, and we end it in order.
    detached: !isWindows,
    stdio: ['pipe', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  let complaints = '';
  child.stderr?.on('data', (chunk) => (complaints = (complaints + chunk).slice(-KEPT_OUTPUT)));
  child.stdin?.on('error', () => {});
  let running = true;
  const killNow = () => killGroup(child);
  process.once('exit', killNow);
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => {
    const end = (/** @type {string} */ how) => {
      running = false;
      // What it started and left behind.
      killNow();
      process.off('exit', killNow);
      resolve(how);
    };
    child.once('error', (error) => end(`could not be started (${error.message})`));
    child.once('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `ended with code ${code}`));
  });
  return {
    child,
    startedAtMs,
    ended,
    isRunning: () => running,
    complaints: () => complaints.trim(),
    async stop() {
      if (!running) return;
      child.kill('SIGTERM');
      const late = setTimeout(killNow, STOP_WITHIN_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** @param {ChildProcess} child */
function killGroup(child) {
  if (!child.pid) return;
  try {
    if (isWindows)
      spawn('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore' }).on('error', () => {});
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // There is nobody left in it.
  }
}

/**
 * Waits until `look` gives something.
 *
 * @template T
 * @param {() => T | undefined | false | Promise<T | undefined | false>} look
 * @param {{ what: string, timeoutMs: number, everyMs?: number }} options `what` completes "... within 30 s"
 * @returns {Promise<T>}
 * @throws {Error} when it gave nothing in time, or `look` threw
 */
export async function waitUntil(look, { what, timeoutMs, everyMs = 50 }) {
  for (const end = performance.now() + timeoutMs; ;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`${what} within ${Math.round(timeoutMs / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

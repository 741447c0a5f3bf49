// Starts the built programs as a person or a service would, each as its own process with its own temporary folders: the
// stand-in for AWS, and the wall.
import { createReadStream, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAlive } from './cache.mjs';
import { projectRoot } from './npm.mjs';
import { startProcess, waitUntil } from './process.mjs';

/**
 * @typedef {import('./process.mjs').Started} Started
 * @typedef {{ time: string, level: string, event: string } & Record<string, any>} LogRecord a line of the wall's log
 * @typedef {{ at: number, service: string, method: string, action: string, status: number, detail?: string }} RequestRecord
 * @typedef {Started & { env: Record<string, string>, urls: Record<string, string>, keysDir: string,
 *   secrets: Record<string, string>, control: (name: string, input?: object) => Promise<any> }} StandIn `env`: what the wall's environment needs to say;
 *   `secrets` what an auto-id server has to hand out; `control` calls a function of the stand-in's control, such as `requests`
 * @typedef {Started & { folder: string, log: LogRecord[], executable: string,
 *   waitFor: (find: (record: LogRecord) => boolean, options: { what: string, timeoutMs: number, from?: number }) => Promise<LogRecord> }} Wall
 *   `log` grows as the wall writes; `waitFor` gives the first record after index `from` that fits
 */

const FOLDER = 'vigil-run-';
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

// What would send a wall elsewhere than where the script wants it.
const FOREIGN_VARIABLES =
  /^(AWS_|VIGIL_|AUTO_ID_|ASSUME_ROLE_|ENTROPY_|NPM_(SCOPE|PACKAGE|TOKEN)$|VISIT_URL$|ELECTRON_|NODE_OPTIONS$)|_proxy$/i;

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Record<string, string>} the environment without what speaks to a wall
 */
export function plainEnvironment(env = process.env) {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || FOREIGN_VARIABLES.test(name) ? [] : [[name, value]],
    ),
  );
}

/**
 * A temporary folder that is removed at the end. Those of processes that were killed outright go as well.
 *
 * @param {import('./teardown.mjs').Defer} defer
 * @returns {Promise<string>}
 */
export async function temporaryFolder(defer) {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : NaN;
    if (pid && !isAlive(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  // A killed Chromium may still be writing.
  defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

/**
 * Starts the stand-in and waits until it answers.
 *
 * @param {{ node: string, keysDir: string, args?: readonly string[], defer: import('./teardown.mjs').Defer }} options
 *   `args` as its `--help` tells
 * @returns {Promise<StandIn>}
 * @throws {Error} when it ends or is not ready within a minute
 */
export async function startStandIn({ node, keysDir, args = [], defer }) {
  const main = join(projectRoot, 'dist', 'standin', 'main.js');
  const started = startProcess(node, [main, '--keys-dir', keysDir, '--stdin-end', ...args], {
    env: plainEnvironment(),
  });
  defer(started.stop);
  const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (started.child.stdout) });
  /** @type {string | undefined} */
  let first;
  lines.once('line', (line) => (first = line));
  await waitUntil(() => first ?? !started.isRunning(), {
    what: 'The stand-in was not ready',
    timeoutMs: READY_WITHIN_MS,
  });
  if (first === undefined) throw new Error(`The stand-in ${await started.ended}: ${started.complaints()}`);
  const { env, urls, control, secrets } = JSON.parse(first);
  return {
    ...started,
    env,
    urls,
    keysDir,
    secrets,
    async control(name, input = {}) {
      const response = await fetch(`${control.url}/${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${control.token}` },
        body: JSON.stringify(input),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(`The stand-in's ${name}: ${answer.message}`);
      return answer;
    },
  };
}

/**
 * The arguments that start the app on an unpacked Electron, with a profile of its own.
 *
 * @param {{ app?: string, userData?: string, flags?: readonly string[] }} [options]
 * @returns {string[]}
 */
export function electronArguments({ app = projectRoot, userData, flags = [] } = {}) {
  // Chromium refuses to sandbox what root starts.
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return [app, ...root, ...(userData ? [`--user-data-dir=${userData}`] : []), ...flags];
}

/**
 * Starts the wall with its own profile, settings, cache and log folders, all below `folder`.
 *
 * @param {{ executable: string, folder: string, env: NodeJS.ProcessEnv, settings: Record<string, string>,
 *   flags?: readonly string[], defer: import('./teardown.mjs').Defer }} options `env` is the display's (see
 *   {@link plainEnvironment}); `settings` are variables of the wall
 * @returns {Promise<Wall>} at once; whether it is live, its log tells
 */
export async function startWall({ executable, folder, env, settings, flags = [], defer }) {
  const [userData, logs, config, cache] = ['profile', 'logs', 'config', 'cache'].map((name) => join(folder, name));
  for (const path of [userData, logs, config, cache]) await mkdir(path, { recursive: true });
  const started = startProcess(executable, electronArguments({ userData, flags }), {
    cwd: folder,
    env: {
      ...plainEnvironment(env),
      XDG_CONFIG_HOME: config,
      XDG_CACHE_HOME: cache,
      VIGIL_PROXY: 'none',
      VIGIL_LOG_FOLDER: logs,
      ...settings,
    },
  });
  defer(started.stop);
  started.child.stdout?.resume();
  /** @type {LogRecord[]} */
  const log = [];
  const follower = followLog(join(logs, 'vigil.log'), (record) => log.push(record));
  defer(follower.stop);
  return {
    ...started,
    executable,
    folder,
    log,
    async waitFor(find, { what, timeoutMs, from = 0 }) {
      const look = async () => {
        const record = log.slice(from).find(find);
        if (record || started.isRunning()) return record;
        await follower.readOn();
        return log.slice(from).find(find) ?? fail(`The wall ${await started.ended}. ${started.complaints()}`);
      };
      return waitUntil(look, { what, timeoutMs }).catch((error) =>
        fail(
          `${error.message}. The wall's last words:\n${log
            .slice(-5)
            .map((line) => `  ${JSON.stringify(line)}\n`)
            .join('')}`,
        ),
      );
    },
  };
}

/** @param {string} message @returns {never} */
function fail(message) {
  throw new Error(message);
}

/**
 * Reads a log of JSON lines as it grows.
 *
 * @param {string} file need not exist yet; when it is rotated, reading goes on in the new one
 * @param {(record: LogRecord) => void} onRecord
 */
export function followLog(file, onRecord) {
  let position = 0;
  let rest = '';
  /** @type {Promise<void>} */
  let reading = Promise.resolve();
  const read = async () => {
    const size = (await stat(file).catch(() => undefined))?.size ?? 0;
    if (size < position) position = 0;
    if (size === position) return;
    const stream = createReadStream(file, { start: position, end: size - 1, encoding: 'utf8' });
    for await (const chunk of stream) rest += chunk;
    position = size;
    const lines = rest.split('\n');
    rest = /** @type {string} */ (lines.pop());
    for (const line of lines) if (line.startsWith('{')) onRecord(JSON.parse(line));
  };
  // A reading that failed does not end the reading.
  const readOn = () => (reading = reading.then(read).catch(() => {}));
  const timer = setInterval(readOn, LOOK_EVERY_MS);
  return {
    readOn,
    stop() {
      clearInterval(timer);
    },
  };
}

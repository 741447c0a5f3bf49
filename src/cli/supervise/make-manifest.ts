/** Makes and signs the manifest of a version's folder. */
import type { KeyObject } from 'node:crypto';
import { lstat, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, type Manifest, SIGNATURE_FILE, readManifest } from '../../core/supervisor/manifest.ts';
import { replaceFile } from './disk.ts';
import { signatureOf } from './keys.ts';
import { readThrough, refused, walk } from './verify.ts';

export interface NewManifest {
  readonly folder: string;
  readonly version: string;
  /** `linux-x64` and the like. */
  readonly platform: string;
  /** Path of the file to start, relative to the folder, with `/`. */
  readonly executable: string;
  readonly key: KeyObject;
}

/**
 * Writes `manifest.json` and `manifest.json.sig` into the folder, for everything in it. Whatever its permissions, a file counts as
 * executable where its owner may run it, or it is the one to start. Rejects with SUPERVISE_MANIFEST_INVALID
 * for a folder that no supervisor would take, and with SUPERVISE_FILES_CHANGED for devices, pipes and the like.
 */
export async function makeManifest({ folder, version, platform, executable, key }: NewManifest): Promise<Manifest> {
  const files: Manifest['files'] = [];
  const links: Manifest['links'] = [];
  for await (const { path, entry } of walk(folder)) {
    if (path === MANIFEST_FILE || path === SIGNATURE_FILE || entry.isDirectory()) continue;
    const full = join(folder, path);
    if (entry.isSymbolicLink()) links.push({ path, target: await readlink(full) });
    else if (entry.isFile()) {
      const { mode } = await lstat(full);
      const runs = path === executable || (mode & 0o100) !== 0;
      files.push({ path, ...(await readThrough(full)), ...(runs ? { executable: true as const } : {}) });
    } else throw refused('SUPERVISE_FILES_CHANGED', `${full} is neither file nor folder nor link`);
  }
  const inOrder = <T extends { path: string }>(list: T[]): T[] => list.sort((a, b) => (a.path < b.path ? -1 : 1));
  const made = { format: 1, version, platform, executable, files: inOrder(files), links: inOrder(links) };
  const text = `${JSON.stringify(made, undefined, 1)}\n`;
  // Whatever we would not take, we do not make.
  const manifest = readManifest(text);
  // A new manifest must never stand beside the old signature.
  await rm(join(folder, SIGNATURE_FILE), { force: true });
  await replaceFile(join(folder, MANIFEST_FILE), text, undefined, 0o644);
  await replaceFile(join(folder, SIGNATURE_FILE), `${signatureOf(Buffer.from(text), key)}\n`, undefined, 0o644);
  return manifest;
}

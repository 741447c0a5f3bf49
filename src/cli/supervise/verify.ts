/** Whether a version's folder holds exactly what its signed manifest says. */
import { createHash, type KeyObject } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import {
  LONGEST_MANIFEST,
  MANIFEST_FILE,
  type Manifest,
  type ManifestFile,
  SIGNATURE_FILE,
  readManifest,
} from '../../core/supervisor/manifest.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { isSigned } from './keys.ts';

const LONGEST_SIGNATURE = 1024;
const CHUNK_BYTES = 1024 * 1024;
/** A link in the place of a file is not followed; Windows has no such flag, and Node then leaves it out. */
const READ_FLAGS = constants.O_RDONLY | ((constants.O_NOFOLLOW as number | undefined) ?? 0);

export interface SignedManifest {
  readonly manifest: Manifest;
  /** SHA-256 of the manifest's bytes, in hexadecimal digits: names these files and no others. */
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly signature: string;
}

/**
 * A version's manifest, signed by one of the keys and for this platform (`linux-x64`). Rejects with SUPERVISE_FILES_INCOMPLETE where
 * manifest or signature are not there, SUPERVISE_SIGNATURE_WRONG, SUPERVISE_MANIFEST_INVALID or SUPERVISE_PLATFORM_WRONG.
 */
export async function readSignedManifest(
  folder: string,
  keys: readonly KeyObject[],
  platform: string,
): Promise<SignedManifest> {
  const files = createNodeFileStore();
  const read = async (name: string, maxBytes: number): Promise<Uint8Array> => {
    let bytes: Uint8Array | undefined;
    try {
      await refuseLink(join(folder, name));
      bytes = await files.read(join(folder, name), maxBytes);
    } catch (cause) {
      throw refused('SUPERVISE_MANIFEST_INVALID', `${name} in ${folder} cannot be read`, cause);
    }
    if (bytes === undefined) throw refused('SUPERVISE_FILES_INCOMPLETE', `${folder} has no ${name} (yet)`);
    return bytes;
  };
  const bytes = await read(MANIFEST_FILE, LONGEST_MANIFEST);
  const signature = Buffer.from(await read(SIGNATURE_FILE, LONGEST_SIGNATURE)).toString('latin1');
  // What is not signed is not even parsed.
  if (!isSigned(bytes, signature, keys)) {
    throw refused('SUPERVISE_SIGNATURE_WRONG', `The manifest in ${folder} is not signed by a key that is trusted here`);
  }
  const manifest = readManifest(Buffer.from(bytes).toString('utf8'));
  if (manifest.platform !== platform) {
    throw refused('SUPERVISE_PLATFORM_WRONG', `${folder} is for ${manifest.platform}, and this is ${platform}`);
  }
  return { manifest, digest: createHash('sha256').update(bytes).digest('hex'), bytes, signature };
}

async function refuseLink(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isSymbolicLink() === true) throw new Error('It is a link.');
}

/**
 * Compares a folder with its manifest: every file is there with its size, every link leads where it should, and nothing else is there. The
 * contents (SHA-256) are compared of all files (`whole`), or of the executable only. Rejects with SUPERVISE_FILES_INCOMPLETE
 * for what is missing or cut off, with SUPERVISE_FILES_CHANGED for everything else.
 */
export async function verifyFiles(folder: string, manifest: Manifest, whole: boolean): Promise<void> {
  await verifyListing(folder, manifest);
  for (const file of manifest.files) {
    if (!whole && file.path !== manifest.executable) continue;
    const path = join(folder, file.path);
    const { size, sha256 } = await readThrough(path);
    judgeContent(path, file, size, sha256);
  }
}

/** Throws unless what was read is what the manifest says of the file. */
export function judgeContent(path: string, file: ManifestFile, size: number, sha256: string): void {
  if (size < file.size) throw refused('SUPERVISE_FILES_INCOMPLETE', `${path} is cut off`);
  if (size !== file.size || sha256 !== file.sha256) {
    throw refused('SUPERVISE_FILES_CHANGED', `${path} is not what was signed`);
  }
}

/** The same as far as it can be told without reading contents. */
export async function verifyListing(folder: string, manifest: Manifest): Promise<void> {
  const files = new Map(manifest.files.map((file) => [file.path, file]));
  const links = new Map(manifest.links.map(({ path, target }) => [path, target]));
  const folders = new Set([...files.keys(), ...links.keys()].flatMap(foldersOf));
  let found = 0;
  for await (const { path, entry } of walk(folder)) {
    if (path === MANIFEST_FILE || path === SIGNATURE_FILE) continue;
    const full = join(folder, path);
    if (entry.isDirectory()) {
      if (!folders.has(path)) throw refused('SUPERVISE_FILES_CHANGED', `${full} does not belong to what was signed`);
    } else if (entry.isSymbolicLink()) {
      if (links.get(path) !== (await readlink(full))) {
        throw refused('SUPERVISE_FILES_CHANGED', `${full} is a link that was not signed`);
      }
      found++;
    } else {
      const file = files.get(path);
      if (file === undefined || !entry.isFile()) {
        throw refused('SUPERVISE_FILES_CHANGED', `${full} does not belong to what was signed`);
      }
      const { size } = await lstat(full);
      if (size < file.size) throw refused('SUPERVISE_FILES_INCOMPLETE', `${full} is cut off`);
      if (size > file.size) throw refused('SUPERVISE_FILES_CHANGED', `${full} is not what was signed`);
      found++;
    }
  }
  if (found < files.size + links.size) throw refused('SUPERVISE_FILES_INCOMPLETE', await missing(folder, manifest));
  await verifyLinks(folder, manifest);
}

/** What a link leads to in the end, over other links too, must lie in the folder. */
async function verifyLinks(folder: string, { links }: Manifest): Promise<void> {
  if (links.length === 0) return;
  const root = await realpath(folder);
  for (const { path } of links) {
    const full = join(folder, path);
    const target = await realpath(full).catch(() => undefined);
    if (target === undefined || !`${target}${sep}`.startsWith(`${root}${sep}`)) {
      throw refused('SUPERVISE_FILES_CHANGED', `${full} is a link that leads nowhere in its folder`);
    }
  }
}

async function missing(folder: string, { files, links }: Manifest): Promise<string> {
  for (const { path } of [...files, ...links]) {
    if ((await lstat(join(folder, path)).catch(() => undefined)) === undefined)
      return `${join(folder, path)} is missing`;
  }
  return `${folder} lacks a file`;
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Everything below a folder, by paths relative to it with `/`; links are not followed. */
export async function* walk(folder: string, below = ''): AsyncGenerator<{ path: string; entry: Dirent }> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    yield { path, entry };
    if (entry.isDirectory()) yield* walk(folder, path);
  }
}

/** Reads a file to its end; `take` gets each piece. Size in bytes, SHA-256 in hexadecimal digits. */
export async function readThrough(
  path: string,
  take?: (piece: Uint8Array) => Promise<void>,
): Promise<{ size: number; sha256: string }> {
  const handle = await open(path, READ_FLAGS);
  try {
    const hash = createHash('sha256');
    const buffer = new Uint8Array(CHUNK_BYTES);
    let size = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, size);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      await take?.(piece);
      size += bytesRead;
    }
    return { size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** A refusal: the sentence gets its full stop here. */
export function refused(code: ErrorCode, sentence: string, cause?: unknown): AppError {
  return new AppError(code, `${sentence}.`, { cause });
}

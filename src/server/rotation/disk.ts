import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createNodeFileStore } from '../../node/file-store.ts';

/**
 * The few things that keys are kept and published by on a disk, each durable once it has resolved, and each all that can
 * happen between two moments at which a process may die: a test stops after every one of them. They reject with the
 * system's error.
 */
export interface Disk {
  /** The file's bytes, or undefined where there is none. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Names in a folder; none where it is missing. */
  list(folder: string): Promise<readonly string[]>;
  /** What lies at a path itself, links not followed. */
  kind(path: string): Promise<'file' | 'folder' | 'link' | 'other' | undefined>;
  /** How long ago a file was written, or a folder's list of names changed, in ms; undefined where there is none. */
  ageMs(path: string): Promise<number | undefined>;
  /** Where a symbolic link leads, as written in it. */
  linkTarget(path: string): Promise<string>;
  /** Makes a folder, and those above it, where they are missing. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Writes a file that must not be there yet; a crash may leave a part of it. */
  create(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** Writes over a file's bytes where they are. */
  overwrite(path: string, bytes: Uint8Array): Promise<void>;
  /** Puts a file or a link at a path, in the place of what was there. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; false where that name is taken. */
  link(from: string, to: string): Promise<boolean>;
  symlink(target: string, path: string): Promise<void>;
  /** Removes a file, a link or a folder with all in it; nothing happens where there is none. */
  remove(path: string): Promise<void>;
}

/** The machine's own disk. */
export function createDisk(): Disk {
  const files = createNodeFileStore();
  return {
    read: (path, maxBytes) => files.read(path, maxBytes),
    list: (folder) => unlessMissing(readdir(folder), []),
    async kind(path) {
      const stats = await unlessMissing(lstat(path), undefined);
      if (stats === undefined) return undefined;
      if (stats.isSymbolicLink()) return 'link';
      return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
    },
    async ageMs(path) {
      const stats = await unlessMissing(lstat(path), undefined);
      return stats === undefined ? undefined : Date.now() - stats.mtimeMs;
    },
    linkTarget: (path) => readlink(path),
    async makeFolder(path, mode) {
      await mkdir(path, { recursive: true, mode });
      await syncFolder(dirname(path));
    },
    async create(path, bytes, mode) {
      await write(path, 'wx', bytes, mode);
      await syncFolder(dirname(path));
    },
    overwrite: (path, bytes) => write(path, 'r+', bytes, 0o600),
    async rename(from, to) {
      await rename(from, to);
      await syncFolder(dirname(to));
    },
    async link(from, to) {
      try {
        await link(from, to);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      }
      await syncFolder(dirname(to));
      return true;
    },
    async symlink(target, path) {
      await symlink(target, path);
      await syncFolder(dirname(path));
    },
    async remove(path) {
      await rm(path, { recursive: true, force: true });
      await syncFolder(dirname(path));
    },
  };
}

async function write(path: string, flags: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // Not every system can sync a folder (Windows opens none).
  }
}

async function unlessMissing<T, U>(call: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await call;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return otherwise;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

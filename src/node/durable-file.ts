/** Files that outlast a power cut, and files that nobody but their owner may read. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, type ErrorCode } from '../core/errors.ts';

/**
 * Puts a file in the place of another so that a crash at any moment leaves the old or the new, whole: a temporary file
 * beside it, fsync, rename, fsync of the folder. Resolves once it is durable; rejects with the system's error, and then
 * the old one stands. Readable by its owner alone unless `mode` says otherwise.
 */
export async function replaceDurably(path: string, content: Uint8Array | string, mode = 0o600): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes a file, durably; nothing happens where there is none. */
export async function removeDurably(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a folder that its owner alone can look into, and those above it, where they are missing. */
export async function makeOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(path));
}

async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch {
    // Not every system can (Windows opens no folder); the rename itself is done.
  }
}

export interface OwnerOnlyOptions {
  /** What the file is, for the sentence: "the key file". */
  readonly what: string;
  readonly maxBytes: number;
  /** Code of every refusal; default SETTINGS_UNREADABLE. */
  readonly code?: ErrorCode;
}

/**
 * The bytes of a file that holds secrets. Refuses, with a sentence that says what to change, one that is missing, no
 * regular file, too long, another account's, or that anybody but its owner may read or write; what is checked is the very
 * file that is read. Windows has no such permissions, and none are looked at there.
 */
export async function readOwnerOnly(path: string, options: OwnerOnlyOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { what, maxBytes, code = 'SETTINGS_UNREADABLE' } = options;
  const refuse = (why: string, cause?: unknown): AppError =>
    new AppError(code, `${what} ${path} ${why}.`, cause === undefined ? {} : { cause });
  const nonBlocking = (constants.O_NONBLOCK as number | undefined) ?? 0;
  const file = await open(path, constants.O_RDONLY | nonBlocking).catch((cause: unknown) => {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw refuse(missing ? 'does not exist' : 'cannot be opened: check its permissions', cause);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refuse('is no regular file');
    if (process.platform !== 'win32') {
      const loose = stats.mode & 0o077;
      if (loose !== 0) throw refuse(`may be read or changed by others: run chmod 600 on it, and renew what it holds`);
      const own = process.getuid?.();
      if (own !== undefined && own !== 0 && stats.uid !== own)
        throw refuse('belongs to another account: run chown on it');
    }
    if (stats.size > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`);
    const buffer = new Uint8Array(maxBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
    }
    if (length > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`);
    return buffer.slice(0, length);
  } finally {
    await file.close();
  }
}

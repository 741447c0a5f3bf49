import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { FileRefused, type FileStore } from '../core/ports.ts';

/**
 * Opening a pipe or a terminal must neither wait for a writer nor take the terminal over. Windows has neither flag, and
 * Node then leaves them out, whatever its types say.
 */
const OPEN_FLAGS =
  constants.O_RDONLY |
  ((constants.O_NONBLOCK as number | undefined) ?? 0) |
  ((constants.O_NOCTTY as number | undefined) ?? 0);

/**
 * The disk as a port. The stamp is modification time (ns), size and inode: a file that is replaced by renaming another
 * over it within one tick of the file system's clock still gets a new stamp.
 */
export function createNodeFileStore(): FileStore {
  return {
    read: (path, maxBytes) =>
      orUndefined(async () => {
        const file = await open(path, OPEN_FLAGS);
        try {
          const buffer = bufferFor(await file.stat(), maxBytes);
          let length = 0;
          for (let read = -1; read !== 0 && length < buffer.length; length += read) {
            read = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
          }
          return contentOf(buffer, length, maxBytes);
        } finally {
          await file.close();
        }
      }),
    stamp: (path) =>
      orUndefined(async () => {
        const { mtimeNs, size, ino } = await stat(path, { bigint: true });
        return `${mtimeNs.toString()}-${size.toString()}-${ino.toString()}`;
      }),
  };
}

/** The bytes of a file that must exist, read at once; otherwise as `read` of the port. */
export function readFileWithin(path: string, maxBytes: number): Uint8Array {
  const file = openSync(path, OPEN_FLAGS);
  try {
    const buffer = bufferFor(fstatSync(file), maxBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(file, buffer, length, buffer.length - length, length);
    }
    return contentOf(buffer, length, maxBytes);
  } finally {
    closeSync(file);
  }
}

/** Room for a file and one byte more, which shows whether it is longer than it said; throws `FileRefused`. */
function bufferFor(stats: Stats, maxBytes: number): Uint8Array {
  if (stats.isDirectory()) throw new FileRefused('is a folder');
  if (!stats.isFile()) throw new FileRefused('is a pipe or a device, and no file');
  if (stats.size > maxBytes) throw tooLong(maxBytes);
  // Files that a system makes up while they are read (/proc) say that they are empty.
  return new Uint8Array((stats.size === 0 ? maxBytes : stats.size) + 1);
}

function contentOf(buffer: Uint8Array, length: number, maxBytes: number): Uint8Array {
  if (length > maxBytes) throw tooLong(maxBytes);
  return buffer.subarray(0, length);
}

function tooLong(maxBytes: number): FileRefused {
  const mebibytes = maxBytes / (1024 * 1024);
  return new FileRefused(`is larger than ${Number.isInteger(mebibytes) ? `${mebibytes} MiB` : `${maxBytes} bytes`}`);
}

async function orUndefined<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    // ENOTDIR: a folder on the way is a file, so there is no such file either.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

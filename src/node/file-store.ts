import { readFile, stat } from 'node:fs/promises';
import type { FileStore } from '../core/ports.ts';

/**
 * The disk as a port. The stamp is modification time (ns), size and inode: a file that is replaced by renaming another
 * over it within one tick of the file system's clock still gets a new stamp.
 */
export function createNodeFileStore(): FileStore {
  return {
    read: (path) => orUndefined(async () => new Uint8Array(await readFile(path))),
    stamp: (path) =>
      orUndefined(async () => {
        const { mtimeNs, size, ino } = await stat(path, { bigint: true });
        return `${mtimeNs.toString()}-${size.toString()}-${ino.toString()}`;
      }),
  };
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

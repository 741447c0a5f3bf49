/** Writing so that a power cut at any moment leaves the old or the new, and never half of it. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Hears of each step before it is taken; for tests that pull the plug. */
export type OnStep = (step: string, path: string) => void;

/** Makes what a folder lists outlast a power cut. Not every system can (Windows refuses to open a folder). */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // As good as it gets here.
  } finally {
    await handle?.close();
  }
}

/**
 * Replaces a file by one with this text, readable by its owner alone unless `mode` says otherwise: temporary file, fsync, rename, fsync of the folder. Rejects with the
 * system's error, and then the old file stands.
 */
export async function replaceFile(path: string, text: string, onStep?: OnStep, mode = 0o600): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}`);
  try {
    onStep?.('draft', draft);
    const handle = await open(draft, 'wx', mode);
    try {
      await handle.writeFile(text);
      onStep?.('sync', draft);
      await handle.sync();
    } finally {
      await handle.close();
    }
    onStep?.('rename', path);
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  onStep?.('sync-folder', dirname(path));
  await syncFolder(dirname(path));
}

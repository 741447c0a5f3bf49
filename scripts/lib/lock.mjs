import { mkdir, open, readFile, rm, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './cache.mjs';

const HEARTBEAT_MS = 5_000;
/** A holder that gave no sign of life for so long is gone, even where its process id lives on in another program. */
const SILENT_MS = 60_000;
const LOOK_EVERY_MS = 200;

/**
 * Runs `fn` while holding a lock file, so that only one process at a time does what it guards. Waits for a holder that
 * lives and takes over from one that does not.
 *
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} fn
 * @param {{ onWait?: (pid: number) => void }} [options] `onWait` is called once, with the holder's process id
 * @returns {Promise<T>}
 */
export async function withLock(file, fn, { onWait } = {}) {
  await mkdir(dirname(file), { recursive: true });
  let told = false;
  while (!(await take(file))) {
    const holder = await readHolder(file);
    if (!holder) continue;
    if (holder.gone) await breakLock(file, holder.pid);
    else {
      if (!told) onWait?.(holder.pid);
      told = true;
      await delay(LOOK_EVERY_MS);
    }
  }
  const beat = setInterval(() => utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  try {
    return await fn();
  } finally {
    clearInterval(beat);
    await rm(file, { force: true });
  }
}

/** @param {string} file */
async function take(file) {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (/** @type {any} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file @returns {Promise<{ pid: number, gone: boolean } | undefined>} */
async function readHolder(file) {
  try {
    const pid = Number(await readFile(file, 'utf8'));
    const silent = Date.now() - (await stat(file)).mtimeMs;
    // Empty for the moment between its making and its writing.
    const gone = silent > SILENT_MS || (pid > 0 ? !isAlive(pid) : silent > HEARTBEAT_MS);
    return { pid, gone };
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose holder is gone. A folder guards this: of two that wait, the slower must not remove the new lock
 * of the faster.
 *
 * @param {string} file
 * @param {number} pid
 */
async function breakLock(file, pid) {
  const guard = `${file}.breaking`;
  try {
    await mkdir(guard);
  } catch {
    const age = await stat(guard).then(
      (info) => Date.now() - info.mtimeMs,
      () => 0,
    );
    if (age > HEARTBEAT_MS) await rmdir(guard).catch(() => {});
    await delay(LOOK_EVERY_MS);
    return;
  }
  try {
    const holder = await readHolder(file);
    if (holder?.gone && holder.pid === pid) await unlink(file);
  } finally {
    await rmdir(guard).catch(() => {});
  }
}

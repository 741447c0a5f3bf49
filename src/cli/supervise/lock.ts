/**
 * One supervisor for a folder. Each writes a file of its own first and then looks for others that live: of two at the same moment both see
 * each other, and try again a little later; there is no lock to be broken, and so nobody can break a fresh one.
 */
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { replaceFile } from './disk.ts';
import { identityOf } from './processes.ts';

const TRIES = 5;
const LONGEST_PAUSE_MS = 400;
const LOCK_FILE = /^supervisor-(\d{1,10})\.lock$/;

/**
 * Takes the folder for this process. Resolves with what gives it free again; rejects with SUPERVISE_RUNNING, or with
 * SUPERVISE_FOLDER_UNUSABLE where nothing can be written.
 */
export async function takeLock(folder: string, pause: (ms: number) => Promise<void>): Promise<() => Promise<void>> {
  const own = join(folder, `supervisor-${process.pid}.lock`);
  const identity = (await identityOf(process.pid)) ?? 'unknown';
  for (let tries = 1; ; tries++) {
    try {
      await replaceFile(own, `${identity}\n`);
    } catch (cause) {
      throw new AppError('SUPERVISE_FOLDER_UNUSABLE', `The folder ${folder} cannot be written to.`, { cause });
    }
    const other = await findOther(folder);
    if (other === undefined) return () => rm(own, { force: true });
    await rm(own, { force: true });
    if (tries === TRIES) {
      throw new AppError('SUPERVISE_RUNNING', `Another supervisor (process ${other}) looks after ${folder} already.`);
    }
    await pause(Math.random() * LONGEST_PAUSE_MS);
  }
}

/** Process id of another supervisor that lives; files of those that do not are removed. */
async function findOther(folder: string): Promise<number | undefined> {
  for (const name of await readdir(folder)) {
    const pid = Number(LOCK_FILE.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid) continue;
    const file = join(folder, name);
    const written = (await readFile(file, 'utf8').catch(() => '')).trim();
    const identity = await identityOf(pid);
    if (identity !== undefined && (identity === written || identity === 'unknown' || written === 'unknown')) return pid;
    await rm(file, { force: true });
  }
  return undefined;
}

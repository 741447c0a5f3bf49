/** A device's document in a file of its own, for one program of this machine at a time. */
import { randomBytes } from 'node:crypto';
import { readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { DeviceStore } from '../core/ports.ts';
import { makeOwnFolder, readOwnerOnly, replaceDurably } from './durable-file.ts';

const LONGEST_DOCUMENT = 65_536;
/** A claim is renewed this often while it lasts, and was left behind when it was not for this long, in ms. */
const RENEWAL_MS = 15_000;
const LEFT_BEHIND_MS = 60_000;
const LONGEST_PAUSE_MS = 60;

/** What seals the document for this account beside the file's permissions, such as the system's keyring. */
export interface Protection {
  seal(document: Uint8Array): Uint8Array;
  /** Throws for what was not sealed here. */
  open(sealed: Uint8Array): Uint8Array;
}

export interface DeviceFileOptions {
  readonly path: string;
  /** How long to wait for another program to be done with the file, in ms; default 90 s. */
  readonly patienceMs?: number;
  readonly protection?: Protection;
}

/**
 * The store in a file that nobody but its owner may read, replaced whole with every write. Programs claim it by a file
 * beside it each: whoever then sees another's claim takes its own back and waits a little, so two never hold it, and a
 * program that was killed leaves a claim that the next one removes.
 */
export function createDeviceFile(options: DeviceFileOptions): DeviceStore {
  const { path, protection, patienceMs = 90_000 } = options;
  const folder = dirname(path);
  const stem = `.${basename(path)}.`;
  const own = `${stem}${randomBytes(8).toString('hex')}.claim`;
  let isHeld = false;

  function unwritable(why: string, cause?: unknown): AppError {
    return new AppError('DEVICE_STEP_UNWRITABLE', `The device file ${path} ${why}.`, { cause });
  }

  /** Whether another program holds a claim; claims that were left behind are removed. */
  async function isClaimed(seen: Map<string, Sighting>): Promise<boolean> {
    for (const name of await readdir(folder)) {
      if (name === own || !name.startsWith(stem) || !name.endsWith('.claim')) continue;
      if (await isAlive(join(folder, name), seen)) return true;
      await rm(join(folder, name), { force: true });
    }
    return false;
  }

  return {
    name: path,
    async read() {
      const there = await stat(path).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw new AppError('DEVICE_UNREADABLE', `The device file ${path} cannot be read.`, { cause: error });
      });
      if (there === undefined) return undefined;
      const read = { what: 'The device file', maxBytes: LONGEST_DOCUMENT, code: 'DEVICE_UNREADABLE' } as const;
      const content = await readOwnerOnly(path, read);
      if (protection === undefined) return content;
      try {
        return protection.open(content);
      } catch (cause) {
        const sentence = `The device file ${path} was sealed for another account or machine: enrol this machine anew.`;
        throw new AppError('DEVICE_UNREADABLE', sentence, { cause });
      }
    },
    async write(document) {
      // A program that was stopped for minutes has lost its claim to another, whose step must not be overwritten.
      if (isHeld && (await stat(join(folder, own)).catch(() => undefined)) === undefined) {
        throw unwritable('was taken over by another program of this machine');
      }
      try {
        await replaceDurably(path, protection === undefined ? document : protection.seal(document));
      } catch (cause) {
        throw unwritable('cannot be written: make room, and let this account write its folder', cause);
      }
    },
    async lock() {
      const claim = join(folder, own);
      const until = performance.now() + patienceMs;
      const seen = new Map<string, Sighting>();
      LIVE.add(claim);
      for (;;) {
        let isOthers: boolean;
        try {
          await makeOwnFolder(folder);
          await writeFile(claim, `${process.pid} ${hostname()}\n`, { mode: 0o600 });
          isOthers = await isClaimed(seen);
          if (!isOthers) break;
          await rm(claim, { force: true });
        } catch {
          await rm(claim, { force: true }).catch(() => undefined);
          // Nobody can go on here; but whoever came before the disk was full has it still.
          isOthers = await isClaimed(seen).catch(() => false);
          if (!isOthers) {
            LIVE.delete(claim);
            return undefined;
          }
        }
        if (performance.now() > until) {
          LIVE.delete(claim);
          throw unwritable('is in use by another program of this machine');
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE_MS));
      }
      isHeld = true;
      const renewal = setInterval(() => {
        const now = new Date();
        utimes(claim, now, now).catch(() => undefined);
      }, RENEWAL_MS);
      renewal.unref();
      return async () => {
        isHeld = false;
        LIVE.delete(claim);
        clearInterval(renewal);
        await rm(claim, { force: true }).catch(() => undefined);
      };
    },
  };
}

/** A claim as it was first seen: its stamp, and when that was by the monotonic clock. */
interface Sighting {
  readonly stamp: number;
  readonly at: number;
}

/** The claims of this process, so that one of an earlier process with the same number is told apart. */
const LIVE = new Set<string>();

/**
 * Whether whoever made this claim may still hold the file. One whose process is gone does not; nor does one that was not
 * renewed while we watched, which needs no clock that is right, and holds for numbers of processes that came again.
 */
async function isAlive(claim: string, seen: Map<string, Sighting>): Promise<boolean> {
  try {
    const [{ mtimeMs }, text] = [await stat(claim), await readFile(claim, 'utf8')];
    const [pid = '', host = ''] = text.trim().split(' ');
    // One that is just being written has no text yet, and another machine's processes cannot be asked for.
    if (host === hostname()) {
      const isGone = Number(pid) === process.pid ? !LIVE.has(claim) : !processExists(Number(pid));
      if (isGone) return false;
    }
    const first = seen.get(claim);
    if (first?.stamp !== mtimeMs) {
      seen.set(claim, { stamp: mtimeMs, at: performance.now() });
      return true;
    }
    return performance.now() - first.at < LEFT_BEHIND_MS;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: another account's, but there.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

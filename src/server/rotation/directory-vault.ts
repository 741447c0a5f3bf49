import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Sealer } from '../seal/sealer.ts';
import type { Disk } from './disk.ts';
import type { KeyVault } from './vault.ts';

/** Longest file of the vault, in bytes: a generation has some 6 MiB. */
const LONGEST_FILE = 32 * 1024 * 1024;
const LONGEST_RING = 1024 * 1024;
/** Rings that are kept beside the one that stands: what a slow process has seen must not be taken for the next one. */
const RINGS_KEPT = 8;
const READ_ATTEMPTS = 5;
/** What no ring names after so long, in ms, was left by a process that died before its ring was written. */
const ORPHAN_MS = 3600_000;

/**
 * A vault in a folder of its own, files and folder for their owner alone, the secrets sealed on top of that. Each ring is a file with a number; a
 * new one is written beside them and then given the next number by a hard link, which fails when somebody else has taken
 * it: so no lock is needed that a killed process could leave behind.
 */
export function directoryVault(options: {
  readonly disk: Disk;
  readonly folder: string;
  readonly sealer: Sealer;
}): KeyVault {
  const { disk, folder, sealer } = options;
  const secretPath = (name: string): string => join(folder, `${name}.key`);

  async function rings(): Promise<readonly number[]> {
    const numbers = (await reading(disk.list(folder))).flatMap((name) => {
      const number = /^ring-(\d{9})\.json$/.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    return numbers.sort((a, b) => b - a);
  }

  async function reading<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      const sentence = `The server's keys in ${folder} cannot be read: run this as the account that the server runs as.`;
      throw new AppError('KEYS_UNREADABLE', sentence, { cause });
    }
  }

  async function writing<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      const sentence = `The server's keys in ${folder} cannot be written: make room on the disk, and run this as the account that the server runs as.`;
      throw new AppError('KEYS_UNAVAILABLE', sentence, { cause });
    }
  }

  /** Writes a file whole beside what is there; the name says what it is until it has its own. */
  async function draft(bytes: Uint8Array): Promise<string> {
    const path = join(folder, `draft-${randomBytes(8).toString('hex')}.tmp`);
    await disk.makeFolder(folder, 0o700);
    await disk.create(path, bytes, 0o600);
    return path;
  }

  async function destroy(name: string): Promise<void> {
    const path = secretPath(name);
    const bytes = await reading(disk.read(path, LONGEST_FILE));
    if (bytes === undefined) return;
    // As much as a file can do: a disk may keep what was written before, which is why it is sealed too.
    await writing(disk.overwrite(path, randomBytes(bytes.length)));
    await writing(disk.remove(path));
  }

  return {
    name: `the folder ${folder}`,
    version: async () => (await rings())[0] ?? 0,
    async readRing() {
      for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        const [version] = await rings();
        if (version === undefined) return undefined;
        const bytes = await reading(disk.read(join(folder, ringName(version)), LONGEST_RING));
        // Gone: there are newer ones since it was listed.
        if (bytes !== undefined) return { version, text: new TextDecoder().decode(bytes) };
      }
      throw new AppError('KEYS_UNAVAILABLE', `The server's keys in ${folder} change too often just now: try again.`);
    },
    async writeRing(text, ifVersion) {
      if (((await rings())[0] ?? 0) !== ifVersion) return false;
      const path = join(folder, ringName(ifVersion + 1));
      const written = await writing(draft(new TextEncoder().encode(text)));
      const isFirst = await writing(disk.link(written, path));
      await writing(disk.remove(written));
      if (!isFirst) return false;
      const [newest = 0, ...older] = await rings();
      if (newest > ifVersion + 1 + RINGS_KEPT) {
        // So slow that others have written many rings meanwhile, and removed the one that this one took the number of.
        await writing(disk.remove(path));
        return false;
      }
      for (const old of older.slice(RINGS_KEPT)) await writing(disk.remove(join(folder, ringName(old))));
      return true;
    },
    async writeSecret(name, secret) {
      const sealed = await sealer.seal(purposeOf(name), secret);
      await writing(draft(sealed).then((path) => disk.rename(path, secretPath(name))));
    },
    async readSecret(name) {
      const sealed = await reading(disk.read(secretPath(name), LONGEST_FILE));
      if (sealed === undefined) return undefined;
      try {
        return await sealer.open(purposeOf(name), sealed);
      } catch (cause) {
        if (!(cause instanceof AppError) || cause.code !== 'STORE_ANSWER_UNREADABLE') throw cause;
        const sentence = `The server's key ${name} in ${folder} cannot be opened with ${sealer.description}: restore it from a backup, or rotate.`;
        throw new AppError('KEYS_INVALID', sentence, { cause });
      }
    },
    destroySecret: destroy,
    async sweep(named) {
      for (const file of await reading(disk.list(folder))) {
        const name = /^(.+)\.key$/.exec(file)?.[1];
        if (name === undefined ? !/^draft-.*\.tmp$/.test(file) : named.has(name)) continue;
        const path = join(folder, file);
        if (((await reading(disk.ageMs(path))) ?? 0) < ORPHAN_MS) continue;
        await (name === undefined ? writing(disk.remove(path)) : destroy(name));
      }
    },
  };
}

function ringName(version: number): string {
  return `ring-${String(version).padStart(9, '0')}.json`;
}

function purposeOf(name: string): string {
  return `server key ${name}`;
}

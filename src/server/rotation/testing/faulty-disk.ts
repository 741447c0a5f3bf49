import type { Disk } from '../disk.ts';

/** The death of a process at a chosen moment: every call after it fails too. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** A disk whose process dies after its n-th change; with `torn`, in the middle of it where a change has a middle. */
export function faultyDisk(
  disk: Disk,
  fault: { readonly after: number; readonly torn?: boolean; readonly onChange?: () => Promise<void> },
): Disk & { changes(): number } {
  let changes = 0;
  let isDead = false;

  function change<Args extends readonly unknown[], T>(
    work: (...args: Args) => Promise<T>,
    half?: (...args: Args) => Promise<unknown>,
  ): (...args: Args) => Promise<T> {
    return async (...args) => {
      if (isDead) throw new Crash('dead');
      changes += 1;
      const dies = changes === fault.after;
      if (dies && fault.torn === true && half !== undefined) {
        isDead = true;
        await half(...args);
        throw new Crash(`in the middle of change ${changes}`);
      }
      const result = await work(...args);
      await fault.onChange?.();
      if (!dies) return result;
      isDead = true;
      throw new Crash(`after change ${changes}`);
    };
  }

  function look<Args extends readonly unknown[], T>(
    work: (...args: Args) => Promise<T>,
  ): (...args: Args) => Promise<T> {
    return (...args) => (isDead ? Promise.reject(new Crash('dead')) : work(...args));
  }

  return {
    changes: () => changes,
    read: look((...args) => disk.read(...args)),
    list: look((...args) => disk.list(...args)),
    kind: look((...args) => disk.kind(...args)),
    ageMs: look((...args) => disk.ageMs(...args)),
    linkTarget: look((...args) => disk.linkTarget(...args)),
    makeFolder: change((...args) => disk.makeFolder(...args)),
    create: change(
      (...args) => disk.create(...args),
      (path, bytes, mode) => disk.create(path, bytes.subarray(0, bytes.length >> 1), mode),
    ),
    overwrite: change(
      (...args) => disk.overwrite(...args),
      (path, bytes) => disk.overwrite(path, bytes.subarray(0, bytes.length >> 1)),
    ),
    rename: change((...args) => disk.rename(...args)),
    link: change((...args) => disk.link(...args)),
    symlink: change((...args) => disk.symlink(...args)),
    remove: change((...args) => disk.remove(...args)),
  };
}

import { createHash, randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../core/errors.ts';
import type { Disk } from '../disk.ts';
import { sameContent, type Place, type PublishedFiles } from './place.ts';

/** Where the sets themselves lie, and the one link that says which of them is the place's. */
const SETS = '.sets';
const CURRENT = 'build';
/** How old a set is, or the draft of one, in ms, when no other process can be about to use it. */
const OLD_MS = 3600_000;
const LONGEST_FILE = 16 * 1024 * 1024;

/**
 * A folder that clients read. Every set is a folder of its own, `build` is a link to one of them, and what stands at the top are links through
 * `build`: one rename of one link changes all files at once, so that no moment, and no crash, leaves the half of a set.
 * Clients find the files at the top and under `build/` alike.
 *
 * Files that stood at the top before are taken over as they are first, and only then changed.
 */
export function directoryPlace(options: { readonly disk: Disk; readonly folder: string }): Place {
  const { disk, folder } = options;
  const current = join(folder, CURRENT);

  async function working<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
      const sentence = `The keys cannot be written to ${folder}${why}: let this account write there, make room, and use a disk that has symbolic links.`;
      throw new AppError('PUBLISH_REFUSED', sentence, { cause });
    }
  }

  /** What the folder holds by these names, as somebody reads it who opens the one after the other. */
  async function matches(files: PublishedFiles): Promise<boolean> {
    for (const [name, bytes] of files) {
      if (!sameContent(await disk.read(join(folder, name), LONGEST_FILE), bytes)) return false;
    }
    return true;
  }

  /** Writes a set whole, and names its folder; one that is there already is whole. */
  async function writeSet(files: PublishedFiles): Promise<string> {
    const id = idOf(files);
    const path = join(folder, SETS, id);
    if ((await disk.kind(path)) !== undefined) return id;
    const draft = join(folder, SETS, `draft-${randomBytes(6).toString('hex')}`);
    await disk.makeFolder(draft, 0o755);
    for (const [name, bytes] of files) await disk.create(join(draft, name), bytes, 0o644);
    try {
      await disk.rename(draft, path);
    } catch (error) {
      // Another process has written the same set meanwhile.
      if ((await disk.kind(path)) !== 'folder') throw error;
      await disk.remove(draft);
    }
    return id;
  }

  /** Puts a link in the place of whatever file or link is there. */
  async function putLink(target: string, path: string): Promise<void> {
    if ((await disk.kind(path)) === 'link' && (await disk.linkTarget(path)) === target) return;
    const draft = join(dirname(path), `.${randomBytes(6).toString('hex')}.link`);
    await disk.symlink(target, draft);
    await disk.rename(draft, path);
  }

  const pointTo = (id: string): Promise<void> => putLink(join(SETS, id), current);

  /** What stands at the top, where a file of it is no link yet: as a set that `build` points to from now on. */
  async function takeOver(names: readonly string[]): Promise<void> {
    const kinds = await Promise.all(names.map((name) => disk.kind(join(folder, name))));
    if (!kinds.includes('file')) return;
    const found = new Map<string, Uint8Array>();
    for (const name of names) {
      // Through its link, where it is one already: a takeover that was interrupted.
      const bytes = await disk.read(join(folder, name), LONGEST_FILE);
      if (bytes !== undefined) found.set(name, bytes);
    }
    await pointTo(await writeSet(found));
    for (const name of found.keys()) await putLink(join(CURRENT, name), join(folder, name));
  }

  async function removeOld(kept: readonly string[]): Promise<void> {
    for (const name of await disk.list(join(folder, SETS))) {
      const path = join(folder, SETS, name);
      if (!kept.includes(name) && ((await disk.ageMs(path)) ?? 0) >= OLD_MS) await disk.remove(path);
    }
  }

  return {
    name: `directory ${folder}`,
    holds: (files) => working(() => matches(files)),
    publish: (files) =>
      working(async () => {
        const names = [...files.keys()];
        if ((await disk.kind(current)) === 'link' && (await matches(files))) return;
        await disk.makeFolder(join(folder, SETS), 0o755);
        if ((await disk.kind(current)) === 'folder') {
          throw new AppError(
            'PUBLISH_REFUSED',
            `There is a folder ${current} that vigil keys did not make: move it away, or name another folder.`,
          );
        }
        await takeOver(names);
        const before = (await disk.kind(current)) === 'link' ? basename(await disk.linkTarget(current)) : '';
        const id = await writeSet(files);
        await pointTo(id);
        for (const name of names) await putLink(join(CURRENT, name), join(folder, name));
        await removeOld([id, before]);
      }),
  };
}

/** The same name for the same set. */
function idOf(files: PublishedFiles): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name}\0${String(bytes.length)}\0`).update(bytes);
  return hash.digest('hex').slice(0, 32);
}

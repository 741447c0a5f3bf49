import { AppError } from '../core/errors.ts';
import { FileRefused, type FileStore } from '../core/ports.ts';
import { KEY_SET_V1, LONGEST_FILE, named, PLACES } from './key-set.ts';
import type { KeySource, SetForm, VersionedSet } from './key-set.ts';

interface Found {
  readonly paths: readonly string[];
  /** Place and stamps of all files: changes whenever one of them is written. */
  readonly version: string;
}

export interface DirectorySourceOptions {
  readonly files: FileStore;
  readonly directory: string;
}

/** Key sets of protocol 1 from a folder: `info2048.bin` and `public.pem`. */
export function directoryKeySource(options: DirectorySourceOptions): KeySource {
  return directorySource(options, KEY_SET_V1);
}

/**
 * Keys from a folder of this machine: the form's files in it, or in `build/` of it. They are read between two looks at
 * their stamps; a set that changed meanwhile, or does not pass its checks because it is just being written, is read once
 * more.
 */
export function directorySource<S extends VersionedSet>(
  options: DirectorySourceOptions,
  form: SetForm<S>,
): KeySource<S> {
  const { files } = options;
  const root = options.directory.replace(/[/\\]+$/, '');

  async function reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      const why =
        cause instanceof FileRefused
          ? `one of the files ${cause.message}; put the server's own files there`
          : 'check that the user Vigil runs as may read this folder and its files';
      throw new AppError('KEYS_UNREADABLE', `The keys in ${root}/ cannot be read: ${why}.`, { cause });
    }
  }

  async function look(): Promise<Found> {
    for (const place of PLACES) {
      const paths = form.files.map((name) => `${root}/${place}${name}`);
      const stamps = await reading(() => Promise.all(paths.map((path) => files.stamp(path))));
      if (stamps.includes(undefined)) continue;
      return { paths, version: [place, ...stamps].join(' ') };
    }
    const [what, it] = [named(form.files), form.files.length === 1 ? 'it' : 'both files'];
    throw new AppError('KEYS_NOT_FOUND', `There is no ${what} in ${root}/ or ${root}/build/: put ${it} there.`);
  }

  /** The set, or undefined when its files changed while they were read. */
  async function readOnce(): Promise<S | undefined> {
    const found = await look();
    const read = await reading(() => Promise.all(found.paths.map((path) => files.read(path, LONGEST_FILE))));
    const bytes = read.filter((one) => one !== undefined);
    if (bytes.length < read.length || (await look()).version !== found.version) return undefined;
    return form.make(bytes, found.version);
  }

  return {
    name: `directory ${root}/`,
    async fetch(known) {
      if (known !== undefined && (await look()).version === known.version) return 'unchanged';
      const first = await readOnce().catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'KEYS_INVALID') return undefined;
        throw error;
      });
      const set = first ?? (await readOnce());
      if (set !== undefined) return set;
      throw new AppError('KEYS_UNREADABLE', `The keys in ${root}/ change while they are read: they are tried again.`);
    },
  };
}

import { AppError } from '../core/errors.ts';
import { FileRefused, type FileStore } from '../core/ports.ts';
import { ENTROPY_FILE, keySetOf, LONGEST_FILE, PLACES, PUBLIC_KEY_FILE } from './key-set.ts';
import type { KeySet, KeySource } from './key-set.ts';

interface Pair {
  readonly entropyPath: string;
  readonly publicKeyPath: string;
  /** Place and stamps of both files: changes whenever one of them is written. */
  readonly version: string;
}

/**
 * Keys from a folder of this machine: `info2048.bin` and `public.pem` in it, or in `build/` of it. Both files are read
 * between two looks at their stamps; a pair that changed meanwhile, or does not pass its checks because it is just being
 * written, is read once more.
 */
export function directoryKeySource(options: { readonly files: FileStore; readonly directory: string }): KeySource {
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

  async function look(): Promise<Pair> {
    for (const place of PLACES) {
      const entropyPath = `${root}/${place}${ENTROPY_FILE}`;
      const publicKeyPath = `${root}/${place}${PUBLIC_KEY_FILE}`;
      const [entropy, publicKey] = await reading(() =>
        Promise.all([files.stamp(entropyPath), files.stamp(publicKeyPath)]),
      );
      if (entropy === undefined || publicKey === undefined) continue;
      return { entropyPath, publicKeyPath, version: `${place} ${entropy} ${publicKey}` };
    }
    throw new AppError(
      'KEYS_NOT_FOUND',
      `There is no ${ENTROPY_FILE} beside a ${PUBLIC_KEY_FILE} in ${root}/ or ${root}/build/: put both files there.`,
    );
  }

  /** The set, or undefined when the pair changed while it was read. */
  async function readOnce(): Promise<KeySet | undefined> {
    const pair = await look();
    const [entropy, publicKey] = await reading(() =>
      Promise.all([files.read(pair.entropyPath, LONGEST_FILE), files.read(pair.publicKeyPath, LONGEST_FILE)]),
    );
    if (entropy === undefined || publicKey === undefined || (await look()).version !== pair.version) return undefined;
    return keySetOf(entropy, publicKey, pair.version);
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

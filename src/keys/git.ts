import { retryAfterMs } from '../autoid/retry-after.ts';
import { AppError } from '../core/errors.ts';
import { gitRemote, HttpStatus, type GitRemoteOptions } from './git/remote.ts';
import { LONGEST_FILE, named, PLACES, withinLimit } from './key-set.ts';
import type { KeySource, SetForm, VersionedSet } from './key-set.ts';

/** Where the keys lie in a git repository. */
export interface GitSourceOptions extends Omit<GitRemoteOptions, 'token'> {
  readonly token?: string | undefined;
}

/**
 * Keys from a branch of a git repository, over HTTPS. Cold: three exchanges, of the newest commit without its history, in
 * memory; warm: one, which asks where the branch is. A commit is whole, so the files of one belong together. Throws
 * SETTINGS_INVALID when made with an impossible address.
 */
export function gitSource<S extends VersionedSet>(options: GitSourceOptions, form: SetForm<S>): KeySource<S> {
  const { token, branch } = options;
  const remote = gitRemote({ ...options, token: () => Promise.resolve(token) });
  const { host } = new URL(options.url);
  const folder = options.folder?.replace(/^\/+|\/+$/g, '');
  const places = folder === undefined ? PLACES : [folder === '' ? '' : `${folder}/`];

  async function asking<T>(call: Promise<T>): Promise<T> {
    try {
      return await withinLimit('git repository', call);
    } catch (error) {
      throw failureOf(error, host, token !== undefined && token !== '');
    }
  }

  return {
    name: `git repository on ${host}`,
    async fetch(known) {
      const version = (commit: string): string => `${branch} ${commit}`;
      if (known !== undefined) {
        const head = await asking(remote.head());
        if (head !== undefined && version(head) === known.version) return 'unchanged';
      }
      const copy = await asking(remote.copy());
      if (copy.commit === undefined) {
        throw new AppError('KEYS_NOT_FOUND', `The git repository on ${host} has no branch ${branch}: check its name.`);
      }
      for (const place of places) {
        const files = await asking(Promise.all(form.files.map((name) => remote.read(copy, place + name))));
        const there = files.filter((file) => file !== undefined);
        if (there.length < form.files.length) continue;
        if (there.some((file) => file.length > LONGEST_FILE)) {
          throw new AppError('KEYS_UNREADABLE', `A file of the keys in the git repository on ${host} is too large.`);
        }
        return form.make(there, version(copy.commit));
      }
      const where = places.map((place) => (place === '' ? 'the top' : place)).join(' or ');
      throw new AppError(
        'KEYS_NOT_FOUND',
        `There is no ${named(form.files)} at ${where} of ${branch} in the git repository on ${host}: publish the keys to it.`,
      );
    },
  };
}

function failureOf(error: unknown, host: string, hasToken: boolean): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HttpStatus) {
    const wish = retryAfterMs(error.headers);
    const options = { cause: error, ...(wish === undefined ? {} : { retryAfterMs: wish }) };
    const { status } = error;
    if (status === 401 || status === 403) {
      const remedy = hasToken ? 'make a new token that may read it' : 'give a token that may read it';
      return new AppError('KEYS_REFUSED', `The git repository on ${host} refuses us (${status}): ${remedy}.`, options);
    }
    if (status === 404) {
      const also = hasToken ? 'or the token may not read it' : 'or it is private and a token is needed';
      return new AppError('KEYS_NOT_FOUND', `There is no such git repository on ${host} (404), ${also}.`, options);
    }
    if (status === 429 || status === 408 || status >= 500) {
      return new AppError('KEYS_UNAVAILABLE', `The git host ${host} cannot answer now (${status}).`, options);
    }
    return new AppError(
      'KEYS_UNREADABLE',
      `${host} answered ${status} where a git repository was expected: check the address, and where it has moved to.`,
      options,
    );
  }
  return new AppError('KEYS_UNREADABLE', `What ${host} sent is no git repository, or is damaged: check the address.`, {
    cause: error,
  });
}

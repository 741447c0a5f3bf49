import git, { Errors, type TreeEntry } from 'isomorphic-git';
import { AppError } from '../../../core/errors.ts';
import type { Fetch } from '../../../core/ports.ts';
import { gitRemote, HttpStatus, IN_COPY, type GitCopy } from '../../../keys/git/remote.ts';
import { sameContent, type Place, type PublishedFiles } from './place.ts';

export interface GitPlaceOptions {
  readonly fetch: Fetch;
  readonly url: string;
  readonly branch: string;
  readonly folder?: string | undefined;
  readonly username?: string | undefined;
  /** May push to the branch. Asked for with each call. */
  readonly token: () => Promise<string>;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

const AUTHOR = { name: 'vigil keys', email: 'vigil@localhost' };

/**
 * A branch of a git repository. Each set is one commit upon the branch, pushed without force: clients see the commit
 * before or the whole set. Nothing is committed where the branch holds the set already, so that a push whose answer was lost is not
 * made twice; other files of the repository stay. The old entropy stays in its history.
 */
export function gitPlace(options: GitPlaceOptions): Place {
  const remote = gitRemote(options);
  const { host, pathname } = new URL(options.url);
  const name = `git repository ${host}${pathname} ${options.branch}`;
  const folders = (options.folder ?? '').split('/').filter((part) => part !== '');
  const path = (file: string): string => [...folders, file].join('/');

  async function asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failureOf(error, name);
    }
  }

  async function isHeld(copy: GitCopy, files: PublishedFiles): Promise<boolean> {
    for (const [file, bytes] of files) if (!sameContent(await remote.read(copy, path(file)), bytes)) return false;
    return true;
  }

  /** The tree with the files put into their folder, and everything else as it was. */
  async function treeWith(
    fs: GitCopy['files'],
    oid: string | undefined,
    below: readonly string[],
    files: PublishedFiles,
  ): Promise<string> {
    const entries = new Map<string, TreeEntry>();
    if (oid !== undefined)
      for (const entry of (await git.readTree({ fs, ...IN_COPY, oid })).tree) entries.set(entry.path, entry);
    const [next, ...rest] = below;
    if (next !== undefined) {
      const inner = entries.get(next);
      const tree = await treeWith(fs, inner?.type === 'tree' ? inner.oid : undefined, rest, files);
      entries.set(next, { mode: '040000', path: next, oid: tree, type: 'tree' });
    } else {
      for (const [file, blob] of files) {
        const written = await git.writeBlob({ fs, ...IN_COPY, blob });
        entries.set(file, { mode: '100644', path: file, oid: written, type: 'blob' });
      }
    }
    return git.writeTree({ fs, ...IN_COPY, tree: [...entries.values()] });
  }

  return {
    name,
    holds: (files) => asking(async () => isHeld(await remote.copy(), files)),
    publish: (files) =>
      asking(async () => {
        const copy = await remote.copy();
        if (await isHeld(copy, files)) return;
        const fs = copy.files;
        const tree = await treeWith(fs, copy.commit, folders, files);
        const commit = await git.commit({
          fs,
          ...IN_COPY,
          message: 'Publish the keys of the auto-id server\n',
          author: AUTHOR,
          tree,
          parent: copy.commit === undefined ? [] : [copy.commit],
          noUpdateBranch: true,
        });
        await remote.push(copy, commit);
      }),
  };
}

function failureOf(error: unknown, name: string): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HttpStatus && error.status < 500 && error.status !== 429 && error.status !== 408) {
    return new AppError(
      'PUBLISH_REFUSED',
      `The ${name} does not let us push (${error.status}): check its address, and give a token that may write to it.`,
      { cause: error },
    );
  }
  if (error instanceof Errors.GitPushError || error instanceof Errors.PushRejectedError) {
    return new AppError(
      'PUBLISH_FAILED',
      `The ${name} did not take the commit: somebody else has pushed just now, or the branch is protected.`,
      { cause: error },
    );
  }
  return new AppError('PUBLISH_FAILED', `The ${name} cannot be pushed to now: it is tried again.`, { cause: error });
}

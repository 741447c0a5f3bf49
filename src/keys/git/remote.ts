import git, { Errors } from 'isomorphic-git';
import type { GitHttpRequest, GitHttpResponse, HttpClient, PromiseFsClient } from 'isomorphic-git';
import { toBase64, toUtf8 } from '../../autoid/encoding.ts';
import { AppError } from '../../core/errors.ts';
import type { Fetch } from '../../core/ports.ts';
import { isLoopbackHost } from '../../core/settings/schema.ts';
import { memoryFiles } from './memory-files.ts';

/** Longest answer of a repository, in bytes: the newest commit alone is fetched, and it should hold little but keys. */
const LONGEST_ANSWER = 32 * 1024 * 1024;

/** Where a repository is, and who asks. */
export interface GitRemoteOptions {
  readonly fetch: Fetch;
  /** https, or http on this machine. */
  readonly url: string;
  readonly branch: string;
  /** Folder of the files in it; the top where it is missing or empty. */
  readonly folder?: string | undefined;
  /** Sent with the token; hosts that want no special one take any. */
  readonly username?: string | undefined;
  /** Password or access token, asked for with each call; undefined for a repository that everybody may read. */
  readonly token?: (() => Promise<string | undefined>) | undefined;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

/** A copy of one commit, in memory. */
export interface GitCopy {
  readonly files: PromiseFsClient;
  /** The commit; undefined where the branch does not exist yet. */
  readonly commit: string | undefined;
}

/** What one repository can be asked. All reject with what the Fetch port rejects with, with `HttpStatus`, or with the library's errors. */
export interface GitRemote {
  /** The commit that the branch is at, in one exchange; undefined where there is no such branch. */
  head(): Promise<string | undefined>;
  /** The newest commit of the branch with all its files, and nothing of its history. */
  copy(): Promise<GitCopy>;
  /** A file of a copy, or undefined where there is none of that path. */
  read(copy: GitCopy, path: string): Promise<Uint8Array | undefined>;
  /** Moves the branch to a commit of the copy, if it is still where the copy has it. */
  push(copy: GitCopy, commit: string): Promise<void>;
}

/** An answer that is none of git's: the status says why. */
export class HttpStatus extends Error {
  override readonly name = 'HttpStatus';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, headers: Readonly<Record<string, string>>) {
    super(`status ${status}`);
    this.status = status;
    this.headers = headers;
  }
}

const GIT_DIR = '/git';
const REMOTE = 'origin';

/** A repository over the Fetch port. Throws SETTINGS_INVALID for an address that is none. */
export function gitRemote(options: GitRemoteOptions): GitRemote {
  const url = urlOf(options.url);
  const http = httpOver(options);
  const ref = `refs/heads/${options.branch}`;

  async function head(): Promise<string | undefined> {
    // Protocol 1 tells all branches with its first answer; an empty repository tells none.
    const { refs = [] } = await git.getRemoteInfo2({ http, url, protocolVersion: 1 });
    return refs.find((one) => one.ref === ref)?.oid;
  }

  return {
    head,
    async copy() {
      const files = memoryFiles();
      const where = { fs: files, dir: '/', gitdir: GIT_DIR };
      await git.init({ ...where, defaultBranch: options.branch });
      await git.addRemote({ ...where, remote: REMOTE, url });
      if ((await head()) === undefined) return { files, commit: undefined };
      const { fetchHead } = await git.fetch({
        ...where,
        http,
        remote: REMOTE,
        ref: options.branch,
        singleBranch: true,
        depth: 1,
        tags: false,
      });
      return { files, commit: fetchHead ?? undefined };
    },
    async read({ files, commit }, path) {
      if (commit === undefined) return undefined;
      try {
        const { blob } = await git.readBlob({ fs: files, dir: '/', gitdir: GIT_DIR, oid: commit, filepath: path });
        return blob;
      } catch (error) {
        // No such path, or a folder of that name.
        if (error instanceof Errors.NotFoundError || error instanceof Errors.ObjectTypeError) return undefined;
        throw error;
      }
    },
    async push({ files }, commit) {
      const where = { fs: files, dir: '/', gitdir: GIT_DIR };
      await git.writeRef({ ...where, ref, value: commit, force: true });
      await git.push({ ...where, http, remote: REMOTE, url, ref: options.branch, remoteRef: ref, force: false });
    },
  };
}

/** Where copies keep their repository, for whoever makes commits in one. */
export const IN_COPY = { dir: '/', gitdir: GIT_DIR } as const;

/** The library's transport over the port: whole answers, one header for who asks, and no redirects. */
function httpOver({ fetch, username = 'git', token, timeoutMs }: GitRemoteOptions): HttpClient {
  return {
    async request({ url, method = 'GET', headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
      const secret = await token?.();
      const authorization =
        secret === undefined || secret === '' ? undefined : `Basic ${toBase64(toUtf8(`${username}:${secret}`))}`;
      const chunks: Uint8Array[] = [];
      if (body !== undefined) for await (const chunk of body) chunks.push(chunk);
      const answer = await fetch({
        method: method === 'POST' ? 'POST' : 'GET',
        url,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        ...(body === undefined ? {} : { body: joined(chunks) }),
        timeoutMs,
        maxBytes: LONGEST_ANSWER,
      });
      if (answer.status !== 200) throw new HttpStatus(answer.status, answer.headers);
      return {
        url,
        method,
        headers: { ...answer.headers },
        body: once(answer.body),
        statusCode: answer.status,
        statusMessage: '',
      };
    },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- the library iterates asynchronously
async function* once(bytes: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield bytes;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (url !== undefined && isAllowed && `${url.username}${url.password}` === '' && !/[?#]/.test(text)) {
    return url.href.replace(/\/+$/, '');
  }
  throw new AppError(
    'SETTINGS_INVALID',
    'The git repository must be an https address (http only on this machine) without user, query or fragment.',
  );
}

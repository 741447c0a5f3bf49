import { sha256Hex } from '../autoid/encoding.ts';
import { retryAfterMs } from '../autoid/retry-after.ts';
import { AppError } from '../core/errors.ts';
import type { Fetch, HttpResponse } from '../core/ports.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { LONGEST_FILE, named, PLACES, withinLimit } from './key-set.ts';
import type { KeySource, SetForm, VersionedSet } from './key-set.ts';

/** Where the keys lie on a web server. */
export interface HttpsSourceOptions {
  readonly fetch: Fetch;
  /** Address of the folder that holds the files: https, or http on this machine. */
  readonly url: string;
  /** Sent as a bearer token, to that address alone. */
  readonly token?: string | undefined;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

interface Content {
  readonly bytes: Uint8Array;
  /** The file's ETag, or where there is none a hash of what it holds. */
  readonly tag: string;
}

type Got = Content | 'unchanged' | 'missing';

interface Version {
  readonly place: string;
  readonly tags: readonly string[];
}

/** What a tag begins with that no server has given. */
const OWN_TAG = 'sha256:';

/**
 * Keys from a folder of a web server: one GET for each file, in parallel, with `If-None-Match` where a set is known (RFC
 * 9110 section 13.1.2). A new set of several files is asked about once more, so that a change between two of the
 * reads is noticed. Redirects are not followed. Throws SETTINGS_INVALID when made with an impossible address.
 */
export function httpsSource<S extends VersionedSet>(options: HttpsSourceOptions, form: SetForm<S>): KeySource<S> {
  const { token, timeoutMs } = options;
  const base = folderOf(options.url);

  async function get(path: string, tag: string | undefined): Promise<Got> {
    const answer = await withinLimit(
      'web server',
      options.fetch({
        method: 'GET',
        url: base.href + path,
        headers: {
          // A cache on the way may answer only what the server has said is still so.
          'cache-control': 'no-cache',
          ...(token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(tag === undefined || tag.startsWith(OWN_TAG) ? {} : { 'if-none-match': tag }),
        },
        timeoutMs,
        maxBytes: LONGEST_FILE,
      }),
    );
    if (answer.status === 304 && tag !== undefined) return 'unchanged';
    if (answer.status === 404 || answer.status === 410) return 'missing';
    if (answer.status !== 200) throw failureOf(answer, base.host, token !== undefined && token !== '');
    const etag = answer.headers['etag'];
    const found =
      etag === undefined || etag === '' ? `${OWN_TAG}${await sha256Hex(new Uint8Array(answer.body))}` : etag;
    return found === tag ? 'unchanged' : { bytes: answer.body, tag: found };
  }

  const setAt = (place: string, tags?: readonly string[]): Promise<readonly Got[]> =>
    Promise.all(form.files.map((name, i) => get(place + name, tags?.[i])));

  async function find(): Promise<{ readonly place: string; readonly files: readonly Content[] }> {
    for (const place of PLACES) {
      const files = (await setAt(place)).filter((got) => typeof got === 'object');
      if (files.length === form.files.length) return { place, files };
    }
    const where = PLACES.map((place) => `${base.host}${base.pathname}${place}`).join(' or ');
    throw new AppError(
      'KEYS_NOT_FOUND',
      `There is no ${named(form.files)} in ${where}: check the address, or publish the keys to it.`,
    );
  }

  return {
    name: `web server ${base.host}`,
    async fetch(known) {
      if (known !== undefined) {
        const { place, tags } = JSON.parse(known.version) as Version;
        if ((await setAt(place, tags)).every((got) => got === 'unchanged')) return 'unchanged';
      }
      const { place, files } = await find();
      const again =
        files.length === 1
          ? []
          : await setAt(
              place,
              files.map(({ tag }) => tag),
            );
      const newest = files.map((file, i) => {
        const got = again[i];
        return typeof got === 'object' ? got : file;
      });
      const version: Version = { place, tags: newest.map(({ tag }) => tag) };
      return form.make(
        newest.map(({ bytes }) => bytes),
        JSON.stringify(version),
      );
    },
  };
}

/** The folder's address with a slash at its end. */
function folderOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (url === undefined || !isAllowed || `${url.username}${url.password}` !== '' || /[?#]/.test(text)) {
    throw new AppError(
      'SETTINGS_INVALID',
      'The keys on a web server need an https address (http only on this machine) without user, query or fragment.',
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function failureOf({ status, headers }: HttpResponse, host: string, hasToken: boolean): AppError {
  const wish = retryAfterMs(headers);
  const options = wish === undefined ? {} : { retryAfterMs: wish };
  if (status === 401 || status === 403) {
    const remedy = hasToken ? 'make a new token that may read them' : 'give a token that may read them';
    return new AppError('KEYS_REFUSED', `${host} does not let us read the keys (${status}): ${remedy}.`, options);
  }
  if (status === 429 || status === 408 || status >= 500) {
    return new AppError(
      'KEYS_UNAVAILABLE',
      `${host} cannot give the keys now (${status}): it is tried again.`,
      options,
    );
  }
  const moved = status >= 300 && status < 400 ? ', and where it has moved to' : '';
  return new AppError(
    'KEYS_UNREADABLE',
    `${host} answered ${status} where keys were expected: check the address${moved}.`,
    options,
  );
}

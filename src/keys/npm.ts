import { AppError } from '../core/errors.ts';
import type { Fetch, HttpResponse } from '../core/ports.ts';
import { fromUtf8, parseJsonObject } from '../autoid/encoding.ts';
import { retryAfterMs } from '../autoid/retry-after.ts';
import { KEY_SET_V1, withinLimit } from './key-set.ts';
import type { KeySource, SetForm, VersionedSet } from './key-set.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { checkIntegrity, latestRelease, LONGEST_PACKAGE, packageNameOf, readPackage } from './npm-package.ts';

const MOST_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The abbreviated packument: all that is needed to install, many times shorter than the full one. */
const PACKUMENT_TYPE = 'application/vnd.npm.install-v1+json';

/** Where and how an npm package of keys is fetched. */
export interface NpmSourceOptions {
  readonly fetch: Fetch;
  /** The registry's address; a path in it is kept. https, or http on loopback. */
  readonly registry: string;
  /** With or without `@`. */
  readonly scope?: string | undefined;
  readonly package: string;
  /** Sent as a bearer token to the registry's own origin (scheme, host and port), and to nobody else. */
  readonly token?: string | undefined;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

/** Key sets of protocol 1 from an npm package: `info2048.bin` and `public.pem`. */
export function npmKeySource(options: NpmSourceOptions): KeySource {
  return npmSource(options, KEY_SET_V1);
}

/**
 * Keys from an npm package, at the version tagged latest. Cold: packument and tarball, two exchanges; warm: the packument,
 * conditionally, one exchange. The tarball is checked by npm's own libraries, read in memory, and nothing of it is run.
 * Redirects are followed up to three times each, without the token once they leave the registry's origin, and never from
 * https to http. Throws SETTINGS_INVALID when made with an impossible address or name.
 */
export function npmSource<S extends VersionedSet>(options: NpmSourceOptions, form: SetForm<S>): KeySource<S> {
  const { token, timeoutMs } = options;
  const registry = registryOf(options.registry);
  const name = packageNameOf(options.scope, options.package);
  /** The validator of the packument that named this version, as the registry gave it last. */
  let seen: { readonly version: string; readonly etag: string } | undefined;

  /** A GET that follows redirects; the token goes wherever the origin is the registry's. */
  async function get(start: string, headers: Record<string, string>): Promise<HttpResponse> {
    let url = new URL(start);
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const isHome = url.origin === registry.origin;
      const answer = await withinLimit(
        'npm registry',
        options.fetch({
          method: 'GET',
          url: url.href,
          headers:
            token !== undefined && token !== '' && isHome ? { ...headers, authorization: `Bearer ${token}` } : headers,
          timeoutMs,
          maxBytes: LONGEST_PACKAGE,
        }),
      );
      const location = answer.headers['location'];
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      url = nextUrl(location, url);
    }
    throw unreadable(`redirects ${name.full} more than ${MOST_REDIRECTS} times`);
  }

  function succeeded(answer: HttpResponse): HttpResponse {
    if (answer.status === 200) return answer;
    throw failureOf(answer, name.full, token !== undefined && token !== '');
  }

  return {
    name: `npm package ${name.full}`,
    async fetch(known) {
      const etag = known !== undefined && known.version === seen?.version ? seen.etag : undefined;
      const headers = { accept: `${PACKUMENT_TYPE}; q=1.0, application/json; q=0.8` };
      const answer = await get(
        `${registry.href}${name.escaped}`,
        etag === undefined ? headers : { ...headers, 'if-none-match': etag },
      );
      if (answer.status === 304 && etag !== undefined) return 'unchanged';
      const packument = parseJsonObject(fromUtf8(succeeded(answer).body) ?? '');
      if (packument === undefined) throw unreadable(`answers something else than JSON about ${name.full}`);
      const release = latestRelease(packument, name.full);
      const version = `${release.version} ${release.integrity}`;
      const newEtag = answer.headers['etag'];
      const remember = (): void => {
        seen = newEtag === undefined ? undefined : { version, etag: newEtag };
      };
      if (known?.version === version) {
        remember();
        return 'unchanged';
      }
      const tarballUrl = tarballUrlOf(release.tarball, registry);
      const tarball = succeeded(await get(tarballUrl, { accept: 'application/octet-stream, */*; q=0.5' })).body;
      checkIntegrity(tarball, release.integrity, name.full);
      const set = await form.make(await readPackage(tarball, name.full, form.files), version);
      remember();
      return set;
    },
  };
}

/** The registry's address with a slash at its end. */
function registryOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && `${url.username}${url.password}` === '' && !/[?#]/.test(text);
  if (!isPlain || !isAllowed(url)) {
    throw new AppError(
      'SETTINGS_INVALID',
      'The npm registry must be an https address (http only on this machine) without user, query or fragment.',
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isAllowed(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

/** Registries behind a TLS proxy often name their tarballs by http: those on the registry's own host are asked for by https. */
function tarballUrlOf(tarball: string, registry: URL): string {
  const url = URL.canParse(tarball, registry.href) ? new URL(tarball, registry) : undefined;
  if (url?.protocol === 'http:' && registry.protocol === 'https:' && url.hostname === registry.hostname) {
    url.protocol = 'https:';
    url.port = registry.port;
  }
  if (url === undefined || !isAllowed(url)) throw unreadable('names a package at an address that is not https');
  url.username = '';
  url.password = '';
  return url.href;
}

function nextUrl(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url === undefined || !isAllowed(url)) throw unreadable('redirects to an address that is not https');
  return url;
}

function unreadable(what: string): AppError {
  return new AppError('KEYS_UNREADABLE', `The npm registry ${what}: check its address and the package.`);
}

function failureOf({ status, headers }: HttpResponse, name: string, hasToken: boolean): AppError {
  const wish = retryAfterMs(headers);
  const options = wish === undefined ? {} : { retryAfterMs: wish };
  if (status === 401 || status === 403) {
    const remedy = hasToken ? 'make a new token that may read this package' : 'give a token that may read this package';
    return new AppError(
      'KEYS_REFUSED',
      `The npm registry does not let us read ${name} (${status}): ${remedy}.`,
      options,
    );
  }
  if (status === 404) {
    const also = hasToken ? 'or the token may not read it' : 'or it is private and a token is needed';
    return new AppError(
      'KEYS_NOT_FOUND',
      `The npm registry knows no package ${name} (404): scope or name are wrong, ${also}, since registries answer the same for both.`,
      options,
    );
  }
  if (status === 429 || status === 408 || status >= 500) {
    return new AppError(
      'KEYS_UNAVAILABLE',
      `The npm registry cannot answer now (${status}): it is tried again.`,
      options,
    );
  }
  return new AppError(
    'KEYS_UNREADABLE',
    `The npm registry answered ${status} for ${name}: check that its address is that of a registry.`,
    options,
  );
}

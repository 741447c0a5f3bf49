import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import ssri from 'ssri';
import { Header, Parser } from 'tar';
import { retryAfterMs } from '../../../autoid/retry-after.ts';
import { AppError } from '../../../core/errors.ts';
import type { Fetch, HttpResponse } from '../../../core/ports.ts';
import { isLoopbackHost } from '../../../core/settings/schema.ts';
import { checkIntegrity, latestRelease, LONGEST_PACKAGE, packageNameOf } from '../../../keys/npm-package.ts';
import { sameContent, type Place, type PublishedFiles } from './place.ts';

export interface NpmPlaceOptions {
  readonly fetch: Fetch;
  /** The registry's address: https, or http on loopback. */
  readonly registry: string;
  /** With its scope: `@acme/auto-id-keys`. */
  readonly package: string;
  /** May publish the package. Asked for with each call, and never kept. */
  readonly token: () => Promise<string>;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * An npm package. Each set is a version of it, published by one PUT as `npm publish` does, so that clients see the whole
 * version or none; the next patch number is its version. What the registry holds as latest is read back and compared: a publication
 * whose answer was lost is not made twice. The package has no scripts, and is restricted to those who may read it.
 */
export function npmPlace(options: NpmPlaceOptions): Place {
  const { timeoutMs } = options;
  const registry = registryOf(options.registry);
  const name = packageNameOf(undefined, options.package);
  const url = `${registry.href}${name.escaped}`;

  async function call(method: 'GET' | 'PUT', target: string, body?: string): Promise<HttpResponse> {
    // The registry alone gets the token, wherever it says that a tarball lies.
    const authorization = new URL(target).origin === registry.origin ? `Bearer ${await options.token()}` : undefined;
    return options.fetch({
      method,
      url: target,
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs,
      maxBytes: LONGEST_PACKAGE,
    });
  }

  /** The document of the package, or undefined where there is none yet. */
  async function packument(): Promise<Json | undefined> {
    const answer = await call('GET', url);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw failureOf(answer, name.full);
    const parsed = parse(answer.body);
    if (parsed !== undefined) return parsed;
    throw new AppError(
      'PUBLISH_FAILED',
      `The npm registry says nothing readable about ${name.full}: check its address.`,
    );
  }

  async function isLatest(document: Json | undefined, files: PublishedFiles): Promise<boolean> {
    if (latestOf(document) === undefined || document === undefined) return false;
    const release = latestRelease(document, name.full);
    const tarball = new URL(release.tarball, registry);
    if (tarball.protocol === 'http:' && registry.protocol === 'https:' && tarball.hostname === registry.hostname) {
      tarball.protocol = 'https:';
      tarball.port = registry.port;
    }
    const answer = await call('GET', tarball.href);
    if (answer.status !== 200) throw failureOf(answer, name.full);
    checkIntegrity(answer.body, release.integrity, name.full);
    const held = await contentOf(answer.body);
    return [...files].every(([path, bytes]) => sameContent(held.get(path), bytes));
  }

  return {
    name: `npm package ${name.full} on ${registry.host}`,
    holds: async (files) => isLatest(await packument(), files),
    async publish(files) {
      const document = await packument();
      if (await isLatest(document, files)) return;
      const version = nextVersion(document);
      const answer = await call('PUT', url, JSON.stringify(publication(name.full, version, files, registry)));
      // Somebody else has published this very number just now: perhaps ourselves, by a call whose answer was lost.
      if (answer.status === 409 || answer.status === 403) {
        if (await isLatest(await packument(), files)) return;
      }
      if (answer.status < 200 || answer.status > 299) throw failureOf(answer, name.full);
    },
  };
}

/** What a registry is sent to publish a version, as npm's own client sends it. */
function publication(name: string, version: string, files: PublishedFiles, registry: URL): Json {
  const manifest = {
    name,
    version,
    description: 'Keys of an auto-id server: data only, with no scripts.',
    license: 'UNLICENSED',
    files: [...files.keys()],
  };
  const tarball = tarballOf(
    new Map([...files, ['package.json', new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`)]]),
  );
  const file = `${name.replace(/^@[^/]*\//, '')}-${version}.tgz`;
  const dist = {
    integrity: ssri.fromData(tarball, { algorithms: ['sha512'] }).toString(),
    shasum: createHash('sha1').update(tarball).digest('hex'),
    tarball: `${registry.href}${name}/-/${file}`,
  };
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    access: name.startsWith('@') ? 'restricted' : null,
    _attachments: {
      [file]: { content_type: 'application/octet-stream', data: tarball.toString('base64'), length: tarball.length },
    },
  };
}

/** Packed as npm packs, but the same bytes for the same files at any time. */
function tarballOf(files: PublishedFiles): Buffer {
  const blocks = [...files].flatMap(([path, bytes]) => {
    const header = new Header({
      path: `package/${path}`,
      size: bytes.length,
      mode: 0o644,
      type: 'File',
      // npm's own: registries and clients have seen it on every package.
      mtime: new Date('1985-10-26T08:15:00.000Z'),
    });
    header.encode();
    return [header.block ?? Buffer.alloc(512), Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 6 });
}

/** The files of a tarball by path without the first folder; what is no tarball has none. */
function contentOf(tarball: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  return new Promise((resolve) => {
    const parser = new Parser({
      strict: true,
      maxDecompressionRatio: 100,
      onReadEntry(entry) {
        const chunks: Uint8Array[] = [];
        entry.on('data', (chunk) => chunks.push(chunk));
        entry.on('end', () => found.set(entry.path.replace(/^[^/]+\//, ''), Buffer.concat(chunks)));
      },
    });
    parser.on('error', () => resolve(new Map()));
    parser.on('end', () => resolve(found));
    parser.end(Buffer.from(tarball));
  });
}

/** The number after the highest that was ever published: 1.0.0 for the first. */
function nextVersion(document: Json | undefined): string {
  const numbers = Object.keys(objectOf(document?.['versions'])).flatMap((version) => {
    const [, major, minor, patch] = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(version) ?? [];
    return major === undefined ? [] : [[Number(major), Number(minor), Number(patch)] as const];
  });
  const [highest] = numbers.sort((a, b) => b[0] - a[0] || b[1] - a[1] || b[2] - a[2]);
  return highest === undefined ? '1.0.0' : `${highest[0]}.${highest[1]}.${highest[2] + 1}`;
}

function latestOf(document: Json | undefined): unknown {
  return objectOf(document?.['dist-tags'])['latest'];
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function parse(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function registryOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (url === undefined || !isAllowed || `${url.username}${url.password}` !== '' || /[?#]/.test(text)) {
    throw new AppError(
      'SETTINGS_INVALID',
      'The npm registry to publish to must be an https address without user, query or fragment.',
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function failureOf({ status, headers }: HttpResponse, name: string): AppError {
  const wish = retryAfterMs(headers);
  if (status === 401 || status === 403 || status === 404) {
    return new AppError(
      'PUBLISH_REFUSED',
      `The npm registry does not let us publish ${name} (${status}): give a token that may write to it, and check the scope.`,
    );
  }
  if (status === 413) {
    return new AppError(
      'PUBLISH_REFUSED',
      `The npm registry does not take packages as large as ${name}: raise its limit.`,
    );
  }
  return new AppError(
    'PUBLISH_FAILED',
    `The npm registry did not take ${name} now (${status}): it is tried again.`,
    wish === undefined ? {} : { retryAfterMs: wish },
  );
}

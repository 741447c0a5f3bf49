import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { entropyBytes, vectorText } from '../../autoid/testing/vectors.ts';
import type { Fetch, HttpRequest, HttpResponse, Logger } from '../../core/ports.ts';

/** The two files of a good key set, and those of another generation. */
export const entropyFile = entropyBytes;
export const publicKeyFile = new TextEncoder().encode(vectorText('public.openssh.pem'));
export const otherEntropyFile = new Uint8Array(entropyBytes);
otherEntropyFile[0] = otherEntropyFile[0] === 97 ? 98 : 97;

/** A package's tarball, as npm packs it: every path under `package/`. */
export function tarballOf(files: Readonly<Record<string, Uint8Array>>, type: 'File' | 'SymbolicLink' = 'File'): Buffer {
  const blocks = Object.entries(files).flatMap(([path, bytes]) => {
    const header = new Header({ path: `package/${path}`, size: bytes.length, mode: 0o644, type, mtime: new Date(0) });
    header.encode();
    return [header.block ?? Buffer.alloc(0), Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 });
}

export function integrityOf(tarball: Uint8Array, algorithm = 'sha512'): string {
  return `${algorithm}-${createHash(algorithm).update(tarball).digest('base64')}`;
}

/** The Fetch port over the platform's own fetch, which keeps what it was asked. */
export function recordingFetch(inner: Fetch = platformFetch): { fetch: Fetch; requests: HttpRequest[] } {
  const requests: HttpRequest[] = [];
  return {
    requests,
    fetch: (request) => {
      requests.push(request);
      return inner(request);
    },
  };
}

const platformFetch: Fetch = async ({ method, url, headers, body }) => {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  };
};

/** An answer for a Fetch port that is made of a table. */
export function answer(
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers, body: typeof body === 'string' ? new TextEncoder().encode(body) : body };
}

/** A log that keeps the names of its events. */
export function recordingLogger(): Logger & { readonly events: string[] } {
  const events: string[] = [];
  return { events, log: (level, event) => events.push(`${level} ${event}`) };
}

import { AppError } from '../../core/errors.ts';
import type { Fetch, HttpResponse } from '../../core/ports.ts';
import { parseEndpoint } from '../endpoint.ts';
import { retryAfterMs } from '../retry-after.ts';
import { orTooLarge } from '../too-large.ts';
import { AskedTooOften } from '../v1/request.ts';
import type { Bytes } from './bytes.ts';

/** The paths of protocol 2 behind a server's address. */
export type Path = '/v2/credentials' | '/v2/enrol' | '/v2/keyset';

/** How long a server is left alone that answers 429 and does not say for how long, in ms. */
const BUSY_MS = 5000;

/**
 * Where a path lies at a server: the address with the path behind it; what the addresses of protocol 1 end in may stay.
 * Throws SETTINGS_INVALID unless it is an http(s) address without user, query or fragment.
 */
export function pathUrlOf(endpoint: string, path: Path): string {
  const url = parseEndpoint(endpoint);
  const base = url.pathname.replace(/\/+$/, '').replace(/\/Stage\/verify$/, '');
  return `${url.origin}${base}${path}`;
}

/** Posts a message of protocol 2. Rejects as the Fetch port does; an endless answer is SERVER_ANSWER_UNREADABLE. */
export function postMessage(
  options: { readonly fetch: Fetch; readonly endpoint: string; readonly timeoutMs: number },
  path: Path,
  body: Bytes,
  maxBytes: number,
): Promise<HttpResponse> {
  const { fetch, endpoint, timeoutMs } = options;
  const headers = { 'content-type': 'application/octet-stream', accept: 'application/octet-stream' };
  return orTooLarge(
    fetch({ method: 'POST', url: pathUrlOf(endpoint, path), headers, body, timeoutMs, maxBytes }),
    'SERVER_ANSWER_UNREADABLE',
    'The auto-id endpoint answered with far more than any server sends: check that it is the address of one.',
  );
}

/**
 * What an answer means that does not open: SERVER_REFUSED (404), SERVER_UNAVAILABLE (408, 429, 5xx; with `retryAfterMs`
 * where wished) or SERVER_ANSWER_UNREADABLE. `why404` ends the sentence of a 404.
 */
export function unopenedAnswer({ status, headers }: HttpResponse, why404: string): AppError {
  const wish = retryAfterMs(headers);
  const options = wish === undefined ? {} : { retryAfterMs: wish };
  if (status === 429) return new AskedTooOften(wish ?? BUSY_MS);
  if (status === 404) return new AppError('SERVER_REFUSED', `The auto-id server refused (404): ${why404}.`, options);
  if (status >= 500 || status === 408) {
    const sentence = `The auto-id server, or what stands before it, does not work at the moment (${status}).`;
    return new AppError('SERVER_UNAVAILABLE', sentence, options);
  }
  return new AppError(
    'SERVER_ANSWER_UNREADABLE',
    `The auto-id endpoint answered ${status} with something that is no reply to us: check that it is the address of an auto-id server, and that nothing on the way changes answers.`,
  );
}

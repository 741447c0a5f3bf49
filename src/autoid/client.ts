import type { Fetch, Random } from '../core/ports.ts';
import { parseEndpoint } from './endpoint.ts';
import { orTooLarge } from './too-large.ts';
import { sealRequest } from './v1/request.ts';
import type { ProtocolKeys } from './v1/request.ts';

/** Longest answer read, in bytes; a Secrets Manager secret has at most 64 KiB, one of access keys about 1 KiB on the wire. */
const LONGEST_ANSWER = 65_536;

/** What one request needs. */
export interface SecretRequest {
  readonly fetch: Fetch;
  readonly random: Random;
  /** The server's address, as in AUTO_ID_API_ENDPOINT; see `verifyUrlOf`. */
  readonly endpoint: string;
  readonly keySet: ProtocolKeys;
  /** `store,secret_id[,version[,stage]]`. */
  readonly credentialSource: string;
  /** For the whole exchange, in ms. */
  readonly timeoutMs: number;
}

/**
 * Asks an auto-id server of protocol version 1 for a secret: one POST, no retry. Throws SETTINGS_INVALID (endpoint or
 * credential source), KEYS_INVALID (public key), SERVER_REFUSED, SERVER_UNAVAILABLE, SERVER_ANSWER_UNREADABLE
 * (an answer of more than 64 KiB included), or what else the Fetch port throws.
 */
export async function requestSecret(request: SecretRequest): Promise<string> {
  const { fetch, endpoint, timeoutMs } = request;
  const url = verifyUrlOf(endpoint);
  const sealed = await sealRequest(request);
  const answer = await orTooLarge(
    fetch({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: sealed.body,
      timeoutMs,
      maxBytes: LONGEST_ANSWER,
    }),
    'SERVER_ANSWER_UNREADABLE',
    'The auto-id endpoint answered with far more than a secret: check that it is the address of an auto-id server.',
  );
  return sealed.openAnswer(answer);
}

/**
 * Where a server verifies: the endpoint with `/Stage/verify` behind it, which is what the reference's clients append. An
 * endpoint that already ends in `/Stage/verify` or `/Stage` is completed rather than doubled, and slashes at the end do
 * not matter. Throws SETTINGS_INVALID unless it is an http(s) address without user, query or fragment.
 */
export function verifyUrlOf(endpoint: string): string {
  const url = parseEndpoint(endpoint);
  const path = url.pathname.replace(/\/+$/, '');
  const completed = /\/Stage\/verify$/.test(path) ? path : `${path.replace(/\/Stage$/, '')}/Stage/verify`;
  return `${url.origin}${completed}`;
}

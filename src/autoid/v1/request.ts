import { AppError } from '../../core/errors.ts';
import type { HttpResponse, Random } from '../../core/ports.ts';
import { fromUtf8, parseJsonObject, toUtf8 } from '../encoding.ts';
import { retryAfterMs } from '../retry-after.ts';
import { chooseKeyText, cipherKeyOf, openText, sealText, toWire } from './cipher.ts';
import { chooseIntervals, formatIntervals, hashvalOf } from './intervals.ts';
import { importPublicKey } from './keys.ts';

/** What the protocol needs of a key set. */
export interface ProtocolKeys {
  /** The entropy file as `parseEntropy` gives it. */
  readonly entropy: string;
  /** The server's public key, in any form that `importPublicKey` reads. */
  readonly publicKeyPem: string;
}

/** A request ready to be posted, and what reads the answer to it. */
export interface SealedRequest {
  /** JSON `{"data": …, "payload": …}`. */
  readonly body: string;
  /**
   * The secret that an answer holds. Throws for everything that is not a readable 201: SERVER_REFUSED,
   * SERVER_UNAVAILABLE (with `retryAfterMs` where the server wished one) or SERVER_ANSWER_UNREADABLE.
   *
   * Version 1 seals with AES-CBC and authenticates nothing: somebody in the middle can change a secret without being
   * noticed here (a changed bit of the IV changes just that bit of the first block). What protects it is TLS.
   */
  openAnswer(answer: HttpResponse): Promise<string>;
}

/**
 * Seals one request for a secret under a fresh AES key, with a fresh proof of knowing the entropy file.
 * `credentialSource` is `store,secret_id[,version[,stage]]`. Throws SETTINGS_INVALID for a malformed source and
 * KEYS_INVALID for an unusable public key.
 */
export async function sealRequest(options: {
  readonly keySet: ProtocolKeys;
  readonly credentialSource: string;
  readonly random: Random;
}): Promise<SealedRequest> {
  const { keySet, credentialSource, random } = options;
  checkSource(credentialSource);
  const publicKey = await importPublicKey(keySet.publicKeyPem);
  const keyText = chooseKeyText(random);
  const key = await cipherKeyOf(keyText);
  const intervals = chooseIntervals(random);
  const plain = JSON.stringify({
    hashval: await hashvalOf(keySet.entropy, intervals),
    intervals: formatIntervals(intervals),
    credential_source: credentialSource,
  });
  const sealedKey = new Uint8Array(await crypto.subtle.encrypt('RSA-OAEP', publicKey, toUtf8(keyText)));
  return {
    body: JSON.stringify({ data: toWire(sealedKey), payload: await sealText(key, plain, random) }),
    openAnswer: (answer) => openAnswer(key, answer),
  };
}

/** SERVER_UNAVAILABLE for 429: the one failure of a server's after which it must not be asked again at once. */
export class AskedTooOften extends AppError {
  constructor(retryAfterMs: number) {
    const sentence = 'The auto-id server is asked too often (429): it is tried again later.';
    super('SERVER_UNAVAILABLE', sentence, { retryAfterMs });
  }
}

/** How long a server is left alone that answers 429 and does not say for how long. */
const BUSY_MS = 5000;

function checkSource(source: string): void {
  const parts = source.split(',');
  const [store = '', id = ''] = parts;
  if (
    parts.length <= 4 &&
    store.trim() !== '' &&
    id.trim() !== '' &&
    source.length <= 2048 &&
    !/\p{Cc}/u.test(source)
  ) {
    return;
  }
  throw new AppError(
    'SETTINGS_INVALID',
    'The credential source must read store,secret_id[,version[,stage]], for example secretsmanager,wall-dashboards.',
  );
}

async function openAnswer(key: CryptoKey, answer: HttpResponse): Promise<string> {
  if (answer.status !== 201) throw failureOf(answer);
  const message = parseJsonObject(fromUtf8(answer.body) ?? '')?.['message'];
  const secret = await openText(key, message);
  if (secret === undefined || secret === '') {
    throw new AppError(
      'SERVER_ANSWER_UNREADABLE',
      'The auto-id server said yes, but its answer cannot be read: check that nothing between here and the server changes it, and that the endpoint is an auto-id server.',
    );
  }
  return secret;
}

/** What each status other than 201 means, by class; RFC 9110 section 15 and what the reference and API Gateway send. */
function failureOf({ status, headers }: HttpResponse): AppError {
  const wish = retryAfterMs(headers);
  const options = wish === undefined ? {} : { retryAfterMs: wish };
  if (status === 429) {
    return new AskedTooOften(wish ?? BUSY_MS);
  }
  if (status >= 500 || status === 408) {
    return new AppError(
      'SERVER_UNAVAILABLE',
      `The auto-id server failed (${status}): the reference server answers 502 after its keys were rotated, and when it does not know the secret, so check the keys, the name of the secret, and the server's log.`,
      options,
    );
  }
  if (status === 404) {
    return new AppError(
      'SERVER_REFUSED',
      'The auto-id server does not accept our proof (404): either the keys are not those of this server, or the endpoint is not its address.',
      options,
    );
  }
  if (status === 401 || status === 403) {
    return new AppError(
      'SERVER_REFUSED',
      `Access to the auto-id server is forbidden (${status}): check the address of the endpoint and what stands in front of the server.`,
      options,
    );
  }
  if (status >= 400) {
    return new AppError(
      'SERVER_REFUSED',
      `The auto-id server refused the request (${status}): check the address of the endpoint and the version of the server.`,
      options,
    );
  }
  if (status >= 300) {
    return new AppError(
      'SERVER_ANSWER_UNREADABLE',
      `The auto-id endpoint answered with a redirect (${status}), which is not followed: set the endpoint to the address it moved to.`,
    );
  }
  return new AppError(
    'SERVER_ANSWER_UNREADABLE',
    `The auto-id endpoint answered ${status} where 201 was expected: check that it is the address of an auto-id server.`,
  );
}

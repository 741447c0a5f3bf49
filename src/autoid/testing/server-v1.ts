/** The server's half of protocol 1, written plainly: what tests hold clients, and the server that is equal to strangers, against. */
import type { Random } from '../../core/ports.ts';
import { fromUtf8, parseJsonObject } from '../encoding.ts';
import { cipherKeyOf, fromWire, openText, sealText } from '../v1/cipher.ts';
import { hashvalOf, isSoundProof, parseIntervals } from '../v1/intervals.ts';

/** Far more than a request needs (about 1.5 KiB); in characters. */
const LONGEST_BODY = 32_768;

/** A request as the client wrote it. */
export interface OpenedRequest {
  /** The AES key string, for sealing the answer. A secret. */
  readonly keyText: string;
  /** Hex SHA-256 of the snippets, as claimed. */
  readonly hashval: string;
  readonly intervals: string;
  readonly credentialSource: string;
}

/**
 * The request in a body that was sealed to this key, or undefined for everything else. There is no reason on purpose:
 * a server answers all of them alike.
 */
export async function openRequest(privateKey: CryptoKey, body: string): Promise<OpenedRequest | undefined> {
  const request = body.length > LONGEST_BODY ? undefined : parseJsonObject(body);
  const keyText = await openKey(privateKey, fromWire(request?.['data']));
  if (request === undefined || keyText === undefined) return undefined;
  const text = await openText(await cipherKeyOf(keyText), request['payload']);
  const plain = text === undefined ? undefined : parseJsonObject(text);
  const { hashval, intervals, credential_source: credentialSource } = plain ?? {};
  if (typeof hashval !== 'string' || typeof intervals !== 'string' || typeof credentialSource !== 'string') {
    return undefined;
  }
  return { keyText, hashval, intervals, credentialSource };
}

/** Whether the request proves knowledge of the entropy file: a sound choice of intervals, and the right hash over them. */
export async function isProven(entropy: string, request: OpenedRequest): Promise<boolean> {
  const intervals = parseIntervals(request.intervals);
  if (intervals === undefined || !isSoundProof(intervals)) return false;
  return sameText(await hashvalOf(entropy, intervals), request.hashval);
}

/** The body of a 201 that hands out a secret: JSON `{"message": …}` under the request's key. */
export async function sealAnswer(keyText: string, secret: string, random: Random): Promise<string> {
  return JSON.stringify({ message: await sealText(await cipherKeyOf(keyText), secret, random) });
}

async function openKey(
  privateKey: CryptoKey,
  sealed: Uint8Array<ArrayBuffer> | undefined,
): Promise<string | undefined> {
  if (sealed === undefined) return undefined;
  try {
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt('RSA-OAEP', privateKey, sealed)));
  } catch {
    return undefined;
  }
}

/** Compares without telling by its time how much of the start agrees. */
function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

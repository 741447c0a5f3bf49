import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createSecretKey,
  hash,
  type KeyObject,
  publicEncrypt,
  timingSafeEqual,
  webcrypto,
} from 'node:crypto';
import { parseJsonObject } from '../../autoid/encoding.ts';
import { isSoundProof, parseIntervals, snippetOf, type Interval } from '../../autoid/v1/intervals.ts';
import { importPrivateKey } from '../../autoid/v1/keys.ts';
import type { Random } from '../../core/ports.ts';
import type { GenerationV1 } from '../rotation/generations.ts';

const BLOCK = 16;
/** Four intervals of three numbers below 2048, with room for more digits than are allowed. */
const LONGEST_INTERVALS = 128;
/** What is hashed where a request names nothing that could be: as much as an average one. */
const DUMMY_INTERVALS: readonly Interval[] = [0, 1, 2, 3].map((line) => ({ first: 0, second: 683, line }));
/** What is read where nothing could be decrypted: no JSON, as what comes of a guess is none. */
const DUMMY_PLAIN = Buffer.from('\u0001'.repeat(200));
const DUMMY_SEALED = Buffer.alloc(320, 7);
const DUMMY_KEY_TEXT = 'AAAAAAAAAAAAAAAA';

/** A request that proves knowledge of an entropy file. */
export interface VerifiedV1 {
  readonly verified: true;
  /** The AES key string, for sealing the answer. A secret. */
  readonly keyText: string;
  /** `store,id[,version[,stage]]`, as the client wrote it. */
  readonly sourceText: string;
  readonly generation: number;
}

/** Why not, for the audit log alone: `malformed`, `no-key`, `no-plain-text`, `no-request`, `weak-proof`, `wrong-hash`. */
export interface RefusedV1 {
  readonly verified: false;
  readonly reason: string;
}

/** Verifies one body of a request of protocol 1. Never rejects for what a client sent. */
export type VerifierV1 = (body: Uint8Array) => Promise<VerifiedV1 | RefusedV1>;

interface Opening {
  readonly generation: number;
  readonly key: webcrypto.CryptoKey;
  readonly dummy: Uint8Array<ArrayBuffer>;
}

/**
 * A verifier for the generations that are accepted, the current one first. Rejects with KEYS_INVALID for keys that are none.
 *
 * Every request costs the same work however far it gets: one RSA operation for each generation (on a sealed key of our own
 * where it has none), one AES decryption, one JSON text, one hash for each generation. So the time of a refusal does not
 * tell a wrong padding from a wrong hash. The padding of AES-CBC is checked here, without a branch on what it is, since the
 * library's way to say that it is wrong is an exception, which takes longer. Wrong OAEP paddings are all alike in OpenSSL.
 *
 * A proof may be by the entropy of any generation: a place of two files that is read between two writes has halves of two.
 */
export async function createVerifierV1(generations: readonly GenerationV1[]): Promise<VerifierV1> {
  const openings = await Promise.all(generations.map(openingOf));
  const entropies = generations.map(({ entropy }) => entropy);

  return async (body) => {
    const request = parseJsonObject(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'));
    const sealedKey = fromWire(request?.['data']);
    const sealedPayload = fromWire(request?.['payload']);

    const opened = await Promise.all(openings.map((opening) => openKey(opening, sealedKey)));
    const keyText = opened.find((text) => text !== undefined);
    const generation = openings[opened.findIndex((text) => text !== undefined)]?.generation;

    const plain = decrypt(keyText ?? DUMMY_KEY_TEXT, sealedPayload);
    const fields = parseJsonObject(plain.text) ?? {};
    const { hashval, intervals: intervalText, credential_source: sourceText } = fields;
    const isRequest = typeof hashval === 'string' && typeof intervalText === 'string' && typeof sourceText === 'string';

    const named = isRequest && intervalText.length <= LONGEST_INTERVALS ? parseIntervals(intervalText) : undefined;
    const isSound = named !== undefined && isSoundProof(named);
    const claimed = isRequest && /^[0-9a-f]{64}$/.test(hashval) ? Buffer.from(hashval, 'hex') : Buffer.alloc(32);
    let isRight = false;
    for (const entropy of entropies) {
      if (timingSafeEqual(hashOf(entropy, isSound ? named : DUMMY_INTERVALS), claimed)) isRight = true;
    }

    const refused = (reason: string): RefusedV1 => ({ verified: false, reason });
    if (request === undefined || sealedKey === undefined || sealedPayload === undefined) return refused('malformed');
    if (keyText === undefined || generation === undefined) return refused('no-key');
    if (!plain.isPadded) return refused('no-plain-text');
    if (!isRequest) return refused('no-request');
    if (!isSound) return refused('weak-proof');
    if (!isRight) return refused('wrong-hash');
    return { verified: true, keyText, sourceText, generation };
  };
}

/** The body of the 201 that hands out a secret: JSON `{"message": hex(base64(IV ‖ AES-256-CBC))}` under the request's key. */
export function sealAnswerV1(keyText: string, secret: string, random: Random): string {
  const iv = random.bytes(BLOCK);
  const cipher = createCipheriv('aes-256-cbc', cipherKeyOf(keyText), iv);
  const sealed = Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final()]);
  return JSON.stringify({ message: Buffer.from(sealed.toString('base64'), 'latin1').toString('hex') });
}

async function openingOf({ generation, privateKeyPem }: GenerationV1): Promise<Opening> {
  // Web Crypto, since it decrypts on the thread pool: this is the one costly operation.
  const key = await importPrivateKey(privateKeyPem);
  const dummy = publicEncrypt(
    { key: createPrivateKey(privateKeyPem), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    Buffer.from('not a key'),
  );
  return { generation, key, dummy: new Uint8Array(dummy) };
}

/** The key string, or undefined; takes the same work for whatever comes. */
async function openKey(
  { key, dummy }: Opening,
  sealed: Uint8Array<ArrayBuffer> | undefined,
): Promise<string | undefined> {
  const input = sealed?.length === dummy.length ? sealed : dummy;
  try {
    const text = Buffer.from(await webcrypto.subtle.decrypt('RSA-OAEP', key, input)).toString('latin1');
    return input === sealed && /^[A-Za-z0-9]{16}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function decrypt(keyText: string, sealed: Uint8Array | undefined): { text: string; isPadded: boolean } {
  const isSealed = sealed !== undefined && sealed.length >= 2 * BLOCK && sealed.length % BLOCK === 0;
  const both = isSealed ? sealed : DUMMY_SEALED;
  const cipher = createDecipheriv('aes-256-cbc', cipherKeyOf(keyText), both.subarray(0, BLOCK)).setAutoPadding(false);
  const plain = Buffer.concat([cipher.update(both.subarray(BLOCK)), cipher.final()]);
  const padding = paddingOf(plain);
  const isPadded = isSealed && padding > 0;
  return { text: (isPadded ? plain.subarray(0, -padding) : DUMMY_PLAIN).toString('utf8'), isPadded };
}

/** How many bytes of PKCS#7 padding end the text; 0 where they are none. Takes the same steps for every text. */
function paddingOf(plain: Uint8Array): number {
  const padding = plain[plain.length - 1] ?? 0;
  let wrong = (padding === 0 ? 1 : 0) | (padding > BLOCK ? 1 : 0);
  for (let i = 1; i <= BLOCK; i++) {
    wrong |= (i <= padding ? 0xff : 0) & ((plain[plain.length - i] ?? 0) ^ padding);
  }
  return wrong === 0 ? padding : 0;
}

/** As a key object: Node looks at raw bytes with exceptions, which take longer than the cipher. */
function cipherKeyOf(keyText: string): KeyObject {
  return createSecretKey(hash('sha256', Buffer.from(keyText, 'latin1'), 'buffer'));
}

function hashOf(entropy: string, intervals: readonly Interval[]): Buffer {
  const hash = createHash('sha256');
  for (const interval of intervals) hash.update(snippetOf(entropy, interval), 'latin1');
  return hash.digest();
}

/** The bytes of hex(base64(…)), or undefined for anything else. */
function fromWire(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== 'string' || text.length % 8 !== 0 || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  const base64 = Buffer.from(text, 'hex').toString('latin1');
  return /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? new Uint8Array(Buffer.from(base64, 'base64')) : undefined;
}

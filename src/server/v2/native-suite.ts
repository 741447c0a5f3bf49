import {
  createCipheriv,
  createDecipheriv,
  hash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
} from 'node:crypto';
import { diffieHellman, generateKeyPairSync, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256, LabeledExpand, LabeledExtract } from 'hpke';
import type { KDF, KEM, Key } from 'hpke';
import { concat } from '../../autoid/v2/bytes.ts';
import type { Bytes } from '../../autoid/v2/bytes.ts';
import { SIGNATURE_BYTES, type PublicKey } from '../../autoid/v2/signatures.ts';
import { createSuite } from '../../autoid/v2/suite.ts';
import type { Suite } from '../../autoid/v2/suite.ts';

/** DER before the raw key: PrivateKeyInfo and SubjectPublicKeyInfo of X25519, and the latter of Ed25519 (RFC 8410). */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** DER before an uncompressed point of P-256 (RFC 5480). */
const P256_SPKI = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
/** RFC 9180 section 4.1: "KEM" and the identifier of DHKEM(X25519, HKDF-SHA256). */
const KEM_SUITE_ID = Buffer.from('4b454d0020', 'hex');
const NOTHING = new Uint8Array();

interface NativeKey extends Key {
  readonly native: KeyObject;
  /** For public keys. */
  readonly raw?: Bytes;
}

/**
 * The suite on Node's own crypto, called synchronously: each of Web Crypto's many small calls goes through the thread pool
 * and costs more there than its work. Which algorithms these are is said, and checked against Web Crypto, where `Suite` is.
 */
export function createNativeSuite(): Suite {
  return createSuite({
    kdf: () => ({ ...KDF_HKDF_SHA256(), Extract: promised(extract), Expand: promised(expand) }),
    aead: () => ({ ...AEAD_AES_256_GCM(), Seal: promised(seal), Open: promised(open) }),
    kem: () => nativeKem(),
    sha256: promised((bytes: Bytes) => plain(hash('sha256', bytes, 'buffer'))),
    verify: verifyNatively,
  });
}

const kdf: KDF = { ...KDF_HKDF_SHA256(), Extract: promised(extract), Expand: promised(expand) };

/** RFC 9180 section 4.1, over `diffieHellman`, which refuses a result of zeros as section 7.1.4 demands. */
function nativeKem(): KEM {
  const { id, type, name, Nsecret, Nenc, Npk, Nsk } = KEM_DHKEM_X25519_HKDF_SHA256();
  const shared = async (privateKey: Key, publicKey: Key, enc: Bytes, recipient: Bytes): Promise<Uint8Array> => {
    const secret = diffieHellman({ privateKey: native(privateKey).native, publicKey: native(publicKey).native });
    const prk = await LabeledExtract(kdf, KEM_SUITE_ID, NOTHING, Buffer.from('eae_prk'), secret);
    return LabeledExpand(kdf, KEM_SUITE_ID, prk, Buffer.from('shared_secret'), concat(enc, recipient), Nsecret);
  };
  return {
    ...{ id, type, name, Nsecret, Nenc, Npk, Nsk },
    async DeriveKeyPair(ikm) {
      const prk = await LabeledExtract(kdf, KEM_SUITE_ID, NOTHING, Buffer.from('dkp_prk'), ikm);
      return pairOf(privateKeyOf(await LabeledExpand(kdf, KEM_SUITE_ID, prk, Buffer.from('sk'), NOTHING, Nsk)));
    },
    GenerateKeyPair: promised(() => pairOf(wrap('private', generateKeyPairSync('x25519').privateKey))),
    SerializePublicKey: promised((key: Key) => rawOf(key)),
    DeserializePublicKey: promised(publicKeyOf),
    SerializePrivateKey: () => Promise.reject(new TypeError('private keys stay where they are')),
    DeserializePrivateKey: promised(privateKeyOf),
    async Encap(to) {
      const pair = pairOf(wrap('private', generateKeyPairSync('x25519').privateKey));
      const enc = rawOf(pair.publicKey);
      return { enc, shared_secret: await shared(pair.privateKey, to, enc, rawOf(to)) };
    },
    async Decap(enc, privateKey, publicKey) {
      const recipient = rawOf(publicKey ?? pairOf(native(privateKey)).publicKey);
      return shared(privateKey, publicKeyOf(enc), plain(enc), recipient);
    },
  };
}

function wrap(type: 'private' | 'public', key: KeyObject, raw?: Bytes): NativeKey {
  return { algorithm: { name: 'X25519' }, extractable: type === 'public', type, native: key, ...(raw && { raw }) };
}

function native(key: Key): NativeKey {
  if ('native' in key) return key as NativeKey;
  throw new TypeError('a key of another suite');
}

function publicKeyOf(raw: Uint8Array): NativeKey {
  return wrap('public', spkiKey(X25519_SPKI, raw), plain(raw));
}

/** From the DER before a raw key. As PEM text, which Node takes as it is; what may be an object it looks at far longer. */
function spkiKey(before: Uint8Array, raw: Uint8Array): KeyObject {
  const der = Buffer.concat([before, raw]).toString('base64');
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----`);
}

function privateKeyOf(raw: Uint8Array): NativeKey {
  return wrap('private', createPrivateKey({ key: Buffer.concat([X25519_PKCS8, raw]), format: 'der', type: 'pkcs8' }));
}

function pairOf(privateKey: NativeKey): { publicKey: NativeKey; privateKey: NativeKey } {
  const key = createPublicKey(privateKey.native);
  return {
    privateKey,
    publicKey: wrap('public', key, plain(key.export({ format: 'der', type: 'spki' }).subarray(-32))),
  };
}

function rawOf(key: Key): Bytes {
  const { raw } = native(key);
  if (raw === undefined) throw new TypeError('not a public key');
  return raw;
}

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA256 (RFC 2104) out of two one-shot digests: a third of what an object of `createHmac` costs, and a request takes
 * a dozen. For keys of at most one block, which all keys here are.
 */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  if (key.length > BLOCK_BYTES)
    return createHmac('sha256', key)
      .update(concat(...parts))
      .digest();
  const length = parts.reduce((sum, part) => sum + part.length, BLOCK_BYTES);
  const inner = new Uint8Array(length);
  const outer = new Uint8Array(BLOCK_BYTES + 32);
  inner.set(key);
  outer.set(key);
  for (let i = 0; i < BLOCK_BYTES; i++) {
    inner[i] = (inner[i] ?? 0) ^ 0x36;
    outer[i] = (outer[i] ?? 0) ^ 0x5c;
  }
  let at = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  outer.set(hash('sha256', inner, 'buffer'), BLOCK_BYTES);
  return hash('sha256', outer, 'buffer');
}

function extract(salt: Uint8Array, ikm: Uint8Array): Bytes {
  return plain(hmac(salt, ikm));
}

/** RFC 5869 section 2.3. */
function expand(prk: Uint8Array, info: Uint8Array, length: number): Bytes {
  const blocks: Uint8Array[] = [];
  for (let i = 1; (i - 1) * 32 < length; i++) {
    blocks.push(hmac(prk, blocks.at(-1) ?? NOTHING, info, Uint8Array.of(i)));
  }
  return concat(...blocks).slice(0, length);
}

function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): Bytes {
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce).setAAD(aad);
  return concat(cipher.update(text), cipher.final(), cipher.getAuthTag());
}

function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Bytes {
  const cipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: 16 }).setAAD(aad);
  cipher.setAuthTag(sealed.subarray(-16));
  return concat(cipher.update(sealed.subarray(0, -16)), cipher.final());
}

/** Keys of devices that were here lately: to read one costs a third of what a verification does. */
const kept = new Map<string, KeyObject>();
const MOST_KEPT = 20_000;

function keptKeyOf({ algorithm, publicKey }: PublicKey): KeyObject {
  const name = Buffer.from(publicKey).toString('latin1');
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = spkiKey(algorithm === 'ed25519' ? ED25519_SPKI : P256_SPKI, publicKey);
  const [oldest] = kept.keys();
  if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  kept.set(name, key);
  return key;
}

/** The one costly operation, so on the thread pool: the main thread is what a server runs out of first. */
const verifyNatively: Suite['verify'] = (key, signature, bytes) =>
  new Promise((resolve) => {
    if (signature.length !== SIGNATURE_BYTES) {
      resolve(false);
      return;
    }
    try {
      const publicKey = keptKeyOf(key);
      const [hashName, how] =
        key.algorithm === 'ed25519'
          ? [null, publicKey]
          : ['sha256', { key: publicKey, dsaEncoding: 'ieee-p1363' } as const];
      verify(hashName, bytes, how, signature, (error, isRight) => resolve(error === null && isRight));
    } catch {
      resolve(false);
    }
  });

/** A copy that is a plain array of bytes: buffers of Node share memory with others. */
function plain(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

/** A synchronous function as one that gives promises, its exceptions included. */
function promised<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => Promise<R> {
  return (...args) =>
    new Promise((resolve) => {
      resolve(call(...args));
    });
}

/** See `createNativeSuite`. */
export const nativeSuite: Suite = createNativeSuite();

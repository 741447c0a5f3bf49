import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
} from 'node:crypto';
import { diffieHellman, generateKeyPairSync, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256, LabeledExpand, LabeledExtract } from 'hpke';
import type { KDF, KEM, Key } from 'hpke';
import { concat } from '../../autoid/v2/bytes.ts';
import type { Bytes } from '../../autoid/v2/bytes.ts';
import { SIGNATURE_BYTES } from '../../autoid/v2/signatures.ts';
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
    sha256: promised((bytes: Bytes) => plain(createHash('sha256').update(bytes).digest())),
    verify: promised(verifyNatively),
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
  const key = createPublicKey({ key: Buffer.concat([X25519_SPKI, raw]), format: 'der', type: 'spki' });
  return wrap('public', key, plain(raw));
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

function extract(salt: Uint8Array, ikm: Uint8Array): Bytes {
  return plain(createHmac('sha256', salt).update(ikm).digest());
}

/** RFC 5869 section 2.3. */
function expand(prk: Uint8Array, info: Uint8Array, length: number): Bytes {
  const blocks: Uint8Array[] = [];
  for (let i = 1; (i - 1) * 32 < length; i++) {
    const hmac = createHmac('sha256', prk).update(blocks.at(-1) ?? NOTHING);
    blocks.push(hmac.update(info).update(Uint8Array.of(i)).digest());
  }
  return concat(...blocks).slice(0, length);
}

function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, text: Uint8Array): Bytes {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return concat(cipher.update(text), cipher.final(), cipher.getAuthTag());
}

function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Bytes {
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(aad);
  cipher.setAuthTag(sealed.subarray(-16));
  return concat(cipher.update(sealed.subarray(0, -16)), cipher.final());
}

const verifyNatively: (...of: Parameters<Suite['verify']>) => boolean = (key, signature, bytes) => {
  if (signature.length !== SIGNATURE_BYTES) return false;
  try {
    const der = Buffer.concat([key.algorithm === 'ed25519' ? ED25519_SPKI : P256_SPKI, key.publicKey]);
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (key.algorithm === 'ed25519') return verify(null, bytes, publicKey, signature);
    return verify('sha256', bytes, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
};

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

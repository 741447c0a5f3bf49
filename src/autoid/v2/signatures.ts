import { AppError } from '../../core/errors.ts';
import type { Bytes } from './bytes.ts';
import { isEd25519Point, isP256Point } from './points.ts';

/** Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256, which most hardware keys can. */
export type SignatureAlgorithm = 'ed25519' | 'p256';

export const SIGNATURE_BYTES = 64;

/** A raw public key: 32 bytes for Ed25519; for P-256 the uncompressed point, 65 bytes. */
export interface PublicKey {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: Bytes;
}

/**
 * Something that signs: a key in memory, in KMS, or in hardware. `sign` gives 64 bytes: Ed25519's signature, or r and s
 * of 32 bytes each.
 */
export interface Signer extends PublicKey {
  sign(bytes: Bytes): Promise<Bytes>;
}

/** A device's key; see `Signer`. */
export type DeviceSigner = Signer;

/** A key pair that can be written down: the private key is PKCS#8 (DER). A secret. */
export interface StoredKeyPair extends PublicKey {
  readonly privateKey: Bytes;
}

const PARAMETERS = {
  ed25519: { key: { name: 'Ed25519' }, signature: { name: 'Ed25519' } },
  p256: { key: { name: 'ECDSA', namedCurve: 'P-256' }, signature: { name: 'ECDSA', hash: 'SHA-256' } },
} as const;

/** A fresh key pair. */
export async function generateKeyPair(algorithm: SignatureAlgorithm): Promise<StoredKeyPair> {
  const pair = (await crypto.subtle.generateKey(PARAMETERS[algorithm].key, true, ['sign', 'verify'])) as CryptoKeyPair;
  return {
    algorithm,
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
    privateKey: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
  };
}

/** A signer over a key pair in memory. Rejects with KEYS_INVALID when the two halves are none, or not of each other. */
export async function softwareSigner(pair: StoredKeyPair): Promise<Signer> {
  const { algorithm, publicKey } = pair;
  const parameters = PARAMETERS[algorithm];
  try {
    const key = await crypto.subtle.importKey('pkcs8', pair.privateKey, parameters.key, false, ['sign']);
    const sign = async (bytes: Bytes): Promise<Bytes> =>
      new Uint8Array(await crypto.subtle.sign(parameters.signature, key, bytes));
    const probe = new Uint8Array(1);
    if (isSoundPublicKey(pair) && (await verifySignature(pair, await sign(probe), probe))) {
      return { algorithm, publicKey, sign };
    }
  } catch (cause) {
    throw new AppError('KEYS_INVALID', UNUSABLE, { cause });
  }
  throw new AppError('KEYS_INVALID', UNUSABLE);
}

const UNUSABLE = 'The signing key cannot be used, or its two halves do not belong together: make it anew.';

/**
 * Whether a public key may be trusted with a signature: a canonical point of its curve that has a large order. Node 20 and
 * Electron 33 verify forged signatures under keys of small order, so this is asked before a key is ever stored.
 */
export function isSoundPublicKey(key: PublicKey): boolean {
  return key.algorithm === 'ed25519' ? isEd25519Point(key.publicKey) : isP256Point(key.publicKey);
}

/** Whether the key made the signature over the bytes; false for everything that is no signature or no key. */
export async function verifySignature(key: PublicKey, signature: Bytes, bytes: Bytes): Promise<boolean> {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const parameters = PARAMETERS[key.algorithm];
  try {
    const imported = await crypto.subtle.importKey('raw', key.publicKey, parameters.key, false, ['verify']);
    return await crypto.subtle.verify(parameters.signature, imported, signature, bytes);
  } catch {
    return false;
  }
}

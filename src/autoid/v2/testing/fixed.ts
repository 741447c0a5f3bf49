import { KEM_DHKEM_X25519_HKDF_SHA256 } from 'hpke';
import type { KEMFactory, Key } from 'hpke';
import type { Random } from '../../../core/ports.ts';
import { fromHex, toUtf8 } from '../../encoding.ts';
import { concat, sha256 } from '../bytes.ts';
import type { Bytes } from '../bytes.ts';
import type { StoredKeyPair } from '../signatures.ts';
import { createSuite } from '../suite.ts';
import type { Suite, SuiteKeyPair } from '../suite.ts';

/** Keys and randomness that are the same every time: for vectors and tests, never for anything else. */

/** 32 bytes that follow from a name. */
export function seed(name: string): Promise<Bytes> {
  return sha256(toUtf8(`vigil test ${name}`));
}

export function hex(text: string): Bytes {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error('no hex');
  return bytes;
}

/** A raw X25519 key pair that follows from a name. */
export async function fixedX25519(name: string): Promise<{ privateKey: Bytes; publicKey: Bytes }> {
  const privateKey = await seed(name);
  const pkcs8 = concat(hex('302e020100300506032b656e04220420'), privateKey);
  return { privateKey, publicKey: await publicOf('X25519', pkcs8, ['deriveBits']) };
}

/** An Ed25519 key pair that follows from a name. */
export async function fixedEd25519(name: string): Promise<StoredKeyPair> {
  const privateKey = concat(hex('302e020100300506032b657004220420'), await seed(name));
  return { algorithm: 'ed25519', privateKey, publicKey: await publicOf('Ed25519', privateKey, ['sign']) };
}

/** Bytes that follow from a name, as many as are asked for, other ones with each call. */
export function fixedRandom(...parts: readonly Bytes[]): Random {
  const left = [...parts];
  return {
    bytes(length) {
      const next = left.shift();
      if (next?.length !== length) throw new Error(`no fixed randomness of ${length} bytes`);
      return next;
    },
    fraction: () => 0.5,
  };
}

/** The suite, sending under this ephemeral key: with a fixed one a message is the same each time. */
export async function suiteWithEphemeral(privateKey: Bytes, publicKey: Bytes): Promise<Suite> {
  const pair = await createSuite().importKeyPair(privateKey, publicKey);
  return createSuite({ kem: withPair(pair) });
}

function withPair(pair: SuiteKeyPair): KEMFactory {
  const original = KEM_DHKEM_X25519_HKDF_SHA256 as KEMFactory;
  return () => ({ ...original(), GenerateKeyPair: () => Promise.resolve(pair as { publicKey: Key; privateKey: Key }) });
}

async function publicOf(name: string, pkcs8: Bytes, usages: KeyUsage[]): Promise<Bytes> {
  const { x } = await crypto.subtle.exportKey('jwk', await crypto.subtle.importKey('pkcs8', pkcs8, name, true, usages));
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

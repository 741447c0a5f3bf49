import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from 'hpke';
import type { AEADFactory, KDFFactory, Key, KEMFactory } from 'hpke';
import { toUtf8 } from '../encoding.ts';
import { sha256 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { verifySignature } from './signatures.ts';
import type { PublicKey } from './signatures.ts';

/** One X25519 key pair, ready for use; opaque. */
export interface SuiteKeyPair {
  readonly publicKey: Key;
  readonly privateKey: Key;
}

/** What both ends bind a context to. Without `psk` it is HPKE's base mode. */
export interface Binding {
  readonly info: Bytes;
  readonly psk?: { readonly key: Bytes; readonly id: Bytes };
}

/** What a context of either end can export (RFC 9180 section 5.3). */
export interface Exporter {
  export(label: string, length: number): Promise<Bytes>;
}

/**
 * The one suite of protocol 2: HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, and the
 * verification of signatures. An object, so that a server can bring faster primitives of the same algorithms.
 */
export interface Suite {
  /** From raw keys of 32 bytes each. Rejects with whatever the primitives throw for bytes that are no key. */
  importKeyPair(privateKey: Bytes, publicKey: Bytes): Promise<SuiteKeyPair>;
  importPublicKey(publicKey: Bytes): Promise<Key>;
  /** RFC 9180 section 7.1.3; `ikm` has at least 32 bytes. */
  deriveKeyPair(ikm: Bytes): Promise<SuiteKeyPair>;
  generateKeyPair(): Promise<SuiteKeyPair>;
  exportPublicKey(key: Key): Promise<Bytes>;
  /** The sender's end, and the 32 bytes `enc` that lead the recipient there. */
  setupSender(
    to: Key,
    binding: Binding,
  ): Promise<Exporter & { readonly enc: Bytes; seal(plain: Bytes, aad: Bytes): Promise<Bytes> }>;
  /** The recipient's end. `open` resolves to undefined for what was not sealed so. Rejects for an impossible `enc`. */
  setupRecipient(
    keyPair: SuiteKeyPair,
    enc: Bytes,
    binding: Binding,
  ): Promise<Exporter & { open(sealed: Bytes, aad: Bytes): Promise<Bytes | undefined> }>;
  /** HKDF's two halves (RFC 5869). */
  extract(salt: Bytes, ikm: Bytes): Promise<Bytes>;
  expand(prk: Bytes, info: string | Bytes, length: number): Promise<Bytes>;
  sha256(bytes: Bytes): Promise<Bytes>;
  /** AES-256-GCM with a nonce of 12 bytes and a tag of 16. */
  aeadSeal(key: Bytes, nonce: Bytes, plain: Bytes): Promise<Bytes>;
  aeadOpen(key: Bytes, nonce: Bytes, sealed: Bytes): Promise<Bytes | undefined>;
  /** Whether the key made the signature over the bytes; false for every impossible signature. */
  verify(key: PublicKey, signature: Bytes, bytes: Bytes): Promise<boolean>;
}

/** Primitives to be used in place of Web Crypto's, in the interfaces of the package `hpke`. */
export interface Primitives {
  readonly kem?: KEMFactory;
  readonly kdf?: KDFFactory;
  readonly aead?: AEADFactory;
  readonly sha256?: Suite['sha256'];
  readonly verify?: Suite['verify'];
}

/** The suite over the package `hpke` on Web Crypto, or on the primitives given. */
export function createSuite(primitives: Primitives = {}): Suite {
  const kemFactory = primitives.kem ?? KEM_DHKEM_X25519_HKDF_SHA256;
  const kdfFactory = primitives.kdf ?? KDF_HKDF_SHA256;
  const aeadFactory = primitives.aead ?? AEAD_AES_256_GCM;
  const hpke = new CipherSuite(kemFactory, kdfFactory, aeadFactory);
  const [kdf, aead] = [kdfFactory(), aeadFactory()];
  const none = new Uint8Array();

  return {
    async importKeyPair(privateKey, publicKey) {
      return {
        privateKey: await hpke.DeserializePrivateKey(privateKey),
        publicKey: await hpke.DeserializePublicKey(publicKey),
      };
    },
    importPublicKey: (publicKey) => hpke.DeserializePublicKey(publicKey),
    deriveKeyPair: (ikm) => hpke.DeriveKeyPair(ikm),
    generateKeyPair: () => hpke.GenerateKeyPair(),
    exportPublicKey: async (key) => own(await hpke.SerializePublicKey(key)),
    async setupSender(to, binding) {
      const { encapsulatedSecret, ctx } = await hpke.SetupSender(to, optionsOf(binding));
      return {
        enc: own(encapsulatedSecret),
        seal: async (plain, aad) => own(await ctx.Seal(plain, aad)),
        export: async (label, length) => own(await ctx.Export(toUtf8(label), length)),
      };
    },
    async setupRecipient(keyPair, enc, binding) {
      const ctx = await hpke.SetupRecipient(keyPair, enc, optionsOf(binding));
      return {
        open: async (sealed, aad) => ctx.Open(sealed, aad).then(own, () => undefined),
        export: async (label, length) => own(await ctx.Export(toUtf8(label), length)),
      };
    },
    extract: async (salt, ikm) => own(await kdf.Extract(salt, ikm)),
    expand: async (prk, info, length) =>
      own(await kdf.Expand(prk, typeof info === 'string' ? toUtf8(info) : info, length)),
    aeadSeal: async (key, nonce, plain) => own(await aead.Seal(key, nonce, none, plain)),
    aeadOpen: async (key, nonce, sealed) => aead.Open(key, nonce, none, sealed).then(own, () => undefined),
    sha256: primitives.sha256 ?? sha256,
    verify: primitives.verify ?? verifySignature,
  };
}

/** The suite on Web Crypto, for whoever needs no other. */
export const webSuite: Suite = createSuite();

function optionsOf(binding: Binding): { info: Bytes; psk?: Bytes; pskId?: Bytes } {
  const { info, psk } = binding;
  return psk === undefined ? { info } : { info, psk: psk.key, pskId: psk.id };
}

/** The library's types allow shared memory; what it gives never is. */
function own(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes);
}

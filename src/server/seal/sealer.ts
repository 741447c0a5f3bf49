import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.ts';

/**
 * Encrypts what the server keeps on disk. `purpose` names what is sealed (`secret wall-dashboards 3f…`): what was sealed
 * for one purpose opens for no other, so that files cannot be put in each other's place.
 */
export interface Sealer {
  /** Where the key is, for people: `the passphrase`, `the key file /etc/vigil/seal.key`, `the KMS key …`. */
  readonly description: string;
  /** Rejects with STORE_UNAVAILABLE or STORE_REFUSED where the key is elsewhere and cannot be used. */
  seal(purpose: string, plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /** Rejects with STORE_ANSWER_UNREADABLE for what was not sealed by this key for this purpose, and as `seal` does. */
  open(purpose: string, sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** Where data keys come from: one of their own for each thing that is sealed. */
export interface DataKeys {
  readonly description: string;
  /** A fresh key of 32 bytes, and the form of it that is kept beside what it encrypts. */
  create(purpose: string): Promise<{ readonly key: Uint8Array; readonly kept: Uint8Array }>;
  /** The key again; rejects with STORE_ANSWER_UNREADABLE where `kept` is none of ours or of another purpose. */
  recover(purpose: string, kept: Uint8Array): Promise<Uint8Array>;
}

// `VSEAL1`, 2 bytes length of the kept data key, that, 12 bytes nonce, ciphertext, 16 bytes tag.
const MAGIC = new TextEncoder().encode('VSEAL1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Envelope encryption by AES-256-GCM: each thing has a data key of its own, which is used once, so that a nonce can never
 * come twice under one key. Authenticated with it: the header and the purpose.
 */
export function createSealer(keys: DataKeys): Sealer {
  return {
    description: keys.description,
    async seal(purpose, plain) {
      const { key, kept } = await keys.create(purpose);
      const nonce = randomBytes(NONCE_BYTES);
      const header = Buffer.concat([MAGIC, Buffer.from([kept.length >> 8, kept.length & 255]), kept, nonce]);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(withPurpose(header, purpose));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return new Uint8Array(Buffer.concat([header, text, cipher.getAuthTag()]));
    },
    async open(purpose, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const keptAt = MAGIC.length + 2;
      const nonceAt = keptAt + (bytes.length < keptAt ? 0 : bytes.readUInt16BE(MAGIC.length));
      const textAt = nonceAt + NONCE_BYTES;
      if (bytes.length < textAt + TAG_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged(keys);
      const key = await keys.recover(purpose, bytes.subarray(keptAt, nonceAt));
      const nonce = bytes.subarray(nonceAt, textAt);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(withPurpose(bytes.subarray(0, textAt), purpose));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(textAt, -TAG_BYTES)), decipher.final()]));
      } catch {
        throw damaged(keys);
      }
    },
  };
}

function withPurpose(header: Uint8Array, purpose: string): Buffer {
  return Buffer.concat([header, Buffer.from(`\0${purpose}`, 'utf8')]);
}

/** For what does not open: it says nothing of why, for the reason may be an attack. */
export function damaged({ description }: Pick<Sealer, 'description'>): AppError {
  return new AppError(
    'STORE_ANSWER_UNREADABLE',
    `Something that the server keeps encrypted cannot be opened by ${description}: it is damaged, of another place, or that is another key; restore it from a backup.`,
  );
}

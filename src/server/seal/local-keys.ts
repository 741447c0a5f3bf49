import { hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { type DataKeys, damaged } from './sealer.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 32;

/** Data keys that follow from one key at hand (HKDF-SHA256 over a fresh salt, which is what is kept). */
export function keysFrom(mainKey: Uint8Array, description: string): DataKeys {
  const derive = (purpose: string, salt: Uint8Array): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', mainKey, salt, `vigil seal 1\0${purpose}`, KEY_BYTES));
  return {
    description,
    create(purpose) {
      const kept = randomBytes(SALT_BYTES);
      return Promise.resolve({ key: derive(purpose, kept), kept });
    },
    recover(purpose, kept) {
      if (kept.length !== SALT_BYTES) return Promise.reject(damaged({ description }));
      return Promise.resolve(derive(purpose, kept));
    },
  };
}

/** Cost of guessing a passphrase (RFC 7914); memory used is 128 · n · r bytes. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and some tenths of a second, once at start: OWASP's recommendation for passwords. */
export const SCRYPT_COST: ScryptCost = { n: 2 ** 17, r: 8, p: 1 };
/** Shorter ones can be guessed by whoever has the disk. */
export const SHORTEST_PASSPHRASE = 12;

/** The key of a passphrase. Rejects with SETTINGS_INVALID for one that is too short. */
export function keyOfPassphrase(passphrase: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  const text = passphrase.normalize('NFC');
  if (text.length < SHORTEST_PASSPHRASE) {
    const sentence = `The passphrase must have at least ${SHORTEST_PASSPHRASE} characters.`;
    return Promise.reject(new AppError('SETTINGS_INVALID', sentence));
  }
  const { n: N, r, p } = cost;
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, { N, r, p, maxmem: 128 * N * r + 1024 * 1024 }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

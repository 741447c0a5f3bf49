import type { Random } from '../../core/ports.ts';
import { fromBase64, fromHex, fromUtf8, toBase64, toHex, toUtf8 } from '../encoding.ts';
import { randomBytes, uniform } from '../random.ts';

const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const KEY_LENGTH = 16;
const BLOCK = 16;

/** A fresh key string of 16 characters A-Z, a-z, 0-9 (95 bits), each equally likely. */
export function chooseKeyText(random: Random): string {
  return Array.from({ length: KEY_LENGTH }, () => KEY_ALPHABET.charAt(uniform(random, KEY_ALPHABET.length))).join('');
}

/** The AES-256 key of a key string: its SHA-256. */
export async function cipherKeyOf(keyText: string): Promise<CryptoKey> {
  const digest = await crypto.subtle.digest('SHA-256', toUtf8(keyText));
  return crypto.subtle.importKey('raw', digest, 'AES-CBC', false, ['encrypt', 'decrypt']);
}

/** hex(base64(bytes)): how every sealed part travels. */
export function toWire(bytes: Uint8Array): string {
  return toHex(toUtf8(toBase64(bytes)));
}

/** The bytes of hex(base64(…)), or undefined for anything else. */
export function fromWire(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  const base64 = typeof text === 'string' ? fromHex(text) : undefined;
  const ascii = base64 === undefined ? undefined : fromUtf8(base64);
  return ascii === undefined ? undefined : fromBase64(ascii);
}

/** Text sealed as hex(base64(IV ‖ AES-256-CBC with PKCS#7 padding)), with a random IV. */
export async function sealText(key: CryptoKey, text: string, random: Random): Promise<string> {
  const iv = randomBytes(random, BLOCK);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, toUtf8(text)));
  const both = new Uint8Array(BLOCK + sealed.length);
  both.set(iv);
  both.set(sealed, BLOCK);
  return toWire(both);
}

/** The text of a sealed part; undefined when it is not hex, not base64, wrongly padded or not UTF-8. */
export async function openText(key: CryptoKey, sealed: unknown): Promise<string | undefined> {
  const both = fromWire(sealed);
  if (both === undefined || both.length < 2 * BLOCK || both.length % BLOCK !== 0) return undefined;
  try {
    const iv = both.subarray(0, BLOCK);
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, key, both.subarray(BLOCK))));
  } catch {
    return undefined;
  }
}

import { AppError } from '../core/errors.ts';
import { fromUtf8, sha256Hex, toUtf8 } from '../autoid/encoding.ts';
import { orTooLarge } from '../autoid/too-large.ts';
import { parseEntropy } from '../autoid/v1/entropy.ts';
import { importPublicKey } from '../autoid/v1/keys.ts';
import type { ProtocolKeys } from '../autoid/v1/request.ts';

/** The two files of a key set, in every source. */
export const ENTROPY_FILE = 'info2048.bin';
export const PUBLIC_KEY_FILE = 'public.pem';

/** Where the two files may lie in a source, in the order they are looked for; the reference publishes under `build/`. */
export const PLACES = ['', 'build/'] as const;

/** Longest file read from a source, in bytes: twice the entropy file. */
export const LONGEST_FILE = 8 * 1024 * 1024;

/** Entropy file and public key of one generation, checked and ready for use. It lives in memory only. */
export interface KeySet extends ProtocolKeys {
  /** What the source needs to tell whether it holds something newer; opaque to everybody else. */
  readonly version: string;
  /** First 16 hex digits of a SHA-256 over both files: tells sets apart in a log. */
  readonly fingerprint: string;
}

/** What every source needs of a set, and every ring. */
export interface VersionedSet {
  readonly version: string;
  readonly fingerprint: string;
}

/** What a set of one protocol consists of. */
export interface SetForm<S extends VersionedSet> {
  /** Names of its files, which lie together in one of the places. */
  readonly files: readonly string[];
  /** The set from the bytes of its files in that order, checked. Rejects with KEYS_INVALID or KEYS_INTEGRITY. */
  make(files: readonly Uint8Array[], version: string): Promise<S>;
}

/** Where a client fetches the key set. */
export interface KeySource<S extends VersionedSet = KeySet> {
  /** For logs and sentences, without secrets: `directory /etc/keys`. */
  readonly name: string;
  /**
   * The key set as the source holds it now; `unchanged` if that is the `known` one, found out as cheaply as the source
   * allows. Without `known` it is fetched whole, whatever was fetched before. Throws KEYS_NOT_FOUND, KEYS_UNREADABLE,
   * KEYS_INVALID, KEYS_INTEGRITY, KEYS_REFUSED, KEYS_UNAVAILABLE (these two with `retryAfterMs` where wished), or NETWORK_*.
   */
  fetch(known?: S): Promise<S | 'unchanged'>;
}

/** A key set from the bytes of its two files, both checked. Throws KEYS_INVALID. */
export async function keySetOf(entropyFile: Uint8Array, publicKeyFile: Uint8Array, version: string): Promise<KeySet> {
  const entropy = parseEntropy(entropyFile);
  const publicKeyPem = fromUtf8(publicKeyFile)?.replaceAll('\r\n', '\n').trim();
  if (publicKeyPem === undefined) {
    throw new AppError(
      'KEYS_INVALID',
      "The file public.pem is no text: put the server's own public key where the keys come from.",
    );
  }
  await importPublicKey(publicKeyPem);
  const digest = await sha256Hex(toUtf8(`${publicKeyPem}\n${entropy}`));
  return { entropy, publicKeyPem, version, fingerprint: digest.slice(0, 16) };
}

const NOTHING = new Uint8Array();

/** Key sets of protocol 1. */
export const KEY_SET_V1: SetForm<KeySet> = {
  files: [ENTROPY_FILE, PUBLIC_KEY_FILE],
  make: ([entropy = NOTHING, publicKey = NOTHING], version) => keySetOf(entropy, publicKey, version),
};

/** Names of files for a sentence: `a`, or `a beside b`. */
export function named(files: readonly string[]): string {
  return files.join(' beside ');
}

/** Waits for a call to a source, and takes an answer over the limit of bytes for the source's failure. */
export function withinLimit<T>(source: string, call: Promise<T>): Promise<T> {
  const sentence = `The ${source} sends far more than a key set holds: check that the right keys are named there.`;
  return orTooLarge(call, 'KEYS_UNREADABLE', sentence);
}

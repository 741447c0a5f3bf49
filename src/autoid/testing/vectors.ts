import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Random } from '../../core/ports.ts';

/** One exchange of the vector files. */
export interface Exchange {
  readonly aes_key: string;
  readonly plain_request: { readonly hashval: string; readonly intervals: string; readonly credential_source: string };
  readonly request: { readonly data: string; readonly payload: string };
  readonly status: number;
  readonly body: unknown;
  readonly secret: string | null;
  readonly note?: string;
}

/** One line of `hashes.json`. */
export interface HashVector {
  readonly intervals: string;
  readonly hashval: string;
  readonly snippet_lengths: readonly number[];
}

function file(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../v1/vectors/${name}`, import.meta.url)));
}

export function vectorText(name: string): string {
  return new TextDecoder().decode(file(name));
}

export const entropyBytes = new Uint8Array(gunzipSync(file('info2048.bin.gz')));
export const hashes = JSON.parse(vectorText('hashes.json')) as readonly HashVector[];
export const exchanges = JSON.parse(vectorText('exchanges.json')) as readonly Exchange[];
export const bypasses = JSON.parse(vectorText('bypasses.json')) as readonly Exchange[];

/** The Random port over Web Crypto. */
export const realRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => 0.5,
};

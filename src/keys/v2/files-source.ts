import type { KeySetFiles } from '../../autoid/v2/keyset.ts';

/** The three files of a key set of protocol 2 as a source holds them: not yet trusted, only fetched. */
export interface FetchedFiles {
  readonly files: KeySetFiles;
  /** What the source needs to tell whether it holds something newer; opaque to everybody else. */
  readonly version: string;
}

/** Where a client fetches the files of a key set of protocol 2. That they can be trusted is for `acceptKeySet`. */
export interface FilesSource {
  /** For logs and sentences, without secrets: `directory /etc/keys`. */
  readonly name: string;
  /**
   * The files as the source holds them now; `unchanged` if they are the `known` ones, found out as cheaply as the source
   * allows. Throws KEYS_NOT_FOUND, KEYS_UNREADABLE, KEYS_INTEGRITY, KEYS_REFUSED, KEYS_UNAVAILABLE (these two with
   * `retryAfterMs` where wished), or NETWORK_*.
   */
  fetch(known?: { readonly version: string }): Promise<FetchedFiles | 'unchanged'>;
}

/**
 * The server's state: JSON documents under (table, key), each changed by a write that names the version it saw. That is
 * all that both homes have in common (a SQLite file, one DynamoDB table), and all the server needs: whatever must change
 * together lives in one document.
 */
export type Table = 'device' | 'invite' | 'grant' | 'meta' | 'audit' | 'nonce';

/** What can be kept: plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export interface Item {
  readonly key: string;
  readonly value: Json;
  /** 1 for a document as first written, one more with each write. */
  readonly version: number;
}

export interface WriteOptions {
  /** From when on the document may be dropped, in ms since the epoch. Reads may still see it after that. */
  readonly expiresAt?: number;
}

/** Rejects with STATE_UNAVAILABLE when the store cannot be reached or its disk is full, STATE_CORRUPT when it makes no sense. */
export interface StateStore {
  /** The document as last written; reads see every write that has resolved before (strongly consistent). */
  get(table: Table, key: string): Promise<Item | undefined>;
  /**
   * Writes the document if its version is still `ifVersion` (0: only if there is none). Resolves to true once that is
   * durable, to false when somebody else was first; nothing is changed then.
   */
  put(table: Table, key: string, value: Json, ifVersion: number, options?: WriteOptions): Promise<boolean>;
  /** Removes the document if its version is still `ifVersion`; false as in `put`. */
  remove(table: Table, key: string, ifVersion: number): Promise<boolean>;
  /** The documents of a table by key, at most `limit` of them, with keys after `after`. */
  list(table: Table, limit: number, after?: string): Promise<readonly Item[]>;
  close(): Promise<void>;
}

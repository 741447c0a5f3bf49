import type { Table } from './state-store.ts';

/** What the writing thread is started with. */
export interface WriterData {
  readonly file: string;
  /** Largest the file may become, in bytes. */
  readonly maxBytes?: number;
}

/** One conditional write; without `text` a removal. */
export interface Write {
  readonly table: Table;
  readonly key: string;
  readonly ifVersion: number;
  readonly text?: string;
  readonly expiresAt?: number;
}

/** One transaction. */
export interface WriterRequest {
  readonly id: number;
  readonly writes: readonly Write[];
  /** Drops some of the documents that ended up to then, in ms since the epoch. */
  readonly sweepBefore?: number;
}

/** Why nothing was written: what SQLite said, or what is wrong with the file. */
export type WriterFailure = { readonly refused: string } | { readonly message: string; readonly errcode?: number };

/** The answer to a request by its id; 0 is the opening. */
export type WriterReply =
  { readonly id: number; readonly done: readonly boolean[] } | { readonly id: number; readonly failure: WriterFailure };

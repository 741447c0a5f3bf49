import { createHash } from 'node:crypto';
import type { Json } from '../state/state-store.ts';
import type { AuditEvent } from './audit.ts';

/** What stands before the first line of a stream. */
export const GENESIS = '0'.repeat(64);

/** The last line of a stream: how many lines there are up to it, and its hash in hex. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** A head as it was at some time, kept where whoever can change the log cannot change it. */
export interface Anchor extends Head {
  readonly stream: string;
  /** In ms since the epoch. */
  readonly at: number;
}

/** Lines that were made durable together. `lines` are the exact texts that the hashes cover. */
export interface Batch {
  /** The number of the first line; a stream begins with 1. */
  readonly first: number;
  /** The hash before the first line. */
  readonly prev: string;
  readonly lines: readonly string[];
  /** The hash of the last line. */
  readonly hash: string;
}

/** One line as it is read back. */
export interface AuditLine extends AuditEvent {
  readonly seq: number;
  /** In ms since the epoch. */
  readonly at: number;
}

/** The hash of a line: SHA-256 over the hash before it and its text. */
export function hashOf(previous: string, line: string): string {
  return createHash('sha256').update(`${previous}\n${line}`).digest('hex');
}

/** The batch that continues a stream after `head`. */
export function batchAfter(head: Head, events: readonly { readonly at: number; readonly event: AuditEvent }[]): Batch {
  const first = head.seq + 1;
  const lines = events.map(({ at, event }, index) => JSON.stringify({ seq: first + index, at, ...event }));
  return { first, prev: head.hash, lines, hash: lines.reduce(hashOf, head.hash) };
}

/** The head after a batch. */
export function headAfter(batch: Batch): Head {
  return { seq: batch.first + batch.lines.length - 1, hash: batch.hash };
}

/** A stored document as a batch; undefined when it has another form. */
export function batchOf(value: Json): Batch | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { first, prev, lines, hash } = value as Readonly<Record<string, Json>>;
  const isSound =
    Number.isSafeInteger(first) &&
    typeof prev === 'string' &&
    typeof hash === 'string' &&
    Array.isArray(lines) &&
    lines.length > 0 &&
    lines.every((line) => typeof line === 'string');
  return isSound ? (value as unknown as Batch) : undefined;
}

/** The lines of a batch as they were told; a line that cannot be read is left out (its hash tells on it). */
export function linesOf(batch: Batch): AuditLine[] {
  return batch.lines.flatMap((text) => {
    try {
      return [JSON.parse(text) as AuditLine];
    } catch {
      return [];
    }
  });
}

/** What is wrong with a stream, in one sentence with the number of the line. */
export interface Break {
  readonly stream: string;
  readonly seq: number;
  readonly sentence: string;
}

/**
 * Reads a stream from its oldest batch to its newest and says what does not fit: a line changed, removed or put in, and
 * by the anchors a cut tail or a stream written anew. Lines before the oldest batch may have been dropped by age: what is
 * left must then continue from an anchor or carries on unproven, which `provenFrom` tells.
 */
export function verifyStream(
  stream: string,
  batches: readonly Batch[],
  anchors: readonly Anchor[],
): { readonly head: Head; readonly breaks: readonly Break[]; readonly provenFrom: number } {
  const breaks: Break[] = [];
  const own = anchors.filter((anchor) => anchor.stream === stream).sort((a, b) => a.seq - b.seq);
  const hashes = new Map<number, string>();
  const oldest = batches[0];
  let head: Head =
    oldest === undefined || oldest.first === 1
      ? { seq: 0, hash: GENESIS }
      : { seq: oldest.first - 1, hash: oldest.prev };
  hashes.set(head.seq, head.hash);
  const begin = head.seq;
  for (const batch of batches) {
    if (batch.first !== head.seq + 1) {
      const missing = `${String(head.seq + 1)} to ${String(batch.first - 1)}`;
      const sentence = batch.first > head.seq + 1 ? `Lines ${missing} are missing.` : 'Lines stand here twice.';
      breaks.push({ stream, seq: head.seq + 1, sentence });
    } else if (batch.prev !== head.hash) {
      breaks.push({ stream, seq: batch.first, sentence: 'This line does not continue the one before it.' });
    }
    let hash = batch.prev;
    batch.lines.forEach((line, index) => {
      hash = hashOf(hash, line);
      hashes.set(batch.first + index, hash);
    });
    if (hash !== batch.hash) {
      breaks.push({ stream, seq: batch.first, sentence: 'A line of this batch was changed.' });
    }
    head = { seq: batch.first + batch.lines.length - 1, hash: batch.hash };
  }
  for (const anchor of own) {
    if (anchor.seq > head.seq) {
      const sentence = `The log ends at line ${String(head.seq)}, but ${String(anchor.seq)} lines were anchored: its end was cut off.`;
      breaks.push({ stream, seq: head.seq + 1, sentence });
    } else if (anchor.seq >= begin && hashes.get(anchor.seq) !== anchor.hash) {
      breaks.push({ stream, seq: anchor.seq, sentence: 'This line is not the one that was anchored.' });
    }
  }
  const provenFrom = begin === 0 ? 1 : (own.find((anchor) => anchor.seq >= begin)?.seq ?? head.seq) + 1;
  return { head, breaks, provenFrom };
}

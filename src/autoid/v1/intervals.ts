import type { Random } from '../../core/ports.ts';
import { sha256Hex, toUtf8 } from '../encoding.ts';
import { brokenRandomness, uniform } from '../random.ts';
import { ENTROPY_SIZE } from './entropy.ts';

/** One snippet of the entropy file by its two bounds, in either order, and the line they are counted from. */
export interface Interval {
  readonly first: number;
  readonly second: number;
  readonly line: number;
}

/** How many intervals a proof names. */
export const INTERVALS = 4;

/** The fewest distinct offsets of the file that a proof must cover: fewer could be guessed rather than known. */
const MIN_OFFSETS = 128;

const ATTEMPTS = 100;

/** `first,second,line` joined by `|`, as on the wire. */
export function formatIntervals(intervals: readonly Interval[]): string {
  return intervals.map(({ first, second, line }) => `${first},${second},${line}`).join('|');
}

/**
 * The intervals in their form on the wire: one or more, each of three whole numbers of at most six digits. Permissive, as
 * hashing is: `isSoundProof` judges. Undefined for anything else.
 */
export function parseIntervals(text: string): Interval[] | undefined {
  const intervals: Interval[] = [];
  for (const part of text.split('|')) {
    const numbers = /^(\d{1,6}),(\d{1,6}),(\d{1,6})$/.exec(part);
    if (numbers === null) return undefined;
    intervals.push({ first: Number(numbers[1]), second: Number(numbers[2]), line: Number(numbers[3]) });
  }
  return intervals;
}

/** Where an interval's snippet lies in the text: [start, end). Line ends count as characters, but not in `2048 · line`. */
function rangeOf({ first, second, line }: Interval): [start: number, end: number] {
  const base = ENTROPY_SIZE * line;
  return [base + Math.min(first, second), base + Math.max(first, second)];
}

/** An interval's snippet of the text; cut short, or empty, where it reaches past the end. */
export function snippetOf(entropy: string, interval: Interval): string {
  return entropy.slice(...rangeOf(interval));
}

/** Hex SHA-256 of the snippets joined, as UTF-8. */
export function hashvalOf(entropy: string, intervals: readonly Interval[]): Promise<string> {
  return sha256Hex(toUtf8(intervals.map((interval) => snippetOf(entropy, interval)).join('')));
}

/** How many different offsets of the file the intervals cover together: overlaps count once. */
export function distinctOffsets(intervals: readonly Interval[]): number {
  let covered = 0;
  let reached = 0;
  for (const [start, end] of intervals.map(rangeOf).sort(([a], [b]) => a - b)) {
    if (end <= reached) continue;
    covered += end - Math.max(start, reached);
    reached = end;
  }
  return covered;
}

/**
 * Whether the intervals are a proof worth checking: four, in range, each with unequal bounds, and at least 128 distinct
 * offsets together. The reference checks none of this, and so can be passed without knowing the file.
 */
export function isSoundProof(intervals: readonly Interval[]): boolean {
  return (
    intervals.length === INTERVALS &&
    intervals.every((i) => Math.max(i.first, i.second, i.line) < ENTROPY_SIZE && i.first !== i.second) &&
    distinctOffsets(intervals) >= MIN_OFFSETS
  );
}

/**
 * Four intervals for one proof, every sound choice equally likely. INTERNAL when the source of randomness is broken: a
 * hundred draws in a row without a sound one do not happen otherwise.
 */
export function chooseIntervals(random: Random): Interval[] {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const intervals = Array.from({ length: INTERVALS }, () => ({
      first: uniform(random, ENTROPY_SIZE),
      second: uniform(random, ENTROPY_SIZE),
      line: uniform(random, ENTROPY_SIZE),
    }));
    if (isSoundProof(intervals)) return intervals;
  }
  throw brokenRandomness();
}

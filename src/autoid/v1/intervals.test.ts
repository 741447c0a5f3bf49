import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Random } from '../../core/ports.ts';
import { entropyBytes, hashes, realRandom } from '../testing/vectors.ts';
import { uniform } from '../random.ts';
import { parseEntropy } from './entropy.ts';
import {
  chooseIntervals,
  distinctOffsets,
  formatIntervals,
  hashvalOf,
  isSoundProof,
  parseIntervals,
  snippetOf,
} from './intervals.ts';
import type { Interval } from './intervals.ts';

const entropy = parseEntropy(entropyBytes);
const parse = (text: string): Interval[] => parseIntervals(text) ?? [];

/** Gives these numbers, two bytes each, then zeros. */
function scripted(...numbers: number[]): Random {
  let at = 0;
  return {
    bytes: () => {
      const number = numbers[at++] ?? 0;
      return new Uint8Array([number >> 8, number & 255]);
    },
    fraction: () => 0,
  };
}

describe('hashval', () => {
  it.each(hashes)(
    'is the reference implementation’s for $intervals',
    async ({ intervals, hashval, snippet_lengths }) => {
      const parsed = parse(intervals);
      expect(formatIntervals(parsed)).toBe(intervals);
      expect(parsed.map((interval) => snippetOf(entropy, interval).length)).toEqual(snippet_lengths);
      expect(await hashvalOf(entropy, parsed)).toBe(hashval);
    },
  );
});

describe('parseIntervals', () => {
  it('reads back what was formatted', () => {
    const number = fc.integer({ min: 0, max: 999_999 });
    const interval = fc.record({ first: number, second: number, line: number });
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 6 }), (intervals) => {
        expect(parseIntervals(formatIntervals(intervals))).toEqual(intervals);
      }),
    );
  });

  it.each([
    '',
    '1,2',
    '1,2,3|',
    '1,2,3,4',
    '-1,2,3',
    '1.5,2,3',
    ' 1,2,3',
    '1,2,3\n',
    '1e3,2,3',
    '1234567,0,0',
    'a,b,c',
  ])('refuses %j', (text) => {
    expect(parseIntervals(text)).toBeUndefined();
  });
});

describe('distinctOffsets', () => {
  it.each([
    ['0,0,0', 0],
    ['0,10,0|10,0,0', 10],
    ['0,10,0|5,15,0', 15],
    ['0,10,0|2,4,0|20,30,0', 20],
    ['2047,0,0|0,1,1', 2048],
    ['0,100,1|2047,0,0', 2147],
  ])('of %s is %i', (text, count) => {
    expect(distinctOffsets(parse(text))).toBe(count);
  });

  it('counts what a set of offsets counts', () => {
    const bound = fc.integer({ min: 0, max: 2047 });
    const interval = fc.record({ first: bound, second: bound, line: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 5 }), (intervals) => {
        const offsets = new Set<number>();
        for (const { first, second, line } of intervals) {
          for (let i = Math.min(first, second); i < Math.max(first, second); i++) offsets.add(2048 * line + i);
        }
        expect(distinctOffsets(intervals)).toBe(offsets.size);
      }),
    );
  });
});

describe('isSoundProof', () => {
  it.each([
    ['0,128,0|0,128,0|0,128,0|0,128,0', true],
    ['0,127,0|0,127,0|0,127,0|0,127,0', false],
    ['0,32,0|0,32,1|0,32,2|0,32,3', true],
    ['0,32,0|0,32,1|0,32,2|0,31,3', false],
    ['0,500,0|0,500,1|0,500,2', false],
    ['0,500,0|0,500,1|0,500,2|0,500,3|0,500,4', false],
    ['0,500,0|0,500,1|0,500,2|7,7,3', false],
    ['0,2048,0|0,500,1|0,500,2|0,500,3', false],
    ['0,500,2048|0,500,1|0,500,2|0,500,3', false],
  ])('judges %s: %s', (text, sound) => {
    expect(isSoundProof(parse(text))).toBe(sound);
  });
});

describe('chooseIntervals', () => {
  it('always makes a sound proof', () => {
    for (let i = 0; i < 2000; i++) expect(isSoundProof(chooseIntervals(realRandom))).toBe(true);
  });

  it('draws again when a choice covers too little, or has equal bounds', () => {
    const small = [0, 31, 0, 0, 31, 0, 0, 31, 0, 0, 31, 0];
    const equal = [5, 5, 0, 0, 600, 1, 0, 600, 2, 0, 600, 3];
    const good = [1, 900, 4, 2, 800, 5, 3, 700, 6, 4, 600, 7];
    expect(formatIntervals(chooseIntervals(scripted(...small, ...equal, ...good)))).toBe(
      '1,900,4|2,800,5|3,700,6|4,600,7',
    );
  });

  it('reaches every bound and line', () => {
    const seen = { first: new Set<number>(), second: new Set<number>(), line: new Set<number>() };
    for (let i = 0; i < 20_000; i++) {
      for (const { first, second, line } of chooseIntervals(realRandom)) {
        seen.first.add(first);
        seen.second.add(second);
        seen.line.add(line);
      }
    }
    expect([seen.first.size, seen.second.size, seen.line.size]).toEqual([2048, 2048, 2048]);
  });

  it.each([
    ['always the same', { bytes: (n: number) => new Uint8Array(n), fraction: () => 0 }],
    ['too few bytes', { bytes: () => new Uint8Array(1), fraction: () => 0 }],
  ])('gives up on a source that gives %s', (_, random) => {
    expect(() => chooseIntervals(random)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

describe('uniform', () => {
  it('draws again beyond the last full multiple, so that no number is favoured', () => {
    expect(uniform(scripted(65_533, 65_534, 61), 62)).toBe(65_533 % 62);
    expect(uniform(scripted(65_534, 65_535, 61), 62)).toBe(61);
    expect(uniform(scripted(65_535), 2048)).toBe(2047);
  });

  it('gives up on a source that is never acceptable', () => {
    const stuck: Random = { bytes: () => new Uint8Array([255, 255]), fraction: () => 0 };
    expect(() => uniform(stuck, 62)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});

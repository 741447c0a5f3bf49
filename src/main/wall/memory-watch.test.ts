import { expect, it, vi } from 'vitest';
import { MemoryJudge } from './memory-watch.ts';

vi.mock('electron', () => ({ app: {} }));

const LIMITS = { grown: 1_000, tooLarge: 1_500 };
const settled = (kilobytes: number) => {
  const judge = new MemoryJudge(LIMITS);
  for (let look = 0; look < 60; look += 1) expect(judge.judge(kilobytes, true)).toBe('well');
  return judge;
};

it('tells of a page that is too large at once, whether it is up or still loads', () => {
  expect(new MemoryJudge(LIMITS).judge(1_501, false)).toBe('too-large');
  expect(settled(300).judge(1_501, true)).toBe('too-large');
});

it('tells once of a page that has grown past the limit since it settled', () => {
  const judge = settled(300);
  expect([999, 1_001, 1_400, 300, 1_400].map((size) => judge.judge(size, true))).toEqual([
    'well',
    'grown',
    'well',
    'well',
    'well',
  ]);
});

it('takes a page that was large from the beginning for what it is', () => {
  const judge = settled(950);
  expect(judge.judge(1_400, true)).toBe('well');
  expect(judge.judge(1_430, true)).toBe('grown');
});

it('tells nothing of growth while a page loads', () => {
  const judge = new MemoryJudge(LIMITS);
  for (let look = 0; look < 100; look += 1) expect(judge.judge(1_400, false)).toBe('well');
});

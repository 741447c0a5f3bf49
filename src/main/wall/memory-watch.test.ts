import type { WebContents } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryJudge, watchMemory } from './memory-watch.ts';

const getAppMetrics = vi.hoisted(() => vi.fn());
vi.mock('electron', () => ({ app: { getAppMetrics } }));

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

describe('the watch over all pages', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    getAppMetrics.mockReset().mockReturnValue([
      { pid: 1, memory: { workingSetSize: 300_000 } },
      { pid: 2, memory: { workingSetSize: 2_000_000 } },
    ]);
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const page = (pid: number) => ({ isDestroyed: () => false, getOSProcessId: () => pid }) as unknown as WebContents;

  it('looks every second while a page loads, every ten once all are up, and not at all when there is none', () => {
    let isUp = false;
    const ends = [watchMemory(page(1), () => isUp, vi.fn()), watchMemory(page(1), () => true, vi.fn())];
    const looksWithin = (ms: number) => {
      const before = getAppMetrics.mock.calls.length;
      vi.advanceTimersByTime(ms);
      return getAppMetrics.mock.calls.length - before;
    };
    expect(looksWithin(20_000)).toBe(20);
    isUp = true;
    looksWithin(1_000);
    expect(looksWithin(100_000)).toBe(10);
    isUp = false;
    looksWithin(10_000);
    expect(looksWithin(20_000)).toBe(20);
    for (const end of ends) end();
    expect(looksWithin(100_000)).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('looks at a page that comes to load while others are up within a second', () => {
    const told = vi.fn();
    const ends = [watchMemory(page(1), () => true, vi.fn())];
    vi.advanceTimersByTime(12_000);
    ends.push(watchMemory(page(2), () => false, told));
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveBeenCalledWith('too-large');
    for (const end of ends) end();
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Clockwork } from './clockwork.ts';

const START = Date.UTC(2026, 0, 31, 12);
const at = (ms: number) => ({ wall: START + ms, monotonic: ms });

let looks = 0;
let clockwork: Clockwork;
beforeEach(() => {
  vi.useFakeTimers({ now: START });
  const started = performance.now();
  looks = 0;
  clockwork = new Clockwork(
    { now: () => Date.now(), monotonic: () => performance.now() - started, sleep: () => Promise.resolve() },
    () => {
      looks += 1;
    },
  );
});
afterEach(() => {
  clockwork.stop();
  vi.useRealTimers();
});

it('looks when the nearest deadline comes', () => {
  clockwork.arm([at(20_000), at(10_000)]);
  vi.advanceTimersByTime(9_999);
  expect(looks).toBe(0);
  vi.advanceTimersByTime(20);
  expect(looks).toBeGreaterThan(0);
});

it('forgets a deadline when it is armed anew', () => {
  clockwork.arm([at(10_000)]);
  clockwork.arm([]);
  vi.advanceTimersByTime(29_000);
  expect(looks).toBe(0);
});

it.each([-365, -1, 1, 365])(
  'looks every 30 seconds, no more and no less, after the clock was set by %i days',
  (days) => {
    vi.setSystemTime(START + days * 86_400_000);
    vi.advanceTimersByTime(300_000);
    expect(looks).toBe(10);
  },
);

it('looks at a deadline that the wall clock alone still has ahead, when it comes by that clock', () => {
  clockwork.arm([{ wall: START + 5_000, monotonic: 25_000 }]);
  vi.advanceTimersByTime(5_010);
  expect(looks).toBe(1);
});

it('lets nothing run after it was stopped', () => {
  clockwork.arm([at(10_000)]);
  clockwork.stop();
  vi.advanceTimersByTime(600_000);
  expect(looks).toBe(0);
});

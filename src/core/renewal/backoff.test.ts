import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_BACKOFF, backoffMs } from './backoff.ts';
import { after, hasCome, hasElapsed } from './deadline.ts';
import { renewalAgeMs } from './renewal-time.ts';

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

it('waits between half of the step and the whole of it, whatever the chance', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fraction, (failures, chance) => {
      const step = Math.min(5_000 * 2 ** (failures - 1), 300_000);
      const wait = backoffMs(DEFAULT_BACKOFF, failures, chance);
      expect(wait).toBeGreaterThanOrEqual(step / 2);
      expect(wait).toBeLessThanOrEqual(step);
    }),
  );
});

it("honours a server's longer wish, up to an hour", () => {
  expect(backoffMs(DEFAULT_BACKOFF, 1, 0, 60_000)).toBe(60_000);
  expect(backoffMs(DEFAULT_BACKOFF, 1, 0, 1)).toBe(2_500);
  expect(backoffMs(DEFAULT_BACKOFF, 1, 0, Number.MAX_SAFE_INTEGER)).toBe(3_600_000);
});

it('renews between 50 and 60 % of the life, or at the configured age where that is earlier', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 43_200_000 }), fraction, (life, chance) => {
      const age = renewalAgeMs(life, chance);
      expect(age).toBeGreaterThanOrEqual(Math.floor(life * 0.5));
      expect(age).toBeLessThanOrEqual(Math.ceil(life * 0.6));
      expect(renewalAgeMs(life, chance, 1_000)).toBeLessThanOrEqual(1_000);
    }),
  );
});

it('takes a deadline for come by either clock, and a wait for over by the monotonic one alone', () => {
  const deadline = after({ wall: 1_000, monotonic: 50 }, 100);
  expect(hasCome(deadline, { wall: 1_100, monotonic: 51 })).toBe(true);
  expect(hasCome(deadline, { wall: 0, monotonic: 150 })).toBe(true);
  expect(hasCome(deadline, { wall: 1_099, monotonic: 149 })).toBe(false);
  expect(hasElapsed(deadline, { wall: 9_999, monotonic: 149 })).toBe(false);
  expect(hasElapsed(deadline, { wall: 0, monotonic: 150 })).toBe(true);
});

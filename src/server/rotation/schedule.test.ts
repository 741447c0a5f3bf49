import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { Ring } from './ring.ts';
import type { Progress, Rotator } from './rotator.ts';
import { rotateIfDue, startRotations } from './schedule.ts';
import { SILENT, testClock } from './testing/world.ts';

const DAY = 86_400_000;

/** A rotator that only counts, with a newest generation of this age. */
function counting(madeAt: number, advance: () => Promise<Progress> = () => Promise.resolve(DONE)) {
  const calls: string[] = [];
  const ring = { generations: [{ madeAt }, { madeAt: madeAt - 100 * DAY }] } as unknown as Ring;
  const rotator: Rotator = {
    advance: () => {
      calls.push('advance');
      return advance();
    },
    rotate: () => {
      calls.push('rotate');
      return Promise.resolve(DONE);
    },
    publish: () => {
      calls.push('publish');
      return Promise.resolve(DONE);
    },
    inspect: () => Promise.resolve({ ring, places: [] }),
  };
  return { rotator, calls };
}
const DONE: Progress = { generation: 1, pending: false, failures: [] };

describe('rotateIfDue', () => {
  it('rotates when the newest generation is old enough, and nothing is under way', async () => {
    const { rotator, calls } = counting(0);
    await rotateIfDue(rotator, 7 * DAY - 1, 7 * DAY);
    await rotateIfDue(rotator, 100 * DAY, undefined);
    expect(calls).toEqual(['advance', 'advance']);
    await rotateIfDue(rotator, 7 * DAY, 7 * DAY);
    expect(calls).toEqual(['advance', 'advance', 'advance', 'rotate']);
    const pending = counting(0, () => Promise.resolve({ ...DONE, pending: true }));
    await rotateIfDue(pending.rotator, 7 * DAY, 7 * DAY);
    expect(pending.calls).toEqual(['advance']);
  });
});

describe('startRotations', () => {
  it('goes on whatever fails, looks at every place once a day, and stops', async () => {
    const clock = testClock();
    let fails = 3;
    const { rotator, calls } = counting(clock.now(), () => {
      clock.pass(DAY);
      return fails-- > 0 ? Promise.reject(new AppError('KEYS_UNAVAILABLE', 'Not now.')) : Promise.resolve(DONE);
    });
    const schedule = startRotations({ rotator, clock, logger: SILENT, tickMs: 1 });
    while (!calls.includes('publish')) await new Promise((resolve) => setTimeout(resolve, 1));
    await schedule.stop();
    expect(calls.slice(0, 5)).toEqual(['advance', 'advance', 'advance', 'advance', 'publish']);
    const { length } = calls;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toHaveLength(length);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Fault, PageContent } from '../../core/surface/live-check.ts';
import { LiveWatch } from './live-watch.ts';

const FULL: PageContent = { graphics: 8, busy: false };
const IN_SIGHT: PageContent = { ...FULL, inSight: true };
const EMPTY: PageContent = { graphics: 0, text: 0, busy: false };
const CHECK_MS = 10_000;

let content: PageContent | 'unanswered' | 'unknown';
let shows: boolean | undefined;
let callsFail: boolean;
let faults: Fault[];
let well: number;
let pictures: number;
let watch: LiveWatch;

beforeEach(() => {
  vi.useFakeTimers();
  content = FULL;
  shows = true;
  callsFail = false;
  faults = [];
  well = 0;
  pictures = 0;
  watch = new LiveWatch(
    {
      content: async (answerMs) => {
        const asked = content;
        if (asked === 'unanswered') await new Promise((resolve) => setTimeout(resolve, answerMs));
        return asked;
      },
      picture: () => {
        pictures += 1;
        return Promise.resolve(shows);
      },
      callsFail: () => callsFail,
    },
    {
      fault: (fault) => {
        faults.push(fault);
      },
      well: () => {
        well += 1;
      },
    },
  );
});
afterEach(() => {
  watch.end();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a page on top', () => {
  beforeEach(async () => {
    watch.onTop(true);
    await pass(30_000);
    expect(faults).toEqual([]);
  });

  it('is told to be well, time and again', () => {
    expect(well).toBeGreaterThan(5);
    expect(pictures).toBeGreaterThan(3);
  });

  it.each([
    [
      'hung',
      () => {
        content = 'unanswered';
      },
    ],
    [
      'blank',
      () => {
        content = EMPTY;
      },
    ],
    [
      'one-colour',
      () => {
        shows = false;
      },
    ],
    [
      'error-page',
      () => {
        callsFail = true;
        content = { graphics: 0, text: 120, busy: false };
      },
    ],
  ] as const)('that is %s is told of once, within one check', async (fault, befall) => {
    befall();
    await pass(CHECK_MS);
    expect(faults).toEqual([fault]);
    const seen = [well, pictures];
    await pass(60_000);
    expect(faults).toEqual([fault]);
    expect([well, pictures]).toEqual(seen);
  });

  it('is pictured seldom as long as its graphics are in sight', async () => {
    content = IN_SIGHT;
    await pass(10_000);
    const before = pictures;
    await pass(320_000);
    expect(pictures - before).toBe(10);
    expect(faults).toEqual([]);
  });

  it.each([0, 1_000, 3_900, 7_400, 12_000, 24_900, 31_000])(
    'that is covered %i ms later is told of within one check, although it was in sight',
    async (later) => {
      content = IN_SIGHT;
      await pass(60_000 + later);
      content = FULL;
      shows = false;
      await pass(CHECK_MS);
      expect(faults).toEqual(['one-colour']);
    },
  );

  it('is not believed to be in sight for ever: a picture that shows nothing counts more', async () => {
    content = IN_SIGHT;
    await pass(60_000);
    shows = false;
    await pass(40_000);
    expect(faults).toEqual(['one-colour']);
  });

  it('is looked at as ever where no picture could be had, although it is in sight', async () => {
    shows = undefined;
    content = IN_SIGHT;
    await pass(40_000);
    const before = pictures;
    await pass(60_000);
    expect(pictures - before).toBeGreaterThan(6);
  });

  it('is not blamed for what cannot be seen, or for being replaced', async () => {
    shows = undefined;
    content = 'unknown';
    await pass(120_000);
    expect(faults).toEqual([]);
  });

  it('is held against the most that it ever showed', async () => {
    content = { graphics: 3, busy: false };
    await pass(CHECK_MS);
    expect(faults).toEqual([]);
    content = { graphics: 2, text: 100, busy: false };
    await pass(CHECK_MS);
    expect(faults).toEqual(['error-page']);
  });

  it('is not blamed for the time in which this process was held up', async () => {
    content = 'unanswered';
    // The clock goes on while no timer fires, as when the machine sleeps.
    await pass(4_000);
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
    await pass(5_500);
    expect(faults).toEqual([]);
    now.mockRestore();
  });
});

it('is held against what it was when it painted, from the first moment on', async () => {
  watch.onTop(true);
  await pass(500);
  content = { graphics: 1, text: 100, busy: false };
  await pass(CHECK_MS);
  expect(faults).toEqual(['error-page']);
});

describe('a page that is covered', () => {
  it('must answer, and no more', async () => {
    content = EMPTY;
    shows = false;
    await pass(60_000);
    expect([faults, pictures, well]).toEqual([[], 0, 0]);
    content = 'unanswered';
    await pass(CHECK_MS);
    expect(faults).toEqual(['hung']);
  });

  it('is no longer looked at once it was on top', async () => {
    watch.onTop(true);
    await pass(20_000);
    watch.onTop(false);
    const before = pictures;
    shows = false;
    await pass(60_000);
    expect([faults, pictures]).toEqual([[], before]);
  });
});

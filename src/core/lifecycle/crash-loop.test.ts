import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginRun,
  type CrashMemory,
  NOTHING_REMEMBERED,
  type Run,
  type StartDecision,
  withEnd,
  withGpuDeath,
  withSettled,
} from './crash-loop.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;

type End = 'clean' | 'exception' | 'killed' | 'settled';

/** Begins runs one after the other, a minute apart, each of which ends as told; returns the decision of a last one. */
function after(ends: readonly End[], from: CrashMemory = NOTHING_REMEMBERED): StartDecision {
  return play(ends, from).decision;
}

function play(ends: readonly End[], from: CrashMemory = NOTHING_REMEMBERED, startAt = NOON) {
  let memory = from;
  let at = startAt;
  for (const end of ends) {
    [memory] = beginRun(memory, at, '1.0.0');
    memory = ended(memory, end);
    at += MINUTE;
  }
  const [next, decision] = beginRun(memory, at, '1.0.0');
  return { memory: next, decision };
}

function ended(memory: CrashMemory, end: End): CrashMemory {
  if (end === 'killed') return memory;
  return end === 'settled' ? withSettled(memory) : withEnd(memory, end);
}

/** A run whose GPU process dies as often, a second apart, from `afterMs` on. */
function withDeaths(memory: CrashMemory, count: number, afterMs = 1_000): CrashMemory {
  let next = memory;
  for (let i = 0; i < count; i++) next = withGpuDeath(next, afterMs + i * 1_000) ?? next;
  return next;
}

function begin(memory: CrashMemory, at: number, version = '1.0.0'): readonly [CrashMemory, StartDecision] {
  return beginRun(memory, at, version);
}

describe('a crash loop', () => {
  it('does not begin with the first start, nor after clean ends', () => {
    expect(after([])).toEqual({ mode: 'normal', hardwareAcceleration: true, holdMs: 0 });
    expect(after(['clean', 'clean', 'clean', 'clean'])).toMatchObject({ mode: 'normal', holdMs: 0 });
  });

  it('starts at once after one bad end, waits a little after two, and is safe mode after three', () => {
    expect(after(['killed'])).toMatchObject({ mode: 'normal', holdMs: 0 });
    expect(after(['killed', 'exception'])).toMatchObject({ mode: 'normal', holdMs: 5_000 });
    expect(after(['killed', 'exception', 'killed'])).toMatchObject({ mode: 'safe', holdMs: 30_000 });
  });

  it('holds longer each time, up to five minutes', () => {
    const holds = [3, 4, 5, 6, 7, 8, 30].map((count) => after(Array<End>(count).fill('exception')).holdMs / 1_000);
    expect(holds).toEqual([30, 60, 120, 240, 300, 300, 300]);
  });

  it('is over after one good run, and after one clean end', () => {
    expect(after(['killed', 'killed', 'killed', 'settled'])).toMatchObject({ mode: 'normal', holdMs: 0 });
    expect(after(['killed', 'killed', 'killed', 'clean'])).toMatchObject({ mode: 'normal', holdMs: 0 });
  });

  it('is not made of runs that settled before they were killed', () => {
    expect(after(['settled', 'settled', 'settled'])).toMatchObject({ mode: 'normal', holdMs: 0 });
  });

  it('is not made of runs on different days', () => {
    let memory = NOTHING_REMEMBERED;
    for (let day = 0; day < 5; day++) [memory] = begin(memory, NOON + day * DAY);
    expect(begin(memory, NOON + 5 * DAY)[1].mode).toBe('normal');
  });

  it('of one version says nothing of another', () => {
    const { memory } = play(['killed', 'killed', 'killed', 'killed']);
    expect(begin(memory, NOON + 5 * MINUTE, '1.0.1')[1]).toEqual({
      mode: 'normal',
      hardwareAcceleration: true,
      holdMs: 0,
    });
  });

  it('says what happened', () => {
    expect(after([]).reason).toBeUndefined();
    expect(after(['exception']).reason).toBe('Vigil ended unexpectedly, by a fault of its own, which the log tells.');
    expect(after(['killed', 'killed', 'killed']).reason).toMatch(
      /^Vigil ended unexpectedly 3 times in a row, the last/,
    );
  });
});

describe('a clock that was set back', () => {
  it('does not keep the wall in safe mode', () => {
    const { memory, decision } = play(['killed', 'killed', 'killed'], NOTHING_REMEMBERED, NOON + 3_650 * DAY);
    expect(decision.mode).toBe('safe');
    // Ten years back: still safe, for the bad ends were a moment ago; a good run ends it.
    const [back, again] = begin(memory, NOON);
    expect(again.mode).toBe('safe');
    expect(begin(withSettled(back), NOON + 20 * MINUTE)[1]).toMatchObject({ mode: 'normal', holdMs: 0 });
  });

  it('does not keep acceleration off for longer than its time by the new clock', () => {
    const [first] = begin(NOTHING_REMEMBERED, NOON + 3_650 * DAY);
    const [second, off] = begin(withDeaths(first, 6), NOON + 3_650 * DAY + MINUTE);
    expect(off.hardwareAcceleration).toBe(false);
    const [third] = begin(withEnd(second, 'clean'), NOON);
    expect(begin(withEnd(third, 'clean'), NOON + DAY)[1].hardwareAcceleration).toBe(true);
  });
});

describe('hardware acceleration', () => {
  const offAt = (memory: CrashMemory, at: number) => !begin(memory, at)[1].hardwareAcceleration;

  it('goes off after three early deaths of the GPU process, in one run or in several', () => {
    const [one] = begin(NOTHING_REMEMBERED, NOON);
    expect(offAt(withDeaths(one, 2), NOON + MINUTE)).toBe(false);
    expect(offAt(withDeaths(one, 3), NOON + MINUTE)).toBe(true);
    const [two] = begin(withDeaths(one, 2), NOON + MINUTE);
    expect(offAt(withDeaths(two, 1), NOON + 2 * MINUTE)).toBe(true);
  });

  it('goes off after a burst late in a good run, but not for deaths that are hours apart', () => {
    const [run] = begin(NOTHING_REMEMBERED, NOON);
    const settled = withSettled(run);
    expect(offAt(withDeaths(settled, 6, 5 * DAY), NOON + 6 * DAY)).toBe(true);
    let rare = settled;
    for (let i = 1; i <= 10; i++) rare = withDeaths(rare, 1, i * 3_600_000);
    expect(offAt(rare, NOON + DAY)).toBe(false);
  });

  it('is not held against a run that was good after it', () => {
    const [one] = begin(NOTHING_REMEMBERED, NOON);
    const [two] = begin(withEnd(withDeaths(one, 2), 'clean'), NOON + MINUTE);
    const [three] = begin(withEnd(withSettled(two), 'clean'), NOON + DAY);
    expect(offAt(withDeaths(three, 2), NOON + DAY + MINUTE)).toBe(false);
  });

  /** Off since noon. */
  function off(): CrashMemory {
    const [run] = begin(NOTHING_REMEMBERED, NOON - MINUTE);
    return withEnd(begin(withDeaths(run, 6), NOON)[0], 'clean');
  }

  it('stays off for a day, and is then tried on', () => {
    expect(offAt(off(), NOON + DAY - 1)).toBe(true);
    expect(offAt(off(), NOON + DAY)).toBe(false);
  });

  it('is on for good after a trial that settled', () => {
    const [trial] = begin(off(), NOON + DAY);
    const [next, decision] = begin(withEnd(withSettled(trial), 'clean'), NOON + DAY + MINUTE);
    expect(decision.hardwareAcceleration).toBe(true);
    expect(next.accelerationOff).toBeUndefined();
  });

  it('is off for twice the time after each trial in vain, at most a month', () => {
    let memory = off();
    let at = NOON;
    const days: number[] = [];
    for (let trial = 0; trial < 8; trial++) {
      let waited = 0;
      let decision: StartDecision;
      let next: CrashMemory;
      do {
        waited++;
        [next, decision] = begin(memory, at + waited * DAY);
        if (!decision.hardwareAcceleration) memory = withEnd(withSettled(next), 'clean');
      } while (!decision.hardwareAcceleration);
      days.push(waited);
      at += waited * DAY + MINUTE;
      // The trial dies without a word.
      const [failed, after] = begin(next, at);
      expect(after.hardwareAcceleration).toBe(false);
      memory = withEnd(failed, 'clean');
    }
    expect(days).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('goes on with a trial that was ended in good order before it could tell', () => {
    const [trial] = begin(off(), NOON + DAY);
    const [next, decision] = begin(withEnd(trial, 'clean'), NOON + DAY + MINUTE);
    expect(decision.hardwareAcceleration).toBe(true);
    expect(offAt(next, NOON + DAY + 2 * MINUTE)).toBe(true);
  });

  it('is tried at once by another version', () => {
    expect(begin(off(), NOON + MINUTE, '2.0.0')[1].hardwareAcceleration).toBe(true);
  });

  it('is told of while it is off', () => {
    expect(begin(off(), NOON + MINUTE)[1].reason).toMatch(/without the graphics hardware/);
  });
});

describe('the memory', () => {
  const run = fc.record({
    version: fc.constantFrom('1.0.0', '2.0.0'),
    startedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    accelerated: fc.boolean(),
    gpuDeaths: fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { maxLength: 12 }),
    settled: fc.boolean(),
  });
  const memories: fc.Arbitrary<CrashMemory> = fc
    .record({
      runs: fc.array(
        fc
          .tuple(run, fc.constantFrom<Run['end'][]>('clean', 'exception', undefined))
          .map(([one, end]) => (end === undefined ? one : { ...one, end })),
        { maxLength: 20 },
      ),
      off: fc.option(
        fc.record({
          version: fc.constantFrom('1.0.0', '2.0.0'),
          since: fc.integer({ min: 0, max: 4_000_000_000_000 }),
          failedTrials: fc.nat(1_000_000),
          trying: fc.boolean(),
        }),
      ),
    })
    .map(({ runs, off }) => (off === null ? { runs } : { runs, accelerationOff: off }));
  const times = fc.integer({ min: 0, max: 4_000_000_000_000 });

  it('stays small whatever happens', () => {
    fc.assert(
      fc.property(memories, times, (memory, now) => {
        let [next] = begin(memory, now);
        for (let i = 0; i < 100; i++) next = withGpuDeath(next, i) ?? next;
        expect(next.runs.length).toBeLessThanOrEqual(12);
        expect(next.runs.at(-1)?.gpuDeaths.length).toBe(12);
      }),
    );
  });

  it('never traps: whatever it holds, a good run is followed by a normal start, and the hold is bounded', () => {
    fc.assert(
      fc.property(memories, times, times, (memory, now, later) => {
        const [next, decision] = begin(memory, now);
        expect(decision.holdMs).toBeLessThanOrEqual(300_000);
        expect(begin(withSettled(next), later)[1]).toMatchObject({ mode: 'normal', holdMs: 0 });
      }),
    );
  });

  it('lets acceleration be tried within a month of starts by any clock that goes forward', () => {
    fc.assert(
      fc.property(memories, times, (memory, now) => {
        const [next, first] = begin(memory, now);
        const [, later] = begin(withEnd(withSettled(next), 'clean'), now + 31 * DAY);
        // What a good run without deaths was told must not be worse after a month of rest.
        expect(first.hardwareAcceleration || later.hardwareAcceleration).toBe(true);
      }),
    );
  });

  it('keeps the first word on how a run ended', () => {
    const [memory] = begin(NOTHING_REMEMBERED, NOON);
    expect(withEnd(withEnd(memory, 'exception'), 'clean').runs[0]?.end).toBe('exception');
  });
});

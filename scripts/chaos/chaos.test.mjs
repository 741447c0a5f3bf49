import { describe, expect, it } from 'vitest';
import { KINDS, planFaults } from './faults.mjs';
import { judge } from './oracle.mjs';

describe('the plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planFaults(7, 600_000)).toEqual(planFaults(7, 600_000));
    expect(planFaults(7, 600_000)).not.toEqual(planFaults(8, 600_000));
  });

  it('goes on as it began when it is longer, leaves quiet at its end, and has every kind sooner or later', () => {
    const short = planFaults(3, 600_000);
    expect(short.at(-1)?.atMs).toBeLessThan(540_000);
    expect(short.every(({ atMs, ms }) => atMs + ms <= 541_000)).toBe(true);
    const kinds = new Set(
      Array.from({ length: 40 }, (_, seed) => planFaults(seed, 1_200_000))
        .flat()
        .map(({ kind }) => kind),
    );
    expect(kinds).toEqual(new Set(Object.keys(KINDS)));
  });

  it('has certain kinds alone, in turn, where that is asked for', () => {
    const kinds = planFaults(5, 600_000, ['sleep', 'bounce', 'page-white']).map(({ kind }) => kind);
    expect(kinds.length).toBeGreaterThan(5);
    expect(kinds).toEqual(kinds.map((_, i) => ['sleep', 'bounce', 'page-white'][i % 3]));
  });

  it('does not end a wall that has hardly begun', () => {
    for (let seed = 0; seed < 40; seed++) {
      const ends = planFaults(seed, 7_200_000).filter(({ takes }) => takes === 'wall');
      for (const [i, { atMs }] of ends.entries())
        if (i > 0) expect(atMs - ends[i - 1].atMs).toBeGreaterThanOrEqual(720_000);
    }
  });
});

describe('the oracle', () => {
  const of = (/** @type {import('./oracle.mjs').Entry[]} */ ...entries) =>
    judge(
      [
        { atMs: 0, what: 'piece' },
        { atMs: 2_000, what: 'shows', kind: 'dashboard' },
        ...entries,
        { atMs: 600_000, what: 'beat', signIns: 5 },
      ],
      {
        renewEverySeconds: 90,
      },
    );
  const shows = (/** @type {number} */ atMs, kind = 'dashboard') =>
    /** @type {const} */ ({ atMs, what: 'shows', kind });
  const fault = (/** @type {number} */ fromMs, /** @type {number} */ toMs, /** @type {string} */ kind, id = 1) =>
    /** @type {[import('./oracle.mjs').Entry, import('./oracle.mjs').Entry]} */ ([
      { atMs: fromMs, what: 'begins', id, kind, load: 255 },
      { atMs: toMs, what: 'ends', id },
    ]);
  const names = (/** @type {ReturnType<typeof judge>} */ { brokenInvariants }) =>
    brokenInvariants.map(({ name }) => name);

  it('finds nothing where nothing happens', () => {
    expect(of()).toMatchObject({
      availability: 1,
      longestUnexplainedDarkSeconds: 0,
      signInsPerDay: 720,
      brokenInvariants: [],
    });
  });

  it('counts what is dark without a reason', () => {
    const verdict = of(shows(100_000, 'notice'), shows(158_000));
    expect(verdict.longestUnexplainedDarkSeconds).toBe(58);
    expect(verdict.availability).toBeCloseTo(1 - 58 / 580, 3);
    expect(names(verdict)).toEqual(['a picture stands that nothing takes']);
  });

  it('excuses a page that was killed, for a step and a sign-in, and not for longer', () => {
    const [begins, ends] = fault(100_000, 101_000, 'renderer-killed');
    expect(of(begins, ends, shows(101_500, 'dimmed'), shows(120_000))).toMatchObject({
      availability: 1,
      brokenInvariants: [],
    });
    const late = of(begins, ends, shows(101_500, 'dimmed'), shows(200_000));
    // 1 s, 5 s and twice 1 s, 20 s.
    expect(late.longestUnexplainedDarkSeconds).toBe(72);
    expect(late.brokenInvariants).toEqual([]);
  });

  it('does not excuse a network for taking a picture', () => {
    const [begins, ends] = fault(100_000, 130_000, 'network-black-hole');
    const verdict = of(begins, shows(110_000, 'dimmed'), ends, shows(135_000));
    expect(verdict).toMatchObject({ longestUnexplainedDarkSeconds: 25, faults: { 'network-black-hole': 1 } });
    expect(names(verdict)).toEqual(['a picture stands that nothing takes']);
  });

  it('judges each display by itself, and tells of the worst', () => {
    const other = (/** @type {number} */ atMs, kind = 'dashboard') => ({ ...shows(atMs, kind), display: 1 });
    const verdict = of(
      other(2_000),
      other(100_000, 'notice'),
      shows(120_000, 'dimmed'),
      shows(121_000),
      other(158_000),
    );
    expect(verdict).toMatchObject({ longestUnexplainedDarkSeconds: 58 });
    expect(verdict.brokenInvariants).toMatchObject([{ display: 0 }, { display: 1 }]);
    expect(verdict.availability).toBeCloseTo(1 - 58 / 580, 3);
  });

  it('counts a fault that could not be done apart', () => {
    const [begins, ends] = fault(100_000, 101_000, 'gpu-gone');
    const verdict = of(begins, { atMs: 100_500, what: 'undone', id: 1 }, ends);
    expect(verdict).toMatchObject({ faults: {}, undone: { 'gpu-gone': 1 } });
  });

  it('excuses a network for keeping away what something else has taken', () => {
    const [killed, dead] = fault(99_000, 100_000, 'renderer-killed', 1);
    const [begins, ends] = fault(98_000, 160_000, 'network-refused', 2);
    const verdict = of(begins, killed, shows(99_500, 'dimmed'), dead, ends, shows(220_000));
    expect(verdict).toMatchObject({ longestUnexplainedDarkSeconds: 0, brokenInvariants: [] });
    // 62 s, then 5 s and twice 62 s, then 20 s.
    expect(of(begins, killed, shows(99_500, 'dimmed'), dead, ends, shows(320_000)).longestUnexplainedDarkSeconds).toBe(
      11,
    );
  });

  it('excuses nothing any more once a later page is on the screen', () => {
    const [begins, ends] = fault(100_000, 101_000, 'renderer-killed');
    const back = /** @type {const} */ ({ atMs: 104_000, what: 'shows', kind: 'dashboard', load: 1 });
    const verdict = of(begins, shows(101_500, 'dimmed'), ends, back, shows(110_000, 'notice'), shows(120_000));
    expect(verdict.longestUnexplainedDarkSeconds).toBe(10);
    expect(names(verdict)).toEqual(['a picture stands that nothing takes']);
    const same = /** @type {const} */ ({ ...back, load: 255 });
    const again = of(begins, shows(101_500, 'dimmed'), ends, same, shows(110_000, 'notice'), shows(120_000));
    expect(again).toMatchObject({ longestUnexplainedDarkSeconds: 0, brokenInvariants: [] });
  });

  it('wants nothing bare on the wall for longer than a check', () => {
    const [begins, ends] = fault(100_000, 110_000, 'page-white');
    expect(names(of(begins, shows(100_500, 'blank'), shows(109_500), ends))).toEqual([]);
    expect(names(of(begins, shows(100_500, 'blank'), ends, shows(115_000)))).toEqual([
      'nothing bare stands for longer than a check',
    ]);
    expect(names(of(begins, shows(100_500, 'notice'), ends, shows(115_000)))).toEqual([]);
  });

  it('knows a storm of sign-ins, and a wall that ends dark', () => {
    expect(
      names(of({ atMs: 300_000, what: 'beat', signIns: 40 }, { atMs: 400_000, what: 'piece' }, shows(401_000))),
    ).toEqual(['sign-ins within the budget']);
    expect(names(of(shows(590_000, 'notice')))).toContain('it ends live');
  });

  it('adds up what several pieces have signed in, and ends the faults of one with it', () => {
    const verdict = of(
      ...fault(100_000, 300_000, 'role-denied').slice(0, 1),
      { atMs: 190_000, what: 'beat', signIns: 4 },
      { atMs: 200_000, what: 'piece' },
      shows(203_000),
    );
    expect(verdict).toMatchObject({ signInsPerDay: 1296, brokenInvariants: [] });
    expect(verdict.judgedOfAllTime).toBeGreaterThan(0.4);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DisplayMatch } from '../plan/plan.ts';
import { type DisplayAssignment, type DisplayIdentity, type SurfaceOnDisplay, matchDisplays } from './match.ts';

const display = (id: number, x: number, more: Partial<DisplayIdentity> = {}): DisplayIdentity => ({
  ...{ id, label: '', width: 1920, height: 1080, x, y: 0, primary: x === 0 },
  ...more,
});
const surfaces = (...matches: DisplayMatch[]): SurfaceOnDisplay[] =>
  matches.map((match, i) => ({ name: `s${String(i)}`, display: match }));
/** The id of each surface's display, in their order. */
const ids = (of: DisplayAssignment) => [...of.placements.values()].map((placement) => placement.display?.id);

const LEFT = display(1, 0);
const MIDDLE = display(2, 1920);
const RIGHT = display(3, 3840);

describe('matchDisplays', () => {
  it('gives surfaces without conditions the primary display first, then left to right', () => {
    expect(ids(matchDisplays(surfaces({}, {}, {}), [RIGHT, MIDDLE, LEFT]))).toEqual([1, 2, 3]);
    const primaryRight = [{ ...LEFT, primary: false }, MIDDLE, { ...RIGHT, primary: true }];
    expect(ids(matchDisplays(surfaces({}, {}, {}), primaryRight))).toEqual([3, 1, 2]);
    expect(ids(matchDisplays(surfaces({}, {}, {}), [LEFT]))).toEqual([1, undefined, undefined]);
    expect(ids(matchDisplays(surfaces({}, {}), []))).toEqual([undefined, undefined]);
  });

  it('goes by all that is named, and lets those who name something choose first', () => {
    const labelled = [
      { ...LEFT, label: 'Dell U2720Q' },
      { ...MIDDLE, label: 'LG TV' },
      { ...RIGHT, label: 'LG TV' },
    ];
    expect(ids(matchDisplays(surfaces({}, { label: 'LG TV' }, { primary: true }), labelled))).toEqual([3, 2, 1]);
    expect(ids(matchDisplays(surfaces({ x: 3840 }, { label: 'LG TV' }), labelled))).toEqual([3, 2]);
    expect(ids(matchDisplays(surfaces({ label: 'LG TV', x: 0 }, { id: 2 }), labelled))).toEqual([undefined, 2]);
    expect(ids(matchDisplays(surfaces({ primary: false, width: 1920 }), labelled))).toEqual([2]);
  });

  it('finds a display for each where there is one, whichever comes first', () => {
    const both = [
      { ...LEFT, label: 'LG TV' },
      { ...MIDDLE, label: 'LG TV' },
    ];
    expect(ids(matchDisplays(surfaces({ label: 'LG TV' }, { primary: true }), both))).toEqual([2, 1]);
    const first = matchDisplays(surfaces({ label: 'LG TV' }, { primary: true }), both);
    const swapped = both.map((one) => ({ ...one, primary: !one.primary }));
    expect(ids(matchDisplays(surfaces({ label: 'LG TV' }, { primary: true }), swapped, first))).toEqual([1, 2]);
  });

  it('lets the only surface follow the primary display', () => {
    const first = matchDisplays(surfaces({}), [LEFT, MIDDLE]);
    const second = matchDisplays(
      surfaces({}),
      [
        { ...LEFT, primary: false },
        { ...MIDDLE, primary: true },
      ],
      first,
    );
    expect([ids(first), ids(second)]).toEqual([[1], [2]]);
    expect(ids(matchDisplays(surfaces({}), [{ ...MIDDLE, x: 0 }], first))).toEqual([2]);
    // It has conditions, and so stays away from others.
    expect(ids(matchDisplays(surfaces({ id: 1 }), [MIDDLE]))).toEqual([undefined]);
  });

  it('leaves a surface unplugged whose display is gone, though the others move to where it was', () => {
    const first = matchDisplays(surfaces({}, {}), [LEFT, MIDDLE]);
    const alone = matchDisplays(surfaces({}, {}), [{ ...MIDDLE, x: 0, primary: true }], first);
    expect(ids(alone)).toEqual([undefined, 2]);
    expect(ids(matchDisplays(surfaces({}, {}), [LEFT, MIDDLE], alone))).toEqual([1, 2]);
  });

  it('does not take for its own, by where it stands, what another surface knows by its id', () => {
    const wanted = surfaces({ x: 0 }, {});
    const none = matchDisplays(wanted, [], matchDisplays(wanted, [LEFT, MIDDLE]));
    expect(ids(matchDisplays(wanted, [{ ...MIDDLE, x: 0 }], none))).toEqual([undefined, 2]);
    expect(ids(matchDisplays(wanted, [{ ...MIDDLE, id: 9, x: 0 }], none))).toEqual([9, undefined]);
  });

  it('knows a display again that comes back with another id', () => {
    const first = matchDisplays(surfaces({}, {}), [LEFT, MIDDLE]);
    const gone = matchDisplays(surfaces({}, {}), [LEFT], first);
    expect(ids(gone)).toEqual([1, undefined]);
    expect(ids(matchDisplays(surfaces({}, {}), [{ ...MIDDLE, id: 77 }, LEFT], gone))).toEqual([1, 77]);
    const none = matchDisplays(surfaces({}, {}), [], gone);
    const others = [{ ...MIDDLE, id: 77 }, { ...LEFT, id: 78 }, RIGHT];
    expect(ids(matchDisplays(surfaces({}, {}), others, none))).toEqual([78, 77]);
  });

  it('knows a display again by label and size where it is plugged in elsewhere', () => {
    const tv = { ...LEFT, label: 'LG TV' };
    const first = matchDisplays(surfaces({}, {}), [tv, MIDDLE]);
    const gone = matchDisplays(surfaces({}, {}), [{ ...MIDDLE, x: 0, primary: true }], first);
    const back = [{ ...MIDDLE, x: 0, primary: true }, { ...tv, id: 9, x: 1920, primary: false }, RIGHT];
    expect(ids(matchDisplays(surfaces({}, {}), back, gone))).toEqual([9, 2]);
  });

  it('lets a surface stand in for its display on a free one, and go home', () => {
    const first = matchDisplays(surfaces({}, {}), [LEFT, MIDDLE, RIGHT]);
    const without = matchDisplays(surfaces({}, {}), [LEFT, RIGHT], first);
    expect(ids(without)).toEqual([1, 3]);
    const moved = [LEFT, { ...RIGHT, x: 1920 }];
    expect(ids(matchDisplays(surfaces({}, {}), moved, without))).toEqual([1, 3]);
    const again = matchDisplays(surfaces({}, {}), moved, first);
    expect(ids(again)).toEqual([1, 3]);
    expect(ids(matchDisplays(surfaces({}, {}), [LEFT, MIDDLE, RIGHT], again))).toEqual([1, 2]);
  });

  it('follows a display that moves or changes its size', () => {
    const first = matchDisplays(surfaces({}, {}), [LEFT, MIDDLE]);
    const moved = [
      { ...LEFT, x: 1280 },
      { ...MIDDLE, x: 0, width: 1280, height: 720 },
    ];
    expect(ids(matchDisplays(surfaces({}, {}), moved, first))).toEqual([1, 2]);
  });

  it('goes by bounds where ids are the same, and does not believe an id whose label says otherwise', () => {
    const same = [LEFT, { ...MIDDLE, id: 1 }];
    const first = matchDisplays(surfaces({ x: 1920 }, {}), same);
    expect([...first.placements.values()].map((placement) => placement.display?.x)).toEqual([1920, 0]);
    const gone = matchDisplays(surfaces({}, {}), [{ ...MIDDLE, id: 1 }], matchDisplays(surfaces({}, {}), same));
    expect([...gone.placements.values()].map((placement) => placement.display?.x)).toEqual([undefined, 1920]);

    const labelled = [
      { ...LEFT, label: 'Dell' },
      { ...MIDDLE, label: 'LG' },
    ];
    const before = matchDisplays(surfaces({}, {}), labelled);
    const crossed = [
      { ...LEFT, id: 2, x: 100, label: 'Dell' },
      { ...MIDDLE, id: 1, x: 2020, label: 'LG' },
    ];
    expect(ids(matchDisplays(surfaces({}, {}), crossed, before))).toEqual([2, 1]);
  });
});

describe('matchDisplays, for surfaces with conditions', () => {
  const wide = surfaces({ width: 1920 }, { width: 1920 });

  it('keeps them where they are while only ids change, and on their displays while those move', () => {
    const first = matchDisplays(wide, [LEFT, MIDDLE]);
    const swapped = [
      { ...LEFT, id: 2 },
      { ...MIDDLE, id: 1 },
    ];
    expect(ids(matchDisplays(wide, swapped, first))).toEqual([2, 1]);
    const alone = matchDisplays(wide, [{ ...MIDDLE, x: 0, primary: true }], first);
    expect(ids(alone)).toEqual([undefined, 2]);
    expect(ids(matchDisplays(wide, [LEFT, MIDDLE], alone))).toEqual([1, 2]);
  });

  it('lets one stand in on a free display that fits, and on no other', () => {
    const wanted = surfaces({ width: 1920 }, {});
    const narrow = { ...MIDDLE, width: 1280 };
    const first = matchDisplays(wanted, [LEFT, narrow, RIGHT]);
    expect(ids(first)).toEqual([1, 2]);
    expect(ids(matchDisplays(wanted, [narrow, RIGHT], first))).toEqual([3, 2]);
    expect(ids(matchDisplays(wanted, [narrow], first))).toEqual([undefined, 2]);
    const second = matchDisplays(wanted, [LEFT, RIGHT]);
    expect(ids(matchDisplays(wanted, [narrow, RIGHT], second))).toEqual([undefined, 3]);
  });

  it('lets one that wants the primary display have it, whoever was there', () => {
    const wanted = surfaces({ primary: true }, {});
    const first = matchDisplays(wanted, [LEFT, MIDDLE]);
    const promoted = { ...MIDDLE, x: 0, primary: true };
    expect(ids(matchDisplays(wanted, [promoted, RIGHT], first))).toEqual([2, 3]);
    const alone = matchDisplays(wanted, [promoted], first);
    expect(ids(alone)).toEqual([2, undefined]);
    expect(ids(matchDisplays(wanted, [LEFT, MIDDLE], alone))).toEqual([1, 2]);
  });
});

describe('matchDisplays, over time', () => {
  it('changes nothing where nothing has changed, displays that show the same included', () => {
    const mirrored = [display(3, 0), display(5, 0)];
    const first = matchDisplays(surfaces({ id: 5 }, {}), mirrored);
    expect(ids(first)).toEqual([5, 3]);
    expect(ids(matchDisplays(surfaces({}, {}), mirrored, first))).toEqual([5, 3]);
  });

  it('remembers where a display was last', () => {
    const moved = { ...MIDDLE, x: 2500 };
    const second = matchDisplays(surfaces({}, {}), [LEFT, moved], matchDisplays(surfaces({}, {}), [LEFT, MIDDLE]));
    const gone = matchDisplays(surfaces({}, {}), [], second);
    const strangers = [
      { ...RIGHT, id: 8, x: 0 },
      { ...moved, id: 9 },
      { ...RIGHT, id: 7, x: 1100 },
    ];
    expect(ids(matchDisplays(surfaces({}, {}), strangers, gone))).toEqual([8, 9]);
  });

  it('prefers the display that a surface had first to one that passed for it', () => {
    const alone = surfaces({ width: 1920 });
    const first = matchDisplays(alone, [LEFT]);
    const stranger = matchDisplays(alone, [{ ...LEFT, id: 9 }], first);
    expect(ids(stranger)).toEqual([9]);
    const both = [
      { ...LEFT, id: 9 },
      { ...LEFT, x: 1920, primary: false },
    ];
    expect(ids(matchDisplays(alone, both, stranger))).toEqual([1]);
  });

  it('goes by label and size where ids were shared a moment ago', () => {
    const shared = [
      { ...LEFT, label: 'LG TV', width: 1280 },
      { ...MIDDLE, label: 'LG TV', id: 1 },
    ];
    const first = matchDisplays(surfaces({}, {}), shared);
    const rest = matchDisplays(surfaces({}, {}), [{ ...MIDDLE, label: 'LG TV', id: 1, x: 0 }], first);
    expect(ids(rest)).toEqual([undefined, 1]);
  });

  it('remembers no more displays for being told of ever new ones', () => {
    let now = matchDisplays(surfaces({}, {}), [LEFT, MIDDLE]);
    for (let id = 100; id < 130; id += 2)
      now = matchDisplays(
        surfaces({}, {}),
        [
          { ...LEFT, id },
          { ...MIDDLE, id: id + 1 },
        ],
        now,
      );
    expect(ids(now)).toEqual([128, 129]);
    for (const { homes } of now.placements.values()) expect(homes).toHaveLength(4);
    expect(ids(matchDisplays(surfaces({}, {}), [MIDDLE, LEFT], now))).toEqual([1, 2]);
  });
});

describe('matchDisplays, whatever the displays', () => {
  const SIZES = [
    { width: 1920, height: 1080 },
    { width: 1280, height: 720 },
  ] as const;
  const wall = fc
    .record({
      kinds: fc.array(fc.record({ label: fc.constantFrom('', 'Dell', 'LG'), size: fc.constantFrom(...SIZES) }), {
        minLength: 1,
        maxLength: 4,
      }),
      primary: fc.nat(3),
      ids: fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 4 }),
    })
    .map(({ kinds, primary, ids: numbers }) => {
      let x = 0;
      return kinds.map(({ label, size }, i): DisplayIdentity => {
        const one = { id: numbers[i] ?? i, label, ...size, x, y: 0, primary: i === primary % kinds.length };
        x += size.width;
        return one;
      });
    });
  const match: fc.Arbitrary<DisplayMatch> = fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    fc.record(
      {
        label: fc.constantFrom('', 'Dell', 'LG'),
        width: fc.constantFrom(1920, 1280),
        primary: fc.boolean(),
        x: fc.constantFrom(0, 1920, 1280),
      },
      { requiredKeys: [] },
    ),
  );
  const matches = fc.array(match, { minLength: 1, maxLength: 4 }).map((all) => surfaces(...all));
  const plain = fc.integer({ min: 1, max: 4 }).map((n) => surfaces(...Array.from({ length: n }, () => ({}))));
  /** Where each surface is, by the place of its display. */
  const places = (of: DisplayAssignment) =>
    [...of.placements].map(([name, placement]) => [name, placement.display?.x, placement.display?.width]);
  /** Displays that stay when others are taken away: on many systems they close up. */
  const left = (all: readonly DisplayIdentity[], mask: number, closeUp: boolean) => {
    const rest = all.filter((_, i) => (mask >> i) & 1);
    let x = 0;
    return rest.map((one, i) => {
      const place = { ...one, ...(closeUp ? { x } : {}), primary: rest.some((r) => r.primary) ? one.primary : i === 0 };
      x += one.width;
      return place;
    });
  };

  it('gives no display to two, fits every condition, and leaves no display dark that a surface could take', () => {
    fc.assert(
      fc.property(matches, fc.array(wall, { minLength: 1, maxLength: 5 }), (wanted, walls) => {
        let assignment: DisplayAssignment | undefined;
        for (const all of walls) {
          assignment = matchDisplays(wanted, all, assignment);
          const used = [...assignment.placements.values()].flatMap((placement) => placement.display ?? []);
          expect(new Set(used).size).toBe(used.length);
          for (const one of used) expect(all).toContain(one);
          for (const {
            name,
            display: { label, width, x, primary },
          } of wanted) {
            const given = assignment.placements.get(name)?.display;
            if (given === undefined) continue;
            expect(given).toMatchObject(JSON.parse(JSON.stringify({ label, width, x, primary })) as object);
          }
          const isDark = wanted.some(
            ({ name, display: on }) =>
              Object.keys(on).length === 0 && assignment?.placements.get(name)?.display === undefined,
          );
          if (wanted.length > 1 && isDark) expect(used).toHaveLength(all.length);
        }
      }),
    );
  });

  it('does not depend on the order of the list, and where only ids change, nothing moves', () => {
    fc.assert(
      fc.property(
        matches,
        wall,
        fc.infiniteStream(fc.nat(3)),
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        (wanted, all, numbers, weights, atOnce) => {
          const first = matchDisplays(wanted, all);
          const shuffled = all
            .map((one) => ({
              weight: weights.next().value as number,
              one: { ...one, id: numbers.next().value as number },
            }))
            .sort((a, b) => a.weight - b.weight)
            .map(({ one }) => one);
          const permuted = [...all].reverse();
          expect(places(matchDisplays(wanted, permuted))).toEqual(places(first));
          const between = atOnce ? first : matchDisplays(wanted, permuted, first);
          const second = matchDisplays(wanted, shuffled, between);
          expect(places(second)).toEqual(places(first));
          expect(places(matchDisplays(wanted, all, second))).toEqual(places(first));
        },
      ),
    );
  });

  const unplugging = fc.array(fc.record({ mask: fc.nat(15), closeUp: fc.boolean() }), { minLength: 1, maxLength: 6 });

  it('gives each surface its display back, whatever was unplugged in between', () => {
    fc.assert(
      fc.property(matches, wall, unplugging, (wanted, all, steps) => {
        // Such a surface gives its display up while that is the primary one, and another that wants it keeps it then.
        fc.pre(wanted.every(({ display: { primary } }) => primary !== false));
        const first = matchDisplays(wanted, all);
        let now = first;
        for (const { mask, closeUp } of steps) now = matchDisplays(wanted, left(all, mask, closeUp), now);
        expect(ids(matchDisplays(wanted, all, now))).toEqual(ids(first));
      }),
    );
  });

  it('takes no display from a surface without conditions that has it', () => {
    fc.assert(
      fc.property(plain, wall, unplugging, (wanted, all, steps) => {
        fc.pre(wanted.length > 1);
        let now = matchDisplays(wanted, all);
        for (const { mask, closeUp } of steps) {
          const rest = left(all, mask, closeUp);
          const next = matchDisplays(wanted, rest, now);
          // Displays that all stand where displays stood are taken for those, with new ids.
          const outline = (of: readonly DisplayIdentity[]) =>
            JSON.stringify(of.map(({ label, x, width, height }) => [label, x, width, height]));
          if (outline(rest) === outline(now.displays)) {
            now = next;
            continue;
          }
          for (const [name, { display: had, homes }] of now.placements) {
            // One that only stands in makes room.
            if (had === undefined || homes[0]?.id !== had.id || !rest.some(({ id }) => id === had.id)) continue;
            expect(next.placements.get(name)?.display?.id).toBe(had.id);
          }
          now = next;
        }
      }),
    );
  });

  it('gives displays back that come back with new ids, where their labels and sizes or places tell them apart', () => {
    fc.assert(
      fc.property(plain, wall, fc.nat(15), (wanted, all, mask) => {
        const first = matchDisplays(wanted, all);
        const now = matchDisplays(wanted, left(all, mask, false), first);
        const back = all.map((one, i) => ((mask >> i) & 1 ? one : { ...one, id: one.id + 100 }));
        expect(places(matchDisplays(wanted, back, now))).toEqual(places(first));
      }),
    );
  });
});

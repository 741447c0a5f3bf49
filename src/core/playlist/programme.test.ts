import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Period, PlannedSurface, PlaylistEntry, Showing, Weekday } from '../plan/plan.ts';
import { programmeAt } from './programme.ts';
import { shownBySecond } from './testing/by-the-second.ts';

const at = (text: string) => Date.parse(text);
const nameOf = (showing: Showing) => (showing.kind === 'night' ? 'night' : showing.dashboard);

function surfaceOf(playlist: readonly PlaylistEntry[], night: readonly Period[] = []): PlannedSurface {
  return { name: 'test', display: {}, playlist, night };
}

const hours = (text: string): Period => {
  const [from = 0, to = 0] = text.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return 60 * hour + minute;
  });
  return { hours: { from, to } };
};
const entry = (dashboard: string, seconds: number, period: Period = {}): PlaylistEntry => ({
  dashboard,
  dwellMs: seconds * 1000,
  ...period,
});

/** What is shown from one instant to another, as `HH:MM:SSZ name` of every change. */
function log(surface: PlannedSurface, zone: string, from: string, until: string): string[] {
  const lines: string[] = [];
  for (let instant = at(from); instant < at(until);) {
    const { now, until: end } = programmeAt(surface, zone, instant);
    lines.push(`${new Date(instant).toISOString().slice(11, 19)}Z ${nameOf(now)}`);
    instant = end;
  }
  return lines;
}

describe('a programme', () => {
  it('is one dashboard for good where nothing ever changes', () => {
    const showing = { kind: 'dashboard', dashboard: 'main' };
    const forGood = { now: showing, until: Infinity, next: showing };
    const alone = surfaceOf([entry('main', 60)]);
    expect(programmeAt(alone, undefined, at('2026-11-22T05:00:00Z'))).toEqual(forGood);
    const twice = surfaceOf([entry('main', 60, hours('08:00-20:00')), entry('main', 30)]);
    expect(programmeAt(twice, 'Europe/Berlin', at('2026-11-22T05:00:00Z'))).toEqual(forGood);
  });

  it('is night where there is nothing to show', () => {
    expect(programmeAt(surfaceOf([]), 'UTC', 0)).toEqual({
      now: { kind: 'night' },
      until: Infinity,
      next: { kind: 'night' },
    });
  });

  it('goes round from the start of each segment, and lets hours end a turn', () => {
    const surface = surfaceOf([
      entry('a', 1200),
      entry('b', 1200, hours('01:00-02:00')),
      entry('c', 900, hours('01:00-03:30')),
    ]);
    expect(log(surface, 'UTC', '2026-11-22T00:00:00Z', '2026-11-22T04:00:00Z')).toEqual([
      '00:00:00Z a',
      '01:20:00Z b',
      '01:40:00Z c',
      '01:55:00Z a',
      '02:20:00Z c',
      '02:35:00Z a',
      '02:55:00Z c',
      '03:10:00Z a',
    ]);
  });

  it('does not wake at a time that changes nothing', () => {
    const surface = surfaceOf([entry('a', 60, hours('06:00-12:00')), entry('a', 60, hours('12:00-20:00'))]);
    const programme = programmeAt(surface, 'UTC', at('2026-11-22T07:00:00Z'));
    expect(programme.until).toBe(at('2026-11-22T20:00:00Z'));
    expect(programme.next).toEqual({ kind: 'night' });
  });

  it('looks as far ahead as the next such day', () => {
    const surface = surfaceOf([entry('a', 60), entry('b', 60, { days: [7] })]);
    const monday = programmeAt(surface, 'UTC', at('2026-11-23T00:00:00Z'));
    expect(monday.until).toBe(at('2026-11-29T00:01:00Z'));
    expect(nameOf(monday.next)).toBe('b');
  });

  it('lets hours past midnight belong to the day they begin on', () => {
    const surface = surfaceOf([entry('a', 60)], [{ ...hours('22:00-06:00'), days: [6] }]);
    expect(log(surface, 'UTC', '2026-11-20T12:00:00Z', '2026-11-24T00:00:00Z')).toEqual([
      '12:00:00Z a',
      '22:00:00Z night',
      '06:00:00Z a',
    ]);
    expect(programmeAt(surface, 'UTC', at('2026-11-21T23:00:00Z')).until).toBe(at('2026-11-22T06:00:00Z'));
  });

  it('takes hours that end where they begin for the whole day', () => {
    const surface = surfaceOf([entry('a', 60)], [{ ...hours('08:00-08:00'), days: [1] }]);
    expect(programmeAt(surface, 'UTC', at('2026-11-23T08:00:00Z')).until).toBe(at('2026-11-24T08:00:00Z'));
  });

  it('refuses a time zone that is none', () => {
    expect(() => programmeAt(surfaceOf([entry('a', 60), entry('b', 60)]), 'Europe/Atlantis', 0)).toThrow(RangeError);
  });

  it("goes by the machine's time zone where none is named", () => {
    const surface = surfaceOf([entry('a', 60, hours('08:00-18:00'))]);
    const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (let hour = 0; hour < 24; hour++) {
      const instant = at('2026-06-01T00:30:00Z') + hour * 3_600_000;
      expect(programmeAt(surface, undefined, instant)).toEqual(programmeAt(surface, own, instant));
    }
  });

  it('is an answer at the ends of time too', () => {
    const surface = surfaceOf([entry('a', 60), entry('b', 60)], [hours('22:00-06:00')]);
    for (const instant of [-Infinity, -8.64e15, 0, 8.64e15, Infinity]) {
      expect(programmeAt(surface, 'Europe/Berlin', instant).until).toBeGreaterThan(-8.64e15);
    }
  });
});

describe('when the clocks change', () => {
  const from = (text: string) => surfaceOf([entry('a', 60, hours(text))]);

  it('02:30 that does not exist is the jump', () => {
    const night = ['2026-03-28T20:00:00Z', '2026-03-29T10:00:00Z'] as const;
    expect(log(from('02:30-04:00'), 'Europe/Berlin', ...night)).toEqual([
      '20:00:00Z night',
      '01:00:00Z a',
      '02:00:00Z night',
    ]);
    expect(log(from('01:00-02:30'), 'Europe/Berlin', ...night)).toEqual([
      '20:00:00Z night',
      '00:00:00Z a',
      '01:00:00Z night',
    ]);
    expect(log(from('02:15-02:45'), 'Europe/Berlin', ...night)).toEqual(['20:00:00Z night']);
  });

  it('02:30 that comes twice is the first', () => {
    const night = ['2026-10-24T20:00:00Z', '2026-10-25T10:00:00Z'] as const;
    expect(log(from('02:30-04:00'), 'Europe/Berlin', ...night)).toEqual([
      '20:00:00Z night',
      '00:30:00Z a',
      '03:00:00Z night',
    ]);
    expect(log(from('01:00-02:30'), 'Europe/Berlin', ...night)).toEqual([
      '20:00:00Z night',
      '23:00:00Z a',
      '00:30:00Z night',
    ]);
    expect(log(from('02:15-02:45'), 'Europe/Berlin', ...night)).toEqual([
      '20:00:00Z night',
      '00:15:00Z a',
      '00:45:00Z night',
    ]);
  });

  it('a day that a zone leaves out has no programme', () => {
    const friday = surfaceOf([entry('a', 60), entry('b', 60, { days: [5] })]);
    const thursday = at('2011-12-29T12:00:00-10:00');
    expect(programmeAt(friday, 'Pacific/Apia', thursday).until).toBe(at('2012-01-06T00:01:00+14:00'));
  });
});

/** A zone and an instant at which something happens to its clocks. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  // At midnight, over midnight, and a minute after it.
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/St_Johns', '2006-10-29T02:31:00Z'],
  ['Africa/Cairo', '2026-10-29T21:00:00Z'],
  ['Asia/Kolkata', '2026-03-29T01:00:00Z'],
  ['UTC', '2026-12-31T23:59:00Z'],
] as const;

const DASHBOARDS = ['a', 'b', 'c'] as const;
const minutes = fc.oneof(
  fc.integer({ min: 0, max: 1439 }),
  fc.constantFrom(0, 1, 60, 90, 105, 120, 135, 150, 180, 1380),
);
const period = (): fc.Arbitrary<Period> =>
  fc.record(
    {
      hours: fc.record({ from: minutes, to: fc.oneof(minutes, fc.constant(1440)) }),
      days: fc.subarray<Weekday>([1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
    },
    { requiredKeys: [] },
  );
const surfaces = fc
  .record({
    playlist: fc.array(
      fc
        .tuple(fc.constantFrom(...DASHBOARDS), fc.integer({ min: 5, max: 5000 }), period())
        .map(([dashboard, seconds, when]) => entry(dashboard, seconds, when)),
      { maxLength: 4 },
    ),
    night: fc.array(period(), { maxLength: 1 }),
  })
  .map(({ playlist, night }) => surfaceOf(playlist, night));

describe('by the second', () => {
  it.each(CHANGES)('%s around %s is what clocks on the wall say', (zone, change) => {
    const start = at(change) / 1000 - 30 * 3600;
    const end = at(change) / 1000 + 26 * 3600;
    fc.assert(
      fc.property(surfaces, (surface) => {
        const shown = shownBySecond(surface, zone, start, end);
        let changed = end;
        const changes = shown
          .map((_name, index) => {
            const position = shown.length - 1 - index;
            if (position < shown.length - 1 && shown[position] !== shown[position + 1]) changed = start + position + 1;
            return changed;
          })
          .reverse();
        for (const [index, known] of shown.entries()) {
          if (known === undefined) continue;
          const second = start + index;
          const { now, until } = programmeAt(surface, zone, second * 1000);
          const change = changes[index] ?? end;
          if (nameOf(now) === known && (change === end ? until >= end * 1000 : until === change * 1000)) continue;
          expect({ second, now: nameOf(now), until }).toEqual({ second, now: known, until: change * 1000 });
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('any programme', () => {
  const zones = fc.constantFrom(
    ...CHANGES.map(([zone]) => zone),
    'Africa/Casablanca',
    'Asia/Tehran',
    'Pacific/Chatham',
  );
  const instants = fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2045-01-01T00:00:00Z') });

  it('agrees with the one that comes after it, and does not depend on what was asked before', () => {
    fc.assert(
      fc.property(surfaces, zones, instants, fc.integer({ min: 0, max: 1e9 }), (surface, zone, instant, later) => {
        const programme = programmeAt(surface, zone, instant);
        const { now, until, next } = programme;
        expect(until).toBeGreaterThan(instant);
        programmeAt(surface, zone, instant + later);
        expect(programmeAt(structuredClone(surface), zone, instant)).toEqual(programme);
        expect(programmeAt(surface, zone, instant)).toEqual(programme);
        if (until === Infinity) {
          expect(next).toEqual(now);
          expect(programmeAt(surface, zone, instant + later).now).toEqual(now);
          return;
        }
        expect(next).not.toEqual(now);
        expect(programmeAt(surface, zone, until).now).toEqual(next);
        expect(programmeAt(surface, zone, until - 1).now).toEqual(now);
        const between = instant + Math.floor((until - 1 - instant) / 2);
        expect(programmeAt(surface, zone, between)).toEqual(programme);
      }),
      { numRuns: 300 },
    );
  });

  it('gives each entry its share of a day', () => {
    const dwells = fc.array(fc.constantFrom(10, 30, 60, 90, 180), { minLength: 2, maxLength: 3 });
    fc.assert(
      fc.property(dwells, fc.integer({ min: 0, max: 3000 }), (seconds, day) => {
        const surface = surfaceOf(seconds.map((dwell, index) => entry(DASHBOARDS[index] ?? '', dwell)));
        const start = at('2026-01-01T00:00:00Z') + day * 86_400_000;
        const total = new Map<string, number>();
        for (let instant = start; instant < start + 86_400_000;) {
          const { now, until } = programmeAt(surface, 'UTC', instant);
          const end = Math.min(until, start + 86_400_000);
          total.set(nameOf(now), (total.get(nameOf(now)) ?? 0) + end - instant);
          instant = end;
        }
        const round = seconds.reduce((sum, one) => sum + one, 0);
        for (const [index, dwell] of seconds.entries()) {
          const shownSeconds = (total.get(DASHBOARDS[index] ?? '') ?? 0) / 1000;
          expect(Math.abs(shownSeconds - (86_400 * dwell) / round)).toBeLessThan(dwell);
        }
      }),
      { numRuns: 30 },
    );
  });
});

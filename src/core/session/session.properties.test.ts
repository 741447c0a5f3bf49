import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Failure } from '../errors.ts';
import { reduceSession, sessionDeadlines } from './session.ts';
import {
  DEFAULT_PACE,
  IDLE_SESSION,
  PARTITIONS,
  type Partition,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionPolicy,
} from './state.ts';

const HOUR = 3_600_000;
const POLICY: SessionPolicy = {
  backoff: { firstMs: 5_000, longestMs: 300_000 },
  attemptMs: 205_000,
  settledMs: 600_000,
  keepPictureMs: 60_000,
  nudges: { most: 12, ms: HOUR },
  pace: DEFAULT_PACE,
};

/** Something that happens: time passes by each clock, then an event comes. */
interface Happening {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly fraction: number;
  readonly event: SessionEvent;
  readonly needed: boolean;
  readonly occupied: readonly Partition[];
}

const failure: fc.Arbitrary<Failure> = fc.record(
  {
    code: fc.constantFrom('NETWORK_OFFLINE', 'SERVER_UNAVAILABLE', 'CONSOLE_SIGNED_OUT'),
    sentence: fc.constant('It failed.'),
    retryAfterMs: fc.integer({ min: 0, max: 3 * HOUR }),
  },
  { requiredKeys: ['code', 'sentence'] },
);
const attempt = fc.integer({ min: 1, max: 12 });
const partition = fc.constantFrom(...PARTITIONS);
const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ type: 'start' } as const) },
  { weight: 6, arbitrary: fc.constant({ type: 'clock' } as const) },
  { weight: 2, arbitrary: fc.constant({ type: 'nudge' } as const) },
  { weight: 1, arbitrary: fc.constant({ type: 'renew-now' } as const) },
  { weight: 1, arbitrary: fc.constant({ type: 'renew-soon' } as const) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('signed-in' as const),
      attempt,
      lifeMs: fc.integer({ min: 0, max: 12 * HOUR }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('sign-in-failed' as const), attempt, failure }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('entered' as const), attempt, verified: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('entry-failed' as const), attempt, failure }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('lost' as const), partition, failure }) },
);
const passing = fc.constantFrom(0, 1, 999, 5_000, 30_000, 205_000, 300_000, HOUR / 2, HOUR);
const happening: fc.Arbitrary<Happening> = fc.record({
  wallMs: fc.oneof(passing, fc.integer({ min: -400 * 24 * HOUR, max: 400 * 24 * HOUR })),
  monotonicMs: passing,
  fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  event,
  needed: fc.nat(5).map((n) => n > 0),
  occupied: fc.oneof(fc.constant([]), fc.subarray([...PARTITIONS])),
});

interface Step {
  readonly before: Session;
  readonly after: Session;
  readonly effects: readonly SessionEffect[];
  readonly event: SessionEvent;
  readonly now: { readonly wall: number; readonly monotonic: number };
  readonly needed: boolean;
  readonly occupied: readonly Partition[];
}

/** What becomes of a session; results are for the newest attempt more often than not, or little would ever go live. */
function live(happenings: readonly Happening[]): Step[] {
  let session = reduceSession(IDLE_SESSION, { type: 'start' }, at(0, 0, 0.5, true, []))[0];
  let wall = 0;
  let monotonic = 0;
  return happenings.map(({ wallMs, monotonicMs, fraction, event: given, needed, occupied: places }) => {
    // What is held is no older sign-in's.
    const occupied = session.held === undefined ? [] : places.filter((one) => one !== session.held);
    wall += wallMs;
    monotonic += monotonicMs;
    const isForNewest = 'attempt' in given && given.attempt > 3;
    const event = isForNewest ? { ...given, attempt: session.attempts } : given;
    const before = session;
    const [after, effects] = reduceSession(before, event, at(wall, monotonic, fraction, needed, occupied));
    session = after;
    return { before, after, effects, event, now: { wall, monotonic }, needed, occupied };
  });
}

const at = (wall: number, monotonic: number, fraction: number, needed: boolean, occupied: readonly Partition[]) => ({
  now: { wall, monotonic },
  fraction,
  policy: POLICY,
  needed,
  occupied,
});

/** Holds for each step of any life. */
function always(holds: (step: Step) => boolean): void {
  const lives = fc.array(happening, { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(lives, (happenings) => live(happenings).every(holds)),
    { numRuns: 500 },
  );
}

const attemptOf = ({ phase }: Session) =>
  phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt : undefined;
const has = (effects: readonly SessionEffect[], type: SessionEffect['type']) =>
  effects.some((effect) => effect.type === type);

describe('any life of a session', () => {
  it('begins attempts with ids that grow by one, and one at a time', () => {
    always(({ before, after, effects }) => {
      const begun = effects.filter(({ type }) => type === 'sign-in');
      if (begun.length === 0) return after.attempts === before.attempts;
      return (
        begun.length === 1 &&
        after.attempts === before.attempts + 1 &&
        attemptOf(before) === undefined &&
        attemptOf(after)?.id === after.attempts
      );
    });
  });

  it('always waits for something while it is needed, within the longest that it may', () => {
    always(({ after, now: { monotonic }, needed, occupied }) => {
      const deadlines = sessionDeadlines(after, { needed, occupied });
      if (!needed) return true;
      if (!deadlines.every(({ wall, monotonic: due }) => Number.isFinite(wall) && Number.isFinite(due))) return false;
      const soonest = Math.min(...deadlines.map((deadline) => deadline.monotonic));
      if (attemptOf(after) !== undefined) return soonest - monotonic <= POLICY.attemptMs;
      return after.phase.kind !== 'waiting' || soonest - monotonic <= HOUR;
    });
  });

  it('never enters the partition whose picture is on the wall, unless its own is lost and another still good', () => {
    always(({ after, before, occupied }) => {
      const attempt = attemptOf(after);
      if (attempt === undefined || attemptOf(before)?.id === attempt.id) return true;
      if (attempt.partition === after.held) return after.phase.kind === 'signing-in';
      return !occupied.includes(attempt.partition) || before.phase.kind === 'live';
    });
  });

  it('holds the partition that it is live in', () => {
    always(({ after }) => {
      const { phase } = after;
      return (phase.kind !== 'live' && phase.kind !== 'renewing') || after.held === phase.live.partition;
    });
  });

  it('begins nothing while nobody needs it, and no renewal while its place is taken, until there is little time left', () => {
    always(({ before, after, effects, needed, occupied, now }) => {
      if (!has(effects, 'sign-in')) return true;
      const isFull = PARTITIONS.every((one) => one === before.held || occupied.includes(one));
      if (before.phase.kind !== 'live' || after.phase.kind !== 'renewing') return needed;
      const { live, renewal } = before.phase;
      const left = (live.endsAt.monotonic - renewal.at.monotonic) / 2;
      const isLate = now.monotonic >= renewal.at.monotonic + left || now.wall >= renewal.at.wall + left;
      return needed && (!isFull || isLate);
    });
  });

  it('begins no more sign-ins without a failure before them than its pace allows', () => {
    const lives = fc.array(happening, { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(lives, (happenings) => {
        // Nudges bring tries forward, within a limit of their own.
        const unhastened = happenings.filter((one) => one.event.type !== 'nudge');
        const free = live(unhastened).filter(({ before: { phase }, effects, event }) => {
          const failed = phase.kind === 'waiting' ? phase.failures : phase.kind === 'live' && phase.renewal.failed;
          return has(effects, 'sign-in') && !failed && event.type !== 'renew-now' && event.type !== 'start';
        });
        const { everyMs, atOnce } = POLICY.pace;
        return free.every(({ now }, at) => {
          const before = free[at - atOnce];
          return before === undefined || now.monotonic - before.now.monotonic >= everyMs;
        });
      }),
      { numRuns: 300 },
    );
  });

  it('goes dark only when nothing is live any more, and then holds no picture', () => {
    always(
      ({ after, effects }) => !has(effects, 'dark') || (after.phase.kind === 'waiting' && after.held === undefined),
    );
  });

  it('abandons every attempt that does not go live, and no other', () => {
    always(({ before, after, effects, event }) => {
      const was = attemptOf(before);
      const isOver = was !== undefined && attemptOf(after)?.id !== was.id && event.type !== 'entered';
      const abandoned = effects.flatMap((effect) => (effect.type === 'abandon' ? [effect] : []));
      return isOver ? abandoned.length === 1 && abandoned[0]?.attempt === was.id : abandoned.length === 0;
    });
  });

  it('takes no notice of results that come late', () => {
    always(({ before, after, effects, event }) => {
      if (!('attempt' in event) || attemptOf(before)?.id === event.attempt) return true;
      return after === before && effects.length === 0;
    });
  });

  it('keeps a live picture when a renewal fails before the session is over', () => {
    always(({ before, after, effects, event }) => {
      const failed = event.type === 'sign-in-failed' || event.type === 'entry-failed';
      if (!failed || before.phase.kind !== 'renewing' || after.phase.kind === 'waiting') return true;
      return after.held === before.held && !has(effects, 'dark');
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTHING_REMEMBERED, type Answer, type End, type Program, type SupervisorEvent } from './state.ts';
import { supervisorDeadlines } from './supervisor.ts';
import {
  type Character,
  INSTALLED,
  type World,
  answerOf,
  begin,
  createWorld,
  pass,
  send,
  strike,
  version,
} from './testing/world.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PROGRAMS: readonly Program[] = [...['0.9.0', '1.0.0', '1.1.0', '1.2.0', '2.0.0-rc.1'].map(version), INSTALLED];

const end: fc.Arbitrary<End> = fc.oneof(
  fc.record({ kind: fc.constant('code' as const), code: fc.constantFrom(0, 1, 2, 70) }),
  fc.record({ kind: fc.constant('signal' as const), signal: fc.constantFrom('SIGTRAP', 'SIGKILL', 'SIGSEGV') }),
  fc.constant({ kind: 'not-started' as const, reason: 'EACCES' }),
  fc.constant({ kind: 'unknown' as const }),
);
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.constant({ kind: 'live' as const }),
  fc.constant({ kind: 'resting' as const }),
  fc.constant({ kind: 'silent' as const }),
  fc.record({ kind: fc.constant('ill' as const), reason: fc.constant('ill'), elsewhere: fc.boolean() }),
);
const soon = fc.constantFrom(0, 500, SECOND, 5 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 20 * MINUTE);
const character: fc.Arbitrary<Character> = fc.record(
  {
    answersAfterMs: soon,
    liveAfterMs: soon,
    endsAfterMs: soon,
    end,
    stubborn: fc.boolean(),
    tampered: fc.boolean(),
  },
  { requiredKeys: [] },
);

type Act = (world: World) => void;
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: soon.map(
      (ms): Act =>
        (world) =>
          pass(world, ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(HOUR, DAY).map(
      (ms): Act =>
        (world) =>
          pass(world, ms),
    ),
  },
  {
    weight: 2,
    arbitrary: end.map(
      (how): Act =>
        (world) =>
          strike(world, how),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (on): Act =>
        (world) =>
          (world.network = on),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (on): Act =>
        (world) =>
          (world.night = on),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (on): Act =>
        (world) =>
          (world.diskFull = on),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Act>((world) => {
      if (world.wall !== undefined) world.wall.frozen = true;
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.subarray([...PROGRAMS]), fc.subarray(PROGRAMS.map(({ digest }) => digest))).map(
      ([programs, arrived]): Act =>
        (world) =>
          send(world, { type: 'programs', programs, arrived }),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Act>((world) => send(world, { type: 'restart' })) },
  {
    // Late or invented news.
    weight: 2,
    arbitrary: fc
      .oneof<fc.Arbitrary<SupervisorEvent>[]>(
        fc.record({ type: fc.constant('answered' as const), wall: fc.nat(3), answer }),
        fc.record({ type: fc.constant('exited' as const), wall: fc.constant(0), end }),
        fc.record({
          type: fc.constant('checked' as const),
          digest: fc.constantFrom(...PROGRAMS.map(({ digest }) => digest)),
          ok: fc.constant(false),
        }),
      )
      .map((event): Act => (world) => {
        // Only what the newest wall could not have said is invented: the rest must be true for the oracle.
        if (event.type !== 'answered' || event.wall !== world.wall?.id) send(world, event);
      }),
  },
  {
    // The supervisor is killed; the next one finds the wall.
    weight: 1,
    arbitrary: fc.constant<Act>((world) => {
      const { wall } = world;
      const { programs, phase } = world.supervisor;
      const trial = phase.kind === 'running' ? phase.wall.trial : undefined;
      if (wall !== undefined) world.wall = { ...wall, id: 1, adopted: true };
      const orphan =
        wall === undefined
          ? undefined
          : { program: wall.program, ...(trial === undefined ? {} : { trial: { fair: trial.fair } }) };
      begin(world, programs, orphan);
    }),
  },
  {
    // The power fails.
    weight: 1,
    arbitrary: fc.constant<Act>((world) => {
      world.wall = undefined;
      begin(world, world.supervisor.programs);
    }),
  },
);

const life = fc.record({
  programs: fc.subarray([...PROGRAMS]),
  characters: fc.tuple(...PROGRAMS.map(() => character)),
  acts: fc.array(act, { minLength: 1, maxLength: 25 }),
});

/** Lives a life and asks after each act. */
function always(holds: (world: World) => void, numRuns = 120): void {
  fc.assert(
    fc.property(life, ({ programs, characters, acts }) => {
      const world = createWorld();
      PROGRAMS.forEach(({ id }, index) => world.characters.set(id, characters[index] ?? {}));
      begin(world, programs);
      for (const one of acts) {
        if (world.exitCode !== undefined) break;
        one(world);
        holds(world);
      }
    }),
    { numRuns },
  );
}

describe('any life of a supervisor', () => {
  it('has one wall at a time, starts nothing whose files are wrong, and points at nothing that never was live', () => {
    always((world) => expect(world.broken).toEqual([]));
  });

  it('always has a wall that runs, or is about to do something', () => {
    always((world) => {
      if (world.exitCode !== undefined) return;
      const { phase } = world.supervisor;
      expect(['running', 'stopping', 'waiting']).toContain(phase.kind);
      expect(phase.kind === 'running' || phase.kind === 'stopping').toBe(world.wall !== undefined);
      const due = supervisorDeadlines(world.supervisor);
      expect(due.length).toBeGreaterThan(0);
      expect(Math.min(...due) - world.now).toBeLessThanOrEqual(HOUR);
    });
  });

  it('ends only when the operator quits a wall that is not on trial', () => {
    always((world) => {
      if (world.exitCode !== undefined) expect(world.exitCode).toBe(0);
    });
  });

  it('does not storm: a wall that keeps ending is started a bounded number of times', () => {
    fc.assert(
      fc.property(fc.tuple(...PROGRAMS.map(() => character)), fc.subarray([...PROGRAMS]), (characters, programs) => {
        const world = createWorld();
        PROGRAMS.forEach(({ id }, index) =>
          world.characters.set(id, {
            ...characters[index],
            endsAfterMs: 0,
            end: { kind: 'signal', signal: 'SIGSEGV' },
          }),
        );
        begin(world, programs);
        pass(world, DAY);
        // A restart every 150 s at most, once the backoff has grown; trials of five others, by backoff too.
        expect(world.spawned.length).toBeLessThan(DAY / (150 * SECOND) + 100);
      }),
      { numRuns: 12 },
    );
  });
});

describe('whatever happened before', () => {
  const sound: Character = { answersAfterMs: SECOND, liveAfterMs: 8 * SECOND };

  it('the wall comes to be live when a sound version is what is there', () => {
    fc.assert(
      fc.property(life, ({ programs, characters, acts }) => {
        const world = createWorld();
        PROGRAMS.forEach(({ id }, index) => world.characters.set(id, characters[index] ?? {}));
        begin(world, programs);
        for (const one of acts) if (world.exitCode === undefined) one(world);
        if (world.exitCode !== undefined) return;
        world.network = true;
        world.night = false;
        world.diskFull = false;
        for (const { id } of PROGRAMS) world.characters.set(id, sound);
        send(world, { type: 'programs', programs: PROGRAMS, arrived: [] });
        pass(world, 2 * HOUR);
        expect(world.wall).toBeDefined();
        expect(answerOf(world, world.wall?.id ?? 0)).toEqual({ kind: 'live' });
        expect(world.broken).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it('a sound version is never condemned for outages that outlast a trial, however they fall', () => {
    const outage = fc.record({ afterMs: fc.nat(2 * HOUR), forMs: fc.integer({ min: 4 * MINUTE, max: 3 * HOUR }) });
    fc.assert(
      fc.property(fc.array(outage, { maxLength: 6 }), (outages) => {
        const world = createWorld();
        world.disk.pointer = '1.0.0';
        world.disk.remembered['sha-1.0.0'] = { ...NOTHING_REMEMBERED, wasLive: true };
        begin(world, [version('1.0.0'), version('1.1.0')]);
        for (const { afterMs, forMs } of outages) {
          pass(world, afterMs);
          world.network = false;
          pass(world, forMs);
          world.network = true;
        }
        pass(world, 2 * DAY);
        expect([world.wall?.program.id, world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
        expect(world.broken).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});

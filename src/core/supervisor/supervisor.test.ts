import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expendable } from './choice.ts';
import { DEFAULT_SUPERVISOR_POLICY as POLICY, NOTHING_REMEMBERED } from './state.ts';
import { GOOD, INSTALLED, type World, begin, createWorld, pass, send, strike, version } from './testing/world.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const OLD = version('1.0.0');
const NEW = version('1.1.0');
const NEWER = version('1.2.0');

let world: World;
beforeEach(() => (world = createWorld()));
afterEach(() => {
  expect(world.broken).toEqual([]);
});

const running = () => world.wall?.program.id;
const started = () => world.spawned.map(({ id, trial }) => (trial ? `${id}?` : id));

/** The old version runs, is live, and is what the pointer names. */
function settled(): void {
  begin(world, [OLD]);
  pass(world, 5 * MINUTE);
  expect([running(), world.disk.pointer]).toEqual(['1.0.0', '1.0.0']);
}

function arrive(...programs: readonly (typeof OLD)[]): void {
  send(world, { type: 'programs', programs: [...programs, OLD], arrived: programs.map(({ digest }) => digest) });
}

describe('restarts', () => {
  beforeEach(settled);

  it('come at once, and hold back longer and longer with their notice in sight, and never end', () => {
    world.characters.set('1.0.0', { ...GOOD, endsAfterMs: MINUTE });
    world.spawned.length = 0;
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    for (let second = 0; second < 3 * 3600; second++) {
      pass(world, SECOND);
      expect(running()).toBe('1.0.0');
    }
    const holds = world.spawned.map(({ holdMs }) => holdMs);
    expect(holds[0]).toBe(0);
    expect(holds[1]).toBeGreaterThan(0);
    expect(Math.max(...holds)).toBeLessThanOrEqual(POLICY.backoff.longestMs);
    expect(holds.at(-1)).toBeGreaterThanOrEqual(POLICY.backoff.longestMs / 2);
    expect(world.spawned.length).toBeGreaterThan(20);
  });

  it('count the time that a wall holds back as none that it ran well', () => {
    // With a long hold it lives for more than the ten minutes of a good run, eight of which tell something.
    world.characters.set('1.0.0', { ...GOOD, endsAfterMs: 8 * MINUTE });
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    pass(world, 6 * HOUR);
    expect(world.spawned.slice(-10).every(({ holdMs }) => holdMs >= POLICY.backoff.longestMs / 2)).toBe(true);
  });

  it('come later and later when walls die even while they hold back, and never end', () => {
    world.characters.set('1.0.0', { ...GOOD, endsAfterMs: 1, heedsNoHold: true });
    world.spawned.length = 0;
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    pass(world, 3 * HOUR);
    const gaps = world.spawned.slice(1).map(({ at }, index) => at - (world.spawned[index]?.at ?? 0));
    // Once it is told to hold back, and does not live to do it.
    expect(world.spawned.filter(({ holdMs }) => holdMs > 0)).toHaveLength(1);
    expect(gaps.slice(2).every((gap) => gap >= POLICY.backoff.firstMs / 2)).toBe(true);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(POLICY.backoff.longestMs + SECOND);
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(POLICY.backoff.longestMs / 2);
    expect(world.spawned.length).toBeLessThan(100);
  });

  it('hold back again once a wall has run well', () => {
    world.characters.set('1.0.0', { ...GOOD, endsAfterMs: 1, heedsNoHold: true });
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    pass(world, MINUTE);
    world.characters.set('1.0.0', GOOD);
    pass(world, HOUR);
    world.spawned.length = 0;
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    strike(world, { kind: 'signal', signal: 'SIGTRAP' });
    expect(world.spawned.map(({ holdMs }) => holdMs > 0)).toEqual([false, true]);
  });

  it('come at once again after a wall ran well', () => {
    for (let i = 0; i < 5; i++) strike(world, { kind: 'code', code: 70 });
    pass(world, HOUR);
    expect(running()).toBe('1.0.0');
    strike(world, { kind: 'code', code: 70 });
    expect(running()).toBe('1.0.0');
  });

  it('are slow after an end that a restart does not mend', () => {
    strike(world, { kind: 'code', code: 2 });
    pass(world, 29 * SECOND);
    expect(running()).toBeUndefined();
    pass(world, 2 * MINUTE);
    expect(running()).toBe('1.0.0');
  });

  it('follow when the main process hangs, by force if need be', () => {
    if (world.wall !== undefined) world.wall.frozen = true;
    pass(world, 2 * MINUTE);
    expect(started()).toEqual(['1.0.0', '1.0.0']);
    expect(world.events).toContain('wall.fault');
    expect(world.wall?.frozen).toBeUndefined();
  });

  it('do not follow when the operator quits the wall', () => {
    strike(world, { kind: 'code', code: 0 });
    expect(world.exitCode).toBe(0);
    pass(world, HOUR);
    expect(running()).toBeUndefined();
  });

  it('verify quickly what was verified whole, until it has come to a bad end twice', () => {
    world.checked.length = 0;
    for (let i = 0; i < 3; i++) {
      strike(world, { kind: 'signal', signal: 'SIGSEGV' });
      while (world.wall === undefined) pass(world, SECOND);
    }
    expect(world.checked.map(({ whole }) => whole)).toEqual([false, true, true]);
    pass(world, HOUR);
    strike(world, { kind: 'signal', signal: 'SIGSEGV' });
    expect(world.checked.at(-1)).toEqual({ id: '1.0.0', whole: false });
  });

  it('are made on SIGHUP', () => {
    send(world, { type: 'restart' });
    pass(world, SECOND);
    expect(started()).toEqual(['1.0.0', '1.0.0']);
  });
});

describe('the end', () => {
  it('waits for the wall', () => {
    settled();
    send(world, { type: 'stop' });
    expect([world.exitCode, world.wall?.terminatedAt]).toEqual([undefined, world.now]);
    pass(world, SECOND);
    expect([world.exitCode, world.wall]).toEqual([0, undefined]);
  });

  it('is enforced after the grace', () => {
    world.characters.set('1.0.0', { answersAfterMs: 1_000, liveAfterMs: 2_000, stubborn: true });
    settled();
    send(world, { type: 'stop' });
    pass(world, POLICY.graceMs - 1);
    expect(world.exitCode).toBeUndefined();
    pass(world, SECOND);
    expect([world.exitCode, world.wall]).toEqual([0, undefined]);
  });

  it('is enforced at once when it is asked for again, but not when the one wish comes twice', () => {
    world.characters.set('1.0.0', { answersAfterMs: 1_000, liveAfterMs: 2_000, stubborn: true });
    settled();
    send(world, { type: 'stop' });
    send(world, { type: 'stop' });
    pass(world, POLICY.insistMs);
    expect(world.exitCode).toBeUndefined();
    send(world, { type: 'stop' });
    pass(world, 1);
    expect([world.exitCode, world.wall]).toEqual([0, undefined]);
  });

  it('comes between two starts too', () => {
    settled();
    strike(world, { kind: 'code', code: 2 });
    send(world, { type: 'stop' });
    expect(world.exitCode).toBe(0);
  });
});

it('does not take a command for hung that never told how it is', () => {
  world.characters.set('command', {});
  begin(world, [{ id: 'command', kind: 'command', version: '', digest: 'command' }]);
  pass(world, 3 * HOUR);
  expect(started()).toEqual(['command']);
  expect(world.pointed).toEqual([]);
});

it('takes another wall for hung that never answers after its start', () => {
  world.characters.set('1.0.0', {});
  begin(world, [OLD]);
  pass(world, 5 * MINUTE);
  expect(world.spawned.length).toBeGreaterThan(1);
});

describe('what runs first', () => {
  const live = { ...NOTHING_REMEMBERED, wasLive: true };

  it('is what the pointer names', () => {
    world.disk.pointer = '1.0.0';
    begin(world, [NEW, OLD, INSTALLED]);
    expect(started()).toEqual(['1.0.0']);
  });

  it.each([
    ['the newest that was live once, without a pointer', [NEWER, NEW, OLD, INSTALLED], '1.1.0'],
    ['the wall beside the command, where none was', [NEWER, INSTALLED], 'installed'],
    ['the newest, where there is nothing else', [NEWER], '1.2.0'],
  ])('is %s', (_, programs, id) => {
    world.disk.remembered[NEW.digest] = live;
    world.disk.remembered[OLD.digest] = live;
    begin(world, programs);
    expect(started()).toEqual([id]);
  });

  it('is the next one, where the files of the first are wrong', () => {
    world.disk.pointer = '1.1.0';
    world.disk.remembered[OLD.digest] = live;
    world.characters.set('1.1.0', { tampered: true });
    begin(world, [NEW, OLD]);
    expect(started()).toEqual(['1.0.0']);
    pass(world, MINUTE);
    expect(world.disk.pointer).toBe('1.0.0');
  });

  it('waits for something to come where there is nothing', () => {
    begin(world, []);
    pass(world, HOUR);
    expect(world.wall).toBeUndefined();
    arrive();
    expect(running()).toBe('1.0.0');
  });

  it('goes by turns where none was ever live and none stays up', () => {
    world.characters.set('1.2.0', { endsAfterMs: SECOND });
    world.characters.set('1.1.0', { endsAfterMs: SECOND });
    begin(world, [NEWER, NEW, OLD]);
    pass(world, HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.0.0', '1.0.0']);
  });

  it('keeps a version that waits for the network, even where there is another', () => {
    world.network = false;
    begin(world, [NEW, OLD]);
    pass(world, 3 * HOUR);
    expect(started()).toEqual(['1.1.0']);
  });
});

describe('a new version', () => {
  beforeEach(settled);

  it('takes over once its wall is live, and only then the pointer moves', () => {
    arrive(NEW);
    pass(world, 5 * SECOND);
    pass(world, 6 * SECOND);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.0.0']);
    pass(world, MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
    pass(world, 10 * HOUR);
    expect(started()).toEqual(['1.0.0', '1.1.0?']);
  });

  it.each([
    ['exits', { endsAfterMs: 3 * SECOND }],
    ['exits as if it had been quit', { endsAfterMs: 3 * SECOND, end: { kind: 'code', code: 0 } as const }],
    ['crashes', { answersAfterMs: 1, endsAfterMs: 9_000, end: { kind: 'signal', signal: 'SIGSEGV' } as const }],
    ['hangs', {}],
    ['never is live', { answersAfterMs: SECOND }],
    ['cannot be started', { endsAfterMs: 0, end: { kind: 'not-started', reason: 'EACCES' } as const }],
  ])('that %s is left for the old one, and not tried again', (_, character) => {
    world.characters.set('1.1.0', character);
    arrive(NEW);
    pass(world, 10 * HOUR);
    expect(started()).toEqual(['1.0.0', '1.1.0?', '1.0.0']);
    expect(world.disk).toMatchObject({ pointer: '1.0.0', remembered: { [NEW.digest]: { refused: true } } });
    expect(world.events).toContain('version.refused');
    // Nor by the next supervisor.
    world.wall = undefined;
    world.spawned.length = 0;
    begin(world, [NEW, OLD]);
    pass(world, HOUR);
    expect(started()).not.toContain('1.1.0?');
  });

  it('is tried again when its files change', () => {
    world.characters.set('1.1.0', { endsAfterMs: 3 * SECOND });
    arrive(NEW);
    pass(world, HOUR);
    world.characters.delete('1.1.0');
    arrive({ ...NEW, digest: 'sha-mended' });
    pass(world, HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('whose files are wrong does not even stop the old one', () => {
    world.characters.set('1.1.0', { tampered: true });
    arrive(NEW);
    pass(world, HOUR);
    expect(started()).toEqual(['1.0.0']);
  });

  it('waits while the old one is not live', () => {
    world.network = false;
    pass(world, MINUTE);
    arrive(NEW);
    pass(world, HOUR / 2);
    expect(started()).toEqual(['1.0.0']);
    world.network = true;
    pass(world, 2 * MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('is tried when the old one cannot be live any more, but is not condemned for that', () => {
    world.characters.set('1.0.0', { answersAfterMs: SECOND });
    send(world, { type: 'restart' });
    pass(world, MINUTE);
    arrive(NEW);
    pass(world, POLICY.patienceMs + 5 * MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('is not condemned when neither is live', () => {
    world.characters.set('1.0.0', { answersAfterMs: SECOND });
    world.characters.set('1.1.0', { endsAfterMs: SECOND });
    send(world, { type: 'restart' });
    pass(world, MINUTE);
    arrive(NEW);
    pass(world, 5 * 24 * HOUR);
    const tries = started().filter((id) => id === '1.1.0?').length;
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(24);
    expect(world.disk.remembered[NEW.digest]?.refused).toBe(false);
  });

  it('is not condemned when the network fails in its trial', () => {
    arrive(NEW);
    pass(world, 12 * SECOND);
    expect(running()).toBe('1.1.0');
    world.network = false;
    pass(world, HOUR);
    expect(running()).toBe('1.0.0');
    world.network = true;
    pass(world, 3 * HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('is excused once when it says that it could not reach the network, though the old one can', () => {
    arrive(NEW);
    pass(world, 12 * SECOND);
    world.network = false;
    while (running() !== '1.0.0') pass(world, SECOND);
    world.network = true;
    pass(world, 3 * HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('is condemned only once the old one is live again', () => {
    world.characters.set('1.1.0', { endsAfterMs: 3 * SECOND });
    arrive(NEW);
    while (!world.events.includes('trial.lost')) pass(world, SECOND);
    world.network = false;
    pass(world, HOUR);
    expect(world.disk.remembered[NEW.digest]?.refused).toBe(false);
  });

  it('is not condemned by an unfair trial, though the old one is live right after it', () => {
    world.characters.set('1.0.0', { answersAfterMs: SECOND });
    world.characters.set('1.1.0', { endsAfterMs: 3 * SECOND });
    send(world, { type: 'restart' });
    pass(world, MINUTE);
    arrive(NEW);
    while (!world.events.includes('trial.lost')) pass(world, SECOND);
    world.characters.delete('1.0.0');
    pass(world, MINUTE);
    expect(world.disk.remembered[NEW.digest]?.refused).toBe(false);
  });

  it('that lost its trial is the last choice when the old one cannot be started again', () => {
    const older = version('0.9.0');
    world.characters.set('1.1.0', { endsAfterMs: 3 * SECOND });
    send(world, { type: 'programs', programs: [NEW, OLD, older], arrived: [] });
    while (running() !== '1.1.0') pass(world, SECOND);
    world.characters.set('1.0.0', { tampered: true });
    send(world, { type: 'programs', programs: [NEW, OLD, older], arrived: [] });
    while (!world.events.includes('trial.lost')) pass(world, SECOND);
    pass(world, MINUTE);
    expect(started().slice(-2)).toEqual(['1.1.0?', '0.9.0']);
  });

  it('that lost its trial does not condemn itself when it is all that is left', () => {
    world.characters.set('1.1.0', { endsAfterMs: 3 * SECOND });
    arrive(NEW);
    while (running() !== '1.1.0') pass(world, SECOND);
    world.characters.set('1.0.0', { tampered: true });
    while (!world.events.includes('trial.lost')) pass(world, SECOND);
    world.characters.delete('1.1.0');
    pass(world, MINUTE);
    expect(running()).toBe('1.1.0');
    expect(world.disk.remembered[NEW.digest]?.refused).toBe(false);
  });

  it('that is live at the last moment has won', () => {
    world.characters.set('1.1.0', { answersAfterMs: SECOND, liveAfterMs: POLICY.trialMs - 4 * SECOND });
    arrive(NEW);
    pass(world, 10 * MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('makes those before the last one expendable once it has run well', () => {
    const old = ['0.7.0', '0.8.0', '0.9.0'].map(version);
    const gone = () =>
      expendable(world.supervisor, { now: world.now, fraction: 0, policy: POLICY }).map(({ id }) => id);
    send(world, { type: 'programs', programs: [NEWER, OLD, ...old], arrived: [] });
    while (running() !== '1.2.0') pass(world, SECOND);
    pass(world, MINUTE);
    expect(gone()).toEqual([]);
    pass(world, HOUR);
    expect(gone()).toEqual(['0.9.0', '0.8.0', '0.7.0']);
  });

  it('is tried in a crash loop of the old one', () => {
    world.characters.set('1.0.0', { endsAfterMs: 3 * SECOND });
    send(world, { type: 'restart' });
    pass(world, SECOND);
    arrive(NEW);
    pass(world, HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('is left again when it does not run well after it was live', () => {
    world.characters.set('1.1.0', { answersAfterMs: SECOND, liveAfterMs: 2 * SECOND, endsAfterMs: MINUTE });
    arrive(NEW);
    pass(world, 2 * HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.0.0', '1.0.0']);
    expect(world.disk.remembered[NEW.digest]?.refused).toBe(true);
  });

  it('is not judged by night', () => {
    world.night = true;
    pass(world, MINUTE);
    arrive(NEW);
    pass(world, 8 * HOUR);
    expect(started()).toEqual(['1.0.0']);
    world.night = false;
    while (world.wall?.terminatedAt === undefined) pass(world, SECOND);
    world.night = true;
    pass(world, 30 * SECOND);
    // The trial began before night fell, and goes on in the morning.
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.0.0']);
    pass(world, 8 * HOUR);
    world.night = false;
    pass(world, 2 * MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('that takes the machine down with it is given up after three trials', () => {
    for (let i = 0; i < 6; i++) {
      world.wall = undefined;
      begin(world, [NEW, OLD]);
      pass(world, 40 * SECOND);
    }
    world.characters.set('1.1.0', { answersAfterMs: 1 });
    let trials = 0;
    world.disk.remembered = {};
    world.disk.pointer = '1.0.0';
    for (let i = 0; i < 8; i++) {
      world.wall = undefined;
      world.spawned.length = 0;
      begin(world, [NEW, OLD]);
      // The power fails in the midst of the trial.
      pass(world, 40 * SECOND);
      trials += started().filter((id) => id === '1.1.0?').length;
    }
    expect(trials).toBe(3);
  });

  it('moves the pointer when the disk takes it, if not at once', () => {
    world.diskFull = true;
    arrive(NEW);
    pass(world, HOUR);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.0.0']);
    world.diskFull = false;
    pass(world, MINUTE);
    expect(world.disk.pointer).toBe('1.1.0');
  });

  it('that is older is tried where it was asked for, and stays', () => {
    const older = version('0.9.0');
    send(world, { type: 'programs', programs: [OLD, older], arrived: [older.digest] });
    pass(world, HOUR);
    expect([running(), world.disk.pointer]).toEqual(['0.9.0', '0.9.0']);
    expect(started()).toEqual(['1.0.0', '0.9.0?']);
  });

  it('that is older and was not asked for is not tried', () => {
    send(world, { type: 'programs', programs: [OLD, version('0.9.0')], arrived: [] });
    pass(world, HOUR);
    expect(started()).toEqual(['1.0.0']);
  });

  it('is the newest of several, and the others are let be', () => {
    arrive(NEW, NEWER);
    pass(world, 10 * HOUR);
    expect(started()).toEqual(['1.0.0', '1.2.0?']);
  });
});

describe('a wall that was left behind', () => {
  it('is taken over and not doubled', () => {
    settled();
    const { wall } = world;
    if (wall === undefined) throw new Error('no wall');
    world.wall = { ...wall, id: 1, adopted: true };
    begin(world, [OLD], { program: OLD });
    pass(world, HOUR);
    expect(world.spawned).toHaveLength(1);
    strike(world, { kind: 'unknown' });
    expect(running()).toBe('1.0.0');
  });

  it('in the midst of its trial goes on with it', () => {
    settled();
    world.wall = { id: 1, program: NEW, startedAt: world.now, holdMs: 0, wasLive: false };
    begin(world, [NEW, OLD], { program: NEW, trial: { fair: true } });
    pass(world, MINUTE);
    expect([running(), world.disk.pointer]).toEqual(['1.1.0', '1.1.0']);
  });

  it('that hangs is replaced', () => {
    settled();
    world.wall = { id: 1, program: OLD, startedAt: 0, holdMs: 0, wasLive: true, frozen: true };
    begin(world, [OLD], { program: OLD });
    pass(world, 5 * MINUTE);
    expect(running()).toBe('1.0.0');
    expect(world.wall.frozen).toBeUndefined();
    expect(world.broken).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Failure } from '../../core/errors.ts';
import { judgeHealth, type SessionStatus, type SurfaceStatus } from '../../core/health/status.ts';
import type { Programme } from '../../core/plan/plan.ts';
import { Bench, HOUR, OFFLINE, SIGNED_OUT, dashboard, surface } from '../../core/wall/testing/bench.ts';
import type { WallEvent } from '../../core/wall/state.ts';
import { WallRecord } from './wall-status.ts';

const MINUTE = 60_000;
const FACTS = { version: '1.2.3', startedAt: 0, restarts: 0, safeMode: false };
const NIGHT: Programme = { now: { kind: 'night' }, until: Infinity, next: { kind: 'night' } };

/** A bench whose record is kept, and what it tells. */
class Watched extends Bench {
  readonly record = new WallRecord(() => ({ Browser: 5 }));

  override tell(event: WallEvent) {
    const before = this.wall;
    const effects = super.tell(event);
    this.record.take(before, this.wall, event, this.now);
    return effects;
  }

  get status() {
    const display = { id: 1, label: 'left', bounds: { x: 0, y: 0, width: 10, height: 10 } };
    return this.record.status(
      this.wall,
      this.context,
      FACTS,
      () => display,
      () => undefined,
    );
  }

  get sessionStatus(): SessionStatus {
    const [session] = this.status.sessions;
    if (session === undefined) throw new Error('no session');
    return session;
  }

  get surfaceStatus(): SurfaceStatus {
    const [one] = this.status.surfaces;
    if (one === undefined) throw new Error('no surface');
    return one;
  }

  goLive(): this {
    this.signedIn();
    this.painted();
    return this;
  }

  /** The machine slept: the monotonic clock stood still meanwhile. */
  sleep(ms: number): this {
    this.now = { ...this.now, wall: this.now.wall + ms };
    return this;
  }
}

const watched = () => new Watched([dashboard('ops')], [surface('one')]);

describe('ages that a wall tells', () => {
  it('count what passed while the machine slept', () => {
    const wall = watched().start().goLive();
    wall.pass(MINUTE);
    wall.sleep(20 * MINUTE);
    const age = (at: number | undefined) => wall.now.wall - (at ?? Infinity);
    expect(age(wall.surfaceStatus.dataAt)).toBe(21 * MINUTE);
    expect(age(wall.surfaceStatus.paintedAt)).toBe(21 * MINUTE);
    expect(age(wall.sessionStatus.since)).toBe(21 * MINUTE);
  });

  it('are not shortened by a clock that was set back', () => {
    const wall = watched().start().goLive();
    wall.pass(5 * MINUTE);
    wall.now = { ...wall.now, wall: wall.now.wall - HOUR };
    const { dataAt, paintedAt } = wall.surfaceStatus;
    expect([dataAt, paintedAt]).toEqual(Array(2).fill(wall.now.wall - 5 * MINUTE));
    expect(wall.sessionStatus.since).toBe(wall.now.wall - 5 * MINUTE);
  });

  it('go on while the last picture stands, from its data on', () => {
    const wall = watched().start().goLive();
    wall.pass(MINUTE);
    wall.tell({ type: 'gone', view: wall.shownView(), failure: OFFLINE });
    wall.pass(MINUTE);
    expect(wall.surfaceStatus).toMatchObject({ state: 'dark', dashboard: 'ops', dataAt: wall.now.wall - 2 * MINUTE });
    expect(wall.surfaceStatus).not.toHaveProperty('paintedAt');
  });
});

describe('instants to come', () => {
  it('are those of the clock that brings them first: the end and the renewal of a session', () => {
    const wall = watched().start().goLive();
    const { endsAt, renewsAt } = wall.sessionStatus;
    expect(endsAt).toBe(wall.now.wall + HOUR);
    wall.sleep(10 * MINUTE);
    expect(wall.sessionStatus).toMatchObject({ endsAt, renewsAt });
    wall.now = { ...wall.now, wall: wall.now.wall - 3 * HOUR };
    expect(wall.sessionStatus.endsAt).toBe(wall.now.wall + HOUR);
  });

  it('are those of the monotonic clock where a wait goes by it', () => {
    const wall = watched().start();
    wall.signInFails();
    const { nextTryAt = 0 } = wall.sessionStatus;
    const waitMs = nextTryAt - wall.now.wall;
    wall.now = { ...wall.now, wall: wall.now.wall + HOUR };
    expect((wall.sessionStatus.nextTryAt ?? 0) - wall.now.wall).toBe(waitMs);
  });
});

describe('what a wall counts of its sessions', () => {
  it('is no renewal where a session goes live for the first time, however often it failed before', () => {
    const wall = watched().start();
    wall.signInFails();
    wall.live(MINUTE);
    wall.goLive();
    expect(wall.sessionStatus).toMatchObject({ phase: 'live', renewals: 0, failuresByCode: { NETWORK_OFFLINE: 1 } });
  });

  it('is a renewal where it replaces a session, live or lost', () => {
    const wall = watched().start().goLive();
    wall.tell({ type: 'renew-now' });
    expect(wall.sessionStatus).toMatchObject({ phase: 'renewing', renewals: 0 });
    wall.goLive();
    expect(wall.sessionStatus.renewals).toBe(1);
    wall.tell({ type: 'lost', view: wall.shownView(), failure: SIGNED_OUT });
    wall.live(MINUTE);
    wall.goLive();
    expect(wall.sessionStatus.renewals).toBe(2);
  });

  it('is one failure for each try, whatever becomes of the wait after it', () => {
    const wall = watched().start().goLive();
    wall.tell({ type: 'renew-now' });
    wall.signInFails();
    wall.tell({ type: 'renew-now' });
    wall.signInFails();
    expect(wall.sessionStatus).toMatchObject({ phase: 'live', failures: 2, failuresByCode: { NETWORK_OFFLINE: 2 } });
    // The wait is cut short.
    wall.tell({ type: 'nudge' });
    expect(wall.sessionStatus).toMatchObject({ failures: 2, failuresByCode: { NETWORK_OFFLINE: 2 } });
    // The session ends while it waits for the next try.
    wall.sleep(2 * HOUR).tell({ type: 'clock' });
    expect(wall.sessionStatus).toMatchObject({ phase: 'waiting', failures: 2, failuresByCode: { NETWORK_OFFLINE: 2 } });
  });

  it('is a failure anew after a sign-in that succeeded, be it the same as the last', () => {
    const wall = watched().start();
    wall.signInFails();
    wall.live(MINUTE);
    wall.goLive();
    wall.tell({ type: 'renew-now' });
    wall.signInFails();
    expect(wall.sessionStatus.failuresByCode).toEqual({ NETWORK_OFFLINE: 2 });
  });

  it('begins its time without a session when that was lost', () => {
    const wall = watched().start().goLive();
    wall.pass(MINUTE);
    wall.tell({ type: 'lost', view: wall.shownView(), failure: SIGNED_OUT });
    const lostAt = wall.now.wall;
    wall.pass(1_000);
    expect(wall.sessionStatus).toMatchObject({
      since: lostAt,
      failure: SIGNED_OUT,
      failuresByCode: { [SIGNED_OUT.code]: 1 },
    });
  });
});

describe('what a wall tells of a surface', () => {
  it('is that it would be black now, where it has no display by night', () => {
    const wall = watched().start().goLive();
    expect(wall.surfaceStatus).toMatchObject({ state: 'showing', stale: false, display: { label: 'left' } });
    wall.tell({ type: 'displays', plugged: [] });
    expect(wall.surfaceStatus).toEqual({ name: 'one', state: 'unplugged', stale: false, failuresByCode: {} });
    wall.programmes['one'] = () => NIGHT;
    expect(wall.surfaceStatus).toEqual({
      name: 'one',
      state: 'unplugged',
      atNight: true,
      stale: false,
      failuresByCode: {},
    });
    wall.start();
    expect(wall.surfaceStatus).not.toHaveProperty('atNight');
    expect(wall.surfaceStatus).not.toHaveProperty('dashboard');
  });

  it('is not that it would be black, where an alarm has it', () => {
    const alarms = { dashboard: 'ops', session: 'default', everyMs: MINUTE };
    const wall = new Watched([dashboard('ops')], [surface('one', { alarms })]);
    wall.programmes['one'] = () => NIGHT;
    wall.tell({ type: 'alarm', surface: 'one', ringing: true });
    expect(wall.surfaceStatus).toEqual({ name: 'one', state: 'unplugged', stale: false, failuresByCode: {} });
  });

  it('is what its dashboard fails by, until it shows', () => {
    const failure: Failure = { code: 'CONSOLE_ACCESS_DENIED', sentence: 'Allow the role.' };
    const wall = watched().start();
    wall.signedIn();
    wall.fails(failure);
    expect(wall.sessionStatus).toMatchObject({ phase: 'live', failures: 0, failuresByCode: {} });
    expect(wall.surfaceStatus).toMatchObject({ state: 'notice', failure, failuresByCode: { [failure.code]: 1 } });
    // The wait is cut short.
    wall.tell({ type: 'nudge' });
    expect(wall.surfaceStatus.failuresByCode).toEqual({ [failure.code]: 1 });
    expect(judgeHealth(wall.status, wall.now.wall)).toMatchObject({ code: 'NO_PICTURE', failure: failure.code });
    wall.live(MINUTE);
    wall.painted();
    expect(wall.surfaceStatus.state).toBe('showing');
    expect(wall.surfaceStatus).not.toHaveProperty('failure');
    expect(wall.surfaceStatus.failuresByCode).toEqual({ [failure.code]: 1 });
  });

  it('is stale data by the clock that shows more', () => {
    const wall = new Watched([dashboard('ops', { staleAfterMs: 5 * MINUTE })], [surface('one')]).start().goLive();
    wall.sleep(5 * MINUTE - 1);
    expect(wall.surfaceStatus).toMatchObject({ stale: false, staleAfterMs: 5 * MINUTE });
    wall.sleep(1);
    expect(wall.surfaceStatus.stale).toBe(true);
  });
});

it('tells faults by kind, the memory, and hands out nothing that changes later', () => {
  const wall = watched().start().goLive();
  const { faults } = wall.status;
  wall.tell({ type: 'gone', view: wall.shownView(), failure: OFFLINE });
  wall.tell({ type: 'cookies-gone', failure: SIGNED_OUT });
  wall.record.fault('gpu-gone');
  expect(wall.status).toMatchObject({
    faults: { 'page-gone': 1, 'network-service-gone': 1, 'gpu-gone': 1 },
    memoryBytes: { Browser: 5 },
    ...FACTS,
  });
  expect(faults).toEqual({});
});

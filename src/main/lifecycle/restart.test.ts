import { describe, expect, it } from 'vitest';
import {
  createFaultHandlers,
  holdOf,
  isSupervised,
  relaunchArguments,
  restartsOf,
  takeInstanceLock,
} from './restart.ts';

function stage({ kept = true, ending = false, holdMs = 0, supervised = false } = {}) {
  const did: string[] = [];
  const logged: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let uptime = 1_000;
  const flushed = Promise.resolve();
  const handlers = createFaultHandlers({
    logger: { log: (_level, event, fields = {}) => void logged.push({ event, fields }) },
    memory: {
      decision: { mode: 'normal', hardwareAcceleration: true, holdMs },
      ended: (how) => did.push(`ended ${how}`),
      isKept: () => kept,
    },
    supervised,
    uptimeMs: () => uptime,
    isEnding: () => ending,
    flush: () => {
      did.push('flush');
      return flushed;
    },
    sleep: (ms) => {
      if (ms !== 2_000) did.push(`sleep ${ms}`);
      return ms === 2_000 ? new Promise<void>(() => undefined) : Promise.resolve();
    },
    end: () => did.push('end'),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { did, logged, handlers, settle, pass: (ms: number) => (uptime += ms) };
}

describe('an exception that no one caught', () => {
  it('is logged with its stack, remembered, and ends the process once the log is written', async () => {
    const { did, logged, handlers, settle } = stage();
    const error = new Error('out of order');
    handlers.onException(error);
    await settle();
    expect(logged[0]).toEqual({
      event: 'process.uncaught-exception',
      fields: { error, stack: expect.stringContaining('restart.test.ts') as string },
    });
    expect(did).toEqual(['ended exception', 'flush', 'end']);
  });

  it('ends the process once, whatever comes after it', async () => {
    const { did, logged, handlers, settle } = stage();
    handlers.onException(new Error('one'));
    handlers.onException('two');
    await settle();
    expect(logged.filter(({ event }) => event === 'process.uncaught-exception')).toHaveLength(2);
    expect(did.filter((what) => what === 'end')).toHaveLength(1);
  });

  it('waits itself where the next process could not know of it', async () => {
    const { did, handlers, settle } = stage({ kept: false });
    handlers.onException(new Error('early'));
    await settle();
    expect(did).toEqual(['ended exception', 'sleep 59000', 'flush', 'end']);
  });

  it('in a start that was told to hold back ends it no sooner', async () => {
    const early = stage({ holdMs: 30_000 });
    early.handlers.onException(new Error('before the sign-in'));
    await early.settle();
    expect(early.did).toEqual(['ended exception', 'sleep 29000', 'flush', 'end']);
    const late = stage({ holdMs: 30_000 });
    late.pass(30_000);
    late.handlers.onException(new Error('after it'));
    await late.settle();
    expect(late.did).toEqual(['ended exception', 'flush', 'end']);
  });

  it('ends a supervised wall at once: its supervisor waits', async () => {
    for (const kept of [true, false]) {
      const { did, handlers, settle } = stage({ supervised: true, kept });
      handlers.onException(new Error('early'));
      await settle();
      expect(did).toEqual(['ended exception', 'flush', 'end']);
    }
  });

  it('while the wall ends changes nothing', async () => {
    const { did, logged, handlers, settle } = stage({ ending: true });
    handlers.onException(new Error('late'));
    await settle();
    expect(logged).toHaveLength(1);
    expect(did).toEqual([]);
  });
});

describe('a rejection that no one heard', () => {
  it('is let pass three times in an hour, and not a fourth time', async () => {
    const { did, logged, handlers, settle, pass } = stage();
    for (let i = 0; i < 3; i++) handlers.onRejection(new Error('unheard'));
    await settle();
    expect(did).toEqual([]);
    pass(3_600_000);
    for (let i = 0; i < 3; i++) handlers.onRejection('unheard');
    await settle();
    expect(did).toEqual([]);
    handlers.onRejection(undefined);
    await settle();
    expect(did.at(-1)).toBe('end');
    expect(logged.filter(({ event }) => event === 'process.unhandled-rejection')).toHaveLength(7);
  });
});

describe('a new start', () => {
  it('is left to the supervisor where there is one', () => {
    expect(isSupervised({})).toBe(false);
    expect(isSupervised({ VIGIL_SUPERVISED: '' })).toBe(false);
    expect(isSupervised({ VIGIL_SUPERVISED: '1' })).toBe(true);
    expect(isSupervised({ VIGIL_HEALTH_FILE: '/run/vigil' })).toBe(true);
  });

  it('knows how many there were before', () => {
    expect(restartsOf({})).toBe(0);
    expect(restartsOf({ VIGIL_RESTARTS: '12' })).toBe(12);
    for (const odd of ['', '-1', '1e9', 'many', '9'.repeat(30)]) expect(restartsOf({ VIGIL_RESTARTS: odd })).toBe(0);
  });

  it('holds back as long as its supervisor says, if that makes sense', () => {
    expect(holdOf({ VIGIL_HOLD_MS: '4000' })).toBe(4_000);
    expect(holdOf({ VIGIL_HOLD_MS: '999999999' })).toBe(600_000);
    for (const odd of ['', '-1', '1e3', 'long', '9'.repeat(30)]) expect(holdOf({ VIGIL_HOLD_MS: odd })).toBe(0);
  });

  it('repeats the arguments but for those with a secret', () => {
    const redact = (text: string) => text.replace('hunter2', '[redacted]');
    const argv = ['electron', '/app', '--no-tray', '--proxy-server=http://me:hunter2@proxy', '--config', 'a.yml'];
    expect(relaunchArguments(argv, redact)).toEqual(['/app', '--no-tray', '--config', 'a.yml']);
  });

  it('waits for a lock that is held a moment longer, and not for ever', () => {
    const pauses: number[] = [];
    let asked = 0;
    expect(
      takeInstanceLock(
        () => ++asked === 4,
        (ms) => pauses.push(ms),
      ),
    ).toBe(true);
    expect(pauses).toEqual([200, 200, 200]);
    asked = 0;
    expect(
      takeInstanceLock(
        () => ++asked > 1_000,
        () => undefined,
      ),
    ).toBe(false);
    expect(asked).toBe(15);
  });
});

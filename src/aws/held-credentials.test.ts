import { describe, expect, it } from 'vitest';
import type { Clock } from '../core/ports.ts';
import { holding } from './held-credentials.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

interface Value {
  readonly id: number;
  readonly credentials: { readonly expiresAt: number };
}

function setUp() {
  const time = { wall: 1e12, monotonic: 0 };
  const clock: Clock = {
    now: () => time.wall,
    monotonic: () => time.monotonic,
    sleep: () => Promise.resolve(),
  };
  const pending: { resolve(value: Value): void; reject(error: Error): void }[] = [];
  const held = holding(clock, () => new Promise<Value>((resolve, reject) => pending.push({ resolve, reject })));
  const answer = () => pending.at(-1)?.resolve({ id: pending.length, credentials: { expiresAt: time.wall + HOUR } });
  const pass = (ms: number) => {
    time.wall += ms;
    time.monotonic += ms;
  };
  return { time, held, pending, answer, pass };
}

describe('held credentials', () => {
  it('are obtained once for all who ask at a time, and kept until five minutes before their end', async () => {
    const { held, pending, answer, pass } = setUp();
    const asked = [held.get(), held.get(), held.renew()];
    expect(pending).toHaveLength(1);
    answer();
    for (const one of await Promise.all(asked)) expect(one.id).toBe(1);
    pass(HOUR - 5 * MINUTE - 1);
    expect((await held.get()).id).toBe(1);
    pass(1);
    const next = held.get();
    answer();
    expect((await next).id).toBe(2);
  });

  it.each([
    ['the clock was set back', 10 * MINUTE, HOUR],
    ['the machine slept', HOUR, 10 * MINUTE],
  ])('are not good for longer because %s', async (_what, wall, monotonic) => {
    const { held, pending, answer, time } = setUp();
    const first = held.get();
    answer();
    await first;
    time.wall += wall;
    time.monotonic += monotonic;
    const next = held.get();
    expect(pending).toHaveLength(2);
    answer();
    await next;
  });

  it('are obtained anew when that is asked for, and after a failure', async () => {
    const { held, pending, answer } = setUp();
    const failing = held.get();
    pending.at(-1)?.reject(new Error('offline'));
    await expect(failing).rejects.toThrow('offline');
    const first = held.get();
    answer();
    expect((await first).id).toBe(2);
    const fresh = held.renew();
    answer();
    expect((await fresh).id).toBe(3);
    expect((await held.get()).id).toBe(3);
  });

  it('stay what they were when new ones cannot be had', async () => {
    const { held, pending, answer } = setUp();
    const first = held.get();
    answer();
    await first;
    const fresh = held.renew();
    pending.at(-1)?.reject(new Error('offline'));
    await expect(fresh).rejects.toThrow('offline');
    expect((await held.get()).id).toBe(1);
  });
});

import { EventEmitter } from 'node:events';
import type { Cookie, Session } from 'electron';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchSessionCookies } from './session-cookies.ts';

const cookie = (name: string, more: Partial<Cookie> = {}): Cookie => ({
  name,
  value: 'x',
  domain: '.console.aws.amazon.com',
  path: '/',
  httpOnly: true,
  sameSite: 'lax',
  ...more,
});

/** A jar as Electron's: an overwritten cookie goes first and comes then. */
class Jar extends EventEmitter {
  readonly held = new Map<string, Cookie>();
  readonly asked: object[] = [];
  get(filter: object): Promise<Cookie[]> {
    this.asked.push(filter);
    return Promise.resolve([...this.held.values()]);
  }
  put(one: Cookie): void {
    if (this.held.has(one.name)) this.take(one.name, 'overwrite');
    this.held.set(one.name, one);
    this.emit('changed', {}, one, 'explicit', false);
  }
  take(name: string, cause: string): void {
    const one = this.held.get(name);
    if (one === undefined) return;
    this.held.delete(name);
    this.emit('changed', {}, one, cause, true);
  }
}

let jar: Jar;
let gone: number;
let end: () => void;
const pass = () => vi.advanceTimersByTimeAsync(5_000);

beforeEach(async () => {
  vi.useFakeTimers();
  jar = new Jar();
  gone = 0;
  jar.put(cookie('session'));
  jar.put(cookie('token'));
  jar.put(cookie('userInfo', { httpOnly: false }));
  end = watchSessionCookies({ cookies: jar } as unknown as Session, 'https://console.aws.amazon.com/', () => {
    gone += 1;
  });
  await pass();
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

it.each(['explicit', 'expired', 'expired-overwrite'])('tells once when all of them are gone: %s', async (cause) => {
  for (const name of ['userInfo', 'token']) jar.take(name, cause);
  await pass();
  expect(gone).toBe(0);
  jar.take('session', cause);
  await pass();
  expect(gone).toBe(1);
  jar.put(cookie('session'));
  jar.take('session', cause);
  await pass();
  expect([gone, jar.listenerCount('changed')]).toEqual([1, 0]);
});

it('takes cookies that are replaced for what they are', async () => {
  for (let round = 0; round < 3; round += 1) {
    jar.put(cookie('session'));
    jar.put(cookie('token'));
    await pass();
  }
  jar.take('session', 'explicit');
  jar.take('token', 'explicit');
  await vi.advanceTimersByTimeAsync(500);
  jar.put(cookie('token'));
  await pass();
  expect(gone).toBe(0);
});

it('does not mind cookies of others, nor that those scripts may read go', async () => {
  jar.put(cookie('late'));
  jar.take('late', 'expired');
  jar.take('userInfo', 'expired');
  await pass();
  expect(gone).toBe(0);
  expect(jar.asked).toEqual([{ url: 'https://console.aws.amazon.com/' }]);
});

it('ends, whatever is under way', async () => {
  jar.take('session', 'explicit');
  jar.take('token', 'explicit');
  end();
  await pass();
  expect([gone, jar.listenerCount('changed')]).toEqual([0, 0]);
});

it('watches nothing where there is nothing to go by', async () => {
  const empty = new Jar();
  empty.put(cookie('userInfo', { httpOnly: false }));
  const stop = watchSessionCookies({ cookies: empty } as unknown as Session, 'https://x.example/', () => {
    gone += 1;
  });
  await pass();
  empty.take('userInfo', 'explicit');
  await pass();
  stop();
  expect(gone).toBe(0);
});

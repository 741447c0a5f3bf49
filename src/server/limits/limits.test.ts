import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchanges } from '../../autoid/testing/vectors.ts';
import { createWorld, testClock } from '../testing/world.ts';
import { addressKey, canonicalAddress, clientAddress, isLoopback, isWithin, parseRanges } from './addresses.ts';
import { BoundedMap } from './bounded-map.ts';
import { createFailures, FAILURE_LIMITS } from './failures.ts';
import { createGate } from './gate.ts';
import { createTurns } from './turns.ts';

describe('who asks', () => {
  const trusted = parseRanges(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '127.0.0.1']);

  it.each([
    ['198.51.100.1', undefined, '198.51.100.1'],
    ['198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['10.1.1.1', '203.0.113.9', '203.0.113.9'],
    ['::ffff:10.1.1.1', '203.0.113.9', '203.0.113.9'],
    ['10.1.1.1', '1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['10.1.1.1', '1.2.3.4, 203.0.113.9, 192.0.2.7', '203.0.113.9'],
    ['10.1.1.1', '203.0.113.9:51234', '203.0.113.9'],
    ['10.1.1.1', '[2001:db9::1]:443', '2001:db9::1'],
    ['2001:db8::5', '2001:DB9:0:0::1', '2001:db9::1'],
    ['10.1.1.1', undefined, '10.1.1.1'],
    ['10.1.1.1', '', '10.1.1.1'],
    ['10.1.1.1', 'unknown', '10.1.1.1'],
    ['10.1.1.1', '203.0.113.9, garbage', '10.1.1.1'],
    ['10.1.1.1', '1.2.3.4, 0x7f.1', '10.1.1.1'],
    ['10.1.1.1', '10.2.2.2, 10.3.3.3', '10.2.2.2'],
    [undefined, '203.0.113.9', undefined],
  ])('peer %s saying %s is %s', (peer, header, expected) => {
    expect(clientAddress(peer, header, trusted)).toBe(expected);
  });

  it('is never read from what an untrusted peer says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.string(), (peer, header) => {
        fc.pre(!isWithin(peer, trusted));
        expect(clientAddress(peer, header, trusted)).toBe(peer);
      }),
    );
  });

  it('has one spelling, and one line of IPv6 counts as one', () => {
    expect(canonicalAddress('::FFFF:1.2.3.4')).toBe('1.2.3.4');
    expect(canonicalAddress('fe80::1%eth0')).toBe('fe80::1');
    for (const none of ['', '1', '1.2.3', '0x1.2.3.4', '1.2.3.4.5', 'localhost', ':::']) {
      expect(canonicalAddress(none)).toBeUndefined();
    }
    expect(addressKey('2001:db8::1')).toBe(addressKey('2001:db8::ffff:1'));
    expect(addressKey('2001:db8::1')).not.toBe(addressKey('2001:db8:0:1::1'));
    expect([isLoopback('127.0.0.9'), isLoopback('::1'), isLoopback('10.0.0.1'), isLoopback(undefined)]).toEqual([
      ...[true, true, false, false],
    ]);
    for (const wrong of ['10.0.0.0/33', 'x', '10.0', '010.0.0.0/8x']) {
      expect(() => parseRanges([wrong])).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
    }
  });
});

describe('failures', () => {
  const limits = {
    ...FAILURE_LIMITS,
    burst: 3,
    perMinute: 60,
    holdMs: 500,
    held: { perAddress: 2, all: 3 },
    addresses: 10,
  };
  const settled = async (ready: Promise<void>): Promise<boolean> =>
    Promise.race([ready.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

  it('beyond a share are held back and told in sum', async () => {
    const clock = testClock();
    const failures = createFailures(clock, limits);
    for (let i = 0; i < 3; i++) expect(failures.failed('192.0.2.1').tell).toBe(true);
    const [fourth, fifth, sixth] = [1, 2, 3].map(() => failures.failed('192.0.2.1'));
    expect([fourth?.tell, failures.isNoisy('192.0.2.1'), failures.isNoisy('192.0.2.2')]).toEqual([false, true, false]);
    expect(await settled(fourth?.ready ?? Promise.resolve())).toBe(false);
    // Two are held at most: a third would only cost memory.
    expect(await settled(sixth?.ready ?? Promise.resolve())).toBe(true);
    clock.advance(500);
    expect(await settled(fifth?.ready ?? Promise.resolve())).toBe(true);
    clock.advance(500);
    expect(failures.failed('192.0.2.1')).toMatchObject({ tell: true, untold: 3 });
  });

  it('are held for all addresses together, and let go of at a stop', async () => {
    const failures = createFailures(testClock(), limits);
    const ready: Promise<void>[] = [];
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      for (let i = 0; i < 5; i++) ready.push(failures.failed(address).ready);
    }
    expect((await Promise.all(ready.map(settled))).filter((free) => !free)).toHaveLength(3);
    failures.release();
    await Promise.all(ready);
    expect(await settled(failures.failed('192.0.2.1').ready)).toBe(true);
  });

  it('of many addresses are told in the log only so often, and counted for the next line', () => {
    const clock = testClock();
    const failures = createFailures(clock, { ...limits, told: { burst: 5, perMinute: 60 } });
    const address = (i: number): string => `2001:db8:0:${i.toString(16)}::1`;
    const tellings = Array.from({ length: 100 }, (_, i) => failures.failed(address(i)).tell);
    expect(tellings.filter((tell) => tell)).toHaveLength(5);
    clock.advance(1000);
    expect(failures.failed(address(99))).toMatchObject({ tell: true, untold: 1 });
    expect(failures.failed(address(98)).tell).toBe(false);
  });

  it('of any number of addresses take no more memory', () => {
    const map = new BoundedMap<number, number>(10);
    for (let i = 0; i < 1000; i++) {
      map.set(i, i);
      map.get(0);
    }
    expect([map.size, map.get(0), map.get(999), map.get(500)]).toEqual([10, 0, 999, undefined]);
  });

  it('of others behind the same address never block a request that verifies', async () => {
    const world = await createWorld({ failureLimits: limits });
    const bad = Array.from({ length: 200 }, () => world.post('/verify', '{}'));
    const good = await world.post('/verify', JSON.stringify(exchanges[0]?.request));
    expect(good.status).toBe(201);
    // Some have not failed yet when the good one is through: what they are held for passes as often as they need it.
    const passing = setInterval(() => {
      world.clock.advance(1000);
    });
    const answers = await Promise.all(bad).finally(() => {
      clearInterval(passing);
    });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
  });
});

describe('the gate', () => {
  it('lets a few in at once, those whose failures are many after the others, but some of them', async () => {
    const gate = createGate(2);
    const order: string[] = [];
    let running = 0;
    let most = 0;
    const work = (name: string) => async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
      running--;
    };
    const all = [
      ...Array.from({ length: 20 }, () => gate.run(true, work('noisy'))),
      ...Array.from({ length: 20 }, () => gate.run(false, work('good'))),
    ];
    await Promise.all(all);
    expect(most).toBe(2);
    expect(order.slice(2, 22).filter((name) => name === 'good').length).toBeGreaterThanOrEqual(16);
    expect(order.slice(2, 22)).toContain('noisy');
  });

  it('goes on after a failure', async () => {
    const gate = createGate(1);
    await expect(gate.run(false, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.run(true, () => Promise.resolve(7))).toBe(7);
  });
});

describe('turns', () => {
  it('are one after the other for one name, failures included', async () => {
    const turns = createTurns();
    const order: string[] = [];
    const slow =
      (name: string, fails = false) =>
      async () => {
        order.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} ends`);
        if (fails) throw new Error(name);
      };
    const all = await Promise.allSettled([
      turns.run('a', slow('1', true)),
      turns.run('b', slow('x')),
      turns.run('a', slow('2')),
    ]);
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(order.indexOf('2 begins')).toBeGreaterThan(order.indexOf('1 ends'));
    expect(order.indexOf('x begins')).toBeLessThan(order.indexOf('1 ends'));
  });
});

import { describe, expect, it } from 'vitest';
import { Line } from './line.ts';
import { NO_FAULT, type Rules, rulesFor } from './rules.ts';

/** A line on a clock that is set by hand. */
function lineOf(rules: Rules, fraction = 0) {
  const out: string[] = [];
  let now = 1000;
  let alarm: { at: number; call: () => void } | undefined;
  const line = new Line(rules, {
    now: () => now,
    after: (ms, call) => {
      const mine = { at: now + ms, call };
      alarm = mine;
      return () => {
        if (alarm === mine) alarm = undefined;
      };
    },
    fraction: () => fraction,
    write: (bytes) => out.push(`${String(now)} ${bytes.toString()}`),
    ended: () => out.push(`${String(now)} end`),
  });
  const until = (end: number) => {
    while (alarm !== undefined && alarm.at <= end) {
      const { at, call } = alarm;
      alarm = undefined;
      now = at;
      call();
    }
    now = end;
  };
  return { out, until, line, push: (text: string) => line.push(Buffer.from(text)) };
}

describe('a line', () => {
  it('passes at once what nothing holds', () => {
    const { out, push, line } = lineOf(NO_FAULT);
    push('a');
    line.end();
    expect(out).toEqual(['1000 a', '1000 end']);
  });

  it('delays each piece by itself, jitter included, and keeps their order', () => {
    const { out, push, until, line } = lineOf({ ...NO_FAULT, latencyMs: 100, jitterMs: 40 }, 0.5);
    push('a');
    until(1010);
    push('b');
    line.end();
    until(2000);
    expect(out).toEqual(['1120 a', '1130 b', '1130 end']);
  });

  it('lets so many bytes a second pass, in small pieces', () => {
    const { out, push, until } = lineOf({ ...NO_FAULT, bytesPerSecond: 40 });
    push('abcde');
    until(1060);
    expect(out).toEqual(['1050 ab']);
    until(5000);
    expect(out).toEqual(['1050 ab', '1100 cd', '1125 e']);
  });

  it('holds everything in a black hole, and follows new rules with what it holds', () => {
    const { out, push, until, line } = lineOf({ ...NO_FAULT, drop: 'black-hole' });
    push('abc');
    until(90_000);
    expect(out).toEqual([]);
    expect(line.waiting).toBe(3);
    line.follow(NO_FAULT);
    expect(out).toEqual(['90000 abc']);
    expect(line.waiting).toBe(0);
  });

  it('says nothing any more once closed', () => {
    const { out, push, until, line } = lineOf({ ...NO_FAULT, latencyMs: 10 });
    push('abc');
    line.close();
    until(2000);
    expect(out).toEqual([]);
  });
});

describe('rules', () => {
  it('add up for the targets they are about', () => {
    const faults = [
      { kind: 'latency', ms: 10 },
      { kind: 'latency', ms: 5, jitterMs: 3, only: ['a'] },
      { kind: 'throttle', bytesPerSecond: 100 },
      { kind: 'throttle', bytesPerSecond: 200 },
      { kind: 'black-hole' },
      { kind: 'reset', only: ['b'] },
      { kind: 'answer', status: 500 },
      { kind: 'captive', answer: 'page', only: ['a'] },
    ] as const;
    expect(rulesFor('a', faults)).toEqual({
      drop: 'black-hole',
      latencyMs: 15,
      jitterMs: 3,
      bytesPerSecond: 100,
      cutAfterBytes: Infinity,
      speaker: faults[7],
    });
    expect(rulesFor('b', faults)).toMatchObject({ drop: 'reset', latencyMs: 10, speaker: faults[6] });
  });
});

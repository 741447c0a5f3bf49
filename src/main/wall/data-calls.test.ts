import { describe, expect, it } from 'vitest';
import { DataCalls } from './data-calls.ts';

const DATA = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/data';

describe('data calls', () => {
  it('tell a session that is over by a call that used to succeed', () => {
    const calls = new DataCalls();
    calls.record(`${DATA}?at=1`, 200);
    expect([401, 403, 401].map((status, n) => calls.record(`${DATA}?at=${n}`, status))).toEqual([false, false, true]);
    expect(calls.record(DATA, 401)).toBe(false);
  });

  it('take refusals that a success interrupts, and calls that never succeeded, for no loss', () => {
    const calls = new DataCalls();
    const statuses = [200, 401, 401, 200, 403, 401, 500];
    expect(statuses.map((status) => calls.record(DATA, status))).not.toContain(true);
    expect([403, 403, 403, 403].map((status) => calls.record('https://x.example/widget', status))).not.toContain(true);
  });

  it('tell what an error page means only while nothing has succeeded', () => {
    const calls = new DataCalls();
    expect(calls.refusal()).toBeUndefined();
    calls.record(DATA, 404);
    expect(calls.refusal()).toBe('missing');
    calls.record(DATA, 403);
    expect(calls.refusal()).toBe('denied');
    calls.record(DATA, 200);
    expect(calls.refusal()).toBeUndefined();
  });
});

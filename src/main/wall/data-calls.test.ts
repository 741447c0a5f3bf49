import { describe, expect, it } from 'vitest';
import { DataCalls } from './data-calls.ts';

const DATA = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/data';
const API = 'https://monitoring.eu-west-1.amazonaws.com/';

/** Answers calls to one address; for each whether it showed that the session is over. */
const answer = (calls: DataCalls, url: string, statuses: readonly number[]) =>
  statuses.map((status, n) => calls.record(n, `${url}?at=${n}`, status));

describe('data calls', () => {
  it('tell a session that is over by a call that used to succeed', () => {
    const calls = new DataCalls();
    answer(calls, DATA, [200]);
    calls.settle();
    expect(answer(calls, DATA, [401, 403, 401, 401])).toEqual([false, false, true, false]);
  });

  it('take refusals that a success interrupts, and calls that never succeeded, for no loss', () => {
    const calls = new DataCalls();
    calls.settle();
    expect(answer(calls, DATA, [200, 401, 401, 200, 403, 401, 500])).not.toContain(true);
    expect(answer(calls, 'https://x.example/widget', [403, 403, 403, 403])).not.toContain(true);
    expect(answer(calls, DATA, [0, 0, 0, 500, 503])).not.toContain(true);
  });

  it('take widgets without permission for no loss, though all share one address', () => {
    const calls = new DataCalls();
    const round = [200, 200, 403, 403, 403, 403];
    answer(calls, API, round);
    calls.settle();
    const rounds = [[...round].reverse(), round, [...round].reverse(), round];
    expect(rounds.flatMap((one) => answer(calls, API, one))).not.toContain(true);
    // All refused: it shows within two rounds.
    expect(answer(calls, API, Array<number>(12).fill(403))).toContain(true);
  });

  it('learn from rows of refusals that were none', () => {
    const calls = new DataCalls();
    answer(calls, API, [200]);
    calls.settle();
    expect(answer(calls, API, [403, 403, 403])).toContain(true);
    answer(calls, API, [200]);
    expect(answer(calls, API, [403, 403, 403, 403, 403])).not.toContain(true);
    expect(answer(calls, API, [403])).toEqual([true]);
  });

  it('tell what an error page means by the refusals since the last success', () => {
    const calls = new DataCalls();
    expect(calls.refusal()).toBeUndefined();
    calls.record(1, DATA, 404);
    expect(calls.refusal()).toBe('missing');
    calls.record(2, DATA, 403);
    expect(calls.refusal()).toBe('denied');
    calls.record(3, DATA, 200);
    expect(calls.refusal()).toBeUndefined();
    calls.record(4, DATA, 404);
    expect(calls.refusal()).toBe('missing');
  });

  it('tell whether data came', () => {
    const calls = new DataCalls();
    expect(calls.seen(false)).toBe('none');
    calls.begin(1);
    calls.begin(2);
    calls.begin(3);
    expect(calls.seen(false)).toBe('waiting');
    calls.record(1, DATA, 403);
    expect([calls.seen(false), calls.seen(true)]).toEqual(['waiting', 'refused']);
    calls.record(2, DATA, 503);
    expect([calls.seen(false), calls.seen(true)]).toEqual(['waiting', 'failing']);
    calls.drop(3);
    expect(calls.seen(false)).toBe('failing');
    calls.record(4, DATA, 304);
    expect(calls.seen(false)).toBe('answered');
  });

  it('that hang wait to the end', () => {
    const calls = new DataCalls();
    calls.begin(1);
    expect(calls.seen(true)).toBe('waiting');
    calls.drop(1);
    expect(calls.seen(true)).toBe('none');
  });

  it('fail since the last success or not', () => {
    const calls = new DataCalls();
    const failing = [200, 500, 0, 200].map((status, n) => {
      calls.record(n, DATA, status);
      return calls.isFailing;
    });
    expect(failing).toEqual([false, true, true, false]);
  });
});

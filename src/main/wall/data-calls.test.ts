import { describe, expect, it } from 'vitest';
import { DataCalls } from './data-calls.ts';

const DATA = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/data';
const API = 'https://monitoring.eu-west-1.amazonaws.com/';

/** Answers calls to one address; for each what it showed of the session. */
const answer = (calls: DataCalls, url: string, statuses: readonly number[]) =>
  statuses.map((status, n) => calls.record(n, `${url}?at=${n}`, status));

const NOTHING = [undefined];

describe('data calls', () => {
  it('suspect a session by the first refusal of a call that used to succeed, and are sure by the sixth', () => {
    const calls = new DataCalls();
    answer(calls, DATA, [200]);
    expect(answer(calls, DATA, [401, 403, 401, 401, 403, 401])).toEqual([...Array<string>(5).fill('suspect'), 'over']);
    expect(answer(calls, DATA, [401])).toEqual(['suspect']);
  });

  it('suspect nothing by calls that never succeeded, nor by failures of other kinds', () => {
    const calls = new DataCalls();
    expect(new Set(answer(calls, 'https://x.example/widget', [403, 403, 403, 403, 403, 403, 403]))).toEqual(
      new Set(NOTHING),
    );
    answer(calls, DATA, [200]);
    expect(new Set(answer(calls, DATA, [0, 0, 500, 503, 404, 400, 0]))).toEqual(new Set(NOTHING));
  });

  it('learn from rows of refusals that a success followed', () => {
    const calls = new DataCalls();
    answer(calls, DATA, [200, 403, 403, 200]);
    expect(answer(calls, DATA, [403, 403])).toEqual([undefined, undefined]);
    expect(answer(calls, DATA, [403])).toEqual(['suspect']);
  });

  it('take widgets without permission for no loss, once the session was found alive, though all share one address', () => {
    const calls = new DataCalls();
    const round = [200, 200, 403, 403, 403, 403];
    expect(answer(calls, API, round)).not.toContain('over');
    calls.forgive();
    const rounds = [[...round].reverse(), round, [...round].reverse(), round];
    expect(new Set(rounds.flatMap((one) => answer(calls, API, one)))).toEqual(new Set(NOTHING));
    // All refused: it shows all the same.
    expect(answer(calls, API, Array<number>(12).fill(403))).toContain('over');
  });

  it('do not forgive without end', () => {
    const calls = new DataCalls();
    answer(calls, DATA, [200]);
    const found = Array.from({ length: 20 }, () => {
      const [one] = answer(calls, DATA, [403]);
      if (one === 'suspect') calls.forgive();
      return one;
    });
    expect(found.filter((one) => one === 'over')).toHaveLength(1);
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

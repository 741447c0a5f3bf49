import type { Session } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallWatch } from './call-watch.ts';

const PAGE = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home';
const DATA = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/data';
const API = 'https://monitoring.eu-west-1.amazonaws.com/';

type Answer = 'alive' | 'over' | 'unknown';
const asked: { url: string; answer: (answer: Answer) => Promise<void> }[] = [];
vi.mock('./session-check.ts', () => ({
  askSession: (_session: Session, url: string) =>
    new Promise<Answer>((resolve) => {
      asked.push({
        url,
        answer: async (answer) => {
          resolve(answer);
          await vi.advanceTimersByTimeAsync(0);
        },
      });
    }),
}));

let lost: number[];
let data: number;
let watch: CallWatch;
let calls = 0;

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  lost = [];
  data = 0;
  watch = new CallWatch({
    session: undefined as unknown as Session,
    classify: (url) => (url.includes('/cloudwatch/') ? 'destination' : 'foreign'),
    page: () => PAGE,
    onData: () => {
      data += 1;
    },
    onLost: (status) => {
      lost.push(status);
    },
  });
});
afterEach(() => {
  vi.useRealTimers();
});

const take = (url: string, ...statuses: number[]) => {
  for (const status of statuses) watch.take((calls += 1), url, true, { status });
};

describe('a page that is refused what it used to be given', () => {
  beforeEach(() => {
    take(DATA, 200);
  });

  it('has lost its session when the console says so, and is told of once', async () => {
    take(DATA, 403, 403);
    expect([lost, asked.map(({ url }) => url)]).toEqual([[], [PAGE]]);
    await asked[0]?.answer('over');
    take(DATA, 401, 401, 401, 401, 401, 401, 401);
    expect(lost).toEqual([403]);
    expect(asked).toHaveLength(1);
  });

  it('has not while the console knows its session, and is not asked about over and over', async () => {
    for (let round = 0; round < 20; round += 1) {
      take(API, 200, 403, 403, 403);
      await asked.at(-1)?.answer('alive');
      await vi.advanceTimersByTimeAsync(60_000);
    }
    expect(lost).toEqual([]);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('has when nothing but refusals comes, though nobody can be asked', async () => {
    take(DATA, 401);
    await asked[0]?.answer('unknown');
    take(DATA, 401, 401, 401, 401);
    expect(lost).toEqual([]);
    take(DATA, 401);
    expect(lost).toEqual([401]);
  });

  it('is asked about again after a while', async () => {
    take(DATA, 403);
    await asked[0]?.answer('unknown');
    take(DATA, 403);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5_000);
    take(DATA, 403);
    expect(asked).toHaveLength(2);
  });
});

it('makes nothing of refusals before the dashboard has painted', () => {
  watch.take(1, DATA, false, { status: 200 });
  for (let id = 2; id < 20; id += 1) watch.take(id, DATA, false, { status: 403 });
  expect([lost, asked]).toEqual([[], []]);
});

it('tells of data at most once a second, and of none that others were given', async () => {
  take(DATA, 200, 200, 304, 500);
  expect(data).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  take('https://telemetry.example.com/', 200);
  take(DATA, 403, 500, 0);
  expect(data).toBe(1);
  take(API, 200);
  expect(data).toBe(2);
});

it('follows calls that are on their way', () => {
  watch.take(1, DATA, false);
  expect(watch.calls.seen(false)).toBe('waiting');
  watch.take(1, DATA, false, { status: undefined });
  expect(watch.calls.seen(false)).toBe('none');
});

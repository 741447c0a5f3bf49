import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNodeClock } from '../node/clock.ts';
import { createNodeFetch } from '../node/http.ts';
import { startStandin, type Standin } from '../standin/index.ts';
import { listDashboards } from './list-dashboards.ts';

const READER = { name: 'reader', accessKeyId: 'AKIAREADER', secretAccessKey: 'reader-secret', allow: ['cloudwatch:*'] };
const STRANGER = { name: 'stranger', accessKeyId: 'AKIASTRANGER', secretAccessKey: 'stranger-secret' };
const NAMES = Array.from({ length: 7 }, (_, i) => `Gate-${i}`);

let standin: Standin;
beforeAll(async () => {
  standin = await startStandin({
    users: [READER, STRANGER],
    dashboards: [...NAMES, 'Cranes'].map((name) => ({ name })),
    dashboardPageSize: 3,
  });
});
afterAll(() => standin.stop());

const list = (more: Partial<Parameters<typeof listDashboards>[0]> = {}) =>
  listDashboards({
    fetch: createNodeFetch(),
    clock: createNodeClock(),
    credentials: READER,
    region: 'eu-west-1',
    endpoint: standin.urls.cloudwatch,
    timeoutMs: 5000,
    ...more,
  });

it('lists all pages, by a prefix too', async () => {
  expect(await list()).toEqual([...NAMES, 'Cranes']);
  expect(await list({ prefix: 'Gate-' })).toEqual(NAMES);
  expect(await list({ prefix: 'None' })).toEqual([]);
});

it('says who may not', async () => {
  await expect(list({ credentials: STRANGER })).rejects.toMatchObject({
    code: 'DASHBOARDS_REFUSED',
    message: expect.stringContaining('cloudwatch:ListDashboards') as string,
  });
});

it('says when CloudWatch does not work', async () => {
  await standin.control.fail('cloudwatch', { kind: 'status', status: 503 }, 1);
  await expect(list()).rejects.toMatchObject({ code: 'DASHBOARDS_UNAVAILABLE' });
});

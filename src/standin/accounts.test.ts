import { CloudWatchClient, ListDashboardsCommand } from '@aws-sdk/client-cloudwatch';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeStrip } from './strip-code.ts';
import { Browser, ROLE, assume, loginUrl, signinToken, startStage, stsClient } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

const OTHER = '444455556666';
const OTHER_ROLE = `arn:aws:iam::${OTHER}:role/Harbour`;
const NIGHT_ROLE = 'arn:aws:iam::111122223333:role/Night';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    roles: Object.fromEntries([ROLE, OTHER_ROLE, NIGHT_ROLE].map((arn) => [arn, { maxSessionDurationSeconds: 3600 }])),
    dashboards: [{ name: 'Main' }, { name: 'Secret', roles: ['Night'] }],
    accounts: { [OTHER]: { alias: 'other-harbour', dashboards: [{ name: 'Main' }, { name: 'Cranes' }] } },
  });
});
afterAll(() => stage.stop());

async function signIn(RoleArn: string): Promise<Browser> {
  const browser = new Browser();
  const page = await browser.open(loginUrl(stage, await signinToken(stage, await assume(stage, { RoleArn }))));
  expect(page.status).toBe(200);
  return browser;
}

async function data(browser: Browser, name: string, load = 0): Promise<{ status: number; strip: string }> {
  const query = `part=main&load=${load}&dashboard=${name}`;
  const { status, body } = await browser.open(`${stage.urls.console}/cloudwatch/data?${query}`);
  return { status, strip: (JSON.parse(body) as { strip?: string }).strip ?? '' };
}

describe('accounts side by side', () => {
  it('let a session see the dashboards of its own account and role alone', async () => {
    const [wall, other, night] = [await signIn(ROLE), await signIn(OTHER_ROLE), await signIn(NIGHT_ROLE)];
    const seen = (browser: Browser): Promise<number[]> =>
      Promise.all(['Main', 'Secret', 'Cranes'].map(async (name) => (await data(browser, name)).status));
    expect(await seen(wall)).toEqual([200, 403, 404]);
    expect(await seen(night)).toEqual([200, 200, 404]);
    expect(await seen(other)).toEqual([200, 404, 200]);
    expect(stage.control.liveSessions()).toBe(3);
  });

  it('are told apart by their pages, by STS and by ListDashboards', async () => {
    const other = await signIn(OTHER_ROLE);
    const page = await other.open(`${stage.urls.console}/cloudwatch/home?region=eu-west-1`);
    expect(page.body).toContain('other-harbour');
    expect(page.body).toContain(OTHER);
    expect(page.body).not.toContain('111122223333');
    const credentials = await assume(stage, { RoleArn: OTHER_ROLE });
    expect((await stsClient(stage, credentials).send(new GetCallerIdentityCommand({}))).Account).toBe(OTHER);
    const client = new CloudWatchClient({
      region: 'eu-west-1',
      credentials,
      endpoint: stage.urls.cloudwatch,
      maxAttempts: 1,
    });
    const { DashboardEntries: entries = [] } = await client.send(new ListDashboardsCommand({}));
    expect(entries.map((one) => one.DashboardName)).toEqual(['Main', 'Cranes']);
    expect(entries[0]?.DashboardArn).toBe(`arn:aws:cloudwatch::${OTHER}:dashboard/Main`);
  });

  it('give each dashboard a number of its own, which its strip shows with the load and the count of its data', async () => {
    const known = stage.control.dashboards();
    expect(known.map(({ account, name }) => `${account}/${name}`)).toEqual([
      '111122223333/Main',
      '111122223333/Secret',
      `${OTHER}/Main`,
      `${OTHER}/Cranes`,
    ]);
    expect(new Set(known.map(({ id }) => id)).size).toBe(4);
    const dashboardId = known.find(({ account, name }) => account === OTHER && name === 'Cranes')?.id ?? NaN;
    const other = await signIn(OTHER_ROLE);
    const strips = [(await data(other, 'Cranes', 300)).strip, (await data(other, 'Cranes', 300)).strip];
    const expected = Array.from({ length: 10 }, (_, n) =>
      [n, n + 1].map((dataSeq) => encodeStrip({ dashboardId, loadSeq: 300 % 256, dataSeq })),
    );
    expect(expected).toContainEqual(strips);
  });

  it('keeps the number of a dashboard that goes and comes back', () => {
    const id = (): unknown => stage.control.dashboards().find(({ name }) => name === 'Cranes')?.id;
    const before = id();
    stage.control.setDashboards([], OTHER);
    expect(id()).toBeUndefined();
    stage.control.setDashboards([{ name: 'New' }, { name: 'Cranes' }], OTHER);
    expect(id()).toBe(before);
  });

  it('have 256 numbers and refuse more dashboards', () => {
    const many = Array.from({ length: 257 }, (_, i) => ({ name: `D${i}` }));
    expect(() => {
      stage.control.setDashboards(many, '777788889999');
    }).toThrow(RangeError);
    expect(new Set(stage.control.dashboards().map(({ id }) => id)).size).toBe(stage.control.dashboards().length);
  });
});

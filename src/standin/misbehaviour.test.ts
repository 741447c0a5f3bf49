import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Orders } from './misbehaviour.ts';
import type { DataFault } from './index.ts';
import { Browser, ROLE, assume, loginUrl, signinToken, startStage } from './testing/setup.ts';
import type { Page, Stage } from './testing/setup.ts';

const OTHER_ROLE = 'arn:aws:iam::444455556666:role/Harbour';

let stage: Stage;
let wall: Browser;
let other: Browser;
beforeAll(async () => {
  stage = await startStage({
    roles: Object.fromEntries([ROLE, OTHER_ROLE].map((arn) => [arn, { maxSessionDurationSeconds: 3600 }])),
    dashboards: [{ name: 'Main' }, { name: 'Night' }, { name: 'Half', deniedWidgets: 4 }],
    accounts: { '444455556666': { dashboards: [{ name: 'Main' }] } },
  });
});
afterAll(() => stage.stop());
afterEach(() => stage.control.heal());

async function signIn(on: Stage, RoleArn: string): Promise<Browser> {
  const browser = new Browser();
  await browser.open(loginUrl(on, await signinToken(on, await assume(on, { RoleArn }))));
  return browser;
}

beforeAll(async () => {
  wall = await signIn(stage, ROLE);
  other = await signIn(stage, OTHER_ROLE);
});

const call = (browser: Browser, name = 'Main', part = 'main', load = 1, on = stage): Promise<Page> =>
  browser.open(`${on.urls.console}/cloudwatch/data?part=${part}&load=${load}&dashboard=${name}`);
const status = async (...args: Parameters<typeof call>): Promise<number> => (await call(...args)).status;
const home = (browser: Browser, on = stage): Promise<Page> =>
  browser.open(`${on.urls.console}/cloudwatch/home?region=eu-west-1`);
const last = (): unknown => stage.control.dataCalls().at(-1);

describe('data calls', () => {
  it('fail where, and as often as, the control says', async () => {
    stage.control.failData({ kind: 'status', status: 500 }, { account: '111122223333', dashboard: 'Main' });
    stage.control.failData({ kind: 'status', status: 403 }, { dashboard: 'Night', part: 'log' }, 1);
    expect([await status(wall), await status(wall, 'Night'), await status(other)]).toEqual([500, 200, 200]);
    expect([await status(wall, 'Night', 'log'), await status(wall, 'Night', 'log')]).toEqual([403, 200]);
    stage.control.healData({ dashboard: 'Night' });
    expect(await status(wall)).toBe(500);
    stage.control.healData({ dashboard: 'Main' });
    expect(await status(wall)).toBe(200);
  });

  it('can be narrowed to one session', async () => {
    const again = await signIn(stage, ROLE);
    const session = stage.control.sessions().at(-1)?.number ?? 0;
    stage.control.failData({ kind: 'timeout', ms: 1 }, { session });
    expect([await status(again), await status(wall)]).toEqual([504, 200]);
    expect(last()).toMatchObject({ account: '111122223333', role: 'Wall', status: 200 });
  });

  it('keep the console pages well', async () => {
    stage.control.failData({ kind: 'status', status: 503 });
    expect((await home(wall)).status).toBe(200);
  });

  it('lag, freeze and are slow', async () => {
    const endsAt = async (): Promise<number> =>
      (JSON.parse((await call(wall)).body) as { endsAt: number; time: number }).endsAt;
    const before = await endsAt();
    stage.control.failData({ kind: 'lag', ms: 3_600_000 });
    expect(await endsAt()).toBeLessThan(before - 3_500_000);
    stage.control.healData();
    stage.control.failData({ kind: 'frozen' });
    const seqs: number[] = [];
    for (let i = 0; i < 2; i++) {
      await call(wall);
      seqs.push((last() as { dataSeq: number }).dataSeq);
    }
    expect(new Set(seqs).size).toBe(1);
    expect(last()).toMatchObject({ fault: 'frozen' });
    stage.control.healData();
    stage.control.failData({ kind: 'slow', ms: 1 });
    await call(wall);
    expect((last() as { dataSeq: number }).dataSeq).toBe((seqs[0] ?? NaN) + 1);
  });

  it('take the cookies away and answer well', async () => {
    const browser = await signIn(stage, ROLE);
    expect(browser.cookies('console.localhost').size).toBe(2);
    stage.control.failData({ kind: 'drop-cookies' }, {}, 1);
    expect(await status(browser)).toBe(200);
    expect(browser.cookies('console.localhost').size).toBe(0);
    expect(await status(browser)).toBe(401);
  });

  it.each<DataFault>([{ kind: 'reset' }, { kind: 'cut-off' }])('give no answer: $kind', async (fault) => {
    stage.control.failData(fault, {}, 1);
    await expect(call(wall)).rejects.toThrow();
    expect(last()).toMatchObject({ status: 0, fault: fault.kind });
  });

  it('hang until the connection ends', async () => {
    const short = await startStage();
    const browser = await signIn(short, ROLE);
    short.control.failData({ kind: 'hang' });
    const hanging = expect(call(browser, 'Main', 'main', 1, short)).rejects.toThrow();
    while (short.control.dataCalls().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await short.stop();
    await hanging;
  });

  it('of some widgets are refused for ever, at the address of all the others', async () => {
    const main = JSON.parse((await call(wall, 'Half')).body) as { widgets: number };
    expect(main.widgets).toBe(4);
    expect([await status(wall, 'Half', 'widget-1'), await status(wall, 'Half', 'widget-4')]).toEqual([403, 403]);
  });

  it('are logged with their session, dashboard and load, and never with a secret', async () => {
    await call(other, 'Main', 'main', 7);
    expect(stage.control.dataCalls({ account: '444455556666' }).at(-1)).toMatchObject({
      load: 7,
      role: 'Harbour',
      dashboard: 'Main',
      part: 'main',
      status: 200,
      dataSeq: expect.any(Number) as unknown,
    });
    const cookie = other.cookies('console.localhost').get('aws-console-session') ?? '';
    expect(cookie).toHaveLength(32);
    expect(JSON.stringify([stage.control.dataCalls(), stage.control.sessions()])).not.toContain(cookie);
  });
});

describe('pages', () => {
  it.each([
    [{ kind: 'error-page' }, 200, 'Something went wrong'],
    [{ kind: 'status', status: 503 }, 503, 'Something went wrong'],
    [{ kind: 'white' }, 200, 'background:#ffffff'],
    [{ kind: 'one-colour', colour: '#102030' }, 200, 'background:#102030'],
    [{ kind: 'endless-resource' }, 200, '/static/endless'],
    [{ kind: 'slow', ms: 1 }, 200, '/static/dashboard.js'],
  ] as const)('load badly: %j', async (fault, expectedStatus, text) => {
    stage.control.failPages(fault, { role: 'Wall' }, 1);
    const page = await home(wall);
    expect(page.status).toBe(expectedStatus);
    expect(page.body).toContain(text);
    expect((await home(wall)).body).not.toContain(fault.kind === 'slow' ? '/static/endless' : text);
    expect(stage.control.pageLoads().at(-2)).toMatchObject({ fault: fault.kind, role: 'Wall' });
  });

  it('of another account load well', async () => {
    stage.control.failPages({ kind: 'white' }, { account: '111122223333' });
    expect((await home(other)).body).toContain('dashboard.js');
    expect((await home(wall)).body).not.toContain('dashboard.js');
    stage.control.healPages();
    expect((await home(wall)).body).toContain('dashboard.js');
  });

  it('begin and never end', async () => {
    const short = await startStage();
    const browser = await signIn(short, ROLE);
    short.control.failPages({ kind: 'endless' });
    const endless = expect(home(browser, short)).rejects.toThrow();
    while (short.control.pageLoads().at(-1)?.fault !== 'endless')
      await new Promise((resolve) => setTimeout(resolve, 5));
    await short.stop();
    await endless;
  });

  it('are told once what to do, with the answer to a main data call', async () => {
    stage.control.tellPages({ kind: 'white' }, { dashboard: 'Night' });
    await call(wall, 'Night', 'log');
    expect(last()).not.toHaveProperty('trick');
    await call(wall, 'Main');
    expect(last()).not.toHaveProperty('trick');
    await call(wall, 'Night');
    expect(last()).toMatchObject({ trick: 'white', status: 200 });
    await call(wall, 'Night');
    expect(last()).not.toHaveProperty('trick');
  });

  it('are counted, and their dashboards known from their first data call', async () => {
    await home(wall);
    const load = stage.control.pageLoads().at(-1)?.load ?? NaN;
    expect(stage.control.pageLoads().at(-1)).not.toHaveProperty('dashboard');
    await call(wall, 'Night', 'main', load);
    expect(stage.control.pageLoads({ dashboard: 'Night' }).at(-1)?.load).toBe(load);
    await home(wall);
    expect(stage.control.pageLoads().at(-1)?.load).toBe(load + 1);
  });
});

describe('sessions', () => {
  it('are revoked by account and role, and the others live on', async () => {
    const before = stage.control.liveSessions({ account: '444455556666' });
    expect(before).toBeGreaterThan(0);
    expect(stage.control.endSessionsNow({ role: 'Harbour' })).toBe(before);
    expect([await status(other), await status(wall)]).toEqual([401, 200]);
    expect(stage.control.sessions().filter(({ account }) => account === '444455556666')).toMatchObject([
      { role: 'Harbour', isLive: false },
    ]);
  });
});

describe('the control over HTTP', () => {
  const ask = async (name: string, input: unknown): Promise<{ status: number; text: string }> => {
    const headers = { authorization: `Bearer ${stage.controlApi.token}` };
    const url = `${stage.controlApi.url}/${name}`;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(input) });
    return { status: response.status, text: await response.text() };
  };

  it('does what the control does', async () => {
    await ask('failData', { fault: { kind: 'status', status: 500 }, scope: { dashboard: 'Main' }, times: 1 });
    expect([await status(wall), await status(wall)]).toEqual([500, 200]);
    await ask('failPages', { fault: { kind: 'white' } });
    await ask('tellPages', { trick: { kind: 'bounce', by: 'redirect' } });
    expect((await home(wall)).body).not.toContain('dashboard.js');
    await ask('healPages', {});
    await call(wall);
    expect(last()).not.toHaveProperty('trick');
    expect(JSON.parse((await ask('dataCalls', { scope: { part: 'main' } })).text)).toHaveLength(
      stage.control.dataCalls({ part: 'main' }).length,
    );
    for (const name of ['sessions', 'pageLoads', 'dashboards', 'healData'])
      expect((await ask(name, {})).status).toBe(200);
  });

  it.each([
    ['failData', { fault: { kind: 'down' } }],
    ['failData', { fault: { kind: 'lag' } }],
    ['failData', { fault: { kind: 'frozen' }, scope: { dashbord: 'Main' } }],
    ['failPages', { fault: { kind: 'white' }, scope: { dashboard: 'Main' } }],
    ['tellPages', { trick: { kind: 'one-colour', colour: 'red;' } }],
    ['setAlarmState', { name: 'absent', state: 'ALARM' }],
    ['setAlarms', { alarms: 'none' }],
    ['setDashboards', { dashboards: [{}] }],
  ])('refuses what it cannot do: %s %j', async (name, input) => {
    const { status: code, text } = await ask(name, input);
    expect(code).toBe(400);
    expect(text).not.toMatch(/\n\s+at /);
  });
});

describe('orders', () => {
  it('are followed newest first, and taken back by what they name', () => {
    const orders = new Orders<string>();
    orders.add('all', {}, 1, Infinity);
    orders.add('night', { dashboard: 'Night' }, 2, 2);
    const facts = { dashboard: 'Night', session: 1 };
    expect([1, 2, 3].map(() => orders.take(facts)?.what)).toEqual(['night', 'night', 'all']);
    orders.clear({ dashboard: 'Night' });
    expect(orders.take(facts)).toMatchObject({ what: 'all', since: 1 });
    orders.clear({});
    expect(orders.take(facts)).toBeUndefined();
  });
});

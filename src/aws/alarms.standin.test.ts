import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createNodeClock } from '../node/clock.ts';
import { createNodeFetch } from '../node/http.ts';
import { READER, USER, assume, startStage, type Stage } from '../standin/testing/setup.ts';
import { describeAlarms, type DescribeAlarmsOptions } from './alarms.ts';

const BARE_ROLE = 'arn:aws:iam::111122223333:role/Bare';
const many = Array.from({ length: 130 }, (_, i) => ({ name: `many-${i}`, state: 'ALARM' as const }));
const ALARMS = [
  ...many,
  { name: 'quiet' },
  { name: 'loud', state: 'ALARM' as const },
  { name: 'lost', state: 'INSUFFICIENT_DATA' as const },
  { name: 'both', type: 'CompositeAlarm' as const, state: 'ALARM' as const },
  { name: 'far', region: 'us-east-1', state: 'ALARM' as const },
];

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    regions: ['eu-west-1', 'us-east-1'],
    alarms: ALARMS,
    roles: {
      'arn:aws:iam::111122223333:role/Wall': { maxSessionDurationSeconds: 3600 },
      [BARE_ROLE]: { maxSessionDurationSeconds: 3600, allow: ['cloudwatch:ListDashboards'] },
    },
  });
});
afterEach(async () => {
  await stage.control.heal();
  stage.control.clearRequests();
});
afterAll(() => stage.stop());

const ask = (changes: Partial<DescribeAlarmsOptions> = {}) =>
  describeAlarms({
    fetch: createNodeFetch(),
    clock: createNodeClock(),
    credentials: READER,
    region: 'eu-west-1',
    endpoint: stage.urls.cloudwatch,
    timeoutMs: 10_000,
    ...changes,
  });

const asked = () => stage.control.requests().filter(({ action }) => action === 'DescribeAlarms').length;

it('finds the alarms that ring among the names, metric and composite', async () => {
  expect(await ask({ names: ['loud', 'quiet', 'lost', 'both', 'absent', 'far'] })).toEqual([
    { name: 'loud', kind: 'metric' },
    { name: 'both', kind: 'composite' },
  ]);
  expect(await ask({ names: ['quiet', 'lost', 'absent'] })).toEqual([]);
  expect(await ask({ names: ['far', 'loud'], region: 'us-east-1' })).toEqual([{ name: 'far', kind: 'metric' }]);
});

it('goes through all pages of a prefix', async () => {
  const found = await ask({ prefix: 'many-' });
  expect(new Set(found.map(({ name }) => name))).toEqual(new Set(many.map(({ name }) => name)));
  expect(asked()).toBe(2);
});

it('asks for more names than AWS takes at a time, and for names and a prefix', async () => {
  const found = await ask({ names: [...many.map(({ name }) => name), 'both'], prefix: 'lou' });
  expect(found).toHaveLength(many.length + 2);
  expect(asked()).toBe(3);
});

it('asks with temporary credentials', async () => {
  expect(await ask({ credentials: await assume(stage), names: ['loud'] })).toHaveLength(1);
});

it.each([{}, { names: [] }, { prefix: '' }])('refuses to ask for all alarms (%j)', async (nothing) => {
  await expect(ask(nothing)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  expect(stage.control.requests()).toEqual([]);
});

it.each([
  ['a user without the permission', USER, /arn:aws:iam::111122223333:user\/wall.*cloudwatch:DescribeAlarms/],
  ['a wrong secret', { ...READER, secretAccessKey: 'wrong' }, /InvalidSignatureException/],
  ['an unknown key', { ...READER, accessKeyId: 'AKIAUNKNOWN' }, /AKIAUNKNOWN/],
])('tells what to do about %s', async (_, credentials, sentence) => {
  await expect(ask({ credentials, names: ['loud'] })).rejects.toMatchObject({ code: 'ALARMS_REFUSED' });
  await expect(ask({ credentials, names: ['loud'] })).rejects.toThrow(sentence);
});

it('names the role that lacks the permission', async () => {
  const credentials = await assume(stage, { RoleArn: BARE_ROLE });
  await expect(ask({ credentials, names: ['loud'] })).rejects.toThrow(/assumed-role\/Bare\/wall/);
});

it('says when the names cannot be', async () => {
  const refused = ask({ names: ['x'.repeat(256)] });
  await expect(refused).rejects.toMatchObject({ code: 'ALARMS_REFUSED' });
  await expect(refused).rejects.toThrow(/names or the prefix/);
});

it('asks by the time of AWS when this machine has another, and keeps to it', async () => {
  const clockOffset = { ms: 0 };
  stage.advance(3_600_000);
  expect(await ask({ names: ['loud'], clockOffset })).toHaveLength(1);
  expect([asked(), Math.round(clockOffset.ms / 60_000)]).toEqual([2, 60]);
  expect(await ask({ names: ['loud'], clockOffset })).toHaveLength(1);
  expect(asked()).toBe(3);
  stage.advance(-3_600_000);
});

it('says when the credentials have ended', async () => {
  const credentials = await assume(stage);
  stage.advance(2 * 3_600_000);
  const refused = ask({ credentials, names: ['loud'] });
  await expect(refused).rejects.toMatchObject({ code: 'ALARMS_REFUSED' });
  await expect(refused).rejects.toThrow(/expired/);
  stage.advance(-2 * 3_600_000);
});

it.each([
  [{ kind: 'status', status: 503 }, 'ALARMS_UNAVAILABLE', /does not work at the moment \(503\)/],
  [{ kind: 'status', status: 429 }, 'ALARMS_UNAVAILABLE', /no more questions/],
  [{ kind: 'status', status: 404 }, 'ALARMS_UNAVAILABLE', /proxy or portal/],
  [{ kind: 'not-json' }, 'ALARMS_UNAVAILABLE', /proxy or portal/],
  [{ kind: 'huge' }, 'ALARMS_UNAVAILABLE', /far more than alarms/],
  [{ kind: 'cut-off' }, 'NETWORK_INTERRUPTED', /./],
  [{ kind: 'reset' }, 'NETWORK_INTERRUPTED', /./],
  [{ kind: 'down' }, 'NETWORK_REFUSED', /./],
  [{ kind: 'hang' }, 'NETWORK_TIMEOUT', /./],
] as const)('takes %j for a failure that may pass', async (fault, code, sentence) => {
  await stage.control.fail('cloudwatch', fault);
  const failing = ask({ names: ['loud'], ...(fault.kind === 'hang' ? { timeoutMs: 50 } : {}) });
  await expect(failing).rejects.toMatchObject({ code });
  await expect(failing).rejects.toThrow(sentence);
});

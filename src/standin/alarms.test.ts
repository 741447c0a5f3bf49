import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import type { DescribeAlarmsCommandInput, DescribeAlarmsCommandOutput } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READER, USER, assume, startStage } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

const OTHER = '444455556666';
const OTHER_ROLE = `arn:aws:iam::${OTHER}:role/Wall`;
const BARE_ROLE = 'arn:aws:iam::111122223333:role/Bare';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    regions: ['eu-west-1', 'us-east-1'],
    roles: {
      'arn:aws:iam::111122223333:role/Wall': { maxSessionDurationSeconds: 3600 },
      [OTHER_ROLE]: { maxSessionDurationSeconds: 3600 },
      [BARE_ROLE]: { maxSessionDurationSeconds: 3600, allow: ['cloudwatch:ListDashboards'] },
    },
    alarms: [
      { name: 'cranes-2' },
      { name: 'cranes-1', state: 'INSUFFICIENT_DATA' },
      { name: 'gates', region: 'us-east-1', state: 'ALARM', reason: 'The gate is open.' },
      { name: 'harbour', type: 'CompositeAlarm' },
      { name: 'errors in the log', type: 'LogAlarm' },
    ],
    accounts: { [OTHER]: { alarms: [{ name: 'theirs', state: 'ALARM' }] } },
  });
});
afterAll(() => stage.stop());

interface Who {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

function ask(
  input: DescribeAlarmsCommandInput = {},
  credentials: Who = READER,
  region = 'eu-west-1',
): Promise<DescribeAlarmsCommandOutput> {
  const client = new CloudWatchClient({ region, credentials, endpoint: stage.urls.cloudwatch, maxAttempts: 1 });
  return client.send(new DescribeAlarmsCommand(input));
}

const names = ({ MetricAlarms: all = [] }: DescribeAlarmsCommandOutput): unknown[] => all.map((one) => one.AlarmName);

describe('DescribeAlarms', () => {
  it('gives the metric alarms of the region, with what the API says of each', async () => {
    const answer = await ask();
    expect(names(answer)).toEqual(['cranes-1', 'cranes-2']);
    expect([answer.CompositeAlarms, answer.LogAlarms, answer.NextToken]).toEqual([[], [], undefined]);
    const [gates] = (await ask({}, READER, 'us-east-1')).MetricAlarms ?? [];
    expect(gates).toMatchObject({
      AlarmName: 'gates',
      AlarmArn: 'arn:aws:cloudwatch:us-east-1:111122223333:alarm:gates',
      StateValue: 'ALARM',
      StateReason: 'The gate is open.',
      StateUpdatedTimestamp: expect.any(Date) as unknown,
      StateTransitionedTimestamp: expect.any(Date) as unknown,
    });
  });

  it('filters by names, prefix, state and type', async () => {
    expect(names(await ask({ AlarmNames: ['cranes-2', 'gates', 'absent'] }))).toEqual(['cranes-2']);
    expect(names(await ask({ AlarmNamePrefix: 'cranes-' }))).toEqual(['cranes-1', 'cranes-2']);
    expect(names(await ask({ StateValue: 'INSUFFICIENT_DATA' }))).toEqual(['cranes-1']);
    expect(names(await ask({ ActionPrefix: 'arn:aws:sns' }))).toEqual([]);
    const both = await ask({ AlarmTypes: ['CompositeAlarm', 'LogAlarm'] });
    expect([both.MetricAlarms, both.CompositeAlarms, both.LogAlarms]).toMatchObject([
      [],
      [{ AlarmName: 'harbour' }],
      [{ AlarmName: 'errors in the log' }],
    ]);
  });

  it('goes on page by page, and takes a token for the question only that it belongs to', async () => {
    const question = { AlarmTypes: ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'] as const, MaxRecords: 3 };
    const first = await ask({ ...question, AlarmTypes: [...question.AlarmTypes] });
    expect([first.MetricAlarms?.length, first.CompositeAlarms?.length, first.LogAlarms?.length]).toEqual([2, 1, 0]);
    const NextToken = first.NextToken ?? '';
    const second = await ask({ ...question, AlarmTypes: [...question.AlarmTypes], NextToken });
    expect([second.MetricAlarms, second.LogAlarms?.length, second.NextToken]).toEqual([[], 1, undefined]);
    for (const wrong of [{ NextToken }, { NextToken: 'made-up' }])
      await expect(ask(wrong)).rejects.toMatchObject({ name: 'InvalidNextToken' });
  });

  it.each<[string, DescribeAlarmsCommandInput]>([
    ['MaxRecords 0', { MaxRecords: 0 }],
    ['MaxRecords 101', { MaxRecords: 101 }],
    ['101 names', { AlarmNames: Array.from({ length: 101 }, (_, i) => `alarm-${i}`) }],
    ['an empty name', { AlarmNames: [''] }],
    ['a name of 256 characters', { AlarmNames: ['x'.repeat(256)] }],
    ['an empty prefix', { AlarmNamePrefix: '' }],
    ['names and a prefix', { AlarmNames: ['cranes-1'], AlarmNamePrefix: 'cranes' }],
    ['another state', { StateValue: 'BROKEN' as 'OK' }],
    ['another type', { AlarmTypes: ['MetricAlarms' as 'MetricAlarm'] }],
    ['children and a state', { ChildrenOfAlarmName: 'harbour', StateValue: 'OK' }],
  ])('refuses %s', async (_name, input) => {
    await expect(ask(input)).rejects.toMatchObject({ name: 'ValidationException', $metadata: { httpStatusCode: 400 } });
  });

  it('refuses what is not of its type', async () => {
    await expect(ask({ MaxRecords: 1.5 })).rejects.toMatchObject({ name: 'SerializationException' });
  });

  it('needs a signature of a live credential and cloudwatch:DescribeAlarms', async () => {
    await expect(ask({}, { ...READER, secretAccessKey: 'wrong' })).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    for (const who of [USER, await assume(stage, { RoleArn: BARE_ROLE })])
      await expect(ask({}, who)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it("never shows another account's alarms", async () => {
    expect(names(await ask({}, await assume(stage, { RoleArn: OTHER_ROLE })))).toEqual(['theirs']);
    expect(names(await ask({}, await assume(stage)))).not.toContain('theirs');
  });

  it('follows the control', async () => {
    const state = async (): Promise<unknown> => (await ask({ AlarmNames: ['cranes-2'] })).MetricAlarms?.[0]?.StateValue;
    stage.control.setAlarmState('cranes-2', 'ALARM');
    expect(await state()).toBe('ALARM');
    stage.control.setAlarmState('cranes-2', 'OK');
    expect(await state()).toBe('OK');
    stage.control.setAlarmState('theirs', 'OK', { account: OTHER, reason: 'All is well.' });
    const [theirs] = (await ask({}, await assume(stage, { RoleArn: OTHER_ROLE }))).MetricAlarms ?? [];
    expect([theirs?.StateValue, theirs?.StateReason]).toEqual(['OK', 'All is well.']);
    expect(() => {
      stage.control.setAlarmState('theirs', 'OK');
    }).toThrow(/no alarm/);
    stage.control.setAlarms([{ name: 'only' }]);
    expect(names(await ask())).toEqual(['only']);
  });
});

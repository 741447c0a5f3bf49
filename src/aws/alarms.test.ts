import { expect, it } from 'vitest';
import { describeAlarms, type DescribeAlarmsOptions } from './alarms.ts';
import { ASSUMED, fakeClock, fakeFetch, NOW, type Reply } from './testing/fakes.ts';

const JSON_HEADERS = { 'content-type': 'application/x-amz-json-1.0', date: new Date(NOW).toUTCString() };
const answer = (fields: unknown, status = 200, headers = {}): Reply => ({
  status,
  headers: { ...JSON_HEADERS, ...headers },
  body: JSON.stringify(fields),
});

function asking(
  reply: (input: Record<string, unknown>, call: number) => Reply,
  changes: Partial<DescribeAlarmsOptions> = {},
) {
  const inputs: Record<string, unknown>[] = [];
  const { fetch, requests } = fakeFetch((_form, { body }) => {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
    const input = JSON.parse(text) as Record<string, unknown>;
    inputs.push(input);
    return reply(input, inputs.length);
  });
  const options = {
    fetch,
    clock: fakeClock(),
    credentials: ASSUMED,
    region: 'eu-west-1',
    prefix: 'a',
    timeoutMs: 1000,
  };
  return { requests, inputs, result: describeAlarms({ ...options, ...changes }) };
}

it('asks the regional endpoint of the partition', async () => {
  const regions = { 'eu-west-1': 'amazonaws.com', 'cn-north-1': 'amazonaws.com.cn', 'us-gov-west-1': 'amazonaws.com' };
  for (const [region, domain] of Object.entries(regions)) {
    const { requests, result } = asking(() => answer({}), { region });
    expect(await result).toEqual([]);
    expect(requests[0]?.url).toBe(`https://monitoring.${region}.${domain}/`);
    expect(requests[0]?.timeoutMs).toBe(1000);
  }
  await expect(asking(() => answer({}), { region: 'nowhere' }).result).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
  });
});

it('asks for both kinds of alarms that ring', async () => {
  const { inputs, result } = asking(() => answer({}));
  await result;
  expect(inputs[0]).toMatchObject({
    AlarmNamePrefix: 'a',
    StateValue: 'ALARM',
    AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
  });
});

it('goes past pages that are empty and not the last', async () => {
  const { inputs, result } = asking((_input, call) =>
    answer(call < 4 ? { NextToken: `page-${call}` } : { MetricAlarms: [{ AlarmName: 'a', StateValue: 'ALARM' }] }),
  );
  expect(await result).toEqual([{ name: 'a', kind: 'metric' }]);
  expect(inputs.map(({ NextToken }) => NextToken)).toEqual([undefined, 'page-1', 'page-2', 'page-3']);
});

it('does not follow pages without end', async () => {
  const nothing = asking(() => answer({ NextToken: 'again' }));
  await expect(nothing.result).rejects.toMatchObject({ code: 'ALARMS_UNAVAILABLE' });
  expect(nothing.inputs).toHaveLength(50);
  const something = asking(() =>
    answer({ NextToken: 'again', MetricAlarms: [{ AlarmName: 'a', StateValue: 'ALARM' }] }),
  );
  expect(await something.result).toEqual([{ name: 'a', kind: 'metric' }]);
});

it('takes only what is in ALARM for ringing, whatever else comes', async () => {
  const { result } = asking(() =>
    answer({
      MetricAlarms: [{ AlarmName: 'ok', StateValue: 'OK' }, { StateValue: 'ALARM' }, {}],
      CompositeAlarms: [{ AlarmName: 'lost', StateValue: 'INSUFFICIENT_DATA' }],
    }),
  );
  expect(await result).toEqual([]);
});

it.each([
  [{ __type: 'com.amazonaws.cloudwatch#InvalidNextToken', message: 'm' }, 400, 'ALARMS_UNAVAILABLE', /lost its place/],
  [{ __type: 'ThrottlingException', message: 'Rate exceeded' }, 400, 'ALARMS_UNAVAILABLE', /no more questions/],
  [{ __type: 'InternalServiceFault' }, 500, 'ALARMS_UNAVAILABLE', /InternalServiceFault/],
  [{ __type: 'OptInRequired' }, 403, 'ALARMS_REFUSED', /ASIAIOSFODNN7EXAMPLE/],
  [{ __type: 'MissingAuthenticationTokenException' }, 403, 'ALARMS_REFUSED', /signature/],
  [{ __type: 'SomethingNew' }, 400, 'ALARMS_REFUSED', /SomethingNew/],
  [{ message: 'Forbidden' }, 403, 'ALARMS_UNAVAILABLE', /status 403/],
  ['text', 400, 'ALARMS_UNAVAILABLE', /proxy or portal/],
])('tells what %j with status %i means', async (body, status, code, sentence) => {
  const { result } = asking(() => answer(body, status));
  await expect(result).rejects.toMatchObject({ code });
  await expect(result).rejects.toThrow(sentence);
});

it('passes on when a server wants to be asked again', async () => {
  const { result } = asking(() => answer({ __type: 'ThrottlingException' }, 400, { 'retry-after': '90' }));
  await expect(result).rejects.toMatchObject({ retryAfterMs: 90_000 });
});

it('gives up on a clock that stays refused', async () => {
  const refusal = { __type: 'InvalidSignatureException', message: 'Signature expired' };
  const late = { date: new Date(NOW + 3_600_000).toUTCString() };
  const { inputs, result } = asking(() => answer(refusal, 400, late));
  await expect(result).rejects.toMatchObject({ code: 'ALARMS_REFUSED' });
  expect(inputs).toHaveLength(2);
});

it('never quotes what AWS said, nor what the credentials are', async () => {
  const message = `The canonical string was ${ASSUMED.sessionToken} ${ASSUMED.secretAccessKey}`;
  for (const code of ['InvalidSignatureException', 'AccessDeniedException', 'ValidationException', 'Whatever']) {
    const { result } = asking(() => answer({ __type: code, message }, 400));
    const error: unknown = await result.catch((thrown: unknown) => thrown);
    expect(String(error)).not.toMatch(/canonical|assumedSecret|IQoJ/);
    expect(String(error instanceof Error ? error.cause : '')).not.toMatch(/canonical|assumedSecret|IQoJ/);
  }
});

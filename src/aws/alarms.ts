import { CloudWatchClient, DescribeAlarmsCommand, type DescribeAlarmsCommandInput } from '@aws-sdk/client-cloudwatch';
import type { DescribeAlarmsCommandOutput } from '@aws-sdk/client-cloudwatch';
import { orTooLarge } from '../autoid/too-large.ts';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, HttpResponse } from '../core/ports.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../keys/sdk-request-handler.ts';
import { alarmsError, type AlarmsCall, isClockRefusal } from './alarms-errors.ts';
import type { ClockOffset } from './assume-role.ts';
import { partitionOfRegion } from './partitions.ts';
import { clockAheadMs } from './sts-errors.ts';

export interface DescribeAlarmsOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly credentials: AwsCredentials;
  readonly region: string;
  /** Instead of the regional endpoint. */
  readonly endpoint?: string;
  /** Names of alarms, a prefix of their names, or both: then all that fit either. */
  readonly names?: readonly string[];
  readonly prefix?: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  /** What is added to this machine's time for signing; set when AWS refuses this machine's time. Keep one for all questions. */
  readonly clockOffset?: ClockOffset;
}

export interface RingingAlarm {
  readonly name: string;
  readonly kind: 'metric' | 'composite';
}

/** DescribeAlarms takes this many names, and gives this many alarms, at a time. */
const MOST_NAMES = 100;
const MOST_RECORDS = 100;
/** 100 alarms with their queries and reasons; far more than any have. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
/** Calls for one set of names or one prefix. CloudWatch may give pages that are empty and not the last. */
const MOST_PAGES = 50;

/**
 * The metric and composite alarms among those named that are in ALARM now (CloudWatch API, DescribeAlarms), with the given
 * credentials and nothing else. Composite alarms are told only to those who may do cloudwatch:DescribeAlarms on `*`.
 * Names that no alarm has are no error: AWS leaves them out.
 *
 * Throws ALARMS_REFUSED (a person must do something), ALARMS_UNAVAILABLE (it may pass), SETTINGS_INVALID for a bad region or when
 * neither names nor a prefix are given, and what the Fetch port throws.
 */
export async function describeAlarms(options: DescribeAlarmsOptions): Promise<readonly RingingAlarm[]> {
  const { names = [], prefix } = options;
  const sets: DescribeAlarmsCommandInput[] = [];
  // AWS takes either names or a prefix in one call.
  for (let start = 0; start < names.length; start += MOST_NAMES) {
    sets.push({ AlarmNames: names.slice(start, start + MOST_NAMES) });
  }
  if (prefix !== undefined && prefix !== '') sets.push({ AlarmNamePrefix: prefix });
  if (sets.length === 0) {
    throw new AppError('SETTINGS_INVALID', 'Alarms must be named, by their names or by a prefix of their names.');
  }
  const clockOffset = options.clockOffset ?? { ms: 0 };
  const found = new Map<string, RingingAlarm>();
  for (const set of sets) {
    for (const alarm of await allPages({ ...options, clockOffset }, set)) found.set(alarm.name, alarm);
  }
  return [...found.values()];
}

type Options = DescribeAlarmsOptions & { readonly clockOffset: ClockOffset };

async function allPages(options: Options, set: DescribeAlarmsCommandInput): Promise<readonly RingingAlarm[]> {
  const found: RingingAlarm[] = [];
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const output = await send(options, {
      ...set,
      StateValue: 'ALARM',
      // Without this AWS tells of metric alarms alone.
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: MOST_RECORDS,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    found.push(...ringingIn(output.MetricAlarms, 'metric'), ...ringingIn(output.CompositeAlarms, 'composite'));
    token = output.NextToken;
    if (token === undefined || token === '') return found;
  }
  // One that rings is enough to know.
  if (found.length > 0) return found;
  const sentence = `CloudWatch in ${options.region} gave ${MOST_PAGES} pages of alarms and no end: name fewer alarms, or a longer prefix.`;
  throw new AppError('ALARMS_UNAVAILABLE', sentence);
}

interface SdkAlarm {
  readonly AlarmName?: string | undefined;
  readonly StateValue?: string | undefined;
}

function ringingIn(alarms: readonly SdkAlarm[] | undefined, kind: RingingAlarm['kind']): readonly RingingAlarm[] {
  const ringing: RingingAlarm[] = [];
  for (const { AlarmName, StateValue } of alarms ?? []) {
    if (AlarmName !== undefined && StateValue === 'ALARM') ringing.push({ name: AlarmName, kind });
  }
  return ringing;
}

/** One page; signed a second time where AWS refuses this machine's clock, by AWS's. */
async function send(options: Options, input: DescribeAlarmsCommandInput): Promise<DescribeAlarmsCommandOutput> {
  const { clock, clockOffset } = options;
  const first = await sendOnce(options, input);
  if ('output' in first) return first.output;
  const aheadMs = isClockRefusal(first.answer, first.call) ? clockAheadMs(first.answer, clock.now()) : undefined;
  if (aheadMs === undefined) throw alarmsError(first.answer, first.call);
  clockOffset.ms = -aheadMs;
  const second = await sendOnce(options, input);
  if ('output' in second) return second.output;
  throw alarmsError(second.answer, second.call);
}

type Reply =
  { readonly output: DescribeAlarmsCommandOutput } | { readonly answer: HttpResponse; readonly call: AlarmsCall };

/** The SDK's one call. An answer that the SDK has no result of is handed back to be judged by itself. */
async function sendOnce(options: Options, input: DescribeAlarmsCommandInput): Promise<Reply> {
  const { region, credentials, timeoutMs, clockOffset } = options;
  const endpoint = options.endpoint ?? `https://monitoring.${region}.${partitionOfRegion(region).serviceDomain}`;
  const endpointHost = new URL(endpoint).host;
  let answer: HttpResponse | undefined;
  const recording: Fetch = async (request) => (answer = await options.fetch(request));
  const client = new CloudWatchClient({
    region,
    endpoint,
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    },
    systemClockOffset: clockOffset.ms,
    requestHandler: sdkRequestHandler(recording, { timeoutMs, maxBytes: LONGEST_ANSWER }),
    ...SDK_CLIENT_OPTIONS,
  });
  try {
    const tooLarge = `${endpointHost} answered DescribeAlarms with far more than alarms: check aws.endpoints and the proxy.`;
    const sending = client.send(new DescribeAlarmsCommand(input));
    return { output: await orTooLarge(sending, 'ALARMS_UNAVAILABLE', tooLarge) };
  } catch (error) {
    if (error instanceof AppError || answer === undefined) throw error;
    return { answer, call: { region, endpointHost, accessKeyId: credentials.accessKeyId, now: options.clock.now() } };
  } finally {
    client.destroy();
  }
}

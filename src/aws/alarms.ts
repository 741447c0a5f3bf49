import { DescribeAlarmsCommand, type DescribeAlarmsCommandInput } from '@aws-sdk/client-cloudwatch';
import { AppError } from '../core/errors.ts';
import type { ClockOffset } from './assume-role.ts';
import { callCloudWatch, type CloudWatchOptions, endless, MOST_PAGES } from './cloudwatch-call.ts';
import { ALARMS_QUESTION } from './cloudwatch-errors.ts';

export interface DescribeAlarmsOptions extends CloudWatchOptions {
  /** Names of alarms, a prefix of their names, or both: then all that fit either. */
  readonly names?: readonly string[];
  readonly prefix?: string;
}

export interface RingingAlarm {
  readonly name: string;
  readonly kind: 'metric' | 'composite';
}

/** DescribeAlarms takes this many names, and gives this many alarms, at a time. */
const MOST_NAMES = 100;
const MOST_RECORDS = 100;

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
    const input: DescribeAlarmsCommandInput = {
      ...set,
      StateValue: 'ALARM',
      // Without this AWS tells of metric alarms alone.
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: MOST_RECORDS,
      ...(token === undefined ? {} : { NextToken: token }),
    };
    const output = await callCloudWatch(options, ALARMS_QUESTION, (client) =>
      client.send(new DescribeAlarmsCommand(input)),
    );
    found.push(...ringingIn(output.MetricAlarms, 'metric'), ...ringingIn(output.CompositeAlarms, 'composite'));
    token = output.NextToken;
    if (token === undefined || token === '') return found;
  }
  // One that rings is enough to know.
  if (found.length > 0) return found;
  throw endless(options.region, ALARMS_QUESTION);
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

/** CloudWatch's DescribeAlarms, with the constraints of its API reference and SDK model. */
import { createHash } from 'node:crypto';
import type { Account, Alarm } from './accounts.ts';
import type { JsonResult } from './json-service.ts';
import { ALARM_STATES, ALARM_TYPES } from './types.ts';

/** Alarms in an answer when MaxRecords is left out. The reference does not say; the service was seen to give 50. */
const DEFAULT_RECORDS = 50;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  AlarmNames: isStrings,
  AlarmNamePrefix: isString,
  AlarmTypes: isStrings,
  ChildrenOfAlarmName: isString,
  ParentsOfAlarmName: isString,
  StateValue: isString,
  ActionPrefix: isString,
  MaxRecords: Number.isInteger,
  NextToken: isString,
};

interface Question {
  readonly AlarmNames?: readonly string[];
  readonly AlarmNamePrefix?: string;
  readonly AlarmTypes?: readonly string[];
  readonly ChildrenOfAlarmName?: string;
  readonly ParentsOfAlarmName?: string;
  readonly StateValue?: string;
  readonly ActionPrefix?: string;
  readonly MaxRecords?: number;
  readonly NextToken?: string;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every(isString);
}

function invalid(message: string): JsonResult {
  const code = 'com.amazon.coral.validate#ValidationException';
  return { failure: { code, message, queryCode: 'ValidationError' } };
}

/** What the question breaks of the API's constraints, in AWS's manner of saying it. */
function violations(question: Question): string[] {
  const broken: string[] = [];
  const check = (field: string, value: string | number, holds: boolean, rule: string): void => {
    if (!holds) broken.push(`Value '${value}' at '${field}' failed to satisfy constraint: Member must ${rule}`);
  };
  const length = (field: string, value: string | undefined, most: number): void => {
    if (value === undefined) return;
    check(field, value, value.length >= 1, 'have length greater than or equal to 1');
    check(field, value, value.length <= most, `have length less than or equal to ${most}`);
  };
  const { AlarmNames: names = [], AlarmTypes: types = [], MaxRecords: records, StateValue: state } = question;
  check('alarmNames', `[${names.length} names]`, names.length <= 100, 'have length less than or equal to 100');
  names.forEach((name, i) => {
    length(`alarmNames.${i + 1}.member`, name, 255);
  });
  length('alarmNamePrefix', question.AlarmNamePrefix, 255);
  length('childrenOfAlarmName', question.ChildrenOfAlarmName, 255);
  length('parentsOfAlarmName', question.ParentsOfAlarmName, 255);
  length('actionPrefix', question.ActionPrefix, 1024);
  length('nextToken', question.NextToken, 1024);
  const oneOf = (all: readonly string[]): string => `satisfy enum value set: [${all.join(', ')}]`;
  for (const type of types) check('alarmTypes', type, isOneOf(ALARM_TYPES, type), oneOf(ALARM_TYPES));
  if (state !== undefined) check('stateValue', state, isOneOf(ALARM_STATES, state), oneOf(ALARM_STATES));
  if (records !== undefined) {
    check('maxRecords', records, records >= 1, 'have value greater than or equal to 1');
    check('maxRecords', records, records <= 100, 'have value less than or equal to 100');
  }
  return broken;
}

function isOneOf(all: readonly string[], value: string): boolean {
  return all.includes(value);
}

/** Parameters that exclude each other, undefined when all is well. */
function combinationFault(question: Question): string | undefined {
  if (question.AlarmNames !== undefined && question.AlarmNamePrefix !== undefined)
    return 'AlarmNamePrefix and AlarmNames cannot be specified together.';
  for (const relation of ['ChildrenOfAlarmName', 'ParentsOfAlarmName'] as const) {
    const others = Object.keys(question).filter((name) => ![relation, 'MaxRecords', 'NextToken'].includes(name));
    if (question[relation] !== undefined && others.length > 0)
      return `${relation} cannot be specified with ${others.join(', ')}.`;
  }
  return undefined;
}

function isAsked(question: Question, alarm: Alarm): boolean {
  const { AlarmNames: names, AlarmNamePrefix: prefix = '', AlarmTypes: types, StateValue: state } = question;
  // Only metric alarms come when no type is named. No alarm here has actions, parents or children.
  const asked = types === undefined || types.length === 0 ? ['MetricAlarm'] : types;
  const isRelative = question.ChildrenOfAlarmName ?? question.ParentsOfAlarmName ?? question.ActionPrefix;
  return (
    isRelative === undefined &&
    asked.includes(alarm.type) &&
    (names === undefined || names.length === 0 || names.includes(alarm.name)) &&
    alarm.name.startsWith(prefix) &&
    (state === undefined || alarm.state === state)
  );
}

/** A token belongs to its question: it holds where to go on, and a mark of what was asked. */
function tokenFor(question: Question, at: number): string {
  const asked = Object.entries(question).filter(([name]) => name !== 'NextToken' && name !== 'MaxRecords');
  const mark = createHash('sha256').update(JSON.stringify(asked.sort())).digest('hex').slice(0, 16);
  return Buffer.from(`${at}:${mark}`).toString('base64url');
}

function placeOf(question: Question, token: string): number | undefined {
  const at = Number(/^(\d{1,6}):/.exec(Buffer.from(token, 'base64url').toString('latin1'))?.[1] ?? NaN);
  return tokenFor(question, at) === token ? at : undefined;
}

const seconds = (ms: number): number => ms / 1000;

function describe(account: Account, alarm: Alarm): Record<string, unknown> {
  const common = {
    AlarmName: alarm.name,
    AlarmArn: `arn:aws:cloudwatch:${alarm.region}:${account.id}:alarm:${alarm.name}`,
    AlarmConfigurationUpdatedTimestamp: seconds(alarm.configuredAt),
    ActionsEnabled: true,
    OKActions: [],
    AlarmActions: [],
    InsufficientDataActions: [],
    StateValue: alarm.state,
    StateReason: alarm.reason,
    StateUpdatedTimestamp: seconds(alarm.stateUpdatedAt),
    StateTransitionedTimestamp: seconds(alarm.stateChangedAt),
  };
  if (alarm.type === 'CompositeAlarm') return { ...common, AlarmRule: 'FALSE' };
  const threshold = { Threshold: 1, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'missing' };
  if (alarm.type === 'LogAlarm') return { ...common, ...threshold, QueryResultsToEvaluate: 1, QueryResultsToAlarm: 1 };
  const metric = { MetricName: 'Errors', Namespace: 'Harbour', Statistic: 'Sum', Dimensions: [] };
  return { ...common, ...threshold, ...metric, Period: 60, EvaluationPeriods: 1 };
}

/** @param account whose alarms; @param region the one that the request was signed for */
export function describeAlarms(account: Account, region: string, input: Record<string, unknown>): JsonResult {
  for (const [name, value] of Object.entries(input)) {
    if (value !== null && Object.hasOwn(TYPES, name) && TYPES[name]?.(value) !== true)
      return { failure: { code: 'SerializationException', message: `${name} is not of its type.` } };
  }
  const given = Object.entries(input).filter(([name, value]) => value !== null && Object.hasOwn(TYPES, name));
  const question = Object.fromEntries(given) as Question;
  const broken = violations(question);
  if (broken.length > 0)
    return invalid(`${broken.length} validation error${broken.length > 1 ? 's' : ''} detected: ${broken.join('; ')}`);
  const fault = combinationFault(question);
  if (fault !== undefined) return invalid(fault);
  const start = question.NextToken === undefined ? 0 : placeOf(question, question.NextToken);
  if (start === undefined) {
    const message = 'The value for the parameter NextToken is not valid.';
    return { failure: { code: 'com.amazonaws.cloudwatch#InvalidNextToken', message, queryCode: 'InvalidNextToken' } };
  }
  const fitting = ALARM_TYPES.flatMap((type) =>
    account.alarms
      .filter((alarm) => alarm.type === type && alarm.region === region && isAsked(question, alarm))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
  const end = start + (question.MaxRecords ?? DEFAULT_RECORDS);
  const page = fitting.slice(start, end);
  const of = (type: Alarm['type']): unknown[] =>
    page.filter((alarm) => alarm.type === type).map((alarm) => describe(account, alarm));
  const next = end < fitting.length ? { NextToken: tokenFor(question, end) } : {};
  return {
    result: {
      MetricAlarms: of('MetricAlarm'),
      CompositeAlarms: of('CompositeAlarm'),
      LogAlarms: of('LogAlarm'),
      ...next,
    },
    detail: `${account.id}/${region}`,
  };
}

/** What AssumeRole accepts: parameter constraints of the STS API reference, then the role's own rules. */
import { deflateRawSync } from 'node:zlib';
import { accountOf } from './accounts.ts';
import type { RoleOptions } from './types.ts';
import type { Credential, World } from './world.ts';

export interface StsError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export type CheckedAssumeRole =
  | { readonly error: StsError }
  | {
      readonly roleArn: string;
      readonly sessionName: string;
      readonly durationSeconds: number;
      readonly role: RoleOptions;
    };

const CHAINED_MAX_SECONDS = 3600;
/** Rough size of the packed form, in bytes, that counts as 100 %. The real limit is not published. */
const PACKED_LIMIT_BYTES = 1024;
const POLICY_CHARACTERS = /^[\t\n\r\u0020-\u00FF]+$/;
const NAME = { pattern: /^[\w+=,.@-]*$/, shown: String.raw`[\w+=,.@-]*` };
const EXTERNAL_ID = { pattern: /^[\w+=,.@:/-]*$/, shown: String.raw`[\w+=,.@:\/-]*` };

interface Constraint {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly shown?: string;
}

/** The text of each constraint that `value` breaks, in AWS's wording. */
function violations(field: string, value: string, c: Constraint): string[] {
  const rules: string[] = [];
  if (c.pattern && !c.pattern.test(value))
    rules.push(`Member must satisfy regular expression pattern: ${c.shown ?? ''}`);
  if (c.min !== undefined && value.length < c.min)
    rules.push(`Member must have length greater than or equal to ${String(c.min)}`);
  if (c.max !== undefined && value.length > c.max)
    rules.push(`Member must have length less than or equal to ${String(c.max)}`);
  return rules.map((rule) => `Value '${value}' at '${field}' failed to satisfy constraint: ${rule}`);
}

function durationViolations(text: string): string[] {
  const seconds = Number(text);
  const value = (rule: string): string => `Value '${text}' at 'durationSeconds' failed to satisfy constraint: ${rule}`;
  if (seconds < 900) return [value('Member must have value greater than or equal to 900')];
  if (seconds > 43200) return [value('Member must have value less than or equal to 43200')];
  return [];
}

/** `Tags.member.1.Key` → [{Key, Value}], whatever the member's fields are. */
function members(form: URLSearchParams, list: string): Record<string, string>[] {
  const found = new Map<number, Record<string, string>>();
  for (const [name, value] of form) {
    const m = new RegExp(`^${list}\\.member\\.(\\d+)(?:\\.(\\w+))?$`).exec(name);
    if (m === null) continue;
    const index = Number(m[1]);
    found.set(index, { ...found.get(index), [m[2] ?? '']: value });
  }
  return [...found].sort(([a], [b]) => a - b).map(([, member]) => member);
}

function invalid(message: string): StsError {
  return { status: 400, code: 'ValidationError', message };
}

function parameterError(form: URLSearchParams): StsError | undefined {
  const broken: string[] = [];
  const check = (parameter: string, constraint: Constraint, required = false): void => {
    const field = parameter.charAt(0).toLowerCase() + parameter.slice(1);
    const value = form.get(parameter);
    if (value !== null) broken.push(...violations(field, value, constraint));
    else if (required) broken.push(`Value null at '${field}' failed to satisfy constraint: Member must not be null`);
  };
  check('RoleArn', { min: 20, max: 2048 }, true);
  check('RoleSessionName', { ...NAME, min: 2, max: 64 }, true);
  check('ExternalId', { ...EXTERNAL_ID, min: 2, max: 1224 });
  check('SourceIdentity', { ...NAME, min: 2, max: 64 });
  check('Policy', {
    min: 1,
    max: 2048,
    pattern: POLICY_CHARACTERS,
    shown: String.raw`[\u0009\u000A\u000D\u0020-\u00FF]+`,
  });
  const duration = form.get('DurationSeconds');
  if (duration !== null) {
    if (!/^-?\d+$/.test(duration))
      return { status: 400, code: 'MalformedInput', message: 'DurationSeconds is not an integer' };
    broken.push(...durationViolations(duration));
  }
  const tags = members(form, 'Tags');
  const lists = [
    ['tags', tags.length, 50],
    ['transitiveTagKeys', members(form, 'TransitiveTagKeys').length, 50],
    ['policyArns', members(form, 'PolicyArns').length, 10],
  ] as const;
  for (const [field, length, max] of lists) {
    if (length > max)
      broken.push(
        `Value at '${field}' failed to satisfy constraint: Member must have length less than or equal to ${String(max)}`,
      );
  }
  for (const [i, tag] of tags.entries()) {
    const at = `tags.${String(i + 1)}.member`;
    broken.push(
      ...violations(`${at}.key`, tag['Key'] ?? '', { min: 1, max: 128 }),
      ...violations(`${at}.value`, tag['Value'] ?? '', { max: 256 }),
    );
  }
  if (broken.length === 0) return undefined;
  return invalid(
    `${String(broken.length)} validation error${broken.length > 1 ? 's' : ''} detected: ${broken.join('; ')}`,
  );
}

function policyError(form: URLSearchParams): StsError | undefined {
  const text = form.get('Policy');
  if (text === null) return undefined;
  const malformed = (message: string): StsError => ({ status: 400, code: 'MalformedPolicyDocument', message });
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    return malformed('This policy contains invalid Json');
  }
  const { Version: version, Statement: statement } = Object(policy) as { Version?: unknown; Statement?: unknown };
  if (version !== '2012-10-17' && version !== '2008-10-17')
    return malformed('The policy must contain a valid version string');
  const statements: unknown[] = Array.isArray(statement) ? statement : [statement];
  for (const one of statements) {
    const s = Object(one) as Record<string, unknown>;
    if (s['Effect'] !== 'Allow' && s['Effect'] !== 'Deny') return malformed('Syntax errors in policy.');
    if (!('Action' in s) && !('NotAction' in s)) return malformed('Policy statement must contain actions.');
    if (!('Resource' in s) && !('NotResource' in s)) return malformed('Policy statement must contain resources.');
    if ('Principal' in s) return malformed('Policy document should not specify a principal.');
  }
  return undefined;
}

/** Percentage of the packed limit that the session's policies and tags take; 0 when there are none. */
export function packedPolicySize(form: URLSearchParams): number {
  const parts = [...form].filter(([name]) => /^(Policy$|PolicyArns\.|Tags\.)/.test(name)).map(([, value]) => value);
  if (parts.length === 0) return 0;
  return Math.max(1, Math.round((100 * deflateRawSync(parts.join('\n')).length) / PACKED_LIMIT_BYTES));
}

function tagError(form: URLSearchParams): StsError | undefined {
  const keys = members(form, 'Tags').map((tag) => (tag['Key'] ?? '').toLowerCase());
  if (new Set(keys).size < keys.length) {
    return {
      status: 400,
      code: 'InvalidParameterValue',
      message: 'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    };
  }
  const stray = members(form, 'TransitiveTagKeys').some((member) => !keys.includes((member[''] ?? '').toLowerCase()));
  return stray ? invalid('The specified transitive tag key must be included in the requested tags.') : undefined;
}

/** Whether the role lets this caller in. AWS does not tell a missing role from a forbidden one. */
function trustError(
  world: World,
  caller: Credential,
  form: URLSearchParams,
  role: RoleOptions | undefined,
): StsError | undefined {
  const roleArn = form.get('RoleArn') ?? '';
  const denied = (action: string): StsError => ({
    status: 403,
    code: 'AccessDenied',
    message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${roleArn}`,
  });
  if (role === undefined || world.deniedRoles.has(roleArn)) return denied('sts:AssumeRole');
  const [, partition = 'aws'] = roleArn.split(':');
  const principals = [caller.arn, caller.roleArn, `arn:${partition}:iam::${accountOf(caller.arn)}:root`, '*'];
  if (role.trusts !== undefined && !role.trusts.some((trusted) => principals.includes(trusted)))
    return denied('sts:AssumeRole');
  if (role.externalId !== undefined && role.externalId !== form.get('ExternalId')) return denied('sts:AssumeRole');
  if (members(form, 'Tags').length > 0 && role.allowTags !== true) return denied('sts:TagSession');
  if (form.has('SourceIdentity') && role.allowSourceIdentity !== true) return denied('sts:SetSourceIdentity');
  return undefined;
}

/** Judges an AssumeRole request; the first rule that is broken decides, in the order the real service was seen to answer. */
export function checkAssumeRole(world: World, caller: Credential, form: URLSearchParams): CheckedAssumeRole {
  const roleArn = form.get('RoleArn') ?? '';
  const role = world.roles.get(roleArn);
  const error = parameterError(form) ?? policyError(form) ?? tagError(form);
  if (error !== undefined) return { error };
  if (!/^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(roleArn))
    return { error: invalid(`${roleArn} is invalid`) };
  const packed = packedPolicySize(form);
  if (packed > 100) {
    return {
      error: {
        status: 400,
        code: 'PackedPolicyTooLarge',
        message: `Packed policy consumes ${String(packed)}% of allotted space, please use smaller policy.`,
      },
    };
  }
  const trust = trustError(world, caller, form, role);
  if (trust !== undefined || role === undefined) return { error: trust ?? invalid(`${roleArn} is invalid`) };
  const durationSeconds = Number(form.get('DurationSeconds') ?? 3600);
  if (caller.kind !== 'user' && durationSeconds > CHAINED_MAX_SECONDS) {
    return {
      error: invalid(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      ),
    };
  }
  if (durationSeconds > role.maxSessionDurationSeconds) {
    return { error: invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.') };
  }
  return { roleArn, sessionName: form.get('RoleSessionName') ?? '', durationSeconds, role };
}

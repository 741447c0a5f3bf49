import { retryAfterMs } from '../autoid/retry-after.ts';
import { AppError, type ErrorCode } from '../core/errors.ts';
import type { HttpResponse } from '../core/ports.ts';
import { parseRoleArn } from './partitions.ts';

export interface StsCall {
  readonly roleArn: string;
  readonly region: string;
  /** Host of the endpoint, for sentences. */
  readonly endpointHost: string;
  readonly hasExternalId: boolean;
  /** Seconds asked for, if any. */
  readonly durationSeconds: number | undefined;
  readonly accessKeyId: string;
  /** This machine's time when the answer came, ms since the epoch. */
  readonly now: number;
  /** What was added to this machine's time when the call was signed, in ms. */
  readonly clockOffsetMs: number;
}

interface StsFault {
  readonly code: string;
  readonly message: string;
  readonly status: number;
  readonly headers: HttpResponse['headers'];
}

/** From here on a clock is wrong enough to be the reason; AWS tolerates five minutes. */
const SUSPICIOUS_SKEW_MS = 4.5 * 60_000;

/**
 * What an answer of STS that is no success means, as an `AppError` whose sentence says what to change. AWS's own message
 * is read and never quoted: for a wrong signature it holds the whole request.
 */
export function stsError(answer: HttpResponse, call: StsCall): AppError {
  const text = new TextDecoder().decode(answer.body);
  const code = /<Code>\s*([\w.:]{1,128})\s*<\/Code>/.exec(text)?.[1] ?? '';
  const message = unescaped(/<Message>([^<]{0,4096})<\/Message>/.exec(text)?.[1] ?? '');
  const fault = { code, message, status: answer.status, headers: answer.headers };
  const [kind, sentence] = meaningOf(fault, call);
  const wish = retryAfterMs(answer.headers);
  const mayPass = kind === 'STS_THROTTLED' || kind === 'STS_UNAVAILABLE';
  return new AppError(kind, sentence, {
    cause: new Error(`STS answered ${answer.status} ${code === '' ? 'without an error code' : code}`),
    ...(mayPass && wish !== undefined ? { retryAfterMs: wish } : {}),
  });
}

/** How far this machine's clock is ahead of the one that answered, in ms, by the `Date` of the answer; undefined without. */
export function clockAheadMs(answer: Pick<HttpResponse, 'headers'>, now: number): number | undefined {
  const server = Date.parse(answer.headers['date'] ?? '');
  return Number.isNaN(server) ? undefined : now - server;
}

/** For an answer that claims success and is none, or is not STS's at all. */
export function stsUnreadable(call: StsCall, what: string): AppError {
  return new AppError(
    'STS_ANSWER_UNREADABLE',
    `${call.endpointHost} answered AssumeRole with ${what}: check that no proxy or portal answers in the place of AWS STS, and aws.endpoints.`,
  );
}

type Meaning = readonly [ErrorCode, string];

function meaningOf(fault: StsFault, call: StsCall): Meaning {
  switch (fault.code) {
    case 'AccessDenied':
    case 'AccessDeniedException':
    case 'NotAuthorized':
      return ['STS_ACCESS_DENIED', accessDenied(fault.message, call)];
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return [
        'STS_CREDENTIALS_EXPIRED',
        `The credentials that are to assume ${call.roleArn} have expired (${call.accessKeyId}): have the server's secret renewed.`,
      ];
    case 'InvalidClientTokenId':
    case 'UnrecognizedClientException':
    case 'InvalidAccessKeyId':
    case 'AuthFailure':
      return [
        'STS_CREDENTIALS_INVALID',
        `AWS does not know the access key ${call.accessKeyId}: it was deleted, is inactive, belongs to another partition than ${call.region}, or its session token is wrong; put a valid key into the server's secret.`,
      ];
    case 'MissingAuthenticationToken':
    case 'IncompleteSignature':
      return [
        'STS_REQUEST_INVALID',
        `The request reached ${call.endpointHost} without its whole signature (${fault.code}): something between here and AWS changes it; check the proxy and aws.endpoints.`,
      ];
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
      return wrongSignature(fault, call);
    case 'RequestExpired':
    case 'RequestTimeTooSkewed':
      return ['STS_CLOCK_SKEW', clockSkew(fault, call)];
    case 'RegionDisabledException':
      return [
        'STS_REGION_DISABLED',
        `AWS STS is not active in ${call.region} for account ${accountOf(call)}: activate the region in its IAM account settings, or set aws.region to another.`,
      ];
    case 'MalformedPolicyDocument':
      return [
        'STS_POLICY_INVALID',
        'AWS cannot read the session policy: correct role.policy (JSON, at most 2048 characters).',
      ];
    case 'PackedPolicyTooLarge':
    case 'PackedPolicyTooLargeException':
      return [
        'STS_POLICY_INVALID',
        `The session policies and tags together are too large for AWS${packedSize(fault.message)}: shorten role.policy, role.policyArns or role.tags.`,
      ];
    case 'Throttling':
    case 'ThrottlingException':
    case 'ThrottledException':
    case 'RequestThrottled':
    case 'RequestLimitExceeded':
    case 'TooManyRequestsException':
    case 'SlowDown':
      return [
        'STS_THROTTLED',
        `AWS STS takes no more calls from account ${accountOf(call)} for a while: Vigil tries again later.`,
      ];
    case 'ValidationError':
    case 'ValidationException':
    case 'InvalidParameterValue':
    case 'InvalidParameterCombination':
      return validation(fault, call);
    case 'IDPCommunicationError':
    case 'InternalFailure':
    case 'InternalError':
    case 'ServiceUnavailable':
    case 'ServiceUnavailableException':
      return ['STS_UNAVAILABLE', unavailable(fault, call)];
    default:
      return byStatus(fault, call);
  }
}

function byStatus(fault: StsFault, call: StsCall): Meaning {
  const { status, code } = fault;
  if (status === 429) {
    return ['STS_THROTTLED', `AWS STS takes no more calls from here for a while: Vigil tries again later.`];
  }
  if (status >= 500) return ['STS_UNAVAILABLE', unavailable(fault, call)];
  if (code === '') {
    const { code: kind, message } = stsUnreadable(call, `status ${status} and no error of AWS`);
    return [kind, message];
  }
  return [
    'STS_REQUEST_INVALID',
    `AWS refused AssumeRole for ${call.roleArn} with ${code}: check role and aws in the settings.`,
  ];
}

/** Who was refused what, and by which kind of policy, as AWS's message tells. */
function accessDenied(message: string, call: StsCall): string {
  const caller = /arn:[\w-]+:(?:iam|sts)::\d{12}:[\w+=,.@/-]+/.exec(message)?.[0] ?? `the key ${call.accessKeyId}`;
  const action = /sts:(?:AssumeRole|TagSession|SetSourceIdentity|SetContext)\b/.exec(message)?.[0] ?? 'sts:AssumeRole';
  const start = `AWS does not let ${caller} do ${action} on ${call.roleArn}`;
  if (/MultiFactor|MFA/i.test(message)) {
    return `${start} without MFA: remove the MFA condition from the role's trust policy, since no one is at the wall to answer it.`;
  }
  if (/service control polic/i.test(message))
    return `${start}: a service control policy of the organisation denies it.`;
  if (/permissions boundary/i.test(message))
    return `${start}: the permissions boundary of ${caller} does not allow it.`;
  if (/session polic/i.test(message)) return `${start}: the session policy of ${caller} does not allow it.`;
  if (/explicit deny/i.test(message)) return `${start}: a policy denies it explicitly.`;
  const feature =
    action === 'sts:TagSession'
      ? ', or remove role.tags'
      : action === 'sts:SetSourceIdentity'
        ? ', or remove role.sourceIdentity'
        : call.hasExternalId
          ? ', and check that its sts:ExternalId is role.externalId'
          : ', and set role.externalId if it asks for one';
  return `${start}: allow it in the trust policy of that role and in the policies of ${caller}${feature}.`;
}

function wrongSignature(fault: StsFault, call: StsCall): Meaning {
  const said = fault.message.slice(0, 500);
  if (/Credential should be scoped to a valid region/i.test(said)) {
    return [
      'STS_REQUEST_INVALID',
      `${call.endpointHost} does not take requests for ${call.region}: let aws.region and aws.endpoints.sts name the same region.`,
    ];
  }
  const ahead = clockAheadMs(fault, call.now);
  const isSkew = /expired|not yet current|earlier than|later than/i.test(said);
  // What was put right when signing is not the reason any more.
  if (isSkew || (ahead !== undefined && Math.abs(ahead + call.clockOffsetMs) > SUSPICIOUS_SKEW_MS)) {
    return ['STS_CLOCK_SKEW', clockSkew(fault, call)];
  }
  return [
    'STS_CREDENTIALS_INVALID',
    `The secret access key does not belong to the access key ${call.accessKeyId}: correct the server's secret.`,
  ];
}

function clockSkew(fault: StsFault, call: StsCall): string {
  const skew = clockAheadMs(fault, call.now);
  const seconds = Math.round(Math.abs(skew ?? 0) / 1000);
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  const off =
    skew === undefined || seconds < 60
      ? "This machine's clock differs too much from AWS's"
      : `This machine's clock is ${amount} ${skew > 0 ? 'ahead of' : 'behind'} AWS's`;
  return `${off}: set it right, best by network time (NTP).`;
}

function validation(fault: StsFault, call: StsCall): Meaning {
  const { message } = fault;
  if (/1 hour session limit|role chaining/i.test(message)) {
    return [
      'STS_DURATION_TOO_LONG',
      `A role assumed with temporary credentials lasts one hour at most: set role.durationSeconds to 3600 or less, or remove it.`,
    ];
  }
  if (/MaxSessionDuration|at 'durationSeconds'/.test(message)) {
    return [
      'STS_DURATION_TOO_LONG',
      `${call.roleArn} does not last ${call.durationSeconds ?? 3600} s: raise its MaxSessionDuration in IAM, or lower role.durationSeconds.`,
    ];
  }
  const member = /at '([\w.]{1,60})'/.exec(message)?.[1];
  const field = member === undefined ? undefined : FIELDS[member.split('.')[0] ?? ''];
  const what = field === undefined ? 'a field of role' : `role.${field}`;
  return ['STS_REQUEST_INVALID', `AWS does not accept ${what} in the settings for ${call.roleArn}: correct it.`];
}

/** STS's parameter → the field of the settings that it comes from. */
const FIELDS: Readonly<Record<string, string>> = {
  roleArn: 'arn',
  roleSessionName: 'sessionName',
  durationSeconds: 'durationSeconds',
  externalId: 'externalId',
  policy: 'policy',
  policyArns: 'policyArns',
  tags: 'tags',
  transitiveTagKeys: 'transitiveTagKeys',
  sourceIdentity: 'sourceIdentity',
};

function unavailable(fault: StsFault, call: StsCall): string {
  return `AWS STS in ${call.region} does not work at the moment (${fault.code === '' ? fault.status : fault.code}): Vigil tries again.`;
}

function packedSize(message: string): string {
  const percent = /\b(\d{3,4})\s?%/.exec(message)?.[1];
  return percent === undefined ? '' : ` (${percent} % of what it takes)`;
}

function accountOf(call: StsCall): string {
  return parseRoleArn(call.roleArn).account;
}

function unescaped(xml: string): string {
  return xml
    .replace(/&apos;|&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');
}

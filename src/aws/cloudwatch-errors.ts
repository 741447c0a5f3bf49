import { retryAfterMs } from '../autoid/retry-after.ts';
import { AppError, type ErrorCode } from '../core/errors.ts';
import type { HttpResponse } from '../core/ports.ts';
import { clockAheadMs } from './sts-errors.ts';

/** What CloudWatch is asked, in the words of sentences. */
export interface CloudWatchQuestion {
  readonly operation: 'DescribeAlarms' | 'ListDashboards';
  readonly what: 'alarms' | 'dashboards';
  /** A person must do something. */
  readonly refused: ErrorCode;
  /** It may pass. */
  readonly unavailable: ErrorCode;
  /** What makes the list shorter. */
  readonly fewer: string;
}

export const ALARMS_QUESTION: CloudWatchQuestion = {
  operation: 'DescribeAlarms',
  what: 'alarms',
  refused: 'ALARMS_REFUSED',
  unavailable: 'ALARMS_UNAVAILABLE',
  fewer: 'name fewer alarms, or a longer prefix',
};

export const DASHBOARDS_QUESTION: CloudWatchQuestion = {
  operation: 'ListDashboards',
  what: 'dashboards',
  refused: 'DASHBOARDS_REFUSED',
  unavailable: 'DASHBOARDS_UNAVAILABLE',
  fewer: 'ask by a longer prefix',
};

export interface CloudWatchCall {
  readonly region: string;
  /** Host of the endpoint, for sentences. */
  readonly endpointHost: string;
  readonly accessKeyId: string;
  /** This machine's time when the answer came, ms since the epoch. */
  readonly now: number;
}

/** From here on a clock is wrong enough to be the reason; AWS tolerates five minutes. */
const SUSPICIOUS_SKEW_MS = 4.5 * 60_000;

/** Whether an answer refuses the time by which the request was signed. */
export function isClockRefusal(answer: HttpResponse, { now }: CloudWatchCall): boolean {
  const { code } = faultOf(answer);
  if (isWrongTime(code)) return true;
  const ahead = clockAheadMs(answer, now);
  return isWrongSignature(code) && ahead !== undefined && Math.abs(ahead) > SUSPICIOUS_SKEW_MS;
}

/**
 * What an answer of CloudWatch that is no result means, as an `AppError` whose sentence says what to change. AWS's own
 * message is read and never quoted. Codes: CloudWatch API reference, "Common Errors" DescribeAlarms and ListDashboards.
 */
export function cloudWatchError(answer: HttpResponse, call: CloudWatchCall, question: CloudWatchQuestion): AppError {
  const fault = faultOf(answer);
  const [kind, sentence] = meaningOf(answer.status, fault, call, question);
  const wish = retryAfterMs(answer.headers);
  return new AppError(kind, sentence, {
    cause: new Error(
      `CloudWatch answered ${answer.status} ${fault.code === '' ? 'without an error code' : fault.code}`,
    ),
    ...(kind === question.unavailable && wish !== undefined ? { retryAfterMs: wish } : {}),
  });
}

interface Fault {
  readonly code: string;
  readonly message: string;
}

/** AWS JSON 1.0: `{"__type": "namespace#Code", "message": …}`; an older code may stand in a header. */
function faultOf({ headers, body }: HttpResponse): Fault {
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder().decode(body.subarray(0, 65_536)));
  } catch {
    fields = undefined;
  }
  const text = (name: string): string => {
    const value = typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>)[name] : undefined;
    return typeof value === 'string' ? value.slice(0, 4096) : '';
  };
  const named = [text('__type'), text('code'), headers['x-amzn-errortype'] ?? ''].find((one) => one !== '') ?? '';
  const code = /^(?:[\w.]+#)?([\w.]{1,128})/.exec(named)?.[1] ?? '';
  return { code, message: text('message') || text('Message') };
}

function isWrongSignature(code: string): boolean {
  return code === 'InvalidSignatureException' || code === 'SignatureDoesNotMatch';
}

function meaningOf(
  status: number,
  { code, message }: Fault,
  call: CloudWatchCall,
  question: CloudWatchQuestion,
): readonly [ErrorCode, string] {
  const { region, endpointHost, accessKeyId } = call;
  const { operation, what, refused, unavailable } = question;
  if (/^(AccessDenied|NotAuthorized|UnauthorizedOperation|OptInRequired)/.test(code)) {
    const caller = /arn:[\w-]+:(?:iam|sts)::\d{12}:[\w+=,.@/-]+/.exec(message)?.[0] ?? `the key ${accessKeyId}`;
    return [
      refused,
      `AWS does not let ${caller} look at ${what} in ${region}: allow cloudwatch:${operation} on * in the policies of that role.`,
    ];
  }
  if (/^ExpiredToken/.test(code)) {
    return [
      refused,
      `The credentials that ask for the ${what} have expired (${accessKeyId}): they are asked for anew with the next question.`,
    ];
  }
  if (/^(UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|AuthFailure)/.test(code)) {
    return [
      refused,
      `CloudWatch in ${region} does not know the access key ${accessKeyId}: check the region of the ${what}, and that the region is active in the account.`,
    ];
  }
  if (isWrongTime(code)) {
    return [refused, "This machine's clock differs too much from AWS's: set it right, best by network time (NTP)."];
  }
  if (isWrongSignature(code) || /^(MissingAuthenticationToken|IncompleteSignature)/.test(code)) {
    return [
      refused,
      `${endpointHost} does not take the signature of the question for ${what} (${code}): check the proxy, aws.endpoints and the region of the ${what}.`,
    ];
  }
  if (
    /^(Throttl|RequestThrottled|RequestLimitExceeded|TooManyRequests|SlowDown|LimitExceeded)/.test(code) ||
    status === 429
  ) {
    return [unavailable, `CloudWatch in ${region} takes no more questions for a while: Vigil asks again later.`];
  }
  // The list changed between two pages.
  if (/^InvalidNextToken/.test(code)) {
    return [unavailable, `CloudWatch in ${region} lost its place among the ${what}: Vigil asks again.`];
  }
  if (status >= 500) {
    return [
      unavailable,
      `CloudWatch in ${region} does not work at the moment (${code === '' ? status : code}): Vigil asks again.`,
    ];
  }
  if (code === '' || status < 400) {
    return [
      unavailable,
      `${endpointHost} answered ${operation} with status ${status} and nothing of AWS: check that no proxy or portal answers in the place of CloudWatch.`,
    ];
  }
  return [
    refused,
    `CloudWatch in ${region} refuses the question for ${what} with ${code}: check the names or the prefix of the ${what}.`,
  ];
}

function isWrongTime(code: string): boolean {
  return code === 'RequestExpired' || code === 'RequestTimeTooSkewed';
}

import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { orTooLarge } from '../autoid/too-large.ts';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, HttpResponse } from '../core/ports.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../keys/sdk-request-handler.ts';
import type { ClockOffset } from './assume-role.ts';
import { type CloudWatchQuestion, cloudWatchError, type CloudWatchCall, isClockRefusal } from './cloudwatch-errors.ts';
import { partitionOfRegion } from './partitions.ts';
import { clockAheadMs } from './sts-errors.ts';

export interface CloudWatchOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly credentials: AwsCredentials;
  readonly region: string;
  /** Instead of the regional endpoint. */
  readonly endpoint?: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  /** What is added to this machine's time for signing; set when AWS refuses this machine's time. Keep one for all questions. */
  readonly clockOffset?: ClockOffset;
}

/** Far more than any page of alarms or dashboards has. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/**
 * One call of CloudWatch with the given credentials and nothing else; signed a second time where AWS refuses this machine's
 * clock, by AWS's. Rejects with the question's codes, SETTINGS_INVALID for a bad region, and what the Fetch port throws.
 */
export async function callCloudWatch<T>(
  options: CloudWatchOptions & { readonly clockOffset: ClockOffset },
  question: CloudWatchQuestion,
  send: (client: CloudWatchClient) => Promise<T>,
): Promise<T> {
  const { clock, clockOffset } = options;
  const first = await sendOnce(options, question, send);
  if ('output' in first) return first.output;
  const aheadMs = isClockRefusal(first.answer, first.call) ? clockAheadMs(first.answer, clock.now()) : undefined;
  if (aheadMs === undefined) throw cloudWatchError(first.answer, first.call, question);
  clockOffset.ms = -aheadMs;
  const second = await sendOnce(options, question, send);
  if ('output' in second) return second.output;
  throw cloudWatchError(second.answer, second.call, question);
}

type Reply<T> = { readonly output: T } | { readonly answer: HttpResponse; readonly call: CloudWatchCall };

/** The SDK's one call. An answer that the SDK has no result of is handed back to be judged by itself. */
async function sendOnce<T>(
  options: CloudWatchOptions & { readonly clockOffset: ClockOffset },
  question: CloudWatchQuestion,
  send: (client: CloudWatchClient) => Promise<T>,
): Promise<Reply<T>> {
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
    const tooLarge = `${endpointHost} answered ${question.operation} with far more than ${question.what}: check aws.endpoints and the proxy.`;
    return { output: await orTooLarge(send(client), question.unavailable, tooLarge) };
  } catch (error) {
    if (error instanceof AppError || answer === undefined) throw error;
    return { answer, call: { region, endpointHost, accessKeyId: credentials.accessKeyId, now: options.clock.now() } };
  } finally {
    client.destroy();
  }
}

/** Pages of a list that CloudWatch gives; some may be empty and not the last. */
export const MOST_PAGES = 50;

/** For a list that does not end. */
export function endless(region: string, { what, unavailable, fewer }: CloudWatchQuestion): AppError {
  return new AppError(unavailable, `CloudWatch in ${region} gave ${MOST_PAGES} pages of ${what} and no end: ${fewer}.`);
}

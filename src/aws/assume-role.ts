import { AssumeRoleCommand, STSClient, type AssumeRoleCommandOutput } from '@aws-sdk/client-sts';
import { orTooLarge } from '../autoid/too-large.ts';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, HttpResponse, Logger } from '../core/ports.ts';
import { assumeRoleLadder, ONE_HOUR_SECONDS, type DurationRung } from '../core/renewal/duration-ladder.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../keys/sdk-request-handler.ts';
import type { DurationMemory } from './duration-memory.ts';
import { parseRoleArn, stsEndpointOf } from './partitions.ts';
import { clockAheadMs, stsError, stsUnreadable, type StsCall } from './sts-errors.ts';

/** A role and how to assume it; the settings' `role` with its ARN. What is left out is not sent. */
export interface RoleOptions {
  readonly arn: string;
  readonly sessionName: string;
  readonly durationSeconds?: number;
  readonly externalId?: string;
  /** JSON text of the inline session policy. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
}

/** What is added to this machine's time when a call is signed, in ms. Keep one for all calls of a sign-in. */
export interface ClockOffset {
  ms: number;
}

export interface AssumeRoleOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly credentials: AwsCredentials;
  readonly role: RoleOptions;
  readonly region: string;
  /** Instead of the regional endpoint. */
  readonly endpoint?: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  readonly memory: DurationMemory;
  /** Set when AWS refuses this machine's time, so that the next call is right at once. */
  readonly clockOffset: ClockOffset;
}

export interface RoleSession {
  /** Always with a session token and an end. */
  readonly credentials: AwsCredentials & { readonly sessionToken: string; readonly expiresAt: number };
  readonly assumedRoleArn: string;
}

/** An answer of AssumeRole has a few kilobytes. */
const LONGEST_ANSWER = 65_536;

/**
 * Assumes a role with the given credentials and nothing else: no default chain, no ~/.aws, no environment. One call;
 * a second one only when AWS refuses the configured duration (then one hour, which is remembered for the role), or this
 * machine's clock (then signed by AWS's, and logged as `clock.skew`: a wall with a wrong clock still comes up).
 *
 * `expiresAt` is by this machine's clock even if that is wrong. Throws STS_* (every answer of AWS that is no success has
 * its code and sentence, see `stsError`), SETTINGS_INVALID for a bad ARN or region, and what the Fetch port throws.
 */
export async function assumeRole(options: AssumeRoleOptions): Promise<RoleSession> {
  const { role, credentials, memory } = options;
  const rungs = assumeRoleLadder({
    chained: credentials.sessionToken !== undefined,
    remembered: memory.recall('assume-role', role.arn),
    configuredSeconds: role.durationSeconds,
  });
  let refused: unknown;
  for (const rung of rungs) {
    try {
      const session = await assumeFor(options, rung);
      memory.remember('assume-role', role.arn, rung);
      return session;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STS_DURATION_TOO_LONG') throw error;
      refused = error;
    }
  }
  throw refused;
}

async function assumeFor(options: AssumeRoleOptions, rung: DurationRung): Promise<RoleSession> {
  const { clock, role, clockOffset, logger } = options;
  const durationSeconds = rung === 'omitted' ? undefined : rung;
  const startedAt = clock.now();
  let reply = await send(options, durationSeconds);
  if (reply.error?.code === 'STS_CLOCK_SKEW' && reply.aheadMs !== undefined) {
    clockOffset.ms = -reply.aheadMs;
    logger.log('warn', 'clock.skew', { aheadSeconds: Math.round(reply.aheadMs / 1000) });
    reply = await send(options, durationSeconds);
  }
  const { answer, output, call, error } = reply;
  if (error !== undefined) throw error;
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = output?.Credentials ?? {};
  if (!isText(AccessKeyId) || !isText(SecretAccessKey) || !isText(SessionToken)) {
    throw stsUnreadable(call, 'no credentials');
  }
  return {
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiresAt: startedAt + lifeMs(Expiration, answer, startedAt, durationSeconds),
    },
    assumedRoleArn: output?.AssumedRoleUser?.Arn ?? assumedRoleArnOf(role),
  };
}

interface Reply {
  readonly call: StsCall;
  readonly answer: HttpResponse;
  /** Absent when the SDK could not read the answer. */
  readonly output?: AssumeRoleCommandOutput;
  /** What an answer that is no success means. */
  readonly error?: AppError;
  readonly aheadMs?: number | undefined;
}

/** The SDK's one call. An answer that the SDK has no result of is judged by itself. */
async function send(options: AssumeRoleOptions, durationSeconds: number | undefined): Promise<Reply> {
  const { role, region, credentials, timeoutMs, clock, clockOffset } = options;
  const endpoint = options.endpoint ?? stsEndpointOf(region);
  const endpointHost = new URL(endpoint).host;
  let answer: HttpResponse | undefined;
  const recording: Fetch = async (request) => (answer = await options.fetch(request));
  const client = new STSClient({
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
  let output: AssumeRoleCommandOutput | undefined;
  try {
    const tooLarge = `${endpointHost} answered AssumeRole with far more than credentials: check aws.endpoints and the proxy.`;
    const sending = client.send(new AssumeRoleCommand(inputOf(role, durationSeconds)));
    output = await orTooLarge(sending, 'STS_ANSWER_UNREADABLE', tooLarge);
  } catch (error) {
    if (error instanceof AppError || answer === undefined) throw error;
  } finally {
    client.destroy();
  }
  const call: StsCall = {
    roleArn: role.arn,
    region,
    endpointHost,
    hasExternalId: role.externalId !== undefined,
    durationSeconds,
    accessKeyId: credentials.accessKeyId,
    now: clock.now(),
    clockOffsetMs: clockOffset.ms,
  };
  if (answer === undefined) throw stsUnreadable(call, 'nothing');
  if (answer.status === 200) return { call, answer, ...(output === undefined ? {} : { output }) };
  return { call, answer, error: stsError(answer, call), aheadMs: clockAheadMs(answer, call.now) };
}

function inputOf(role: RoleOptions, durationSeconds: number | undefined) {
  return {
    RoleArn: role.arn,
    RoleSessionName: role.sessionName,
    ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
    ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    ...(role.policy === undefined ? {} : { Policy: role.policy }),
    ...(role.policyArns === undefined ? {} : { PolicyArns: role.policyArns.map((arn) => ({ arn })) }),
    ...(role.tags === undefined ? {} : { Tags: Object.entries(role.tags).map(([Key, Value]) => ({ Key, Value })) }),
    ...(role.transitiveTagKeys === undefined ? {} : { TransitiveTagKeys: [...role.transitiveTagKeys] }),
    ...(role.sourceIdentity === undefined ? {} : { SourceIdentity: role.sourceIdentity }),
  };
}

/**
 * How long the credentials last, in ms: from the server's own `Date` to their end, so that this machine's clock does not
 * matter; what was asked for where the answer says nothing sensible.
 */
function lifeMs(expiration: Date | undefined, answer: HttpResponse, now: number, asked: number | undefined): number {
  const askedMs = (asked ?? ONE_HOUR_SECONDS) * 1000;
  const server = Date.parse(answer.headers['date'] ?? '');
  const life = (expiration?.getTime() ?? NaN) - (Number.isNaN(server) ? now : server);
  return life > 0 && life <= askedMs ? life : askedMs;
}

function assumedRoleArnOf(role: RoleOptions): string {
  const { partition, account, name } = parseRoleArn(role.arn);
  return `arn:${partition.id}:sts::${account}:assumed-role/${name}/${role.sessionName}`;
}

function isText(value: string | undefined): value is string {
  return value !== undefined && /^[\u0021-\u007e]+$/.test(value);
}

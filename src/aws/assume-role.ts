import { AssumeRoleCommand, STSClient, type AssumeRoleCommandOutput } from '@aws-sdk/client-sts';
import { orTooLarge } from '../autoid/too-large.ts';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, HttpResponse } from '../core/ports.ts';
import { assumeRoleLadder, ONE_HOUR_SECONDS, type DurationRung } from '../core/renewal/duration-ladder.ts';
import type { AwsCredentials } from '../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../keys/sdk-request-handler.ts';
import type { DurationMemory } from './duration-memory.ts';
import { parseRoleArn, stsEndpointOf } from './partitions.ts';
import { stsError, stsUnreadable, type StsCall } from './sts-errors.ts';

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

export interface AssumeRoleOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly credentials: AwsCredentials;
  readonly role: RoleOptions;
  readonly region: string;
  /** Instead of the regional endpoint. */
  readonly endpoint?: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  readonly memory: DurationMemory;
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
 * a second one only when AWS refuses the configured duration (then one hour, which is remembered for the role).
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
  const { clock, role, region, credentials } = options;
  const endpoint = options.endpoint ?? stsEndpointOf(region);
  const durationSeconds = rung === 'omitted' ? undefined : rung;
  const startedAt = clock.now();
  const { answer, output } = await send(options, endpoint, durationSeconds);
  const call: StsCall = {
    roleArn: role.arn,
    region,
    endpointHost: new URL(endpoint).host,
    hasExternalId: role.externalId !== undefined,
    durationSeconds,
    accessKeyId: credentials.accessKeyId,
    now: clock.now(),
  };
  if (answer === undefined) throw stsUnreadable(call, 'nothing');
  if (answer.status !== 200) throw stsError(answer, call);
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

/** The SDK's one call. Its output is absent when it could not read the answer, which is then judged by itself. */
async function send(
  options: AssumeRoleOptions,
  endpoint: string,
  durationSeconds: number | undefined,
): Promise<{ answer: HttpResponse | undefined; output: AssumeRoleCommandOutput | undefined }> {
  const { role, region, credentials, timeoutMs } = options;
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
    requestHandler: sdkRequestHandler(recording, { timeoutMs, maxBytes: LONGEST_ANSWER }),
    ...SDK_CLIENT_OPTIONS,
  });
  try {
    const sending = client.send(new AssumeRoleCommand(inputOf(role, durationSeconds)));
    const { host } = new URL(endpoint);
    const tooLarge = `${host} answered AssumeRole with far more than credentials: check aws.endpoints and the proxy.`;
    return { output: await orTooLarge(sending, 'STS_ANSWER_UNREADABLE', tooLarge), answer };
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (answer === undefined) throw error;
    return { answer, output: undefined };
  } finally {
    client.destroy();
  }
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

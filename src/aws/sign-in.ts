import { toAppError, type Failure } from '../core/errors.ts';
import type { Clock, Fetch, Logger } from '../core/ports.ts';
import type { AwsCredentials, CredentialProvider } from '../credentials/provider.ts';
import { assumeRole, type ClockOffset, type RoleOptions, type RoleSession } from './assume-role.ts';
import { checkAddress } from './destination.ts';
import { createDurationMemory, type DurationMemory } from './duration-memory.ts';
import { buildLoginUrl, getSigninToken, lifetimeSeconds } from './federation.ts';
import { holding } from './held-credentials.ts';
import { federationUrlOf, parseRoleArn } from './partitions.ts';

/** The steps of a sign-in, in order. */
export type SignInStage = 'credentials' | 'assume-role' | 'federation';

/** How one step went, for the doctor and the log. Holds no secret. */
export interface StageReport {
  readonly stage: SignInStage;
  readonly durationMs: number;
  /** Absent when the step went well. */
  readonly failure?: Failure;
  /** What the step came to, for people: the key's id, the assumed role, the session's length. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

export interface SignInOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly provider: CredentialProvider;
  readonly role: RoleOptions;
  /** See `regionFor`. */
  readonly region: string;
  /** Instead of AWS's own: the field for STS, else the one for all. */
  readonly endpoints?: { readonly all?: string; readonly sts?: string };
  /** Default: that of the role's partition. */
  readonly federationUrl?: string;
  readonly issuer: string;
  /** Whole URL of the dashboard. */
  readonly destination: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
  /** Share one among all sign-ins of a program; default: one of this sign-in's own. */
  readonly memory?: DurationMemory;
  readonly onStage?: (report: StageReport) => void;
  /** Hears every secret as soon as it is known, for redaction. */
  readonly onSecret?: (value: string) => void;
}

export interface SignedIn {
  /** A secret; good for 15 minutes. */
  readonly loginUrl: string;
  /** When the session's life began and when it ends at the latest, in ms since the epoch by this machine's clock. */
  readonly startedAt: number;
  readonly endsAt: number;
  /** Empty where the auto-id server signs in, and knows them alone. */
  readonly roleArn: string;
  readonly assumedRoleArn: string;
}

/** Alarms to be asked for: by their names, by a prefix of their names, or by both; default region: the session's. */
export interface AlarmQuestion {
  readonly names?: readonly string[] | undefined;
  readonly prefix?: string | undefined;
  readonly region?: string | undefined;
}

export interface SignIn {
  /** Where the login URL leads first: the federation endpoint with its path. */
  readonly federationUrl: string;
  /** The region of the session's calls to AWS. */
  readonly region: string;
  /**
   * One sign-in, no retry: credentials, AssumeRole, getSigninToken; three exchanges in sequence once the role's durations
   * are known. Rejects with the AppError of the step that failed.
   */
  run(): Promise<SignedIn>;
  /**
   * The assumed role's temporary credentials, for calls to AWS beside the console: those of the last sign-in or call while
   * they are good for five minutes more, else new ones (credentials, AssumeRole; no sign-in token; no retry, so callers
   * need a backoff of their own). With `fresh`, always new ones: for credentials that AWS refuses. One in flight, shared
   * with a sign-in under way. Secrets: not to be logged or kept. Rejects with the AppError of the step that failed.
   */
  credentials(how?: 'fresh'): Promise<RoleSession['credentials']>;
  /** Where the auto-id server signs in for this machine: it tells the names of the alarms that ring, too. */
  ringing?(question: AlarmQuestion): Promise<readonly string[]>;
}

/**
 * Prepares sign-ins for one role and dashboard. Throws SETTINGS_INVALID for a bad ARN, region or address: endpoints must
 * be https, or on this machine.
 */
export function createSignIn(options: SignInOptions): SignIn {
  const { clock, logger, provider, role, region, timeoutMs, fetch } = options;
  const memory = options.memory ?? createDurationMemory(clock);
  const clockOffset: ClockOffset = { ms: 0 };
  const stsEndpoint = options.endpoints?.sts ?? options.endpoints?.all;
  const { partition } = parseRoleArn(role.arn);
  const federationUrl = withPath(options.federationUrl ?? federationUrlOf(partition, region));
  if (stsEndpoint !== undefined) checkAddress(stsEndpoint, 'aws.endpoints.sts');
  checkAddress(federationUrl, 'aws.federationUrl');
  checkAddress(options.destination, 'dashboard.url');

  async function stage<T>(
    name: SignInStage,
    step: () => Promise<T>,
    detail: (result: T) => Readonly<Record<string, string | number>>,
  ): Promise<T> {
    const from = clock.monotonic();
    const report = (rest: Partial<StageReport>): void => {
      const whole = { stage: name, durationMs: Math.round(clock.monotonic() - from), ...rest };
      logger.log(rest.failure === undefined ? 'info' : 'warn', 'sign-in.stage', whole);
      options.onStage?.(whole);
    };
    try {
      const result = await step();
      report({ detail: detail(result) });
      return result;
    } catch (thrown) {
      const error = toAppError(thrown);
      report({ failure: error.toFailure() });
      throw error;
    }
  }

  function keepSecret({ secretAccessKey, sessionToken }: AwsCredentials): void {
    options.onSecret?.(secretAccessKey);
    if (sessionToken !== undefined) options.onSecret?.(sessionToken);
  }

  /** Credentials and AssumeRole. */
  const assumedRole = holding(clock, async () => {
    const base = await stage(
      'credentials',
      async () => {
        const credentials = await provider.get();
        keepSecret(credentials);
        return credentials;
      },
      ({ accessKeyId }) => ({ provider: provider.name, accessKeyId }),
    );
    const assumed = await stage(
      'assume-role',
      async () => {
        const endpoint = stsEndpoint === undefined ? {} : { endpoint: stsEndpoint };
        const session = await assumeRole({
          fetch,
          clock,
          logger,
          clockOffset,
          credentials: base,
          role,
          region,
          timeoutMs,
          memory,
          ...endpoint,
        });
        keepSecret(session.credentials);
        return session;
      },
      ({ assumedRoleArn, credentials }) => ({
        assumedRoleArn,
        lifeSeconds: Math.round((credentials.expiresAt - clock.now()) / 1000),
      }),
    );
    return { ...assumed, chained: base.sessionToken !== undefined };
  });

  return {
    federationUrl,
    region,
    async credentials(how) {
      return (await (how === 'fresh' ? assumedRole.renew() : assumedRole.get())).credentials;
    },
    async run() {
      const assumed = await assumedRole.renew();
      const startedAt = clock.now();
      const { signinToken, lifeSeconds } = await stage(
        'federation',
        async () => {
          const { signinToken, duration } = await getSigninToken({
            fetch,
            clock,
            federationUrl,
            credentials: assumed.credentials,
            roleArn: role.arn,
            chained: assumed.chained,
            memory,
            timeoutMs,
            onSecret: options.onSecret,
          });
          return { signinToken, lifeSeconds: lifetimeSeconds(duration, assumed.credentials.expiresAt, startedAt) };
        },
        ({ lifeSeconds }) => ({ lifeSeconds }),
      );
      return {
        loginUrl: buildLoginUrl({
          federationUrl,
          signinToken,
          issuer: options.issuer,
          destination: options.destination,
        }),
        startedAt,
        endsAt: startedAt + lifeSeconds * 1000,
        roleArn: role.arn,
        assumedRoleArn: assumed.assumedRoleArn,
      };
    },
  };
}

/** A federation address that names a host alone means its `/federation`. */
function withPath(address: string): string {
  if (!URL.canParse(address)) return address;
  const { origin, pathname } = new URL(address);
  return pathname === '/' ? `${origin}/federation` : address;
}

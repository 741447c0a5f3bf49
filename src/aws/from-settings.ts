/** The chain from keys to credentials to sign-in, put together as the settings say. The one place for command and wall. */
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, FileStore, Logger, Random } from '../core/ports.ts';
import { wallPlanOf } from '../core/plan/from-settings.ts';
import { credentialSourceOf, keySourceOf, missingProblem, type Purpose } from '../core/settings/requirements.ts';
import type { Settings } from '../core/settings/schema.ts';
import {
  DEFAULT_NAME,
  type DashboardSettings,
  dashboardSettings,
  type SessionSettings,
  sessionSettings,
  type Target,
  targetOf,
} from '../core/settings/sessions.ts';
import { plain } from '../core/settings/words.ts';
import { createAutoIdProvider } from '../credentials/auto-id.ts';
import type { CredentialProvider } from '../credentials/provider.ts';
import { createKeyRing, type KeyRing } from '../keys/key-ring.ts';
import type { KeySource } from '../keys/key-set.ts';
import type { DurationMemory } from './duration-memory.ts';
import { federationUrlOf, parseRoleArn, placeOfDashboard, regionFor } from './partitions.ts';
import { createSignIn, type SignIn, type StageReport } from './sign-in.ts';

/** What the chain runs on. */
export interface ChainPorts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: FileStore;
  readonly logger: Logger;
}

/** Hears every secret as soon as it is known, for redaction. */
export type SecretSink = (secret: string) => void;

function required<T>(value: T | undefined, settings: Settings, purpose: Purpose, target?: Partial<Target>): T {
  if (value !== undefined) return value;
  const problem = missingProblem(settings, purpose, [], target);
  throw new AppError(problem?.code ?? 'SETTINGS_MISSING', problem?.sentence ?? 'The settings are not complete.');
}

/** Where S3 is asked first; a bucket elsewhere is found by S3's own answer. */
function bucketRegionOf({ keys, aws, dashboard }: Settings): string {
  const place = dashboard.url === undefined ? {} : placeOfDashboard(dashboard.url);
  return keys.s3.region ?? aws.region ?? place.region ?? 'us-east-1';
}

/**
 * The key source of the settings; its code is loaded only now, for S3's is large. Rejects with SETTINGS_MISSING, or
 * SETTINGS_INVALID where the source itself finds the settings impossible.
 */
export async function keySourceFromSettings(settings: Settings, ports: ChainPorts): Promise<KeySource> {
  const { keys, aws, network } = settings;
  const { fetch, files } = ports;
  const timeoutMs = network.timeoutSeconds * 1000;
  const need = <T>(value: T | undefined) => required(value, settings, 'keys');
  switch (need(keySourceOf(settings))) {
    case 'directory': {
      const { directoryKeySource } = await import('../keys/directory.ts');
      return directoryKeySource({ files, directory: need(keys.directory) });
    }
    case 'npm': {
      const { npmKeySource } = await import('../keys/npm.ts');
      const { scope, registry, token } = keys.npm;
      return npmKeySource({ fetch, registry: need(registry), scope, package: keys.npm.package, token, timeoutMs });
    }
    case 's3': {
      const { s3KeySource } = await import('../keys/s3.ts');
      const { bucket, prefix, accessKeyId, secretAccessKey, sessionToken } = keys.s3;
      return s3KeySource({
        fetch,
        bucket: need(bucket),
        prefix,
        region: bucketRegionOf(settings),
        endpoint: aws.endpoints.s3 ?? aws.endpoints.all,
        credentials: { accessKeyId: need(accessKeyId), secretAccessKey: need(secretAccessKey), sessionToken },
        timeoutMs,
      });
    }
  }
}

/** The secrets that the settings themselves hold, for redaction. */
export function secretsOfSettings({ keys, network, health }: Settings): readonly string[] {
  const { password } = URL.canParse(network.proxy) ? new URL(network.proxy) : { password: '' };
  const known = [
    keys.npm.token,
    keys.s3.secretAccessKey,
    keys.s3.sessionToken,
    password,
    decodeURIComponentSafely(password),
    health.token,
  ];
  return known.filter((one): one is string => one !== undefined && one !== '');
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A key ring over the settings' key source. Rejects as `keySourceFromSettings` does. */
export async function keyRingFromSettings(settings: Settings, ports: ChainPorts): Promise<KeyRing> {
  return createKeyRing(await keySourceFromSettings(settings, ports), ports.logger);
}

/**
 * Credentials from the settings' auto-id server for a session (default: that of the `role` group), over a key ring of
 * the caller's or a new one. Rejects with SETTINGS_MISSING or SETTINGS_INVALID; what `get` rejects with is told in credentials/auto-id.ts.
 */
export async function credentialProviderFromSettings(
  settings: Settings,
  ports: ChainPorts,
  options: { readonly session?: string; readonly keyRing?: KeyRing; readonly onSecret?: SecretSink } = {},
): Promise<CredentialProvider> {
  const { fetch, random, logger } = ports;
  const { session = DEFAULT_NAME } = options;
  sessionNamed(settings, session);
  return createAutoIdProvider(
    {
      fetch,
      random,
      logger,
      keyRing: options.keyRing ?? (await keyRingFromSettings(settings, ports)),
      endpoint: required(settings.server.endpoint, settings, 'credentials'),
      credentialSource: required(credentialSourceOf(settings, session), settings, 'credentials', { session }),
      timeoutMs: settings.network.timeoutSeconds * 1000,
    },
    options.onSecret,
  );
}

function sessionNamed(settings: Settings, name: string): SessionSettings {
  const found = sessionSettings(settings, name);
  if (found === undefined) throw new AppError('SETTINGS_INVALID', `The settings have no role named ${plain(name)}.`);
  return found;
}

function dashboardNamed(settings: Settings, name: string): DashboardSettings {
  const found = dashboardSettings(settings, name);
  if (found === undefined) {
    throw new AppError('SETTINGS_INVALID', `The settings have no dashboard named ${plain(name)}.`);
  }
  return found;
}

export interface SignInFromSettingsOptions {
  /** Name of the session: an entry of `roles`, or `default`. Without it, the dashboard's. */
  readonly session?: string;
  /** Name of the dashboard to lead to: an entry of `dashboards`, or `default`. Without it, the session's first. */
  readonly dashboard?: string;
  /** Where the console sends the browser when the session is over; default: the sign-in service itself. */
  readonly issuer?: string;
  /** Instead of the settings' own auto-id server. */
  readonly provider?: CredentialProvider;
  /** Share one among the sign-ins of a program, and likewise `memory`. */
  readonly keyRing?: KeyRing;
  readonly memory?: DurationMemory;
  readonly onStage?: (report: StageReport) => void;
  readonly onSecret?: SecretSink;
}

/**
 * Sign-ins for a session and a dashboard of the settings; by default those that have no name, the `role` and the
 * `dashboard` group. Keep the answer for as long as the settings stay: it holds the key set in memory. Rejects with
 * SETTINGS_MISSING or SETTINGS_INVALID (also where any dashboard of the session lies in another partition than its role);
 * what `run` and `credentials` reject with is told in sign-in.ts.
 */
export async function signInFromSettings(
  settings: Settings,
  ports: ChainPorts,
  options: SignInFromSettingsOptions = {},
): Promise<SignIn> {
  const { fetch, clock, logger } = ports;
  const { aws, network } = settings;
  const { issuer, provider, keyRing, memory, onStage, onSecret } = options;
  const target = targetOf(settings, options);
  const { session } = target;
  const role = sessionNamed(settings, session);
  const dashboard = dashboardNamed(settings, target.dashboard);
  const arn = required(role.arn, settings, 'login-url', target);
  const destination = required(dashboard.url, settings, 'login-url', target);
  const configured = role.region ?? aws.region;
  const regionWith = (url: string, path: string) =>
    regionFor({
      roleArn: arn,
      dashboardUrl: url,
      ...(configured === undefined ? {} : { configured }),
      fields: {
        roleArn: `${role.path}.arn`,
        configured: role.region === undefined ? 'aws.region' : `${role.path}.region`,
        dashboardUrl: `${path}.url`,
      },
    });
  const region = regionWith(destination, dashboard.path);
  if (options.dashboard === undefined) {
    for (const other of Object.values(wallPlanOf(settings).dashboards)) {
      if (other.session === session) regionWith(other.url, dashboardNamed(settings, other.name).path);
    }
  }
  const federationUrl = aws.federationUrl ?? federationUrlOf(parseRoleArn(arn).partition, region);
  return createSignIn({
    fetch,
    clock,
    logger,
    provider:
      provider ??
      (await credentialProviderFromSettings(settings, ports, {
        session,
        ...(keyRing === undefined ? {} : { keyRing }),
        ...(onSecret === undefined ? {} : { onSecret }),
      })),
    role: { ...role, arn },
    region,
    endpoints: aws.endpoints,
    federationUrl,
    issuer: issuer ?? `${new URL(federationUrl).origin}/`,
    destination,
    timeoutMs: network.timeoutSeconds * 1000,
    ...(memory === undefined ? {} : { memory }),
    ...(onStage === undefined ? {} : { onStage }),
    ...(onSecret === undefined ? {} : { onSecret }),
  });
}

/** The chain from keys to credentials to sign-in, put together as the settings say. The one place for command and wall. */
import { AppError } from '../core/errors.ts';
import type { Clock, DeviceStore, Fetch, FileStore, Logger, Random } from '../core/ports.ts';
import { wallPlanOf } from '../core/plan/from-settings.ts';
import { credentialSourceOf, isServerSignIn, missingProblem, type Purpose } from '../core/settings/requirements.ts';
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
import type { CredentialProvider } from '../credentials/provider.ts';
import { KEY_SET_V1, type KeySource } from '../keys/key-set.ts';
import { type AutoId, autoIdFromSettings, autoIdOptions, providerFor, sourceFromSettings } from './auto-id.ts';
import type { DurationMemory } from './duration-memory.ts';
import { federationUrlOf, parseRoleArn, regionFor } from './partitions.ts';
import { createSignIn, type SignIn, type StageReport } from './sign-in.ts';

/** What the chain runs on. */
export interface ChainPorts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: FileStore;
  readonly logger: Logger;
  /** The store for a device file's path; a program that has none knows no protocol 2. */
  readonly deviceStore?: (path: string) => DeviceStore;
}

/** Hears every secret as soon as it is known, for redaction. */
export type SecretSink = (secret: string) => void;

function required<T>(value: T | undefined, settings: Settings, purpose: Purpose, target?: Partial<Target>): T {
  if (value !== undefined) return value;
  const problem = missingProblem(settings, purpose, [], target);
  throw new AppError(problem?.code ?? 'SETTINGS_MISSING', problem?.sentence ?? 'The settings are not complete.');
}

/** The key source of the settings for sets of protocol 1; see `sourceFromSettings`. */
export function keySourceFromSettings(settings: Settings, ports: ChainPorts): Promise<KeySource> {
  return sourceFromSettings(settings, ports, KEY_SET_V1);
}

/** The secrets that the settings themselves hold, for redaction. */
export function secretsOfSettings({ server, keys, network, health }: Settings): readonly string[] {
  const { password } = URL.canParse(network.proxy) ? new URL(network.proxy) : { password: '' };
  const known = [
    server.activationCode,
    keys.npm.token,
    keys.git.token,
    keys.https.token,
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

/**
 * Credentials from the settings' auto-id server for a session (default: that of the `role` group), over the keys and
 * device of the caller's or new ones. Rejects with SETTINGS_MISSING or SETTINGS_INVALID; what `get` rejects with is told in credentials/auto-id.ts.
 */
export async function credentialProviderFromSettings(
  settings: Settings,
  ports: ChainPorts,
  options: { readonly session?: string; readonly autoId?: AutoId; readonly onSecret?: SecretSink } = {},
): Promise<CredentialProvider> {
  const { session = DEFAULT_NAME, onSecret } = options;
  sessionNamed(settings, session);
  const autoId = options.autoId ?? (await autoIdFromSettings(settings, ports));
  return providerFor(settings, ports, autoId, session, onSecret);
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
  readonly autoId?: AutoId;
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
  const { issuer, provider, autoId, memory, onStage, onSecret } = options;
  const target = targetOf(settings, options);
  const { session } = target;
  const role = sessionNamed(settings, session);
  const dashboard = dashboardNamed(settings, target.dashboard);
  const destination = required(dashboard.url, settings, 'login-url', target);
  if (isServerSignIn(settings, session)) {
    const own = autoId ?? (await autoIdFromSettings(settings, ports));
    return serverSignIn(settings, ports, own, {
      session,
      destination,
      region: role.region ?? aws.region,
      onStage,
      onSecret,
    });
  }
  const arn = required(role.arn, settings, 'login-url', target);
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
        ...(autoId === undefined ? {} : { autoId }),
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

/** Sign-ins that the server makes for this session. */
async function serverSignIn(
  settings: Settings,
  ports: ChainPorts,
  autoId: AutoId,
  options: {
    readonly session: string;
    readonly destination: string;
    readonly region: string | undefined;
    readonly onStage: SignInFromSettingsOptions['onStage'];
    readonly onSecret: SecretSink | undefined;
  },
): Promise<SignIn> {
  const { session, destination, region, onStage, onSecret } = options;
  const { federationUrl } = settings.aws;
  const source = required(credentialSourceOf(settings, session), settings, 'credentials', { session });
  if (autoId.protocol === 'v1')
    throw new AppError('INTERNAL', 'A server of protocol 1 signs in for nobody: report it.');
  const { createServerSignIn } = await import('./server-sign-in.ts');
  return createServerSignIn({
    clock: ports.clock,
    logger: ports.logger,
    autoId: autoIdOptions(autoId, ports, source),
    destination,
    ...(region === undefined ? {} : { region }),
    ...(federationUrl === undefined ? {} : { federationUrl }),
    ...(onStage === undefined ? {} : { onStage }),
    ...(onSecret === undefined ? {} : { onSecret }),
  });
}

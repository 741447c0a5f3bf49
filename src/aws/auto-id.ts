/** The auto-id server of the settings, in the protocol that they name: its keys, and what it gives. */
import type { DeviceClient } from '../autoid/v2/client.ts';
import { AppError } from '../core/errors.ts';
import { credentialSourceOf, keySourceOf, missingProblem } from '../core/settings/requirements.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createAutoIdProvider } from '../credentials/auto-id.ts';
import type { AutoIdV2Options } from '../credentials/auto-id-v2.ts';
import type { CredentialProvider } from '../credentials/provider.ts';
import { createKeyRing, type KeyRing } from '../keys/key-ring.ts';
import { KEY_SET_V1, type KeySource, type SetForm, type VersionedSet } from '../keys/key-set.ts';
import type { KeySetV2 } from '../keys/v2/key-set-v2.ts';
import type { ChainPorts, SecretSink } from './from-settings.ts';
import { placeOfDashboard } from './partitions.ts';

/** One server's keys in memory, and with protocol 2 this machine's device: one of it for a program, shared by all sessions. */
export type AutoId =
  | { readonly protocol: 'v1'; readonly keyRing: KeyRing }
  | { readonly protocol: 'v2'; readonly keyRing: KeyRing<KeySetV2>; readonly device: DeviceClient };

/** Rejects with SETTINGS_MISSING, or SETTINGS_INVALID where a source itself finds the settings impossible. */
export async function autoIdFromSettings(settings: Settings, ports: ChainPorts): Promise<AutoId> {
  if (settings.server.protocol === 'v1') {
    return {
      protocol: 'v1',
      keyRing: createKeyRing(await sourceFromSettings(settings, ports, KEY_SET_V1), ports.logger),
    };
  }
  const device = await deviceFromSettings(settings, ports);
  const { keySetForm } = await import('../keys/v2/key-set-v2.ts');
  const source =
    keySourceOf(settings) === 'server'
      ? (await import('../keys/v2/server.ts')).serverKeySource(device)
      : await sourceFromSettings(settings, ports, keySetForm(device));
  const enrolled = await enrolledFirst(settings, device, source);
  return { protocol: 'v2', device, keyRing: createKeyRing(enrolled, ports.logger) };
}

/** This machine as a device of the settings' server. Rejects with SETTINGS_MISSING. */
export async function deviceFromSettings(settings: Settings, ports: ChainPorts): Promise<DeviceClient> {
  const { endpoint, deviceFile } = settings.server;
  if (ports.deviceStore === undefined) throw new AppError('INTERNAL', 'This program cannot keep a device: report it.');
  const { fetch, clock, random, logger } = ports;
  const { createDeviceClient } = await import('../autoid/v2/client.ts');
  return createDeviceClient({
    ...{ fetch, clock, random, logger },
    store: ports.deviceStore(required(deviceFile, settings, 'keys')),
    endpoint: required(endpoint, settings, 'credentials'),
    timeoutMs: settings.network.timeoutSeconds * 1000,
  });
}

/** Credentials for a session from a server. Rejects with SETTINGS_MISSING. */
export async function providerFor(
  settings: Settings,
  ports: ChainPorts,
  autoId: AutoId,
  session: string,
  onSecret?: SecretSink,
): Promise<CredentialProvider> {
  const source = required(credentialSourceOf(settings, session), settings, 'credentials', session);
  if (autoId.protocol === 'v2') {
    const { createAutoIdV2Provider } = await import('../credentials/auto-id-v2.ts');
    return createAutoIdV2Provider(autoIdOptions(autoId, ports, source), onSecret);
  }
  const { fetch, random, logger } = ports;
  const timeoutMs = settings.network.timeoutSeconds * 1000;
  const endpoint = required(settings.server.endpoint, settings, 'credentials', session);
  const { keyRing } = autoId;
  return createAutoIdProvider(
    { fetch, random, logger, keyRing, endpoint, credentialSource: source, timeoutMs },
    onSecret,
  );
}

/** What a request of protocol 2 for this source needs. */
export function autoIdOptions(
  { device, keyRing }: Extract<AutoId, { protocol: 'v2' }>,
  { logger }: Pick<ChainPorts, 'logger'>,
  source: string,
): AutoIdV2Options {
  return { device, keyRing, logger, source };
}

/** A source that enrols this machine before its first set, by the settings' activation code, where it is not yet. */
async function enrolledFirst(
  { server, role }: Settings,
  device: DeviceClient,
  source: KeySource<KeySetV2>,
): Promise<KeySource<KeySetV2>> {
  const code = server.activationCode;
  if (code === undefined) return source;
  const { enrolDevice } = await import('../autoid/v2/enrol-device.ts');
  return {
    name: source.name,
    async fetch(known) {
      const { enrolled } = await device.book.look();
      if (enrolled === undefined) await enrolDevice(device, { code, hint: role.sessionName, replace: false });
      return source.fetch(known);
    },
  };
}

/** Where S3 is asked first; a bucket elsewhere is found by S3's own answer. */
function bucketRegionOf({ keys, aws, dashboard }: Settings): string {
  const place = dashboard.url === undefined ? {} : placeOfDashboard(dashboard.url);
  return keys.s3.region ?? aws.region ?? place.region ?? 'us-east-1';
}

/**
 * The key source of the settings for sets of this form; its code is loaded only now, for S3's is large. Rejects with
 * SETTINGS_MISSING, or SETTINGS_INVALID where the source itself finds the settings impossible.
 */
export async function sourceFromSettings<S extends VersionedSet>(
  settings: Settings,
  ports: ChainPorts,
  form: SetForm<S>,
): Promise<KeySource<S>> {
  const { keys, aws, network } = settings;
  const { fetch, files } = ports;
  const timeoutMs = network.timeoutSeconds * 1000;
  const need = <T>(value: T | undefined) => required(value, settings, 'keys');
  switch (need(keySourceOf(settings))) {
    case 'directory': {
      const { directorySource } = await import('../keys/directory.ts');
      return directorySource({ files, directory: need(keys.directory) }, form);
    }
    case 'npm': {
      const { npmSource } = await import('../keys/npm.ts');
      const { scope, registry, token } = keys.npm;
      return npmSource({ fetch, registry: need(registry), scope, package: keys.npm.package, token, timeoutMs }, form);
    }
    case 's3': {
      const { s3Source } = await import('../keys/s3.ts');
      const { bucket, prefix, accessKeyId, secretAccessKey, sessionToken } = keys.s3;
      const options = {
        fetch,
        bucket: need(bucket),
        prefix,
        region: bucketRegionOf(settings),
        endpoint: aws.endpoints.s3 ?? aws.endpoints.all,
        credentials: { accessKeyId: need(accessKeyId), secretAccessKey: need(secretAccessKey), sessionToken },
        timeoutMs,
      };
      return s3Source(options, form);
    }
    case 'git': {
      const { gitSource } = await import('../keys/git.ts');
      const { url, ...rest } = keys.git;
      return gitSource({ fetch, ...rest, url: need(url), timeoutMs }, form);
    }
    case 'https': {
      const { httpsSource } = await import('../keys/https.ts');
      const { url, token } = keys.https;
      return httpsSource({ fetch, url: need(url), token, timeoutMs }, form);
    }
    case 'server':
      throw new AppError('SETTINGS_INVALID', 'The server gives its keys with server.protocol v2 only.');
  }
}

function required<T>(value: T | undefined, settings: Settings, purpose: 'keys' | 'credentials', session?: string): T {
  if (value !== undefined) return value;
  const problem = missingProblem(settings, purpose, [], session === undefined ? {} : { session });
  throw new AppError(problem?.code ?? 'SETTINGS_MISSING', problem?.sentence ?? 'The settings are not complete.');
}

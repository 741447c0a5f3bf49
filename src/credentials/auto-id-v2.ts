import type { DeviceClient } from '../autoid/v2/client.ts';
import { fromUtf8, parseJsonObject } from '../autoid/encoding.ts';
import { AppError } from '../core/errors.ts';
import type { Logger } from '../core/ports.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { KeySetV2 } from '../keys/v2/key-set-v2.ts';
import { obtainGranted } from '../keys/v2/request-with-keys-v2.ts';
import { parseSecret } from './parse-secret.ts';
import type { AwsCredentials, CredentialProvider } from './provider.ts';

export interface AutoIdV2Options {
  readonly device: DeviceClient;
  readonly keyRing: KeyRing<KeySetV2>;
  readonly logger: Logger;
  /** `store,id[,version[,stage]]`. */
  readonly source: string;
}

/** A signed-in address of the console, made by the server. */
export interface GrantedLogin {
  /** A secret; good for 15 minutes. */
  readonly url: string;
  /** When the session it opens ends, in ms since the epoch by this machine's clock. */
  readonly sessionEndsAt: number;
}

type SecretSink = (value: string) => void;

/** What a server's store may give; see the server's `Issued`. Times in ms since the epoch by the server's clock. */
type Json = Readonly<Record<string, unknown>>;

/**
 * Credentials from an auto-id server of protocol 2. `onSecret` hears every secret before it is used, for redaction.
 * Rejects with what `obtainGranted` rejects with, or CREDENTIALS_UNREADABLE where the source holds something else.
 */
export function createAutoIdV2Provider(options: AutoIdV2Options, onSecret?: SecretSink): CredentialProvider {
  return {
    name: 'auto-id v2',
    async get() {
      const issued = await issuedTo(options, '', onSecret);
      if (issued['kind'] === 'credentials') return credentialsOf(issued, options.device);
      if (issued['kind'] === 'secret' && typeof issued['text'] === 'string') return parseSecret(issued['text']);
      throw otherKind(options.source, 'AWS credentials');
    },
  };
}

/**
 * A signed-in address that leads to the destination, from a source of the store `console`: the machine gets no AWS
 * credential. Rejects as the provider does.
 */
export async function requestLogin(
  options: AutoIdV2Options,
  destination: string,
  onSecret?: SecretSink,
): Promise<GrantedLogin> {
  const issued = await issuedTo(options, destination, onSecret);
  const { kind, url, sessionEndsAt } = issued;
  if (kind !== 'login-url' || typeof url !== 'string' || typeof sessionEndsAt !== 'number' || !URL.canParse(url)) {
    throw otherKind(options.source, 'a signed-in address');
  }
  return { url, sessionEndsAt: onOwnClock(sessionEndsAt, options.device) };
}

/** Which of the alarms ring, by name, from a source of the store `console`. Rejects as the provider does. */
export async function requestAlarms(options: AutoIdV2Options, destination: string): Promise<readonly string[]> {
  const { kind, inAlarm } = await issuedTo(options, destination);
  if (kind === 'alarms' && Array.isArray(inAlarm) && inAlarm.every((one) => typeof one === 'string')) return inAlarm;
  throw otherKind(options.source, 'alarms');
}

async function issuedTo(options: AutoIdV2Options, destination: string, onSecret?: SecretSink): Promise<Json> {
  const { payload } = await obtainGranted({ ...options, destination });
  const issued = parseJsonObject(fromUtf8(payload) ?? '');
  if (issued === undefined) throw otherKind(options.source, 'anything that this Vigil knows');
  for (const name of ['secretAccessKey', 'sessionToken', 'text', 'url']) {
    const secret = issued[name];
    if (typeof secret === 'string') onSecret?.(secret);
  }
  return issued;
}

function credentialsOf(issued: Json, device: DeviceClient): AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = issued;
  const read = parseSecret(JSON.stringify({ accessKeyId, secretAccessKey, sessionToken }));
  return typeof expiresAt === 'number' ? { ...read, expiresAt: onOwnClock(expiresAt, device) } : read;
}

/** A server's time by this machine's clock: where that is wrong, both must be wrong alike. */
function onOwnClock(time: number, device: DeviceClient): number {
  const aheadMs = device.clock.aheadMs() ?? 0;
  // What a round trip may add says nothing.
  return Math.abs(aheadMs) > 60_000 ? time + aheadMs : time;
}

function otherKind(source: string, wanted: string): AppError {
  const store = source.split(',')[0] ?? '';
  return new AppError(
    'CREDENTIALS_UNREADABLE',
    `The auto-id server's store ${store} gave something else than ${wanted}: check server.credentialSource.`,
  );
}

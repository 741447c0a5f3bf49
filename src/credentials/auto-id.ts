import { requestSecret } from '../autoid/client.ts';
import type { Fetch, Logger, Random } from '../core/ports.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { obtainSecret } from '../keys/request-with-keys.ts';
import { parseSecret } from './parse-secret.ts';
import type { CredentialProvider } from './provider.ts';

export interface AutoIdOptions {
  readonly fetch: Fetch;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyRing: KeyRing;
  /** The server's address, as in AUTO_ID_API_ENDPOINT. */
  readonly endpoint: string;
  /** `secretsmanager,NAME[,version[,stage]]`. */
  readonly credentialSource: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
}

/** What a server says is a secret is one, whatever it holds. */
type SecretSink = (value: string) => void;

/**
 * Credentials from an auto-id server, with keys as fresh as they need to be (see `obtainSecret`). `onSecret` hears the
 * secret as it came, before it is read, for redaction. Rejects with what `obtainSecret` and `parseSecret` throw.
 */
export function createAutoIdProvider(options: AutoIdOptions, onSecret?: SecretSink): CredentialProvider {
  const { keyRing, logger, ...request } = options;
  return autoIdProviderOf(
    () => obtainSecret({ keyRing, logger, request: (keySet) => requestSecret({ ...request, keySet }) }),
    onSecret,
  );
}

/** The same over any way to obtain the secret's text. */
export function autoIdProviderOf(obtain: () => Promise<string>, onSecret?: SecretSink): CredentialProvider {
  return {
    name: 'auto-id',
    async get() {
      const secret = await obtain();
      onSecret?.(secret);
      return parseSecret(secret);
    },
  };
}

import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { Fetch } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../../keys/sdk-request-handler.ts';
import { storeFailureOf } from '../stores/aws-failures.ts';
import { type DataKeys, damaged } from './sealer.ts';

export interface KmsKeysOptions {
  readonly fetch: Fetch;
  /** ARN, id or alias of a symmetric key. */
  readonly keyId: string;
  readonly region: string;
  readonly endpoint?: string;
  /** The server's own credentials, asked for with each call. */
  readonly credentials: () => Promise<AwsCredentials>;
  /** For each call, in ms. */
  readonly timeoutMs: number;
}

const LONGEST_ANSWER = 65_536;

/**
 * Data keys of a key in AWS KMS (GenerateDataKey, Decrypt), with the purpose as encryption context: the key itself never
 * leaves KMS, and whoever has the disk needs kms:Decrypt too. Rejects with STORE_REFUSED, STORE_UNAVAILABLE, and what the
 * Fetch port throws.
 */
export function kmsKeys(options: KmsKeysOptions): DataKeys {
  const { keyId, region, endpoint } = options;
  const description = `the KMS key ${keyId}`;

  async function call<T>(send: (client: KMSClient) => Promise<T>): Promise<T> {
    const { accessKeyId, secretAccessKey, sessionToken } = await options.credentials();
    const client = new KMSClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
      requestHandler: sdkRequestHandler(options.fetch, { timeoutMs: options.timeoutMs, maxBytes: LONGEST_ANSWER }),
      ...SDK_CLIENT_OPTIONS,
    });
    try {
      return await send(client);
    } catch (error) {
      throw storeFailureOf(error, {
        service: 'AWS KMS',
        what: description,
        action: 'kms:GenerateDataKey and kms:Decrypt',
      });
    } finally {
      client.destroy();
    }
  }

  return {
    description,
    async create(purpose) {
      const input = { KeyId: keyId, KeySpec: 'AES_256' as const, EncryptionContext: { vigil: purpose } };
      const { Plaintext, CiphertextBlob } = await call((client) => client.send(new GenerateDataKeyCommand(input)));
      if (Plaintext?.length !== 32 || CiphertextBlob === undefined || CiphertextBlob.length > 0xffff) {
        throw damaged({ description });
      }
      return { key: Plaintext, kept: CiphertextBlob };
    },
    async recover(purpose, kept) {
      const input = { KeyId: keyId, CiphertextBlob: kept, EncryptionContext: { vigil: purpose } };
      const { Plaintext } = await call((client) => client.send(new DecryptCommand(input)));
      if (Plaintext?.length !== 32) throw damaged({ description });
      return Plaintext;
    },
  };
}

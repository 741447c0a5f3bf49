import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type GetSecretValueCommandOutput,
} from '@aws-sdk/client-secrets-manager';
import { AppError } from '../../core/errors.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../../keys/sdk-request-handler.ts';
import { storeFailureOf } from './aws-failures.ts';
import type { CredentialStore } from './credential-store.ts';
import type { AwsAccess, StorePorts } from './ports.ts';

/** A secret has 64 KiB at most; JSON may escape each character. */
const LONGEST_ANSWER = 1024 * 1024;

/**
 * AWS Secrets Manager (GetSecretValue), with the server's own credentials and nothing else. A source's version is a
 * VersionId; its stage a VersionStage, which counts only without a version, as in the published reference. `names` bounds
 * what may be asked for at all, whatever a device's allow-list says: names, or beginnings with `*`.
 */
export function secretsManagerStore(
  ports: StorePorts,
  aws: AwsAccess,
  names: readonly string[] = ['*'],
): CredentialStore {
  return {
    name: 'secretsmanager',
    async issue({ source: { id, version, stage } }) {
      const isServed = names.some((name) => (name.endsWith('*') ? id.startsWith(name.slice(0, -1)) : id === name));
      if (!isServed)
        throw new AppError('STORE_NOT_FOUND', `This server serves no secret ${id}: name it in its settings.`);
      const chosen =
        version !== undefined ? { VersionId: version } : stage !== undefined ? { VersionStage: stage } : {};
      const answer = await withSecretsManager(
        ports,
        aws,
        { what: `the secret ${id}`, action: 'secretsmanager:GetSecretValue (and kms:Decrypt for a key of yours)' },
        (client) => client.send(new GetSecretValueCommand({ SecretId: id, ...chosen })),
      );
      return { kind: 'secret', text: textOf(answer, id) };
    },
  };
}

/** One call of Secrets Manager. Rejects with STORE_*, told for `question`. */
export async function withSecretsManager<T>(
  { fetch }: Pick<StorePorts, 'fetch'>,
  aws: AwsAccess,
  question: { readonly what: string; readonly action: string },
  send: (client: SecretsManagerClient) => Promise<T>,
): Promise<T> {
  const { region, endpoints, timeoutMs } = aws;
  const endpoint = endpoints.secretsmanager ?? endpoints.all;
  const { accessKeyId, secretAccessKey, sessionToken } = await aws.credentials();
  const client = new SecretsManagerClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    requestHandler: sdkRequestHandler(fetch, { timeoutMs, maxBytes: LONGEST_ANSWER }),
    ...SDK_CLIENT_OPTIONS,
  });
  try {
    return await send(client);
  } catch (error) {
    throw storeFailureOf(error, { service: 'AWS Secrets Manager', ...question });
  } finally {
    client.destroy();
  }
}

/** The secret's text; bytes are taken for UTF-8. */
export function textOf({ SecretString, SecretBinary }: GetSecretValueCommandOutput, id: string): string {
  if (SecretString !== undefined) return SecretString;
  try {
    if (SecretBinary !== undefined) return new TextDecoder('utf-8', { fatal: true }).decode(SecretBinary);
  } catch {
    // Told below.
  }
  throw new AppError(
    'STORE_ANSWER_UNREADABLE',
    `The secret ${id} is stored as bytes that are no text: store it as text.`,
  );
}

import { AppError } from '../../core/errors.ts';
import { parseSecret } from '../../credentials/parse-secret.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';

/** The lasting key in a secret. Throws CREDENTIALS_UNREADABLE for none, STORE_REFUSED for temporary credentials. */
export function lastingKeyIn(text: string): AwsCredentials {
  const credentials = parseSecret(text);
  if (credentials.sessionToken === undefined) return credentials;
  throw new AppError(
    'STORE_REFUSED',
    'The secret holds temporary credentials, which end by themselves: only a lasting key is rotated.',
  );
}

/** The secret with another key in it, in the form that it had: clients read what they have always read. */
export function withKey(
  text: string,
  before: AwsCredentials,
  after: { readonly id: string; readonly secret: string },
): string {
  if (!text.trim().startsWith('{')) return `${after.id},${after.secret}`;
  const renewed = JSON.stringify(
    JSON.parse(text, (_name, value: unknown) => {
      if (typeof value !== 'string') return value;
      if (value.trim() === before.accessKeyId) return after.id;
      return value.trim() === before.secretAccessKey ? after.secret : value;
    }),
  );
  const { accessKeyId, secretAccessKey } = parseSecret(renewed);
  if (accessKeyId === after.id && secretAccessKey === after.secret) return renewed;
  throw new AppError(
    'CREDENTIALS_UNREADABLE',
    'The secret holds its key in a way that cannot be written again: put it as ID,SECRET.',
  );
}

import { AppError } from '../../core/errors.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';

/**
 * The server's own credentials from the environment, as Lambda sets them and the AWS SDKs name them. Rejects with
 * SETTINGS_MISSING where they are not there.
 */
export function environmentCredentials(
  env: Readonly<Record<string, string | undefined>>,
): () => Promise<AwsCredentials> {
  return () => {
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    } = env;
    if (!accessKeyId || !secretAccessKey) {
      const sentence =
        'The server has no AWS credentials of its own: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a secret of its own in stores.aws.credentials.';
      return Promise.reject(new AppError('SETTINGS_MISSING', sentence));
    }
    return Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
  };
}

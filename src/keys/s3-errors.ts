import { AppError } from '../core/errors.ts';
import { retryAfterMs } from '../autoid/retry-after.ts';

/** What the SDK's errors carry, as far as it is read here; none of it is certain. */
interface SdkError {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly Region?: unknown;
}

const CREDENTIALS_WRONG: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'TokenRefreshRequired',
  'InvalidSecurity',
]);

function sdkErrorOf(error: unknown): SdkError {
  return typeof error === 'object' && error !== null ? error : {};
}

/** The HTTP status behind an error of the SDK. */
export function statusOf(error: unknown): number | undefined {
  return sdkErrorOf(error).$metadata?.httpStatusCode;
}

/** The region that S3 says a bucket lives in when it was asked in another one (301, or 400 with the right region). */
export function bucketRegionOf(error: unknown): string | undefined {
  const { $response, Region } = sdkErrorOf(error);
  const region = $response?.headers?.['x-amz-bucket-region'] ?? Region;
  return typeof region === 'string' && /^[a-z0-9-]{1,64}$/.test(region) ? region : undefined;
}

/** Whether S3 refused the time by which a request was signed; it takes 15 minutes either way. */
export function isClockRefusal(error: unknown): boolean {
  return sdkErrorOf(error).name === 'RequestTimeTooSkewed';
}

/**
 * An error of GetObject as ours. `missing` and `denied` are left to the caller, who may look elsewhere: without
 * s3:ListBucket S3 answers 403 for objects that do not exist. Codes: the S3 API reference, "Error responses".
 */
export function s3FailureOf(error: unknown, bucket: string, key: string): AppError | 'missing' | 'denied' {
  if (error instanceof AppError) return error;
  const { name = '', $response } = sdkErrorOf(error);
  const status = statusOf(error);
  if (name === 'NoSuchKey') return 'missing';
  if (name === 'NoSuchBucket') {
    return new AppError('KEYS_NOT_FOUND', `There is no S3 bucket ${bucket}: check its name.`, { cause: error });
  }
  if (CREDENTIALS_WRONG.has(name)) {
    return new AppError(
      'KEYS_REFUSED',
      `S3 does not accept the credentials for the bucket ${bucket} (${name}): check the access key of the keys.`,
      { cause: error },
    );
  }
  if (isClockRefusal(error)) {
    return new AppError(
      'KEYS_REFUSED',
      "S3 refuses this machine's clock, which is more than 15 minutes off: set the clock.",
      { cause: error },
    );
  }
  if (status === 403) return 'denied';
  if (status === 404) return 'missing';
  if (status !== undefined && status >= 300 && status < 500 && status !== 429 && status !== 408) {
    const code = name === '' ? String(status) : `${status} ${name}`;
    return new AppError(
      'KEYS_REFUSED',
      `S3 refused to give ${key} from the bucket ${bucket} (${code}): check the bucket's name, its region, and the endpoint.`,
      { cause: error },
    );
  }
  const wish = retryAfterMs($response?.headers ?? {});
  return new AppError('KEYS_UNAVAILABLE', `S3 cannot give the keys in ${bucket} now: it is tried again.`, {
    cause: error,
    ...(wish === undefined ? {} : { retryAfterMs: wish }),
  });
}

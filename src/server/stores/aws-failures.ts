import { retryAfterMs } from '../../autoid/retry-after.ts';
import { AppError } from '../../core/errors.ts';

/** What was asked of an AWS service, for sentences. */
export interface AwsQuestion {
  /** `AWS Secrets Manager`. */
  readonly service: string;
  /** `the secret wall-dashboards`. */
  readonly what: string;
  /** The permission that it takes. */
  readonly action: string;
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const CREDENTIALS_WRONG =
  /^(UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|IncompleteSignature|MissingAuthenticationToken|RequestExpired|InvalidAccessKeyId)/;
const MAY_PASS =
  /^(Throttl|TooManyRequests|RequestLimitExceeded|InternalService|InternalFailure|ServiceUnavailable|KMSInternal|DependencyTimeout|KeyUnavailable|LimitExceeded)/;

/**
 * An error of the AWS SDK as a store's: STORE_NOT_FOUND, STORE_REFUSED, STORE_UNAVAILABLE or STORE_ANSWER_UNREADABLE. What is
 * ours already (of the Fetch port) stays as it is but for its code. AWS's own message is read and never quoted.
 */
export function storeFailureOf(error: unknown, { service, what, action }: AwsQuestion): AppError {
  if (error instanceof AppError) return asStoreFailure(error, service);
  const {
    name = '',
    message = '',
    $metadata,
    $response,
  } = (typeof error === 'object' && error !== null ? error : {}) as SdkError;
  const status = $metadata?.httpStatusCode ?? 0;
  const cause = new Error(`${service} answered ${status} ${name}`);
  if (/^(ResourceNotFound|NotFoundException|NoSuchEntity)/.test(name) || /marked (for|as) delet/i.test(message)) {
    return new AppError('STORE_NOT_FOUND', `${service} has no ${what.replace(/^the /, '')}: check its name.`, {
      cause,
    });
  }
  if (/^(AccessDenied|NotAuthorized|UnauthorizedOperation)/.test(name)) {
    return new AppError('STORE_REFUSED', `${service} does not let this server have ${what}: allow it ${action}.`, {
      cause,
    });
  }
  if (CREDENTIALS_WRONG.test(name)) {
    const sentence = `${service} does not accept this server's own credentials (${name}): renew them, and check its clock.`;
    return new AppError('STORE_REFUSED', sentence, { cause });
  }
  if (MAY_PASS.test(name) || status === 429 || status >= 500) {
    const wish = retryAfterMs($response?.headers ?? {});
    const sentence = `${service} does not work at the moment (${name === '' ? status : name}).`;
    return new AppError('STORE_UNAVAILABLE', sentence, {
      cause,
      ...(wish === undefined ? {} : { retryAfterMs: wish }),
    });
  }
  if (status >= 400) {
    return new AppError(
      'STORE_REFUSED',
      `${service} refuses to give ${what} (${name}): check its name, version and key.`,
      { cause },
    );
  }
  return new AppError('STORE_ANSWER_UNREADABLE', `${service} gave an answer for ${what} that makes no sense.`, {
    cause,
  });
}

/** A failure of ours below a store, told as the store's. */
export function asStoreFailure(error: AppError, service: string): AppError {
  const { code, message: sentence, retryAfterMs: wish } = error;
  const options = { cause: error, ...(wish === undefined ? {} : { retryAfterMs: wish }) };
  if (code.startsWith('STORE_')) return error;
  if (code.endsWith('_UNREADABLE') || code === 'ANSWER_TOO_LARGE') {
    return new AppError('STORE_ANSWER_UNREADABLE', sentence, options);
  }
  if (code.startsWith('NETWORK_') || code.endsWith('_UNAVAILABLE') || code === 'STS_THROTTLED') {
    return new AppError('STORE_UNAVAILABLE', sentence, options);
  }
  if (code === 'INTERNAL')
    return new AppError('STORE_UNAVAILABLE', `${service} could not be asked: ${sentence}`, options);
  return new AppError('STORE_REFUSED', sentence, options);
}

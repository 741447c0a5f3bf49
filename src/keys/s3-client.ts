import { S3Client } from '@aws-sdk/client-s3';
import type { Fetch } from '../core/ports.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from './sdk-request-handler.ts';

export interface S3ClientOptions {
  readonly fetch: Fetch;
  readonly region: string;
  /** Another S3 than AWS's, addressed by path: `https://s3.example.com`. */
  readonly endpoint?: string | undefined;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
  };
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
  /** Longest object, in bytes. */
  readonly maxBytes: number;
  /** Tries of one call, 1 where it is missing; the SDK waits between them, with jitter. */
  readonly maxAttempts?: number;
}

/** A client that takes nothing from its surroundings: every option that the SDK would look up is given. */
export function createS3Client(options: S3ClientOptions): S3Client {
  const { fetch, timeoutMs, maxBytes, maxAttempts } = options;
  const { accessKeyId, secretAccessKey, sessionToken } = options.credentials;
  return new S3Client({
    region: options.region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    requestHandler: sdkRequestHandler(fetch, { timeoutMs, maxBytes }),
    ...SDK_CLIENT_OPTIONS,
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    disableS3ExpressSessionAuth: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_SUPPORTED',
    sigv4aSigningRegionSet: [],
    useArnRegion: false,
  });
}

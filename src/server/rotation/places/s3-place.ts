import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../../../core/errors.ts';
import type { Fetch } from '../../../core/ports.ts';
import type { AwsCredentials } from '../../../credentials/provider.ts';
import { createS3Client } from '../../../keys/s3-client.ts';
import { statusOf } from '../../../keys/s3-errors.ts';
import { sameContent, type Place, type PublishedFiles } from './place.ts';

const LONGEST_FILE = 16 * 1024 * 1024;

export interface S3PlaceOptions {
  readonly fetch: Fetch;
  readonly bucket: string;
  /** Folder of the objects, without slashes around it; the top of the bucket where it is missing. */
  readonly prefix?: string | undefined;
  readonly region: string;
  /** Another S3 than AWS's, addressed by path. */
  readonly endpoint?: string | undefined;
  /** May put and get the objects. Asked for with each call. */
  readonly credentials: () => Promise<AwsCredentials>;
  /** For each of the exchanges, in ms. */
  readonly timeoutMs: number;
}

/**
 * A bucket. Each file is an object that S3 replaces whole; what must be read together is one file in protocol 2. The two
 * files of protocol 1 cannot be switched at once here: whoever reads between the two, or after a crash between the two,
 * has the halves of two generations, which the server accepts for as long as it accepts both; and it accepts the older one
 * until this place is known to be complete.
 */
export function s3Place(options: S3PlaceOptions): Place {
  const { bucket } = options;
  const folder =
    options.prefix === undefined || options.prefix === '' ? '' : `${options.prefix.replace(/^\/+|\/+$/g, '')}/`;

  async function using<T>(work: (client: S3Client) => Promise<T>): Promise<T> {
    const { fetch, region, endpoint, timeoutMs } = options;
    const credentials = await options.credentials();
    const limits = { timeoutMs, maxBytes: LONGEST_FILE };
    const client = createS3Client({ fetch, region, endpoint, credentials, ...limits });
    try {
      return await work(client);
    } catch (error) {
      throw failureOf(error, bucket);
    } finally {
      client.destroy();
    }
  }

  async function get(client: S3Client, name: string): Promise<Uint8Array | undefined> {
    try {
      const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: folder + name }));
      return await answer.Body?.transformToByteArray();
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  return {
    name: `S3 bucket ${bucket}/${folder}`,
    holds: (files) =>
      using(async (client) => {
        for (const [name, bytes] of files) if (!sameContent(await get(client, name), bytes)) return false;
        return true;
      }),
    publish: (files: PublishedFiles) =>
      using(async (client) => {
        for (const [name, bytes] of files) {
          if (sameContent(await get(client, name), bytes)) continue;
          await client.send(new PutObjectCommand({ Bucket: bucket, Key: folder + name, Body: bytes }));
        }
      }),
  };
}

function failureOf(error: unknown, bucket: string): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  const name = error instanceof Error ? error.name : 'unknown';
  if (status !== undefined && status >= 300 && status < 500 && status !== 429 && status !== 408) {
    return new AppError(
      'PUBLISH_REFUSED',
      `S3 does not let us put the keys into the bucket ${bucket} (${status} ${name}): check its name and region, and allow s3:PutObject, s3:GetObject and s3:ListBucket.`,
      { cause: error },
    );
  }
  return new AppError('PUBLISH_FAILED', `S3 did not take the keys for the bucket ${bucket} now: it is tried again.`, {
    cause: error,
  });
}

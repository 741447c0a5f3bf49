import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Clock, Fetch } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { createS3Client } from '../../keys/s3-client.ts';
import { statusOf } from '../../keys/s3-errors.ts';
import type { Sealer } from '../seal/sealer.ts';
import { environmentCredentials } from '../stores/own-credentials.ts';
import type { KeyVault } from './vault.ts';

/** Longest object, in bytes: a generation has some 6 MiB. */
const LONGEST_OBJECT = 32 * 1024 * 1024;
/** Tries of one call. The SDK waits between them, with jitter. */
const MOST_ATTEMPTS = 3;
/** What no ring names after so long, in ms, was left by a process that died before its ring was written. */
const ORPHAN_MS = 3600_000;
const CALL_TIMEOUT_MS = 20_000;
const RING = 'ring.json';

export interface S3VaultOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly bucket: string;
  /** Folder of the objects, without slashes around it; `keys` where it is missing. */
  readonly prefix?: string | undefined;
  readonly region: string;
  /** Another S3 than AWS's, addressed by path; it must know conditional writes. */
  readonly endpoint?: string | undefined;
  /** Asked for with each call. */
  readonly credentials: () => Promise<AwsCredentials>;
  readonly sealer: Sealer;
  /** For each try, in ms. */
  readonly timeoutMs: number;
}

const ringSchema = z.strictObject({ version: z.number().int().positive(), write: z.string(), ring: z.string() });
type StoredRing = z.infer<typeof ringSchema>;

interface Held {
  readonly etag: string;
  readonly stored: StoredRing;
}

/**
 * A vault in an S3 bucket, the secrets sealed on top of what S3 does. The ring is one object, replaced only while it is
 * the one that was read (S3 user guide, "Conditional writes": If-Match, If-None-Match), so that whatever changes, changes
 * at once. The bucket must not keep versions: what is destroyed would still be there.
 */
export function s3Vault(options: S3VaultOptions): KeyVault {
  const { bucket, clock, sealer } = options;
  const folder = `${(options.prefix ?? 'keys').replace(/^\/+|\/+$/g, '')}/`;
  const name = `the S3 bucket ${bucket}/${folder}`;
  const secretKey = (secret: string): string => `${folder}${secret}.key`;
  let held: Held | undefined;

  async function using<T>(work: (client: S3Client) => Promise<T>): Promise<T> {
    const { fetch, region, endpoint, timeoutMs } = options;
    const credentials = await options.credentials();
    const limits = { timeoutMs, maxBytes: LONGEST_OBJECT, maxAttempts: MOST_ATTEMPTS };
    const client = createS3Client({ fetch, region, endpoint, credentials, ...limits });
    try {
      return await work(client);
    } catch (error) {
      throw failureOf(error, name);
    } finally {
      client.destroy();
    }
  }

  async function get(
    client: S3Client,
    key: string,
    etag?: string,
  ): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly etag: string } | 'missing' | 'unchanged'> {
    try {
      const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfNoneMatch: etag }));
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
      return { bytes: new Uint8Array(bytes), etag: answer.ETag ?? '' };
    } catch (error) {
      if (statusOf(error) === 304) return 'unchanged';
      if (error instanceof Error && error.name === 'NoSuchKey') return 'missing';
      throw error;
    }
  }

  /** Puts an object on a condition; false when the condition did not hold, whoever's write that was. */
  async function put(
    client: S3Client,
    key: string,
    body: Uint8Array,
    condition: Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>,
  ): Promise<boolean> {
    try {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...condition }));
      return true;
    } catch (error) {
      // 409: another conditional write of the same object was under way. 404: the object to match was removed.
      if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
      throw error;
    }
  }

  async function readStored(client: S3Client): Promise<Held | undefined> {
    const got = await get(client, folder + RING, held?.etag);
    if (got === 'unchanged') return held;
    held = got === 'missing' ? undefined : { etag: got.etag, stored: storedOf(got.bytes, name) };
    return held;
  }

  return {
    name,
    version: () => using(async (client) => (await readStored(client))?.stored.version ?? 0),
    readRing: () =>
      using(async (client) => {
        const found = await readStored(client);
        return found === undefined ? undefined : { version: found.stored.version, text: found.stored.ring };
      }),
    writeRing: (text, ifVersion) =>
      using(async (client) => {
        const before = await readStored(client);
        if ((before?.stored.version ?? 0) !== ifVersion) return false;
        // The mark tells our own write from another's, and makes every ring another object, whatever S3's ETags are made of.
        const stored: StoredRing = { version: ifVersion + 1, write: randomUUID(), ring: text };
        const bytes = new TextEncoder().encode(JSON.stringify(stored));
        const condition = before === undefined ? { IfNoneMatch: '*' } : { IfMatch: before.etag };
        if (await put(client, folder + RING, bytes, condition)) return true;
        // A first try whose answer got lost looks like another's write.
        return (await readStored(client))?.stored.write === stored.write;
      }),
    async writeSecret(secret, plain) {
      const sealed = await sealer.seal(purposeOf(secret), plain);
      await using(async (client) => {
        if (await put(client, secretKey(secret), sealed, { IfNoneMatch: '*' })) return;
        const there = await get(client, secretKey(secret));
        if (typeof there !== 'string' && Buffer.compare(there.bytes, sealed) === 0) return;
        throw new AppError('KEYS_UNAVAILABLE', `There is another key ${secret} in ${name} already: try again.`);
      });
    },
    async readSecret(secret) {
      const got = await using((client) => get(client, secretKey(secret)));
      if (typeof got === 'string') return undefined;
      try {
        return await sealer.open(purposeOf(secret), got.bytes);
      } catch (cause) {
        if (!(cause instanceof AppError) || cause.code !== 'STORE_ANSWER_UNREADABLE') throw cause;
        const sentence = `The server's key ${secret} in ${name} cannot be opened with ${sealer.description}: restore it from a backup, or rotate.`;
        throw new AppError('KEYS_INVALID', sentence, { cause });
      }
    },
    destroySecret: (secret) =>
      using(async (client) => {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: secretKey(secret) }));
      }),
    sweep: (named) =>
      using(async (client) => {
        const now = clock.now();
        let token: string | undefined;
        do {
          const answer = await client.send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: folder, ContinuationToken: token }),
          );
          for (const { Key = '', LastModified } of answer.Contents ?? []) {
            const secret = /^(.+)\.key$/.exec(Key.slice(folder.length))?.[1];
            const isOld = LastModified !== undefined && now - LastModified.getTime() >= ORPHAN_MS;
            if (secret === undefined || named.has(secret) || !isOld) continue;
            await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
          }
          token = answer.NextContinuationToken;
        } while (token !== undefined);
      }),
  };
}

/**
 * The vault of a server on AWS, as its environment names it: VIGIL_KEY_BUCKET, AWS_REGION (or AWS_DEFAULT_REGION), and the
 * AWS credentials. Throws SETTINGS_MISSING.
 */
export function s3VaultFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  ports: Pick<S3VaultOptions, 'fetch' | 'clock' | 'sealer'>,
): KeyVault {
  const [bucket = '', region = ''] = [env['VIGIL_KEY_BUCKET'], env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']];
  if (bucket === '' || region === '') {
    const sentence = "Name the bucket of the server's keys in VIGIL_KEY_BUCKET, and its region in AWS_REGION.";
    throw new AppError('SETTINGS_MISSING', sentence);
  }
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? '';
  return s3Vault({
    ...ports,
    bucket,
    region,
    ...(endpoint === '' ? {} : { endpoint }),
    credentials: environmentCredentials(env),
    timeoutMs: CALL_TIMEOUT_MS,
  });
}

/** The same as in a folder: sealed keys may move between the two. */
function purposeOf(secret: string): string {
  return `server key ${secret}`;
}

function storedOf(bytes: Uint8Array, name: string): StoredRing {
  try {
    return ringSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    const sentence = `The list of the server's keys in ${name} makes no sense: restore it from a backup.`;
    throw new AppError('KEYS_INVALID', sentence, { cause });
  }
}

function failureOf(error: unknown, name: string): AppError {
  if (error instanceof AppError && !error.code.startsWith('NETWORK_')) return error;
  const status = statusOf(error);
  if (status !== undefined && status >= 300 && status < 500 && status !== 429 && status !== 408) {
    const what = error instanceof Error ? error.name : 'unknown';
    const sentence = `The server's keys in ${name} cannot be used (${status} ${what}): check the bucket's name and region, and what the server's role may do.`;
    return new AppError('KEYS_UNREADABLE', sentence, { cause: error });
  }
  const why = error instanceof AppError ? error.code : String(status ?? 'no answer');
  return new AppError('KEYS_UNAVAILABLE', `S3 did not answer for ${name} (${why}): it is tried again.`, {
    cause: error,
  });
}

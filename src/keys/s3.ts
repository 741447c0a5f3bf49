import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { AppError } from '../core/errors.ts';
import type { Fetch } from '../core/ports.ts';
import { KEY_SET_V1, LONGEST_FILE, named, PLACES, withinLimit } from './key-set.ts';
import type { KeySource, SetForm, VersionedSet } from './key-set.ts';
import { bucketRegionOf, isClockRefusal, s3FailureOf, statusOf } from './s3-errors.ts';
import { createS3Client } from './s3-client.ts';

/** How often one read is made again because S3's answer said what was wrong with it: the region, the clock. */
const MOST_REPAIRS = 2;

/** Where and how the keys are fetched from S3. */
export interface S3SourceOptions {
  readonly fetch: Fetch;
  readonly bucket: string;
  /** The folder of the objects; without it they are looked for at the top and under `build/`. */
  readonly prefix?: string | undefined;
  /** The bucket's region. A wrong one is put right by S3's own answer, unless an endpoint is given. */
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
}

interface Content {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

type Got = Content | 'unchanged' | 'missing' | 'denied';

interface Version {
  readonly place: string;
  readonly etags: readonly string[];
}

/** Key sets of protocol 1 from an S3 bucket: `info2048.bin` and `public.pem`. */
export function s3KeySource(options: S3SourceOptions): KeySource {
  return s3Source(options, KEY_SET_V1);
}

/**
 * Keys from an S3 bucket by a GetObject for each file, in parallel, conditional (`If-None-Match`) where a set is known.
 * New objects, where they are several, are asked about once more, conditionally, so that a rotation between the reads is
 * noticed. A wrong region and a wrong
 * clock of this machine are put right by S3's own answer. The SDK gets everything it needs from here: it reads neither the
 * environment nor files, and tries once.
 */
export function s3Source<S extends VersionedSet>(options: S3SourceOptions, form: SetForm<S>): KeySource<S> {
  const { bucket } = options;
  const prefix = options.prefix?.replace(/^\/+|\/+$/g, '');
  const places = prefix === undefined ? PLACES : [prefix === '' ? '' : `${prefix}/`];
  let client = createS3Client({ ...options, maxBytes: LONGEST_FILE });
  let region = options.region;

  async function get(key: string, etag: string | undefined, repairs = MOST_REPAIRS): Promise<Got> {
    const asked = client;
    try {
      const answer = await withinLimit(
        'S3 bucket',
        asked.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfNoneMatch: etag })),
      );
      return { bytes: await bytesOf(answer, bucket, key), etag: answer.ETag ?? '' };
    } catch (error) {
      if (statusOf(error) === 304) return 'unchanged';
      const actual = options.endpoint === undefined ? bucketRegionOf(error) : undefined;
      // The SDK has read S3's time off this refusal and signs by it from now on.
      if (repairs > 0 && isClockRefusal(error)) return get(key, etag, repairs - 1);
      if (repairs > 0 && actual !== undefined && (actual !== region || asked !== client)) {
        if (actual !== region) {
          region = actual;
          client = createS3Client({ ...options, region, maxBytes: LONGEST_FILE });
        }
        return get(key, etag, repairs - 1);
      }
      const failure = s3FailureOf(error, bucket, key);
      if (failure === 'missing' || failure === 'denied') return failure;
      throw failure;
    }
  }

  const allAt = (place: string, etags?: Version['etags']): Promise<readonly Got[]> =>
    Promise.all(form.files.map((file, i) => get(place + file, etags?.[i])));

  /** The first place that holds all objects, and what is in them. */
  async function find(): Promise<{ place: string; contents: readonly Content[] }> {
    let denied = false;
    for (const place of places) {
      const got = await allAt(place);
      const contents = got.filter(isContent);
      if (contents.length === form.files.length) return { place, contents };
      denied ||= got.includes('denied');
    }
    const where = places.map((place) => `${bucket}/${place}`).join(' or ');
    throw denied
      ? new AppError(
          'KEYS_REFUSED',
          `S3 does not let us read the keys in ${where}: allow s3:GetObject on ${form.files.length === 1 ? 'the object' : 'both objects'}, and s3:ListBucket to tell missing from forbidden.`,
        )
      : new AppError(
          'KEYS_NOT_FOUND',
          `There is no ${named(form.files)} in ${where}: check the bucket, or publish the keys to it.`,
        );
  }

  async function fetchWhole(): Promise<S> {
    const { place, contents } = await find();
    const etags = contents.map(({ etag }) => etag);
    const again = contents.length === 1 ? [] : await allAt(place, etags);
    const newest = contents.map((content, i) => {
      const later = again[i];
      return later !== undefined && isContent(later) ? later : content;
    });
    const version: Version = { place, etags: newest.map(({ etag }) => etag) };
    return form.make(
      newest.map(({ bytes }) => bytes),
      JSON.stringify(version),
    );
  }

  return {
    name: `S3 bucket ${bucket}`,
    async fetch(known) {
      if (known !== undefined) {
        const { place, etags } = JSON.parse(known.version) as Version;
        if ((await allAt(place, etags)).every((got) => got === 'unchanged')) return 'unchanged';
      }
      return fetchWhole();
    },
  };
}

/** The content of an object; the SDK checks it here against the checksum that S3 sends. */
async function bytesOf(answer: GetObjectCommandOutput, bucket: string, key: string): Promise<Uint8Array> {
  try {
    return (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (cause) {
    throw new AppError(
      'KEYS_INTEGRITY',
      `What S3 sent for ${key} from the bucket ${bucket} is damaged: upload it again if that stays so.`,
      { cause },
    );
  }
}

function isContent(got: Got): got is Content {
  return typeof got === 'object';
}

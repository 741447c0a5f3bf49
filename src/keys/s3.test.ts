import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { HttpResponse } from '../core/ports.ts';
import { createNodeFetch } from '../node/http.ts';
import { startStandin } from '../standin/index.ts';
import type { KeySet, KeySource } from './key-set.ts';
import { s3KeySource } from './s3.ts';
import type { S3SourceOptions } from './s3.ts';
import { answer, entropyFile, otherEntropyFile, publicKeyFile, recordingFetch } from './testing/keys.ts';

interface S3Server {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => S3Server;

/** The one account that this server knows. */
const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

/** A fetch that should fail: without the set in its result, which would fill the screen. */
const failing = (source: KeySource): Promise<boolean> => source.fetch().then(() => true);

describe('s3KeySource with a real server', () => {
  let server: S3Server;
  let folder: string;
  let endpoint: string;
  let admin: S3Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vigil-s3-'));
    server = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory: folder,
      configureBuckets: [{ name: 'keys' }, { name: 'empty' }],
    });
    endpoint = `http://127.0.0.1:${String((await server.run()).port)}`;
    admin = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, credentials: CREDENTIALS });
  });
  afterAll(async () => {
    admin.destroy();
    await server.close();
    await rm(folder, { recursive: true });
  });

  const put = (key: string, body: Uint8Array) =>
    admin.send(new PutObjectCommand({ Bucket: 'keys', Key: key, Body: body }));
  const remove = (key: string) => admin.send(new DeleteObjectCommand({ Bucket: 'keys', Key: key }));

  function sourceWith(options: Partial<S3SourceOptions> = {}) {
    const { fetch, requests } = recordingFetch(options.fetch);
    const source = s3KeySource({
      bucket: 'keys',
      region: 'us-east-1',
      endpoint,
      credentials: CREDENTIALS,
      timeoutMs: 5000,
      ...options,
      fetch,
    });
    return { source, requests };
  }

  beforeEach(async () => {
    for (const place of ['', 'build/', 'team/a/']) {
      await Promise.all([remove(`${place}info2048.bin`), remove(`${place}public.pem`)]);
    }
    await Promise.all([put('build/info2048.bin', entropyFile), put('build/public.pem', publicKeyFile)]);
  });

  it('finds the pair, then asks conditionally, and sees a rotation', async () => {
    const { source, requests } = sourceWith();
    const set = (await source.fetch()) as KeySet;
    expect(set.entropy).toBe(new TextDecoder().decode(entropyFile));
    requests.length = 0;
    expect(await source.fetch(set)).toBe('unchanged');
    expect(requests.map(({ url }) => new URL(url).pathname).sort()).toEqual([
      '/keys/build/info2048.bin',
      '/keys/build/public.pem',
    ]);
    expect(requests.every(({ headers }) => headers?.['if-none-match'] !== undefined)).toBe(true);
    await put('build/info2048.bin', otherEntropyFile);
    const next = (await source.fetch(set)) as KeySet;
    expect(next.fingerprint).not.toBe(set.fingerprint);
    expect(await source.fetch(next)).toBe('unchanged');
  });

  it('looks at the top first, and under a prefix if one is given', async () => {
    await Promise.all([put('info2048.bin', otherEntropyFile), put('public.pem', publicKeyFile)]);
    const top = (await sourceWith().source.fetch()) as KeySet;
    expect(top.entropy).toBe(new TextDecoder().decode(otherEntropyFile));
    await Promise.all([put('team/a/info2048.bin', entropyFile), put('team/a/public.pem', publicKeyFile)]);
    for (const prefix of ['team/a', '/team/a/']) {
      const set = (await sourceWith({ prefix }).source.fetch()) as KeySet;
      expect(set.entropy).toBe(new TextDecoder().decode(entropyFile));
    }
  });

  it('notices a rotation between its two reads', async () => {
    const { fetch } = recordingFetch();
    let rotated = false;
    const { source } = sourceWith({
      fetch: async (request) => {
        const response = await fetch(request);
        if (request.url.includes('build/info2048.bin') && response.status === 200 && !rotated) {
          rotated = true;
          await put('build/info2048.bin', otherEntropyFile);
        }
        return response;
      },
    });
    const set = (await source.fetch()) as KeySet;
    expect(rotated).toBe(true);
    expect(set.entropy).toBe(new TextDecoder().decode(otherEntropyFile));
    expect(await source.fetch(set)).toBe('unchanged');
  });

  it.each([
    ['no such bucket', { bucket: 'no-such-bucket' }, 'KEYS_NOT_FOUND'],
    ['no objects', { bucket: 'empty' }, 'KEYS_NOT_FOUND'],
    ['another prefix', { prefix: 'x' }, 'KEYS_NOT_FOUND'],
    ['an unknown key id', { credentials: { ...CREDENTIALS, accessKeyId: 'AKIAOTHER' } }, 'KEYS_REFUSED'],
  ])('refuses %s', async (_, options, code) => {
    const error: unknown = await sourceWith(options)
      .source.fetch()
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code });
    expect((error as AppError).message).not.toContain('wrong');
  });

  it('refuses damaged files', async () => {
    await put('build/info2048.bin', entropyFile.subarray(0, 12_345));
    await expect(failing(sourceWith().source)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });
});

describe('s3KeySource and answers of every kind', () => {
  const error = (code: string, more = '') =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No.</Message>${more}</Error>`;

  function sourceOver(respond: (url: URL) => HttpResponse | AppError, options: Partial<S3SourceOptions> = {}) {
    const { fetch, requests } = recordingFetch(({ url }) => {
      const response = respond(new URL(url));
      return response instanceof AppError ? Promise.reject(response) : Promise.resolve(response);
    });
    const source = s3KeySource({
      fetch,
      bucket: 'keys',
      region: 'us-east-1',
      credentials: { ...CREDENTIALS, sessionToken: 'token' },
      timeoutMs: 1000,
      ...options,
    });
    return { source, requests };
  }
  const files = (url: URL): HttpResponse =>
    url.pathname.endsWith('.pem')
      ? answer(200, publicKeyFile, { etag: '"k"' })
      : answer(200, entropyFile, { etag: '"e"' });

  it.each([
    ['NoSuchBucket', 404, 'KEYS_NOT_FOUND'],
    ['NoSuchKey', 404, 'KEYS_NOT_FOUND'],
    ['AccessDenied', 403, 'KEYS_REFUSED'],
    ['InvalidAccessKeyId', 403, 'KEYS_REFUSED'],
    ['SignatureDoesNotMatch', 403, 'KEYS_REFUSED'],
    ['ExpiredToken', 400, 'KEYS_REFUSED'],
    ['RequestTimeTooSkewed', 403, 'KEYS_REFUSED'],
    ['InvalidObjectState', 403, 'KEYS_REFUSED'],
    ['InvalidRequest', 400, 'KEYS_REFUSED'],
    ['SlowDown', 503, 'KEYS_UNAVAILABLE'],
    ['InternalError', 500, 'KEYS_UNAVAILABLE'],
  ])('%s (%i) is %s', async (name, status, code) => {
    const { source } = sourceOver(() => answer(status, error(name), { 'content-type': 'application/xml' }));
    await expect(failing(source)).rejects.toMatchObject({ code });
  });

  it.each([
    [403, '<html>', 'KEYS_REFUSED'],
    [404, '', 'KEYS_NOT_FOUND'],
    [429, '', 'KEYS_UNAVAILABLE'],
    [302, '', 'KEYS_REFUSED'],
    [400, '{"not":"xml"', 'KEYS_REFUSED'],
    [502, '<Error><Code>', 'KEYS_UNAVAILABLE'],
    [503, 'x'.repeat(5000), 'KEYS_UNAVAILABLE'],
    [200, 'not the file', 'KEYS_INVALID'],
    [200, '', 'KEYS_INVALID'],
    [204, '', 'KEYS_INVALID'],
    [304, '', 'KEYS_NOT_FOUND'],
  ])('status %i with %j is %s', async (status, body, code) => {
    await expect(failing(sourceOver(() => answer(status, body)).source)).rejects.toMatchObject({ code });
  });

  it.each([
    ['an hour ahead', 3_600_000],
    ['two days behind', -2 * 86_400_000],
  ])("makes up for this machine's clock when it is %s", async (_, aheadMs) => {
    const reader = { accessKeyId: 'AKIAREADERREADERREAD', secretAccessKey: 'a/secret+of/the+reader' };
    const standin = await startStandin({
      now: () => Date.now() - aheadMs,
      users: [{ name: 'reader', ...reader, allow: ['s3:GetObject'] }],
      objects: { keys: { 'info2048.bin': entropyFile, 'public.pem': publicKeyFile } },
    });
    try {
      const source = s3KeySource({
        fetch: createNodeFetch(),
        bucket: 'keys',
        region: 'eu-west-1',
        endpoint: standin.urls.s3,
        credentials: reader,
        timeoutMs: 5000,
      });
      const set = (await source.fetch()) as KeySet;
      expect(set.fingerprint).toMatch(/^[0-9a-f]{16}$/);
      standin.control.clearRequests();
      expect(await source.fetch(set)).toBe('unchanged');
      expect(standin.control.requests().map(({ status }) => status)).toEqual([304, 304]);
    } finally {
      await standin.stop();
    }
  });

  it('hears when S3 wants to be asked later', async () => {
    const { source } = sourceOver(() => answer(503, error('SlowDown'), { 'retry-after': '3' }));
    await expect(failing(source)).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE', retryAfterMs: 3000 });
  });

  it('passes network failures on, after one attempt each, and takes endless objects for unreadable', async () => {
    const { source, requests } = sourceOver(() => new AppError('NETWORK_TLS', 'The certificate is not trusted.'));
    await expect(failing(source)).rejects.toMatchObject({ code: 'NETWORK_TLS' });
    expect(requests).toHaveLength(2);
    expect(requests[0]).toMatchObject({ timeoutMs: 1000, maxBytes: 8 * 1024 * 1024 });
    const endless = sourceOver(() => new AppError('ANSWER_TOO_LARGE', 'Too large.'));
    await expect(failing(endless.source)).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });

  it('checks what it gets against the checksum that S3 sends', async () => {
    const { source } = sourceOver((url) => {
      const file = files(url);
      return { ...file, headers: { ...file.headers, 'x-amz-checksum-crc32': 'AAAAAA==' } };
    });
    await expect(failing(source)).rejects.toMatchObject({ code: 'KEYS_INTEGRITY' });
  });

  it.each([
    ['a redirect', (region: string) => answer(301, error('PermanentRedirect'), { 'x-amz-bucket-region': region })],
    [
      'the region in an error',
      (region: string) => answer(400, error('AuthorizationHeaderMalformed', `<Region>${region}</Region>`)),
    ],
  ])('moves to the region of the bucket on %s, once', async (_, moved) => {
    const { source, requests } = sourceOver((url) =>
      url.host.includes('eu-central-1') ? files(url) : moved('eu-central-1'),
    );
    const set = (await source.fetch()) as KeySet;
    expect(set.fingerprint).toBeDefined();
    const hosts = requests.map(({ url }) => new URL(url).host);
    expect(hosts.slice(0, 2)).toEqual(['keys.s3.us-east-1.amazonaws.com', 'keys.s3.us-east-1.amazonaws.com']);
    expect(new Set(hosts.slice(2))).toEqual(new Set(['keys.s3.eu-central-1.amazonaws.com']));
    const wandering = sourceOver(() => moved('eu-west-1'));
    await expect(failing(wandering.source)).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    expect(wandering.requests).toHaveLength(4);
  });

  it('signs with the session token, and sends no secret anywhere', async () => {
    const { source, requests } = sourceOver(files);
    await source.fetch();
    expect(requests[0]?.headers?.['x-amz-security-token']).toBe('token');
    expect(JSON.stringify(requests)).not.toContain('"S3RVER"');
  });
});

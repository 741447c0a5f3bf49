import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runServer } from 'verdaccio';
import type { Fetch } from '../../../core/ports.ts';
import { npmKeySource } from '../../../keys/npm.ts';
import type { KeySet } from '../../../keys/key-set.ts';
import { s3KeySource } from '../../../keys/s3.ts';
import { entropyFile, otherEntropyFile, publicKeyFile } from '../../../keys/testing/keys.ts';
import { createNodeFetch } from '../../../node/http.ts';
import { openTestBucket, type TestBucket } from '../../testing/bucket.ts';
import { npmPlace, type NpmPlaceOptions } from './npm-place.ts';
import type { PublishedFiles } from './place.ts';
import { s3Place, type S3PlaceOptions } from './s3-place.ts';

const fetchOf = createNodeFetch();
const timeoutMs = 30_000;

const setOf = (entropy: Uint8Array): PublishedFiles =>
  new Map([
    ['keyset.bin', entropy.slice(0, 5000)],
    ['info2048.bin', entropy],
    ['public.pem', publicKeyFile],
  ]);
const [first, second] = [setOf(entropyFile), setOf(otherEntropyFile)];
const isOf = (set: KeySet | 'unchanged', entropy: Uint8Array): boolean =>
  set !== 'unchanged' && set.entropy === new TextDecoder().decode(entropy);

/** A process that dies before the n-th exchange, or once it was answered there and before that is known here. */
function dying(at: number, when: 'before' | 'after', counted: (request: { method: string }) => boolean): Fetch {
  let seen = 0;
  return async (request) => {
    if (counted(request)) seen += 1;
    if (seen >= at && (seen > at || when === 'before')) throw new Error('killed');
    const answer = await fetchOf(request);
    if (seen >= at) throw new Error('killed');
    return answer;
  };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-registries-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a real npm registry', () => {
  let registry: Server;
  let address: string;
  let token: string;

  const place = (options: Partial<NpmPlaceOptions> = {}) =>
    npmPlace({
      fetch: fetchOf,
      registry: address,
      package: '@acme/auto-id-keys',
      token: () => Promise.resolve(token),
      timeoutMs,
      ...options,
    });
  const client = () =>
    npmKeySource({ fetch: fetchOf, registry: address, scope: 'acme', package: 'auto-id-keys', token, timeoutMs });
  const versions = async (name = '@acme%2fauto-id-keys'): Promise<string[]> => {
    const answer = await fetch(`${address}/${name}`, { headers: { authorization: `Bearer ${token}` } });
    return Object.keys(((await answer.json()) as { versions: object }).versions);
  };

  beforeAll(async () => {
    const config = join(folder, 'config.yaml');
    registry = (await runServer({
      configPath: config,
      self_path: config,
      storage: join(folder, 'storage'),
      auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 10 } },
      uplinks: {},
      packages: {
        '@acme/*': { access: '$authenticated', publish: '$authenticated' },
        '@other/*': { access: '$authenticated', publish: 'nobody' },
      },
      log: { type: 'stdout', format: 'json', level: 'fatal' },
      max_body_size: '20mb',
    })) as Server;
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${String((registry.address() as AddressInfo).port)}`;
    const user = { name: 'publisher', password: 'a-long-password', type: 'user', roles: [] };
    const answer = await fetch(`${address}/-/user/org.couchdb.user:publisher`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...user, _id: 'org.couchdb.user:publisher' }),
    });
    ({ token } = (await answer.json()) as { token: string });
  });
  afterAll(
    () =>
      new Promise<void>((resolve) => {
        registry.close(() => resolve());
        registry.closeAllConnections();
      }),
  );

  it('gets a version for each set, and one only, and gives it to clients', async () => {
    expect(await place().holds(first)).toBe(false);
    await place().publish(first);
    await place().publish(first);
    expect(await place().holds(first)).toBe(true);
    expect(await versions()).toEqual(['1.0.0']);
    const source = client();
    const set = await source.fetch();
    expect(isOf(set, entropyFile)).toBe(true);
    await place().publish(second);
    expect(await versions()).toEqual(['1.0.0', '1.0.1']);
    expect(await place().holds(first)).toBe(false);
    expect(isOf(await source.fetch(set as KeySet), otherEntropyFile)).toBe(true);
  });

  it.each(['before', 'after'] as const)('is published to once by a process that dies %s any exchange', async (when) => {
    const name = `@acme/dying-${when}`;
    for (let at = 1, done = false; !done; at++) {
      const before = at === 1 ? 0 : (await versions(name.replace('/', '%2f'))).length;
      const next: PublishedFiles = new Map([['keyset.bin', Buffer.from(`set ${String(at)} ${when}`)]]);
      done = await place({ package: name, fetch: dying(at, when, () => true) })
        .publish(next)
        .then(
          () => true,
          () => false,
        );
      await place({ package: name }).publish(next);
      expect(await place({ package: name }).holds(next)).toBe(true);
      expect(await versions(name.replace('/', '%2f'))).toHaveLength(before + 1);
      if (done) expect(at).toBeGreaterThan(2);
    }
  });

  it('says why it does not take a package', async () => {
    const wrong = place({ token: () => Promise.resolve('npm_wrong') });
    await expect(wrong.publish(first)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
    await expect(place({ package: '@other/keys' }).publish(first)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
    expect(() => place({ registry: 'http://registry.example.com/' })).toThrow(/https address/);
    expect(() => place({ package: 'two words' })).toThrow(/no npm package/);
  });
});

describe('a real S3 server', () => {
  let bucket: TestBucket;
  beforeAll(async () => {
    bucket = await openTestBucket(join(folder, 's3'));
  });
  afterAll(() => bucket.stop());

  const where = () => ({
    fetch: bucket.fetch,
    bucket: bucket.name,
    prefix: 'walls',
    region: 'eu-central-1',
    endpoint: bucket.endpoint,
    timeoutMs,
  });
  const place = (options: Partial<S3PlaceOptions> = {}) =>
    s3Place({ ...where(), credentials: () => Promise.resolve(bucket.credentials), ...options });
  const client = () => s3KeySource({ ...where(), credentials: bucket.credentials });

  it('gets each set, and gives it to clients', async () => {
    expect(await place().holds(first)).toBe(false);
    await place().publish(first);
    expect(await place().holds(first)).toBe(true);
    const source = client();
    const set = await source.fetch();
    expect(isOf(set, entropyFile)).toBe(true);
    await place().publish(second);
    expect(isOf(await source.fetch(set as KeySet), otherEntropyFile)).toBe(true);
    expect(await place().holds(first)).toBe(false);
  });

  it.each(['before', 'after'] as const)(
    'has one of two sets in each file when a process dies %s any exchange',
    async (when) => {
      const small = (generation: string) =>
        new Map(['info2048.bin', 'public.pem'].map((name) => [name, Buffer.from(`${name} of ${generation}`)]));
      const [old, next] = [small('old'), small('new')];
      for (let at = 1, done = false; !done; at++) {
        await place().publish(old);
        done = await place({ fetch: dying(at, when, ({ method }) => method === 'PUT') })
          .publish(next)
          .then(
            () => true,
            () => false,
          );
        for (const [name, bytes] of next) {
          // The server accepts either half for as long as this place is not known to be complete.
          const held = (await bucket.object(`walls/${name}`))?.toString();
          expect([old.get(name)?.toString(), bytes.toString()]).toContain(held);
        }
        await place().publish(next);
        expect(await place().holds(next)).toBe(true);
      }
    },
  );

  it('says why it does not take keys', async () => {
    const denied = place({ credentials: () => Promise.resolve({ accessKeyId: 'NOBODY', secretAccessKey: 'x' }) });
    await expect(denied.publish(first)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
    await expect(place({ bucket: 'nowhere' }).publish(first)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
  });
});

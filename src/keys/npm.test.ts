import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { HttpResponse } from '../core/ports.ts';
import type { KeySet } from './key-set.ts';
import { npmKeySource } from './npm.ts';
import type { NpmSourceOptions } from './npm.ts';
import { answer, entropyFile, integrityOf, publicKeyFile, recordingFetch, tarballOf } from './testing/keys.ts';

const REGISTRY = 'https://registry.test/npm';
const PACKUMENT = 'https://registry.test/npm/@acme%2fauto-id-keys';
const TARBALL = 'https://registry.test/npm/@acme/auto-id-keys/-/auto-id-keys-1.0.1.tgz';
const TOKEN = 'npm_exampleToken';
const good = tarballOf({
  'package.json': new TextEncoder().encode('{"scripts":{"install":"exit 1"}}'),
  'build/info2048.bin': entropyFile,
  'build/public.pem': publicKeyFile,
});

function packument(dist: object = {}, version = '1.0.1'): string {
  return JSON.stringify({
    name: '@acme/auto-id-keys',
    'dist-tags': { latest: version },
    versions: { [version]: { dist: { tarball: TARBALL, integrity: integrityOf(good), ...dist } } },
  });
}

type Table = Record<string, HttpResponse | (() => HttpResponse)>;

/** A source over a table of answers; addresses that are not in it are not found. */
function sourceOver(table: Table, options: Partial<NpmSourceOptions> = {}) {
  const { fetch, requests } = recordingFetch(({ url }) => {
    const found = table[url];
    return Promise.resolve(typeof found === 'function' ? found() : (found ?? answer(404)));
  });
  const source = npmKeySource({
    fetch,
    registry: REGISTRY,
    scope: 'acme',
    package: 'auto-id-keys',
    token: TOKEN,
    timeoutMs: 1000,
    ...options,
  });
  const tokensAt = () => requests.map(({ url, headers }) => [new URL(url).origin, headers?.['authorization']]);
  return { source, requests, tokensAt };
}

const found = { [PACKUMENT]: answer(200, packument(), { etag: '"1"' }), [TARBALL]: answer(200, good) };
const failing = (table: Table, options: Partial<NpmSourceOptions> = {}) =>
  sourceOver(table, options)
    .source.fetch()
    .then(() => true);

describe('npmKeySource', () => {
  it('takes two exchanges cold, and one conditional exchange warm', async () => {
    let packumentAnswer = answer(200, packument(), { etag: '"1"' });
    const { source, requests } = sourceOver({ ...found, [PACKUMENT]: () => packumentAnswer });
    const set = (await source.fetch()) as KeySet;
    expect(set.publicKeyPem).toMatch(/^ssh-rsa /);
    expect(requests.map(({ url }) => url)).toEqual([PACKUMENT, TARBALL]);
    expect(requests[0]).toMatchObject({ method: 'GET', timeoutMs: 1000, maxBytes: 16 * 1024 * 1024 });
    expect(requests[0]?.headers?.['accept']).toContain('application/vnd.npm.install-v1+json');
    packumentAnswer = answer(304);
    expect(await source.fetch(set)).toBe('unchanged');
    expect(requests).toHaveLength(3);
    expect(requests[2]?.headers?.['if-none-match']).toBe('"1"');
    packumentAnswer = answer(200, packument(), { etag: '"2"' });
    expect(await source.fetch(set)).toBe('unchanged');
    expect(requests).toHaveLength(4);
    packumentAnswer = answer(200, packument(), { etag: '"3"' });
    expect(await source.fetch()).toEqual(set);
    expect(requests).toHaveLength(6);
    expect(requests[4]?.headers?.['if-none-match']).toBeUndefined();
  });

  it('fetches a new version', async () => {
    let version = '1.0.1';
    const { source, requests } = sourceOver({
      ...found,
      [PACKUMENT]: () => answer(200, packument({}, version), { etag: `"${version}"` }),
    });
    const set = (await source.fetch()) as KeySet;
    version = '1.0.2';
    const next = (await source.fetch(set)) as KeySet;
    expect(next.version).not.toBe(set.version);
    expect(next.fingerprint).toBe(set.fingerprint);
    expect(requests).toHaveLength(4);
  });

  it.each([
    ['acme', 'auto-id-keys'],
    ['@acme', 'auto-id-keys'],
    [undefined, '@acme/auto-id-keys'],
    ['', '@acme/auto-id-keys'],
  ])('asks for scope %s and package %s by one name', async (scope, name) => {
    const { source, requests } = sourceOver(found, { scope, package: name, registry: `${REGISTRY}/` });
    await source.fetch();
    expect(requests[0]?.url).toBe(PACKUMENT);
    expect(source.name).toBe('npm package @acme/auto-id-keys');
  });

  it.each([
    ['acme', '../x'],
    ['acme', '@other/x'],
    ['ac me', 'x'],
    [undefined, 'x@1.0.0'],
    [undefined, 'git+ssh://a/b'],
    [undefined, './folder'],
    [undefined, ''],
    ['a/b', 'x'],
  ])('refuses scope %s with package %s', (scope, name) => {
    expect(() => sourceOver({}, { scope, package: name })).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID' }),
    );
  });

  it.each([
    '',
    'registry.test',
    'http://registry.test',
    'ftp://registry.test',
    'https://u:p@registry.test',
    'https://r/?a',
  ])('refuses the registry %j', (registry) => {
    expect(() => sourceOver({}, { registry })).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  });
});

describe('the token', () => {
  const CDN = 'https://cdn.test/keys.tgz';

  it('goes to the registry, with every exchange', async () => {
    const { source, tokensAt } = sourceOver(found);
    await source.fetch();
    expect(tokensAt()).toEqual([
      ['https://registry.test', `Bearer ${TOKEN}`],
      ['https://registry.test', `Bearer ${TOKEN}`],
    ]);
  });

  it.each([
    ['another host', CDN],
    ['another port', 'https://registry.test:8443/keys.tgz'],
    ['a host that only begins alike', 'https://registry.test.evil.test/keys.tgz'],
  ])('does not go to a tarball on %s', async (_, tarball) => {
    const { source, tokensAt } = sourceOver({
      [PACKUMENT]: answer(200, packument({ tarball })),
      [tarball]: answer(200, good),
    });
    await source.fetch();
    expect(tokensAt()[1]).toEqual([new URL(tarball).origin, undefined]);
  });

  it('does not go along with a redirect to another host', async () => {
    const { source, tokensAt } = sourceOver({
      ...found,
      [TARBALL]: answer(302, '', { location: CDN }),
      [CDN]: answer(307, '', { location: '/elsewhere' }),
      'https://cdn.test/elsewhere': answer(200, good),
    });
    await source.fetch();
    expect(tokensAt().map(([, token]) => token)).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`, undefined, undefined]);
  });

  it('is not in any sentence', async () => {
    for (const status of [401, 403, 404, 500, 418]) {
      const error = await failing({ [PACKUMENT]: answer(status) }).catch((e: unknown) => e as AppError);
      expect(error).toBeInstanceOf(AppError);
      expect((error as AppError).message).not.toContain(TOKEN);
    }
  });

  it('is not sent when there is none', async () => {
    const { source, requests } = sourceOver(found, { token: '' });
    await source.fetch();
    expect(requests.every(({ headers }) => headers?.['authorization'] === undefined)).toBe(true);
  });
});

describe('addresses', () => {
  it('follows three redirects and no fourth', async () => {
    const hop = (to: string) => answer(301, '', { location: to });
    const chain = {
      [PACKUMENT]: hop('/1'),
      'https://registry.test/1': hop('/2'),
      'https://registry.test/2': hop('/3'),
    };
    const end = 'https://registry.test/3';
    await expect(failing({ ...found, ...chain, [end]: answer(200, packument()) })).resolves.toBeDefined();
    await expect(failing({ ...found, ...chain, [end]: hop('/4') })).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });

  it('never goes from https to http', async () => {
    const location = 'http://registry.test/x';
    const { source, requests } = sourceOver({ [PACKUMENT]: answer(302, '', { location }) });
    await expect(source.fetch()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
    expect(requests).toHaveLength(1);
    const elsewhere = packument({ tarball: 'http://cdn.test/x.tgz' });
    await expect(failing({ [PACKUMENT]: answer(200, elsewhere) })).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
    const notHttp = packument({ tarball: 'file:///etc/passwd' });
    await expect(failing({ [PACKUMENT]: answer(200, notHttp) })).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });

  it("asks the registry's own host by https where it says http", async () => {
    const tarball = TARBALL.replace('https:', 'http:');
    const { source, requests } = sourceOver({ ...found, [PACKUMENT]: answer(200, packument({ tarball })) });
    await source.fetch();
    expect(requests[1]?.url).toBe(TARBALL);
  });
});

describe('integrity', () => {
  const hex = (algorithm: string) => createHash(algorithm).update(good).digest('hex');
  const withDist = (dist: object) => failing({ ...found, [PACKUMENT]: answer(200, packument(dist)) });

  it.each([
    ['SHA-512 among others', { integrity: `sha1-AAAA ${integrityOf(good)}` }],
    ['SHA-1 as integrity', { integrity: integrityOf(good, 'sha1') }],
    ['only a shasum', { integrity: undefined, shasum: hex('sha1') }],
  ])('takes %s', async (_, dist) => {
    await expect(withDist(dist)).resolves.toBeDefined();
  });

  it.each([
    ['a wrong one', { integrity: integrityOf(new Uint8Array([1])) }],
    [
      'a right SHA-1 beside a wrong SHA-512',
      { integrity: `${integrityOf(good, 'sha1')} ${integrityOf(new Uint8Array())}` },
    ],
    ['a right shasum beside a wrong integrity', { integrity: integrityOf(new Uint8Array()), shasum: hex('sha1') }],
    ['only MD5', { integrity: integrityOf(good, 'md5') }],
    ['nonsense', { integrity: 'trust me' }],
    ['neither', { integrity: undefined }],
    ['an impossible shasum', { integrity: undefined, shasum: 'zz' }],
    ['a wrong shasum', { integrity: undefined, shasum: '0'.repeat(40) }],
  ])('refuses %s', async (_, dist) => {
    await expect(withDist(dist)).rejects.toMatchObject({ code: 'KEYS_INTEGRITY' });
  });

  it('refuses every damaged tarball', async () => {
    for (const damaged of [good.subarray(0, -1), good.subarray(0, 1000), new Uint8Array()]) {
      await expect(failing({ ...found, [TARBALL]: answer(200, damaged) })).rejects.toMatchObject({
        code: 'KEYS_INTEGRITY',
      });
    }
  });
});

describe('the package', () => {
  const published = (tarball: Uint8Array) =>
    failing({
      [PACKUMENT]: answer(200, packument({ integrity: integrityOf(tarball) })),
      [TARBALL]: answer(200, tarball),
    });
  const pair = { 'info2048.bin': entropyFile, 'public.pem': publicKeyFile };

  it('may hold the files at its top', async () => {
    await expect(published(tarballOf(pair))).resolves.toBeDefined();
  });

  it.each([
    ['without the files', tarballOf({ 'index.js': publicKeyFile }), 'KEYS_NOT_FOUND'],
    ['with one of them', tarballOf({ 'build/public.pem': publicKeyFile }), 'KEYS_NOT_FOUND'],
    [
      'with them deeper',
      tarballOf({ 'a/build/info2048.bin': entropyFile, 'a/build/public.pem': publicKeyFile }),
      'KEYS_NOT_FOUND',
    ],
    [
      'with links in their place',
      tarballOf({ 'info2048.bin': new Uint8Array(), 'public.pem': new Uint8Array() }, 'SymbolicLink'),
      'KEYS_UNREADABLE',
    ],
    ['with a cut-off file', tarballOf({ ...pair, 'info2048.bin': entropyFile.subarray(0, 50_000) }), 'KEYS_INVALID'],
    [
      'with another key',
      tarballOf({ ...pair, 'public.pem': new TextEncoder().encode('ssh-ed25519 AAAA') }),
      'KEYS_INVALID',
    ],
    ['that is no gzip', new TextEncoder().encode('hello'), 'KEYS_UNREADABLE'],
    ['that is no tar', gzipSync('x'.repeat(5000)), 'KEYS_UNREADABLE'],
    ['that is empty', gzipSync(''), 'KEYS_UNREADABLE'],
    ['that is a cut-off tar', gzipSync(gunzipSync(tarballOf(pair)).subarray(0, 600_000)), 'KEYS_UNREADABLE'],
    ['that unpacks without end', tarballOf({ ...pair, zeros: new Uint8Array(17 * 1024 * 1024) }), 'KEYS_UNREADABLE'],
  ])('is refused %s', async (_, tarball, code) => {
    await expect(published(tarball)).rejects.toMatchObject({ code });
  });

  it('is refused with too many entries', async () => {
    const header = gunzipSync(tarballOf({ a: new Uint8Array() })).subarray(0, 512);
    const many = gzipSync(Buffer.concat([...Array<Buffer>(10_001).fill(header), Buffer.alloc(1024)]), { level: 1 });
    await expect(published(many)).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });
});

describe('the registry', () => {
  it.each([
    [400, 'KEYS_UNREADABLE', 'registry'],
    [401, 'KEYS_REFUSED', 'token'],
    [403, 'KEYS_REFUSED', 'token'],
    [404, 'KEYS_NOT_FOUND', 'token'],
    [204, 'KEYS_UNREADABLE', 'registry'],
    [304, 'KEYS_UNREADABLE', 'registry'],
    [408, 'KEYS_UNAVAILABLE', 'again'],
    [500, 'KEYS_UNAVAILABLE', 'again'],
    [503, 'KEYS_UNAVAILABLE', 'again'],
  ])('answers %i: %s', async (status, code, word) => {
    const expected = { code, message: expect.stringContaining(word) as string };
    await expect(failing({ [PACKUMENT]: answer(status) })).rejects.toMatchObject(expected);
    await expect(failing({ ...found, [TARBALL]: answer(status) })).rejects.toMatchObject(expected);
    await expect(failing({ [PACKUMENT]: answer(status) }, { token: undefined })).rejects.toMatchObject(expected);
  });

  it('is heard when it wants to be asked later', async () => {
    const busy = { [PACKUMENT]: answer(429, '', { 'retry-after': '7' }) };
    await expect(failing(busy)).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE', retryAfterMs: 7000 });
  });

  it.each([
    ['', 'KEYS_UNREADABLE'],
    ['<html>', 'KEYS_UNREADABLE'],
    ['[]', 'KEYS_UNREADABLE'],
    [packument().slice(0, -1), 'KEYS_UNREADABLE'],
    ['{}', 'KEYS_NOT_FOUND'],
    ['{"dist-tags":{"latest":1}}', 'KEYS_NOT_FOUND'],
    ['{"dist-tags":{"latest":"1.0.0"}}', 'KEYS_UNREADABLE'],
    ['{"dist-tags":{"latest":"constructor"},"versions":{}}', 'KEYS_UNREADABLE'],
    ['{"dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":null}}', 'KEYS_UNREADABLE'],
    [packument({ tarball: 'https://' }), 'KEYS_UNREADABLE'],
  ])('answers %s: %s', async (body, code) => {
    await expect(failing({ [PACKUMENT]: answer(200, body) })).rejects.toMatchObject({ code });
  });

  it('passes network failures on, and takes an endless answer for an unreadable one', async () => {
    const rejecting = (error: AppError) =>
      failing({}, { fetch: () => Promise.reject(error) }).catch((e: unknown) => (e as AppError).code);
    expect(await rejecting(new AppError('NETWORK_DNS', 'No such host.'))).toBe('NETWORK_DNS');
    expect(await rejecting(new AppError('ANSWER_TOO_LARGE', 'Too large.'))).toBe('KEYS_UNREADABLE');
  });
});

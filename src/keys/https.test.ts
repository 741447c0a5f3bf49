import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Fetch, HttpRequest } from '../core/ports.ts';
import { httpsSource } from './https.ts';
import { KEY_SET_V1, type KeySet } from './key-set.ts';
import { answer, entropyFile, otherEntropyFile, publicKeyFile } from './testing/keys.ts';

/** A web server of a few files, which tells their ETags, or none. */
function webServer(files: Map<string, Uint8Array>, hasEtags = true) {
  const requests: HttpRequest[] = [];
  let onRequest: (url: string) => void = () => undefined;
  const fetch: Fetch = (request) => {
    requests.push(request);
    onRequest(request.url);
    const file = files.get(request.url);
    if (file === undefined) return Promise.resolve(answer(404));
    const etag = `"${createHash('md5').update(file).digest('hex')}"`;
    if (hasEtags && request.headers?.['if-none-match'] === etag) return Promise.resolve(answer(304));
    return Promise.resolve(answer(200, file, hasEtags ? { etag } : {}));
  };
  return { fetch, requests, onRequest: (action: (url: string) => void) => (onRequest = action) };
}

const BASE = 'https://keys.example.com/walls/';
const files = (place = ''): Map<string, Uint8Array> =>
  new Map([
    [`${BASE}${place}info2048.bin`, entropyFile],
    [`${BASE}${place}public.pem`, publicKeyFile],
  ]);
const source = (fetch: Fetch, more: { url?: string; token?: string } = {}) =>
  httpsSource({ fetch, url: BASE.slice(0, -1), timeoutMs: 1000, ...more }, KEY_SET_V1);

describe('httpsSource', () => {
  it.each([true, false])('fetches a set, and then asks only whether it is still so (ETags: %s)', async (hasEtags) => {
    const there = files();
    const { fetch, requests } = webServer(there, hasEtags);
    const client = source(fetch, { token: 'secret' });
    const set = (await client.fetch()) as KeySet;
    expect(set.entropy === new TextDecoder().decode(entropyFile)).toBe(true);
    expect(requests.every(({ headers }) => headers?.['authorization'] === 'Bearer secret')).toBe(true);
    const before = requests.length;
    expect(await client.fetch(set)).toBe('unchanged');
    expect(requests.length).toBe(before + 2);
    there.set(`${BASE}info2048.bin`, otherEntropyFile);
    const next = (await client.fetch(set)) as KeySet;
    expect(next.entropy === new TextDecoder().decode(otherEntropyFile)).toBe(true);
    expect(await client.fetch(next)).toBe('unchanged');
  });

  it('looks under build/ too', async () => {
    const { fetch } = webServer(files('build/'));
    expect(((await source(fetch).fetch()) as KeySet).publicKeyPem).toMatch(/^ssh-rsa/);
  });

  it('notices a change between the two reads', async () => {
    const there = files();
    const { fetch, onRequest } = webServer(there);
    let reads = 0;
    onRequest(() => {
      reads += 1;
      if (reads === 2) there.set(`${BASE}info2048.bin`, otherEntropyFile);
    });
    const set = (await source(fetch).fetch()) as KeySet;
    expect(set.entropy === new TextDecoder().decode(otherEntropyFile)).toBe(true);
  });

  it.each([
    [401, 'KEYS_REFUSED'],
    [403, 'KEYS_REFUSED'],
    [404, 'KEYS_NOT_FOUND'],
    [302, 'KEYS_UNREADABLE'],
    [400, 'KEYS_UNREADABLE'],
    [429, 'KEYS_UNAVAILABLE'],
    [503, 'KEYS_UNAVAILABLE'],
  ])('takes %i for %s', async (status, code) => {
    const fetch: Fetch = () => Promise.resolve(answer(status, '', { 'retry-after': '7' }));
    await expect(source(fetch).fetch()).rejects.toMatchObject({ code });
  });

  it('refuses files that are none, and addresses that are none', async () => {
    const fetch: Fetch = () => Promise.resolve(answer(200, '<html>'));
    await expect(source(fetch).fetch()).rejects.toMatchObject({ code: 'KEYS_INVALID' });
    for (const url of ['http://keys.example.com/', 'https://u:p@keys.example.com/', 'https://a/?x', 'ftp://a/', 'x']) {
      expect(() => source(fetch, { url })).toThrow(/https address/);
    }
  });
});

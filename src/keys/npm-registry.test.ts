import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runServer } from 'verdaccio';
import type { Fetch } from '../core/ports.ts';
import { createNodeFetch } from '../node/http.ts';
import type { KeySet } from './key-set.ts';
import { npmKeySource } from './npm.ts';
import type { NpmSourceOptions } from './npm.ts';
import {
  entropyFile,
  integrityOf,
  otherEntropyFile,
  publicKeyFile,
  recordingFetch,
  tarballOf,
} from './testing/keys.ts';

let registry: Server;
let folder: string;
let address: string;
let token: string;

const listening = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    });
  });
const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

async function put(path: string, body: object, authorization?: string): Promise<unknown> {
  const response = await fetch(`${address}/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${await response.text()}`);
  return response.json();
}

/** Publishes a version the way `npm publish` does. */
async function publish(version: string, entropy: Uint8Array): Promise<void> {
  const tarball = tarballOf({ 'build/info2048.bin': entropy, 'build/public.pem': publicKeyFile });
  const file = `auto-id-keys-${version}.tgz`;
  const manifest = {
    name: '@acme/auto-id-keys',
    version,
    scripts: { install: 'exit 1', postinstall: 'exit 1' },
    dist: { integrity: integrityOf(tarball), tarball: `${address}/@acme/auto-id-keys/-/${file}` },
  };
  const attachment = {
    content_type: 'application/octet-stream',
    data: tarball.toString('base64'),
    length: tarball.length,
  };
  const body = {
    _id: manifest.name,
    name: manifest.name,
    'dist-tags': { latest: version },
    versions: { [version]: manifest },
    _attachments: { [file]: attachment },
  };
  await put('@acme%2fauto-id-keys', body, `Bearer ${token}`);
}

function sourceWith(options: Partial<NpmSourceOptions> = {}) {
  const statuses: number[] = [];
  const inner = options.fetch ?? createNodeFetch();
  const { fetch, requests } = recordingFetch(async (request) => {
    const answer = await inner(request);
    statuses.push(answer.status);
    return answer;
  });
  const source = npmKeySource({
    registry: address,
    scope: 'acme',
    package: 'auto-id-keys',
    token,
    timeoutMs: 5000,
    ...options,
    fetch,
  });
  return { source, requests, statuses };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-registry-'));
  registry = (await runServer({
    configPath: join(folder, 'config.yaml'),
    self_path: join(folder, 'config.yaml'),
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 10 } },
    uplinks: {},
    packages: { '@acme/*': { access: '$authenticated', publish: '$authenticated', unpublish: '$authenticated' } },
    log: { type: 'stdout', format: 'json', level: 'fatal' },
    max_body_size: '20mb',
  })) as Server;
  address = await listening(registry);
  const user = {
    name: 'publisher',
    password: 'a-long-password',
    _id: 'org.couchdb.user:publisher',
    type: 'user',
    roles: [],
  };
  ({ token } = (await put('-/user/org.couchdb.user:publisher', user)) as { token: string });
  await publish('1.0.0', entropyFile);
});
afterAll(async () => {
  await closed(registry);
  await rm(folder, { recursive: true });
});

describe('npmKeySource with a real private registry', () => {
  it('fetches the keys in two exchanges, sees nothing new in one, and a new version in two', async () => {
    const { source, requests, statuses } = sourceWith();
    const set = (await source.fetch()) as KeySet;
    expect(set.entropy === new TextDecoder().decode(entropyFile)).toBe(true);
    expect(requests).toHaveLength(2);
    expect(await source.fetch(set)).toBe('unchanged');
    expect(requests).toHaveLength(3);
    await publish('1.0.1', otherEntropyFile);
    const next = (await source.fetch(set)) as KeySet;
    expect(next.entropy === new TextDecoder().decode(otherEntropyFile)).toBe(true);
    expect(requests).toHaveLength(5);
    expect(await source.fetch(next)).toBe('unchanged');
    expect(statuses).toEqual([200, 200, 304, 200, 200, 304]);
  });

  it('is told that it may not, or that there is nothing', async () => {
    const refused = (options: Partial<NpmSourceOptions>) =>
      sourceWith(options)
        .source.fetch()
        .then(() => true);
    await expect(refused({ token: undefined })).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    await expect(refused({ token: 'npm_wrong' })).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    await expect(refused({ package: 'other' })).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
  });

  it('does not hand its token to another host that the registry names for the tarball', async () => {
    const seen: (string | undefined)[] = [];
    const mirror = createServer((request, response) => {
      seen.push(request.headers.authorization);
      void fetch(`${address}${request.url ?? ''}`, { headers: { authorization: `Bearer ${token}` } }).then(
        async (found) => {
          response.end(new Uint8Array(await found.arrayBuffer()));
        },
      );
    });
    const mirrorAddress = await listening(mirror);
    try {
      const { fetch: plainFetch } = recordingFetch();
      // The registry's own answer, with every tarball moved to the mirror.
      const rewriting: Fetch = async (request) => {
        const answer = await plainFetch(request);
        if (!request.url.includes('%2f')) return answer;
        const text = new TextDecoder().decode(answer.body).replaceAll(`${address}/@acme`, `${mirrorAddress}/@acme`);
        return { ...answer, body: new TextEncoder().encode(text) };
      };
      const { source, requests } = sourceWith({ fetch: rewriting });
      await source.fetch();
      expect(requests.map(({ url }) => new URL(url).origin)).toEqual([address, mirrorAddress]);
      expect(seen).toEqual([undefined]);
    } finally {
      await closed(mirror);
    }
  });
});

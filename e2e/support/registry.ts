import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type KeySet, writeClientKeys } from '../../src/standin/index.ts';

export const SCOPE = '@wall';

/** A private npm registry on loopback: nobody reads it without a token. */
export interface Registry {
  readonly url: string;
  /** May read and publish. */
  readonly token: string;
  /** Publishes keys as a new version of the package `@wall/auto-id-keys`, with npm itself. */
  publish(keys: KeySet): Promise<void>;
  stop(): Promise<void>;
}

/** @param folder for the registry's own files */
export async function openRegistry(folder: string): Promise<Registry> {
  const { runServer } = await import('verdaccio');
  await mkdir(folder, { recursive: true });
  const server = (await runServer({
    configPath: join(folder, 'config.yaml'),
    self_path: join(folder, 'config.yaml'),
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 10 } },
    uplinks: {},
    packages: { [`${SCOPE}/*`]: { access: '$authenticated', publish: '$authenticated' } },
    log: { type: 'stdout', format: 'json', level: 'fatal' },
    max_body_size: '20mb',
  })) as Server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const url = `http://${host}`;
  const token = await newUser(url);
  const npmrc = join(folder, 'npmrc');
  await writeFile(npmrc, `//${host}/:_authToken=${token}\n`);
  let version = 0;
  return {
    url,
    token,
    async publish(keys) {
      version += 1;
      const content = join(folder, `package-${String(version)}`);
      await writeClientKeys(join(content, 'build'), keys);
      const manifest = {
        name: `${SCOPE}/auto-id-keys`,
        version: `1.0.${String(version)}`,
        scripts: { install: 'exit 1' },
      };
      await writeFile(join(content, 'package.json'), JSON.stringify(manifest));
      const options = [
        '--registry',
        url,
        '--userconfig',
        npmrc,
        '--cache',
        join(folder, 'cache'),
        '--no-update-notifier',
      ];
      await promisify(execFile)('npm', ['publish', '--loglevel=error', ...options], { cwd: content });
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function newUser(url: string): Promise<string> {
  const user = {
    name: 'publisher',
    password: 'a-long-password-of-e2e',
    _id: 'org.couchdb.user:publisher',
    type: 'user',
    roles: [],
  };
  const response = await fetch(`${url}/-/user/${user._id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  });
  if (!response.ok) throw new Error(`The registry took no user (${String(response.status)}).`);
  return ((await response.json()) as { token: string }).token;
}

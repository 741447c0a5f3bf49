// A private npm registry on this machine, with the key package published to it by npm itself.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runNpm } from '../lib/npm.mjs';

/**
 * @param {{ folder: string, scope: string, name: string, keysDir: string, defer: import('../lib/teardown.mjs').Defer }} options
 *   `folder` is for its files; `keysDir` holds what is published
 * @returns {Promise<{ origin: string, token: string }>}
 */
export async function startRegistry({ folder, scope, name, keysDir, defer }) {
  const { runServer } = await import('verdaccio');
  const config = join(folder, 'config.yaml');
  const who = '$authenticated';
  /** @type {import('node:http').Server} */
  const server = await runServer({
    configPath: config,
    self_path: config,
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 1 } },
    uplinks: {},
    packages: { [`${scope}/*`]: { access: who, publish: who, unpublish: who } },
    log: { type: 'stdout', format: 'json', level: 'fatal' },
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  const response = await fetch(`${origin}/-/user/org.couchdb.user:bench`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench', password: 'not-a-secret-here' }),
  });
  if (!response.ok) throw new Error(`The registry made no user: ${response.status} ${await response.text()}`);
  const { token } = await response.json();
  const source = join(folder, 'package');
  await mkdir(source, { recursive: true });
  await cp(keysDir, join(source, 'build'), { recursive: true });
  await writeFile(join(source, 'package.json'), JSON.stringify({ name: `${scope}/${name}`, version: '1.0.0' }));
  await writeFile(join(source, '.npmrc'), `//127.0.0.1:${port}/:_authToken=${token}\n${scope}:registry=${origin}/\n`);
  const userConfig = join(folder, 'none.npmrc');
  await writeFile(userConfig, '');
  await runNpm(['publish', '--registry', origin, '--userconfig', userConfig], { cwd: source, quiet: true });
  return { origin, token };
}

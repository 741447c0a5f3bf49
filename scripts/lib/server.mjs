// Starts the built auto-id server as its operator would, by the commands: makes its keys, invites one device, serves.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { projectRoot } from './npm.mjs';
import { startProcess, waitUntil } from './process.mjs';
import { plainEnvironment } from './program.mjs';

/**
 * @typedef {import('./process.mjs').Started & { url: string, data: string, settings: Record<string, string> }} Server
 *   `settings`: variables by which one wall speaks protocol 2 with it, enrols at its first start, and takes its keys from it
 */

const READY_WITHIN_MS = 60_000;
const DEVICE = 'wall';
const command = join(projectRoot, 'dist', 'cli', 'main.js');

/**
 * Starts a server with the given secrets, and waits until it listens.
 *
 * @param {{ node: string, folder: string, secrets: Record<string, string>, secret: string,
 *   defer: import('./teardown.mjs').Defer }} options everything of the server is put below `folder`; the device may have
 *   the one named `secret`
 * @returns {Promise<Server>}
 * @throws {Error} when a command fails, or the server does not listen within a minute
 */
export async function startServer({ node, folder, secrets, secret, defer }) {
  const [data, secretsFile] = [join(folder, 'server'), join(folder, 'secrets.json')];
  const env = plainEnvironment();
  const vigil = async (/** @type {string[]} */ ...args) =>
    (await promisify(execFile)(node, [command, ...args], { env })).stdout;

  await mkdir(folder, { recursive: true });
  await writeFile(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
  await vigil('keys', 'init', '--data', data, '--server-id', 'demo', '--root', join(folder, 'root.pem'));
  const allow = `secretsmanager:${secret}`;
  const invited = await vigil('devices', 'invite', '--data', data, '--name', DEVICE, '--allow', allow, '--json');

  const serve = ['serve', '--data', data, '--listen', '127.0.0.1:0', '--file-secrets', secretsFile];
  const started = startProcess(node, [command, ...serve], { env });
  defer(started.stop);
  const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (started.child.stdout) });
  /** @type {string | undefined} */
  let url;
  lines.on('line', (line) => (url ??= /^Listening on (\S+)/.exec(line)?.[1]));
  await waitUntil(() => url ?? !started.isRunning(), {
    what: 'The auto-id server was not ready',
    timeoutMs: READY_WITHIN_MS,
  });
  if (url === undefined) throw new Error(`The auto-id server ${await started.ended}: ${started.complaints()}`);
  return {
    ...started,
    url,
    data,
    settings: {
      AUTO_ID_API_ENDPOINT: url,
      AUTO_ID_SECRET_NAME: secret,
      VIGIL_SERVER_PROTOCOL: 'v2',
      VIGIL_DEVICE_FILE: join(folder, 'device.json'),
      VIGIL_ACTIVATION_CODE: JSON.parse(invited).code,
    },
  };
}

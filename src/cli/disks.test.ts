/** What a thief finds on the disks of a server and of a machine that it gave credentials to, by the commands as they are. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SecretSearch, type Secret } from '../../e2e/support/secret-search.ts';
import { inviteOf } from '../autoid/v2/enrol.ts';
import { webSuite } from '../autoid/v2/suite.ts';
import { openVault } from '../server/rotation/open-vault.ts';
import { readRing, secretsOf } from '../server/rotation/ring.ts';
import { openSeal } from '../server/seal/open-seal.ts';
import { pinnedNode } from './supervise/testing/stage.ts';

// Generous: processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const PASSPHRASE = 'seven wise crows on a fence';
const PKCS8 = 'MC4CAQAwBQYDK2VwBCIEI';
const CREDENTIAL = ['AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'] as const;

let folder: string;
let data: string;
let machine: string;
let children: ChildProcess[];
/** What must be found nowhere: of the server, and beyond that of the machine. */
let secrets: Secret[];
let unused: string;

function start(env: Record<string, string>, ...args: readonly string[]) {
  const child = spawn(pinnedNode, [main, ...args], {
    env: { PATH: process.env['PATH'], HOME: machine, VIGIL_PROXY: 'none', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

async function vigil(input: string, env: Record<string, string>, ...args: readonly string[]): Promise<string> {
  const child = start(env, ...args);
  child.stdin.end(input);
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect([end[0], stderr]).toEqual([0, '']);
  return stdout;
}

beforeAll(async () => {
  children = [];
  folder = await mkdtemp(join(tmpdir(), 'vigil-disks-'));
  [data, machine] = [join(folder, 'server'), join(folder, 'machine')];
  const sealed = { VIGIL_SEAL_PASSPHRASE: PASSPHRASE };
  const root = ['--server-id', 'disks', '--root', join(folder, 'root.pem')];
  await vigil('', sealed, 'keys', 'init', '--data', data, '--seal', 'passphrase', '--protocols', 'v1,v2', ...root);
  await vigil(CREDENTIAL.join(','), sealed, 'secrets', 'put', 'wall', '--data', data);
  const invite = async (name: string) => {
    const said = await vigil(
      '',
      sealed,
      'devices',
      'invite',
      '--data',
      data,
      '--name',
      name,
      '--allow',
      'file:wall',
      '--json',
    );
    return (JSON.parse(said) as { code: string }).code;
  };
  const code = await invite('lobby');
  unused = await invite('spare');

  const server = start(sealed, 'serve', '--data', data, '--listen', '127.0.0.1:0');
  let said = '';
  server.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = await vi.waitFor(() => /http:\S+/.exec(said)?.[0] ?? Promise.reject(new Error(said)), {
    timeout: 110_000,
  });
  const device = join(machine, 'device.json');
  await vigil(code, {}, 'enrol', '--server', url, '--device', device);
  const given = await vigil(
    '',
    { VIGIL_CREDENTIAL_SOURCE: 'file,wall' },
    ...['credentials', '--protocol', 'v2', '--endpoint', url, '--device', device],
  );
  expect(given).toContain(CREDENTIAL[1]);
  const stopped = once(server, 'close');
  server.kill('SIGTERM');
  await stopped;

  const vault = await openVault(
    { folder: data },
    await openSeal(data, { passphrase: () => Promise.resolve(PASSPHRASE) }),
  );
  const names = [...secretsOf((await readRing(vault)).ring)];
  const kept = await Promise.all(names.map(async (name) => ({ name, bytes: await vault.readSecret(name) })));
  const strings = kept.flatMap(({ name, bytes }) => stringsOf(name, new TextDecoder().decode(bytes)));
  expect(strings.length).toBeGreaterThan(5);
  secrets = [
    ...strings,
    { name: 'the credential', value: CREDENTIAL[1] },
    { name: 'the code', value: code },
    { name: 'the code that nobody used', value: unused },
    { name: 'the passphrase', value: PASSPHRASE },
  ];
  for (const one of [code, unused]) {
    const { secret } = await inviteOf(webSuite, one);
    secrets.push({ name: 'the secret of an invitation', value: Buffer.from(secret).toString('latin1') });
  }
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** The private halves and the entropy among what the vault keeps, each as it is written and as its bytes. */
function stringsOf(of: string, json: string): Secret[] {
  const found: Secret[] = [];
  JSON.parse(json, (key, value: unknown) => {
    if (typeof value !== 'string' || !/^(privateKey|privateKeyPem|entropy)$/.test(key)) return value;
    // All keys in PKCS#8 begin alike, a device's too.
    const own = value.startsWith(PKCS8) ? value.slice(24) : value;
    found.push({ name: `${key} of ${of}`, value: own });
    if (/^[\w-]+$/.test(own)) {
      found.push({ name: `${key} of ${of}`, value: Buffer.from(own, 'base64url').toString('latin1') });
    }
    return value;
  });
  return found;
}

it("who takes a server's data folder without its passphrase finds no key, entropy, secret or activation code in it", async () => {
  const { files, findings } = new SecretSearch(secrets).inFolder(data);
  expect(findings).toEqual([]);
  expect(files).toBeGreaterThan(5);
  // The search would have found them: what the folder shows of a device is there.
  const device = await readFile(join(machine, 'device.json'), 'utf8');
  const { publicKey } = (JSON.parse(device) as { enrolled: { key: { publicKey: string } } }).enrolled.key;
  const shown = new SecretSearch([{ name: 'public key', value: publicKey }]).inFolder(data);
  expect(shown.findings.map(({ where }) => where)).toContain('state.db');
});

it('who takes the disk of a machine of protocol 2 finds its device file, and neither credential, nor keys of the server, nor the code', async () => {
  const { findings } = new SecretSearch(secrets).inFolder(machine);
  expect(findings).toEqual([]);
  const files = (await readdir(machine, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual(['device.json']);
});

it('the search finds each of these secrets where it lies in the open', () => {
  const search = new SecretSearch(secrets);
  for (const { name, value } of secrets) {
    expect(search.inBytes(Buffer.from(value.slice(0, 5000), 'latin1'), 'here').map(({ secret }) => secret)).toContain(
      name,
    );
  }
});

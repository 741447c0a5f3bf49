import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ListAccessKeysCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSeal } from '../../server/seal/open-seal.ts';
import { secretsFolderOf } from '../../server/stores/create-stores.ts';
import { openSecretFolder } from '../../server/stores/secret-folder.ts';
import { secretsPut, secretsRotate } from './secrets.ts';
import { startStandin, type Standin } from '../../standin/index.ts';

const NODE = resolve('node_modules/.bin/node');
const MAIN = resolve('src/cli/main.ts');
const WALL = { name: 'wall', accessKeyId: 'AKIAWALL0', secretAccessKey: 'wall-secret', allow: ['iam:*', 'sts:*'] };
const SERVER = { name: 'server', accessKeyId: 'AKIASERVER0', secretAccessKey: 'server-secret', allow: ['*'] };
/** Short, but not so short that a step is skipped. */
const QUICK = ['--overlap', '1s', '--keep-inactive', '1s'];

let standin: Standin;
let data: string;
beforeAll(async () => {
  standin = await startStandin({ users: [WALL, SERVER] });
});
afterAll(() => standin.stop());
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'vigil-secrets-'));
});
afterEach(async () => {
  await standin.control.heal();
  await rm(data, { recursive: true });
});

const env = () => ({
  PATH: process.env['PATH'],
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: SERVER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: SERVER.secretAccessKey,
  AWS_ENDPOINT_URL_IAM: standin.urls.iam,
  AWS_ENDPOINT_URL_STS: standin.urls.sts,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: standin.urls.secretsmanager,
});

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function vigil(args: readonly string[], input = ''): Promise<Result> {
  return new Promise((done) => {
    const child = execFile(
      NODE,
      [MAIN, 'secrets', ...args, '--data', data],
      { env: env() },
      (error, stdout, stderr) => {
        done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}

const current = async (): Promise<string> => {
  const folder = openSecretFolder(secretsFolderOf(data), await openSeal(data, {}));
  return (await folder.read('wall'))?.text ?? '';
};

/** The keys of a user, as IAM lists them for somebody else. */
async function keysOf(UserName: string): Promise<string[]> {
  const iam = new IAMClient({ region: 'us-east-1', endpoint: standin.urls.iam, credentials: SERVER, maxAttempts: 1 });
  const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }));
  return AccessKeyMetadata.map(({ AccessKeyId = '', Status }) => `${AccessKeyId} ${Status ?? ''}`);
}

describe('vigil secrets put', () => {
  it('keeps a secret from stdin or a file, and never shows it', async () => {
    expect(await vigil(['put', 'wall'], 'AKIAWALL0,wall-secret\n')).toMatchObject({ code: 0 });
    expect(await current()).toBe('AKIAWALL0,wall-secret');
    const file = join(data, 'secret.txt');
    await writeFile(file, 'anything at all\n');
    const refused = await vigil(['put', 'wall', '--from', file]);
    expect([refused.code, refused.stdout]).toEqual([4, '']);
    expect(refused.stderr).toMatch(/^vigil: CREDENTIALS_UNREADABLE: [^\n]+\n$/);
    expect(await vigil(['put', 'wall', '--any', '--from', file])).toMatchObject({ code: 0 });
    expect(await current()).toBe('anything at all');
    const listed = await vigil(['list']);
    expect(listed.stdout).toMatch(/^file,wall {2}since /);
    expect(JSON.stringify(listed)).not.toContain('anything');
    for (const name of await readdir(secretsFolderOf(data))) {
      expect(await readFile(join(secretsFolderOf(data), name), 'utf8')).not.toContain('anything');
    }
  });

  it('says what is wrong, and seals nothing then', async () => {
    const key = join(data, 'key.txt');
    await writeFile(key, 'AKIAWALL0,s');
    await writeFile(join(data, 'empty.txt'), '');
    const put = (name: string, options: object) => secretsPut({ data, from: key, ...options }, name);
    for (const [work, code] of [
      [() => put('a b', {}), 'USAGE'],
      [() => put('wall', { store: 'other' }), 'USAGE'],
      [() => put('wall', { from: '/nowhere' }), 'USAGE'],
      [() => put('wall', { from: data }), 'USAGE'],
      [() => put('wall', { seal: 'rot13' }), 'USAGE'],
      [() => put('wall', { seal: 'passphrase' }), 'SETTINGS_MISSING'],
      [() => put('wall', { from: join(data, 'empty.txt') }), 'CREDENTIALS_UNREADABLE'],
      [() => put('wall', { data: '/nowhere' }), 'USAGE'],
      [() => secretsRotate({ data, overlap: '1s', keepInactive: '1s' }, 'absent'), 'SETTINGS_MISSING'],
      [() => secretsRotate({ data, overlap: 'soon', keepInactive: '1s' }, 'absent'), 'USAGE'],
    ] as const) {
      await expect(work()).rejects.toMatchObject({ code });
    }
    expect(await readdir(data)).not.toContain('seal.json');
    await put('wall', {});
    await expect(put('wall', { seal: 'passphrase' })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('vigil secrets rotate', () => {
  it('outlives kill -9 while the new key is tried, and ends with one key', async () => {
    expect((await vigil(['put', 'wall'], 'AKIAWALL0,wall-secret')).code).toBe(0);
    // AWS does not know the new key yet: the command keeps it, and tries it until it is killed.
    standin.control.setNewKeyDelay(3_600_000);
    const child = spawn(NODE, [MAIN, 'secrets', 'rotate', 'wall', ...QUICK, '--data', data], {
      env: env(),
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    const refused = () =>
      standin.control.requests().filter(({ service, status }) => service === 'sts' && status === 403);
    await vi.waitUntil(() => refused().length > 0, { timeout: 30_000, interval: 20 });
    child.kill('SIGKILL');
    await exited;
    expect(child.signalCode).toBe('SIGKILL');

    // Clients have the old key, which works; the new one is kept and recorded.
    expect(await current()).toBe('AKIAWALL0,wall-secret');
    const listed = await vigil(['list', '--json']);
    const { rotations } = JSON.parse(listed.stdout) as { rotations: Record<string, { step: string; newKey: string }> };
    const newKey = rotations['file,wall']?.newKey ?? '';
    expect(rotations['file,wall']).toMatchObject({ step: 'pending', oldKey: 'AKIAWALL0' });
    expect(await keysOf('wall')).toEqual(['AKIAWALL0 Active', `${newKey} Active`]);
    // Put by hand now, the new key would be lost.
    expect((await vigil(['put', 'wall'], 'AKIAWALL0,s')).code).toBe(2);

    standin.control.setNewKeyDelay(0);
    const done = await vigil(['rotate', 'wall', '--wait', '--json', ...QUICK]);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(JSON.parse(done.stdout)).toMatchObject({ step: 'done', oldKey: 'AKIAWALL0', newKey });
    expect(await keysOf('wall')).toEqual([`${newKey} Active`]);
    expect(await current()).toMatch(new RegExp(`^${newKey},`));
  }, 60_000);
});

import { chmod, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAllowRule } from './allow.ts';
import { createSeal, openSeal } from '../seal/open-seal.ts';
import { parseStoresConfig } from './config.ts';
import { createStores, secretsFolderOf } from './create-stores.ts';
import { fileSecretsStore } from './file-secrets.ts';
import { newVersion, openSecretFolder } from './secret-folder.ts';
import { failureOf, requestFor, roleArn, SERVER, storeStage, type StoreStage } from './testing/stage.ts';

let all: StoreStage;
let base: string;
let made = 0;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'vigil-stores-'));
  all = await storeStage({ roles: { [roleArn('Wall')]: { maxSessionDurationSeconds: 3600 } } });
});
afterAll(async () => {
  await rm(base, { recursive: true });
  await all.stage.stop();
});
const place = () => join(base, String(made++));

async function sealed() {
  const data = place();
  const sealer = await createSeal(data, { kind: 'key-file', path: `${data}.key` }, {});
  return { data, sealer, folder: openSecretFolder(secretsFolderOf(data), sealer) };
}

describe('sealed secrets', () => {
  it('move from pending to current to previous, and out', async () => {
    const { folder } = await sealed();
    const [a, b, c] = [newVersion(), newVersion(), newVersion()];
    await folder.write('wall', { version: a, text: 'one' }, 'AWSCURRENT', 1);
    await folder.write('wall', { version: b, text: 'two' }, 'AWSPENDING', 2);
    const at = async (stage?: string) => (await folder.read('wall', stage === undefined ? {} : { stage }))?.text;
    expect([await at(), await at('AWSPENDING'), await at('AWSPREVIOUS')]).toEqual(['one', 'two', undefined]);
    for (let times = 0; times < 2; times++) {
      await folder.write('wall', { version: b, text: 'two' }, 'AWSCURRENT', 3);
      expect([await at(), await at('AWSPENDING'), await at('AWSPREVIOUS')]).toEqual(['two', undefined, 'one']);
    }
    await folder.write('wall', { version: c, text: 'three' }, 'AWSCURRENT', 4);
    expect([await at(), await at('AWSPREVIOUS')]).toEqual(['three', 'two']);
    expect(await folder.read('wall', { version: a })).toBeUndefined();
    expect(await folder.read('wall', { version: b })).toEqual({ version: b, text: 'two' });
    expect(await folder.list()).toEqual([
      {
        id: 'wall',
        versions: [
          { version: c, stage: 'AWSCURRENT', createdAt: 4 },
          { version: b, stage: 'AWSPREVIOUS', createdAt: 2 },
        ],
      },
    ]);
    await folder.drop('wall', 'all');
    expect(await at()).toBeUndefined();
    expect(await folder.list()).toEqual([]);
  });

  it('lie on the disk for their owner alone, unreadable, each in its own place', async () => {
    const { data, folder, sealer } = await sealed();
    await folder.write('a', { version: newVersion(), text: 'the secret of a' }, 'AWSCURRENT', 1);
    await folder.write('b', { version: newVersion(), text: 'the secret of b' }, 'AWSCURRENT', 1);
    const secrets = secretsFolderOf(data);
    const files = (await readdir(secrets)).map((name) => join(secrets, name));
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(files).toHaveLength(2);
    for (const text of texts) expect(text).not.toContain('the secret');

    // Whoever can write there cannot give one device the secret of another.
    const [first = '', second = ''] = files;
    const [mine, others] = texts.map(
      (text) => JSON.parse(text) as { id: string; versions: { version: string; sealed: string }[] },
    );
    const swapped = { ...mine, versions: others?.versions };
    await writeFile(first, JSON.stringify(swapped), { mode: 0o600 });
    const fresh = openSecretFolder(secrets, sealer);
    expect((await failureOf(fresh.read(mine?.id ?? ''))).code).toBe('STORE_ANSWER_UNREADABLE');
    await rename(second, first);
    expect((await failureOf(fresh.read(mine?.id ?? ''))).code).toBe('STORE_ANSWER_UNREADABLE');
    await chmod(first, 0o644);
    expect((await failureOf(fresh.read(mine?.id ?? ''))).code).toBe('STORE_UNAVAILABLE');
  });

  it('are taken up when another process writes them', async () => {
    const { data, folder } = await sealed();
    const reader = openSecretFolder(secretsFolderOf(data), await openSeal(data, {}));
    for (const text of ['one', 'two', 'three']) {
      await folder.write('wall', { version: newVersion(), text }, 'AWSCURRENT', 1);
      expect((await reader.read('wall'))?.text).toBe(text);
    }
  });

  it('have names and texts that make sense', async () => {
    const { folder } = await sealed();
    for (const [id, text] of [
      ['../x', 'y'],
      ['a b', 'y'],
      ['', 'y'],
      ['x', ''],
      ['x', 'y'.repeat(65_537)],
    ] as const) {
      expect((await failureOf(folder.write(id, { version: newVersion(), text }, 'AWSCURRENT', 1))).code).toBe('USAGE');
    }
  });

  it('can be sealed by a key in KMS', async () => {
    const data = place();
    const ports = { fetch: all.ports.fetch, credentials: () => Promise.resolve(SERVER) };
    const choice = {
      kind: 'kms',
      keyId: '11111111-2222-3333-4444-555555555555',
      region: 'eu-west-1',
      endpoint: all.stage.urls.kms,
    } as const;
    const folder = openSecretFolder(data, await createSeal(data, choice, ports));
    await folder.write('wall', { version: newVersion(), text: 'one' }, 'AWSCURRENT', 1);
    const again = openSecretFolder(data, await openSeal(data, ports));
    expect((await again.read('wall'))?.text).toBe('one');
    all.stage.control.clearRequests();
    await again.read('wall');
    expect(all.stage.control.requests()).toEqual([]);
    const denied = { ...ports, credentials: () => Promise.resolve({ ...SERVER, secretAccessKey: 'x' }) };
    expect((await failureOf(openSeal(data, denied))).code).toBe('STORE_REFUSED');
    const absent = { ...choice, keyId: 'absent' };
    expect((await failureOf(createSeal(place(), absent, ports))).code).toBe('STORE_NOT_FOUND');
    await all.stage.control.fail('kms', { kind: 'status', status: 500 }, 1);
    expect((await failureOf(openSeal(data, ports))).code).toBe('STORE_UNAVAILABLE');
  });
});

describe('a file of secrets', () => {
  const write = async (text: string, mode = 0o600) => {
    const path = place();
    await writeFile(path, text, { mode });
    return path;
  };

  it('gives its secrets, and new ones when it changes', async () => {
    const path = await write('{"wall":"AKIAX,s","json":{"AccessKeyId":"AKIAX"}}');
    const store = await fileSecretsStore('secretsmanager', path);
    expect(store.name).toBe('secretsmanager');
    expect(await store.issue(requestFor('secretsmanager,wall'))).toEqual({ kind: 'secret', text: 'AKIAX,s' });
    expect(await store.issue(requestFor('secretsmanager,wall,,AWSCURRENT'))).toEqual({
      kind: 'secret',
      text: 'AKIAX,s',
    });
    expect(await store.issue(requestFor('secretsmanager,json'))).toEqual({
      kind: 'secret',
      text: '{"AccessKeyId":"AKIAX"}',
    });
    for (const source of [
      'secretsmanager,absent',
      'secretsmanager,toString',
      'secretsmanager,wall,1',
      'secretsmanager,wall,,AWSPREVIOUS',
    ]) {
      expect((await failureOf(store.issue(requestFor(source)))).code).toBe('STORE_NOT_FOUND');
    }
    await writeFile(`${path}.new`, '{"wall":"changed"}', { mode: 0o600 });
    await rename(`${path}.new`, path);
    expect(await store.issue(requestFor('secretsmanager,wall'))).toEqual({ kind: 'secret', text: 'changed' });
  });

  it.each([
    ['that others may read', '{}', 0o644, 'SETTINGS_UNREADABLE'],
    ['that its group may read', '{}', 0o640, 'SETTINGS_UNREADABLE'],
    ['that is no JSON', '{"wall":"s3cret', 0o600, 'SETTINGS_INVALID'],
    ['that is a list', '["s3cret"]', 0o600, 'SETTINGS_INVALID'],
    ['with a number', '{"wall":5}', 0o600, 'SETTINGS_INVALID'],
    ['with a name that no source can spell', '{"a b":"s3cret"}', 0o600, 'SETTINGS_INVALID'],
  ])('%s is refused, without a word of it', async (_what, text, mode, code) => {
    const failure = await failureOf(fileSecretsStore('file', await write(text, mode)));
    expect(failure.code).toBe(code);
    expect(`${failure.message} ${String(failure.cause)}`).not.toContain('s3cret');
  });

  it('that is missing is refused', async () => {
    expect((await failureOf(fileSecretsStore('file', place()))).code).toBe('SETTINGS_UNREADABLE');
  });
});

describe('the stores of a server', () => {
  const settings = { aws: { region: 'eu-west-1', endpoints: { sts: 'http://127.0.0.1:1' } }, sts: { roles: {} } };
  const namesOf = async (options: Partial<Parameters<typeof createStores>[0]>) =>
    [...(await createStores({ config: parseStoresConfig({}), env: {}, ...options }, all.ports)).keys()].sort();

  it('are those that it was told of', async () => {
    expect(await namesOf({})).toEqual([]);
    const fileSecrets = place();
    await writeFile(fileSecrets, '{"wall":"x"}', { mode: 0o600 });
    expect(await namesOf({ fileSecrets })).toEqual(['file', 'secretsmanager']);
    expect(await namesOf({ config: parseStoresConfig(settings) })).toEqual(['sts']);
    const vault = { address: 'https://vault.example.com', auth: { kind: 'approle', roleId: 'r', secretIdFile: '/x' } };
    expect(await namesOf({ config: parseStoresConfig({ vault }) })).toEqual(['vault']);
    const inTheClear = { AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_STS: 'http://sts.example.com' };
    expect((await failureOf(namesOf({ env: inTheClear }))).code).toBe('SETTINGS_INVALID');
    const failure = await failureOf(namesOf({ config: parseStoresConfig({ sts: { roles: {} } }) }));
    expect(failure.code).toBe('SETTINGS_MISSING');
  });

  it('keep sealed secrets before those in the clear, and take up a seal that is made later', async () => {
    const fileSecrets = place();
    await writeFile(fileSecrets, '{"wall":"clear","other":"clear"}', { mode: 0o600 });
    const dataFolder = place();
    const sealer = () => openSeal(dataFolder, {});
    const stores = await createStores(
      { config: parseStoresConfig({}), env: {}, fileSecrets, dataFolder, sealer },
      all.ports,
    );
    const text = async (id: string) => stores.get('file')?.issue(requestFor(`file,${id}`));
    expect(await text('wall')).toEqual({ kind: 'secret', text: 'clear' });
    const made = await createSeal(dataFolder, { kind: 'key-file', path: `${dataFolder}.key` }, {});
    await openSecretFolder(secretsFolderOf(dataFolder), made).write(
      'wall',
      { version: newVersion(), text: 'sealed' },
      'AWSCURRENT',
      1,
    );
    expect(await text('wall')).toEqual({ kind: 'secret', text: 'sealed' });
    expect(await text('other')).toEqual({ kind: 'secret', text: 'clear' });
  });

  it('use a secret of the server itself to assume roles', async () => {
    const { data, folder } = await sealed();
    const config = parseStoresConfig({
      aws: { region: 'eu-west-1', credentials: 'file:own', endpoints: { sts: all.stage.urls.sts } },
      sts: { roles: { wall: { arn: roleArn('Wall') } } },
    });
    const stores = await createStores(
      { config, env: {}, dataFolder: data, sealer: () => openSeal(data, {}) },
      all.ports,
    );
    const issue = () => stores.get('sts')?.issue(requestFor('sts,wall')) ?? Promise.reject(new Error('no sts'));
    expect((await failureOf(issue())).code).toBe('STORE_REFUSED');
    await folder.write(
      'own',
      { version: newVersion(), text: `${SERVER.accessKeyId},${SERVER.secretAccessKey}` },
      'AWSCURRENT',
      1,
    );
    expect(await issue()).toMatchObject({ kind: 'credentials' });
  });

  it('may be as the guide has them', async () => {
    const guide = await readFile(new URL('../../../docs/credential-stores.md', import.meta.url), 'utf8');
    const example = /```yaml\n([^]*?)```/.exec(guide)?.[1] ?? '';
    const config = parseStoresConfig(parse(example));
    expect(await namesOf({ config })).toEqual(['console', 'secretsmanager', 'sts', 'vault']);
    for (const [, rule = ''] of guide.matchAll(/--add '([^']+)'/g)) expect(() => parseAllowRule(rule)).not.toThrow();
  });

  it.each([
    ['an unknown field', { s3: {} }, 'stores'],
    ['an address in the clear', { aws: { endpoints: { sts: 'http://sts.example.com' } } }, 'stores.aws.endpoints.sts'],
    ['an address with a password', { aws: { federationUrl: 'https://a:b@example.com' } }, 'stores.aws.federationUrl'],
    ['what is no region', { aws: { region: 'here' } }, 'stores.aws.region'],
    [
      'a role that lasts for ever',
      { sts: { roles: { w: { arn: 'x', durationSeconds: 99_999 } } } },
      'stores.sts.roles.w.durationSeconds',
    ],
    ['an unknown way in', { vault: { address: 'https://x', auth: { kind: 'token' } } }, 'stores.vault.auth'],
  ])('have settings without %s', (_what, config, field) => {
    expect(() => parseStoresConfig(config)).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID', message: expect.stringContaining(field) as string }) as Error,
    );
  });
});

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { inviteInto } from '../../autoid/v2/testing/device.ts';
import { createNodeClock } from '../../node/clock.ts';
import { createNodeFetch } from '../../node/http.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { type Listening, listen } from '../../server/http.ts';
import { parseStoresConfig } from '../../server/stores/config.ts';
import { createStores } from '../../server/stores/create-stores.ts';
import { createWorld, type World } from '../../server/testing/world.ts';
import { startStandin, type Standin } from '../../standin/index.ts';
import { credentials } from './credentials.ts';
import { doctor } from './doctor.ts';
import { enrol } from './enrol.ts';
import { loginUrl } from './login-url.ts';

const SERVER = { name: 'server', accessKeyId: 'AKIASERVERSERVERSERV', secretAccessKey: 'a/secret+of/the+server' };
const ROLE = 'arn:aws:iam::111122223333:role/Wall';
const quiet = { log: () => undefined };

let standin: Standin;
let folder: string;
let world: World;
let server: Listening;
let dashboard: string;
let device: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-enrol-'));
  vi.stubEnv('HOME', folder);
  standin = await startStandin({
    users: [SERVER],
    roles: { [ROLE]: { maxSessionDurationSeconds: 3600 } },
    secrets: {},
    dashboards: [{ name: 'Main' }],
    alarms: [{ name: 'loud', state: 'ALARM' }, { name: 'quiet' }],
    keysDir: join(folder, 'standin-keys'),
  });
  const { urls } = standin;
  dashboard = `${urls.console}/cloudwatch/home?region=eu-west-1#main`;
  const clock = createNodeClock();
  const fileSecrets = join(folder, 'secrets.json');
  await writeFile(fileSecrets, JSON.stringify({ wall: `${SERVER.accessKeyId},${SERVER.secretAccessKey}` }), {
    mode: 0o600,
  });
  const config = parseStoresConfig({
    aws: { region: 'eu-west-1', endpoints: { all: urls.sts }, federationUrl: urls.federation },
    console: { roles: { wall: { arn: ROLE, destinations: [`${urls.console}/*`] } } },
  });
  const env = { AWS_ACCESS_KEY_ID: SERVER.accessKeyId, AWS_SECRET_ACCESS_KEY: SERVER.secretAccessKey };
  const audit = { append: () => Promise.resolve() };
  const ports = { fetch: createNodeFetch({ proxy: 'none' }), clock, logger: quiet, audit };
  const stores = await createStores({ config, env, fileSecrets }, ports);
  world = await createWorld({ clock, stores: [...stores.values()] });
  const files = createNodeFileStore();
  server = await listen({ app: world.app, host: '127.0.0.1', port: 0, trustedProxies: [], files, logger: quiet });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop(1000);
  await standin.stop();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  device = join(folder, `device-${(made += 1)}`, 'device.json');
});

async function codeFile(allow: string): Promise<string> {
  const { code } = await inviteInto(world, allow);
  const file = join(folder, `code-${(made += 1)}`);
  await writeFile(file, `${code}\n`, { mode: 0o600 });
  return file;
}

async function configFile(server_: Record<string, string>, more = ''): Promise<string> {
  const { urls } = standin;
  const fields = { protocol: 'v2', endpoint: server.url, deviceFile: device, ...server_ };
  const file = join(folder, `wall-${(made += 1)}.yml`);
  await writeFile(
    file,
    `server: ${JSON.stringify(fields)}
dashboard: {url: "${dashboard}"}
aws: {federationUrl: "${urls.federation}", endpoints: {all: "${urls.sts}"}}
${more}`,
  );
  return file;
}

async function doctorLines(config: string): Promise<string> {
  let lines = '';
  await doctor({ config }, (line) => (lines += line));
  return lines;
}

describe('vigil enrol', () => {
  it('makes this machine a device, whose credentials and sign-ins then come over protocol 2 alone', async () => {
    const code = await codeFile('secretsmanager:wall');
    expect(await enrol({ server: server.url, device, codeFile: code })).toMatch(/^Enrolled as device [0-9a-f]{32} /);
    expect((await stat(device)).mode & 0o777).toBe(0o600);
    const config = await configFile({ secret: 'wall' }, `role: {arn: "${ROLE}"}\n`);
    const given = JSON.parse(await credentials({ config, format: 'json' })) as { accessKeyId: string };
    expect(given.accessKeyId).toBe(SERVER.accessKeyId);
    expect(new URL((await loginUrl({ config })).trim()).searchParams.get('Destination')).toBe(dashboard);
    const lines = await doctorLines(config);
    expect(lines).toMatch(/ok {4}device: It is [0-9a-f]{32} of the server test-server, at step 2/);
    expect(lines).toMatch(/ok {4}keys: .* came from server/);
    expect(lines).toMatch(/ok {4}federation/);
    expect(lines).toMatch(/ok {4}device-clock/);
    const calls = world.events.map(({ event }) => event);
    expect(new Set(calls.filter((event) => event !== 'keyset'))).toEqual(new Set(['enrol', 'credentials']));
  });

  it('lets the server sign in: no credential comes to this machine', async () => {
    const rule = `console:wall,${standin.urls.console}/*`;
    const code = await codeFile(rule);
    await enrol({ server: server.url, device, codeFile: code });
    const config = await configFile({ credentialSource: 'console,wall' });
    const url = new URL((await loginUrl({ config })).trim());
    expect(url.searchParams.get('Destination')).toBe(dashboard);
    const page = await createNodeFetch({ proxy: 'none' })({
      method: 'GET',
      url: url.href,
      timeoutMs: 5000,
      maxBytes: 1e6,
    });
    expect(page.status).toBe(302);
    const lines = await doctorLines(config);
    expect(lines).toMatch(/ok {4}server: It signed in for this machine, for 60 minutes; no credential came here/);
    await expect(credentials({ config, format: 'json' })).rejects.toMatchObject({ code: 'DEVICE_REFUSED' });
  });

  it('takes the code from the environment, also when the first thing that is asked for are credentials', async () => {
    const { code } = await inviteInto(world, 'secretsmanager:wall');
    const config = await configFile({ secret: 'wall' });
    await expect(credentials({ config, format: 'env' })).rejects.toMatchObject({ code: 'DEVICE_NOT_ENROLLED' });
    expect(await doctorLines(config)).toMatch(/fail {2}device: This machine is not enrolled/);
    vi.stubEnv('VIGIL_ACTIVATION_CODE', code);
    try {
      expect(await doctorLines(config)).toMatch(/ok {4}device: This machine is not enrolled yet/);
      expect(await credentials({ config, format: 'env' })).toContain(SERVER.accessKeyId);
      // The code is used; it does no harm that it is still there.
      expect(await credentials({ config, format: 'env' })).toContain(SERVER.accessKeyId);
    } finally {
      vi.unstubAllEnvs();
      vi.stubEnv('HOME', folder);
    }
    expect(await readFile(device, 'utf8')).not.toContain(code);
  });

  it('shares one device among commands at the same time', async () => {
    await enrol({ server: server.url, device, codeFile: await codeFile('secretsmanager:wall') });
    const config = await configFile({ secret: 'wall' });
    const all = await Promise.all(Array.from({ length: 5 }, () => credentials({ config, format: 'json' })));
    expect(all).toHaveLength(5);
    expect(world.alerts).toEqual([]);
    expect(await doctorLines(config)).toMatch(/at step 5/);
  });

  it('says what is wrong with the code, its file or the command', async () => {
    const used = await codeFile('secretsmanager:wall');
    const loose = join(folder, 'loose');
    await writeFile(loose, 'X', { mode: 0o644 });
    const mistyped = join(folder, 'mistyped');
    await writeFile(mistyped, 'ABCD', { mode: 0o600 });
    const at = { server: server.url, device };
    await expect(enrol({ ...at, codeFile: mistyped })).rejects.toMatchObject({ code: 'ENROL_CODE_INVALID' });
    await expect(enrol({ ...at, codeFile: loose })).rejects.toMatchObject({ code: 'SETTINGS_UNREADABLE' });
    await expect(enrol({ device, codeFile: mistyped })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(enrol({ ...at, server: 'http://example.com' })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    await enrol({ ...at, codeFile: used });
    await expect(enrol({ ...at, codeFile: await codeFile('secretsmanager:wall') })).rejects.toMatchObject({
      code: 'ENROL_REFUSED',
    });
    expect(await enrol({ ...at, codeFile: await codeFile('secretsmanager:wall'), replace: true })).toContain(
      'Enrolled',
    );
  });
});

import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Fetch, HttpRequest } from '../core/ports.ts';
import { mergeSettings } from '../core/settings/layers.ts';
import { credentialSourceOf } from '../core/settings/requirements.ts';
import type { SettingsInput } from '../core/settings/schema.ts';
import {
  type ChainPorts,
  credentialProviderFromSettings,
  keySourceFromSettings,
  secretsOfSettings,
  signInFromSettings,
} from './from-settings.ts';

function settingsOf(values: SettingsInput) {
  const { settings, problems } = mergeSettings([{ layer: 'user settings', name: 'test', values }]);
  expect(problems).toEqual([]);
  return settings;
}

/** Ports whose network fails after it has noted the call, and whose disk is empty but notes what was looked for. */
function ports() {
  const requests: HttpRequest[] = [];
  const paths: string[] = [];
  const fetch: Fetch = (request) => {
    requests.push(request);
    return Promise.reject(new AppError('NETWORK_OFFLINE', 'No network.'));
  };
  const look = (path: string) => {
    paths.push(path);
    return Promise.resolve(undefined);
  };
  const chain: ChainPorts = {
    fetch,
    clock: { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() },
    random: { bytes: (length) => new Uint8Array(length), fraction: () => 0 },
    files: { read: look, stamp: look },
    logger: { log: () => undefined },
  };
  return { chain, requests, paths };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown.code;
    throw thrown;
  }
  return 'none';
}

const NPM = { scope: 'acme', registry: 'https://npm.test/feed', token: 'npm_exampleToken' };
const S3 = { bucket: 'keys-of-acme', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret-of-the-bucket' };
const ROLE = { arn: 'arn:aws:iam::123456789012:role/Wall' };
const DASHBOARD = { url: 'https://eu-central-1.console.aws.amazon.com/cloudwatch/home' };

describe('the key source', () => {
  it('is the folder', async () => {
    const { chain, paths } = ports();
    const source = await keySourceFromSettings(settingsOf({ keys: { directory: '/srv/keys' } }), chain);
    expect(await codeOf(source.fetch())).toBe('KEYS_NOT_FOUND');
    expect(paths).toContain('/srv/keys/build/info2048.bin');
  });

  it('is the package, with its token and the time limit', async () => {
    const { chain, requests } = ports();
    const settings = settingsOf({ keys: { npm: NPM }, network: { timeoutSeconds: 7 } });
    expect(await codeOf((await keySourceFromSettings(settings, chain)).fetch())).toBe('NETWORK_OFFLINE');
    expect(requests[0]).toMatchObject({ url: 'https://npm.test/feed/@acme%2fauto-id-keys', timeoutMs: 7000 });
    expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer npm_exampleToken' });
  });

  it.each([
    [{}, undefined, /^https:\/\/keys-of-acme\.s3\.us-east-1\.amazonaws\.com\/info2048\.bin/],
    [{}, DASHBOARD, /s3\.eu-central-1/],
    [{ region: 'eu-west-1' }, DASHBOARD, /s3\.eu-west-1/],
    [
      { endpoints: { all: 'https://all.test', s3: 'https://s3.test' } },
      undefined,
      /^https:\/\/s3\.test\/keys-of-acme\//,
    ],
    [{ endpoints: { all: 'https://all.test' } }, undefined, /^https:\/\/all\.test\/keys-of-acme\//],
  ])('is the bucket, with aws %j and dashboard %j', async (aws, dashboard, url) => {
    const { chain, requests } = ports();
    const settings = settingsOf({ keys: { s3: S3 }, aws, ...(dashboard === undefined ? {} : { dashboard }) });
    expect(await codeOf((await keySourceFromSettings(settings, chain)).fetch())).toBe('NETWORK_OFFLINE');
    expect(requests.map((request) => request.url).join(' ')).toMatch(url);
    expect(JSON.stringify(requests)).not.toContain(S3.secretAccessKey);
  });
});

describe('what is missing', () => {
  it('is SETTINGS_MISSING, not a crash later', async () => {
    const { chain } = ports();
    const nothing = settingsOf({});
    expect(await codeOf(keySourceFromSettings(nothing, chain))).toBe('SETTINGS_MISSING');
    expect(await codeOf(credentialProviderFromSettings(nothing, chain))).toBe('SETTINGS_MISSING');
    expect(await codeOf(signInFromSettings(nothing, chain))).toBe('SETTINGS_MISSING');
    const half = settingsOf({ keys: { source: 's3', s3: { bucket: 'keys-of-acme' } } });
    expect(await codeOf(keySourceFromSettings(half, chain))).toBe('SETTINGS_MISSING');
  });
});

describe('the sign-in', () => {
  const provider = { name: 'test', get: () => Promise.reject(new AppError('SERVER_REFUSED', 'No.')) };

  it("goes to the federation endpoint of the role's partition unless told otherwise", async () => {
    const { chain } = ports();
    const plain = await signInFromSettings(settingsOf({ role: ROLE, dashboard: DASHBOARD }), chain, { provider });
    expect(plain.federationUrl).toBe('https://signin.aws.amazon.com/federation');
    const aws = { federationUrl: 'http://127.0.0.1:1/federation' };
    const told = await signInFromSettings(settingsOf({ role: ROLE, dashboard: DASHBOARD, aws }), chain, { provider });
    expect(told.federationUrl).toBe('http://127.0.0.1:1/federation');
    expect(await codeOf(told.run())).toBe('SERVER_REFUSED');
  });

  it('refuses a dashboard of another partition', async () => {
    const { chain } = ports();
    const settings = settingsOf({ role: { arn: 'arn:aws-cn:iam::123456789012:role/Wall' }, dashboard: DASHBOARD });
    expect(await codeOf(signInFromSettings(settings, chain, { provider }))).toBe('SETTINGS_INVALID');
  });
});

describe('a sign-in of a session', () => {
  const OPS = 'arn:aws:iam::210987654321:role/Ops';
  const CHINA = 'arn:aws-cn:iam::210987654321:role/Ops';
  const WEST = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home';
  const provider = {
    name: 'test',
    get: () => Promise.resolve({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' }),
  };
  const settings = settingsOf({
    server: { endpoint: 'https://autoid.test', secret: 'wall' },
    keys: { directory: '/srv/keys' },
    role: { ...ROLE, sessionName: 'lobby' },
    roles: { ops: { arn: OPS, secret: 'wall-ops', externalId: 'abc' }, far: { arn: OPS, region: 'ap-south-1' } },
    dashboard: DASHBOARD,
    dashboards: { other: { url: `${WEST}?o` }, west: { url: WEST, role: 'ops' }, far: { url: WEST, role: 'far' } },
  });

  it.each([
    [{}, 'eu-central-1', 'role/Wall'],
    [{ session: 'default' }, 'eu-central-1', 'role/Wall'],
    [{ session: 'ops' }, 'eu-west-1', 'role/Ops'],
    [{ dashboard: 'west' }, 'eu-west-1', 'role/Ops'],
    [{ dashboard: 'other' }, 'eu-west-1', 'role/Wall'],
    [{ session: 'ops', dashboard: 'default' }, 'eu-central-1', 'role/Ops'],
    [{ session: 'far' }, 'ap-south-1', 'role/Ops'],
  ])('with %j asks in %s for %s', async (options, region, role) => {
    const { chain, requests } = ports();
    const signIn = await signInFromSettings(settings, chain, { ...options, provider });
    expect(signIn.region).toBe(region);
    expect(await codeOf(signIn.run())).toBe('NETWORK_OFFLINE');
    expect(requests.map(({ url }) => url)).toEqual([`https://sts.${region}.amazonaws.com/`]);
    const body = new URLSearchParams(String(requests[0]?.body));
    expect(body.get('RoleArn')).toContain(role);
    expect(body.get('RoleSessionName')).toBe('lobby');
  });

  it.each([
    ['default', 'secretsmanager,wall'],
    ['ops', 'secretsmanager,wall-ops'],
    ['far', 'secretsmanager,wall'],
  ])('asks the server in the name of %s for %s', (session, source) => {
    expect(credentialSourceOf(settings, session)).toBe(source);
  });

  it.each([
    [{ session: 'opps' }, 'SETTINGS_INVALID', 'no role named opps'],
    [{ dashboard: 'toString' }, 'SETTINGS_INVALID', 'no dashboard named toString'],
  ])('is refused for %j', async (options, code, sentence) => {
    const { chain } = ports();
    const made = signInFromSettings(settings, chain, { ...options, provider });
    await expect(made).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) as string });
  });

  it('names the fields where a dashboard of the session is in another partition', async () => {
    const { chain } = ports();
    const display = { show: ['home', 'west'] };
    const home = { url: 'https://cn-north-1.console.amazonaws.cn/', role: 'ops' };
    const mixed = settingsOf({
      roles: { ops: { arn: CHINA } },
      dashboards: { home, west: { url: WEST, role: 'ops' } },
      displays: [display],
    });
    const made = signInFromSettings(mixed, chain, { session: 'ops', provider });
    await expect(made).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message:
        "roles.ops.arn is in the partition aws-cn, and dashboards.west.url's region eu-west-1 is not: take both from one partition.",
    });
  });

  it('is SETTINGS_MISSING where nothing says a dashboard', async () => {
    const { chain } = ports();
    const bare = settingsOf({ roles: { ops: { arn: OPS } } });
    expect(await codeOf(signInFromSettings(bare, chain, { session: 'ops', provider }))).toBe('SETTINGS_MISSING');
  });
});

describe('secrets', () => {
  it('of the settings are known for redaction', () => {
    const settings = settingsOf({
      keys: { npm: NPM, s3: S3 },
      network: { proxy: 'http://me:p%40ss@proxy.test:1' },
      health: { token: 'token-of-the-health-page' },
    });
    expect(secretsOfSettings(settings)).toEqual([
      'npm_exampleToken',
      'secret-of-the-bucket',
      'p%40ss',
      'p@ss',
      'token-of-the-health-page',
    ]);
    expect(secretsOfSettings(settingsOf({}))).toEqual([]);
  });
});

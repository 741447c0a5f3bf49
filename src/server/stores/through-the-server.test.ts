/** The stores behind a whole server, as an enrolled device meets them. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../autoid/encoding.ts';
import { Browser, stsClient } from '../../standin/testing/setup.ts';
import { createWorld, enrolled, type TestDevice, type World } from '../testing/world.ts';
import { parseAllowRule } from './allow.ts';
import { parseStoresConfig } from './config.ts';
import { createStores } from './create-stores.ts';
import { REGION, roleArn, SERVER, storeStage, type StoreStage } from './testing/stage.ts';

let all: StoreStage;
let world: World;
let device: TestDevice;
let folder: string;
const CALLER = { address: '52.94.76.7' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-server-'));
  all = await storeStage({
    roles: { [roleArn('Wall')]: { maxSessionDurationSeconds: 3600 } },
    dashboards: [{ name: 'Main' }],
    alarms: [{ name: 'loud', state: 'ALARM' }],
    vault: {
      appRoles: [{ roleId: 'role-1', secretId: 'secret-1', policy: ['secret/data/wall'] }],
      secrets: { wall: [{ AccessKeyId: 'AKIAVAULT0', SecretAccessKey: 'vault-secret' }] },
    },
  });
  const secretIdFile = join(folder, 'secret-id');
  await writeFile(secretIdFile, 'secret-1\n', { mode: 0o600 });
  const { urls } = all.stage;
  const config = parseStoresConfig({
    aws: { region: REGION, endpoints: { sts: urls.sts, cloudwatch: urls.cloudwatch }, federationUrl: urls.federation },
    sts: { roles: { wall: { arn: roleArn('Wall'), lock: 'caller' } } },
    console: { roles: { wall: { arn: roleArn('Wall') } } },
    vault: { address: urls.vault, auth: { kind: 'approle', roleId: 'role-1', secretIdFile }, wrapSeconds: 60 },
  });
  const env = { AWS_ACCESS_KEY_ID: SERVER.accessKeyId, AWS_SECRET_ACCESS_KEY: SERVER.secretAccessKey };
  const stores = await createStores({ config, env }, all.ports);
  world = await createWorld({ stores: [...stores.values()] });
  const rules = [
    'sts:wall',
    'vault:secret/wall',
    `console:wall,${urls.console}/cloudwatch/*`,
    'console:wall,alarms:eu-west-1?*',
  ];
  device = await enrolled(world, { policy: { allow: rules.map(parseAllowRule) } });
});
afterAll(async () => {
  world.server.stop();
  await all.stage.stop();
  await rm(folder, { recursive: true });
});

async function ask(
  source: string,
  destination = '',
): Promise<{ code: string | undefined; issued: Record<string, unknown> }> {
  const { reply } = await device.ask(await device.seal({ source, destination }), CALLER);
  const text = fromUtf8(reply?.payload ?? new Uint8Array()) ?? '';
  return { code: reply?.code, issued: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

const page = (service = 'cloudwatch') =>
  `${all.stage.urls.console}/${service}/home?region=${REGION}#dashboards:name=Main`;

describe('a device', () => {
  it('gets a signed-in address, and no credential with it', async () => {
    const { code, issued } = await ask('console,wall', page());
    expect([code, Object.keys(issued).sort()]).toEqual(['ok', ['expiresAt', 'kind', 'sessionEndsAt', 'url']]);
    expect(JSON.stringify(issued)).not.toMatch(/A[SK]IA/);
    const opened = await new Browser().open(String(issued['url']));
    expect([opened.status, opened.url]).toEqual([200, expect.stringContaining('Main')]);
  });

  it('gets the alarms that ring', async () => {
    expect(await ask('console,wall', 'alarms:eu-west-1?name=loud&name=quiet')).toMatchObject({
      code: 'ok',
      issued: { kind: 'alarms', inAlarm: ['loud'] },
    });
  });

  it('gets credentials in its own name', async () => {
    const { issued } = await ask('sts,wall');
    const credentials = {
      accessKeyId: String(issued['accessKeyId']),
      secretAccessKey: String(issued['secretAccessKey']),
      sessionToken: String(issued['sessionToken']),
    };
    const { Arn } = await stsClient(all.stage, credentials).send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe('arn:aws:sts::111122223333:assumed-role/Wall/lobby-1');
  });

  it.each([
    ['sts,Wall', ''],
    ['sts,wall ', ''],
    ['sts,wall', 'anything'],
    ['sts,other', ''],
    ['file,wall', ''],
    ['vault,secret/wall/../admin', ''],
    ['vault,secret/wallet', ''],
    ['console,wall', ''],
    ['console,wall', 'https://example.com/cloudwatch/home'],
    ['console,wall', 'list-dashboards:eu-west-1'],
    ['console,wall', 'alarms:us-east-1?name=loud'],
  ])('gets nothing for %j at %j, and hears that it is policy', async (source, destination) => {
    expect(await ask(source, destination)).toEqual({ code: 'policy', issued: {} });
  });

  it.each(['iam', 'cloudwatch/../iam', 'cloudwatch/%2e%2e/iam', 'cloudwatch/..%2fiam'])(
    'is not signed in to another service (%s)',
    async (service) => expect((await ask('console,wall', page(service))).code).toBe('policy'),
  );

  it('hears of a store that fails no more than that it should come again; the log has the reason', async () => {
    await all.stage.control.fail('federation', { kind: 'status', status: 500 }, 2);
    expect(await ask('console,wall', page())).toEqual({ code: 'retry', issued: {} });
    expect(world.events.at(-1)).toMatchObject({ allowed: false, reason: 'STORE_UNAVAILABLE', source: 'console,wall' });
  });

  it('gets no answer of Vault that somebody opened before, and that is an alert', async () => {
    expect((await ask('vault,secret/wall')).code).toBe('ok');
    all.stage.control.vault.interfere('open');
    expect(await ask('vault,secret/wall')).toEqual({ code: 'retry', issued: {} });
    all.stage.control.vault.interfere(undefined);
    expect(all.events).toMatchObject([{ event: 'vault.unwrap', reason: 'opened-before', caller: device.id }]);
    expect(world.events.at(-1)).toMatchObject({ allowed: false, reason: 'STORE_REFUSED' });
  });

  it('gets nothing from a Vault whose secret id others may read', async () => {
    await chmod(join(folder, 'secret-id'), 0o644);
    all.stage.control.vault.revokeTokens();
    expect((await ask('vault,secret/wall')).code).toBe('retry');
    await chmod(join(folder, 'secret-id'), 0o600);
    expect((await ask('vault,secret/wall')).code).toBe('ok');
  });

  it('leaves no secret in the audit log', () => {
    expect(JSON.stringify([world.events, all.events])).not.toMatch(
      /vault-secret|secret-1|server-secret|SigninToken|ASIA/,
    );
  });
});

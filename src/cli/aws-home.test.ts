/** The commands about a server on AWS: its table, bucket and KMS key from the environment, and the function that then serves. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createDeviceClient } from '../autoid/v2/client.ts';
import { enrolDevice } from '../autoid/v2/enrol-device.ts';
import { serverKeySource } from '../keys/v2/server.ts';
import { createDeviceFile } from '../node/device-file.ts';
import { openTestAccount, type TestAccount } from '../server/lambda/testing/aws.ts';
import { throughGateway } from '../server/lambda/testing/gateway.ts';
import { createRotation } from '../server/lambda/rotate-keys.ts';
import { createEventHandler } from '../server/lambda/serve-events.ts';
import { pinnedNode } from './supervise/testing/stage.ts';

// Generous: processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 400_000 });

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
let folder: string;
let account: TestAccount;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-aws-home-'));
  account = await openTestAccount({ 'wall-dashboards': 'the secret' });
});
afterAll(async () => {
  await account.stop();
  await rm(folder, { recursive: true });
});

async function vigil(...args: readonly string[]): Promise<string> {
  const { VIGIL_TABLE: table = '', ...env } = { ...account.ports().env };
  const { stdout } = await promisify(execFile)(pinnedNode, [main, ...args, '--table', table], {
    env: { ...env, HOME: folder, PATH: process.env['PATH'] },
  });
  return stdout;
}

it('make the keys, invite a device that the function then enrols, lock it, and read and check what was written down', async () => {
  await vigil('keys', 'init', '--server-id', 'on-aws', '--root', join(folder, 'root.pem'));
  expect(await vigil('keys', 'status')).toContain('generation 1  current');
  const allow = 'secretsmanager:wall-dashboards';
  const { code } = JSON.parse(await vigil('devices', 'invite', '--name', 'lobby', '--allow', allow, '--json')) as {
    code: string;
  };

  const ports = account.ports({ VIGIL_PROTOCOLS: 'v2' });
  const client = createDeviceClient({
    ...{ clock: ports.clock, random: ports.random, logger: ports.logger, timeoutMs: 20_000 },
    store: createDeviceFile({ path: join(folder, 'device.json') }),
    fetch: throughGateway('http-api-credentials', createEventHandler(ports)),
    endpoint: 'https://id.example.com',
  });
  await enrolDevice(client, { code, hint: '', replace: false });
  const keys = await serverKeySource(client).fetch();
  if (keys === 'unchanged') throw new Error('unchanged');
  const ask = () => client.request(keys, 'secretsmanager,wall-dashboards', '');
  expect(new TextDecoder().decode((await ask()).payload)).toContain('the secret');

  expect(await vigil('devices', 'lock', 'lobby')).toContain('locked');
  await expect(ask()).rejects.toMatchObject({ code: 'DEVICE_LOCKED' });
  const events = (await vigil('audit', 'show'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; reason: string });
  expect(events.map(({ event, reason }) => `${event} ${reason}`).sort()).toEqual(
    [
      ...['keys.init operator', 'keys.current ok', 'device.invite operator', 'device.lock operator'],
      ...['enrol ok', 'keyset ok', 'credentials ok', 'credentials locked'],
    ].sort(),
  );

  // What commands wrote is anchored by the function that comes every hour.
  account.log.length = 0;
  await createRotation(account.ports())({ do: 'due' });
  const anchors = account.log.filter(({ event }) => event === 'audit.anchor');
  expect(anchors.map(({ stream, seq }) => [stream, seq])).toContainEqual(['main', 4]);
  const file = join(folder, 'anchors');
  await writeFile(file, anchors.map((anchor) => JSON.stringify(anchor)).join('\n'));
  expect(await vigil('audit', 'verify', '--anchors', file)).toContain('main: 4 lines, whole, anchored up to line 4');
});

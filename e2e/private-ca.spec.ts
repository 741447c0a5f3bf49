import { join } from 'node:path';
import type { FaultProxy } from '../src/standin/fault-proxy/index.ts';
import { Authority, badCertificates } from './support/certificates.ts';
import { openFaultProxy } from './support/fault-proxy.ts';
import { openSecureFront } from './support/proxies.ts';
import { SCOPE, openRegistry } from './support/registry.ts';
import { askForSignIn, failToRenew, failToSignIn, renew } from './support/renewals.ts';
import type { LogRecord } from './support/log.ts';
import { READER } from './support/stage.ts';
import { expect, test } from './support/test.ts';
import type { TrayHost } from './support/tray.ts';
import type { Wall } from './support/wall.ts';

const authority = new Authority('A company');
const BAD = badCertificates(authority);

test.use({ standinOptions: { tls: authority.leaf() } });

/** Has a target show each of the bad certificates, and looks at what the wall says of the try that meets it. */
async function isRefusedAt(proxy: FaultProxy, target: string, address: string, tryOnce: () => Promise<LogRecord>) {
  for (const [name, { key, cert }] of Object.entries(BAD)) {
    const what = `${target}: ${name}`;
    await proxy.control.on('bad', { kind: 'certificate', key, cert, only: [target] });
    const failed = await tryOnce();
    expect.soft(failed, what).toMatchObject({ code: 'NETWORK_TLS' });
    expect.soft(failed['reason'], what).toContain(address);
    if (name === 'expired') expect.soft(failed['reason'], what).toContain("machine's clock");
    if (name === 'for another host') expect.soft(failed['reason'], what).toContain('is for another host');
  }
  await proxy.control.off('bad');
  // Nobody gave anything away: each handshake was refused.
  expect.soft(proxy.control.events().filter(({ what }) => what === 'tls-taken')).toEqual([]);
}

test('a private authority that was not named: the wall says so and waits', async ({ stage, monitor, driveWall }) => {
  const wall = await driveWall();
  expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_TLS' });
  const notice = await wall.notice();
  await expect(notice.locator('#code')).toHaveText('NETWORK_TLS');
  await expect(notice.locator('#sentence')).toContainText(stage.urls.autoid);
  await expect(notice.locator('#sentence')).toContainText('network.caFile');
  await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
  await monitor.shows('notice');
  expect(stage.control.requests()).toEqual([]);
});

test('a private authority that was named is trusted by calls and pages, and bad certificates by neither', async ({
  stage,
  folders,
  monitor,
  startWall,
  tray,
}) => {
  const proxy = await openFaultProxy(stage);
  try {
    const wall = startWall({
      flags: proxy.flags,
      settings: { network: { caFile: authority.caFile(folders) } },
    });
    expect(await wall.isLive()).toMatchObject({ verified: true });
    await monitor.shows('dashboard');
    const { autoid, sts, federation, console: page } = stage.urls;
    const addresses = { autoid, sts, federation, signin: page.replace('console.', 'signin.'), console: page };
    for (const [target, address] of Object.entries(addresses)) {
      await isRefusedAt(proxy, target, new URL(address).hostname, () => failToRenew(wall, tray));
    }
    await renew(wall, tray);
    await monitor.shows('dashboard');
  } finally {
    await proxy.stop();
  }
});

/** Starts a wall that cannot reach its source of keys, which then shows the bad certificates, and at last the right one. */
async function keysAreRefusedAndTaken(
  proxy: FaultProxy,
  source: string,
  address: string,
  { start, tray }: { start: () => Wall; tray: TrayHost },
) {
  await proxy.control.on('start', { kind: 'refuse', only: [source] });
  const wall = start();
  await wall.says('session.waiting');
  await proxy.control.off('start');
  await isRefusedAt(proxy, source, address, () => failToSignIn(wall, tray));
  await askForSignIn(wall, tray);
  expect(await wall.isLive()).toMatchObject({ verified: true });
}

test('keys from S3 behind a private authority: bad certificates are refused, and the right one is taken', async ({
  stage,
  folders,
  startWall,
  tray,
}) => {
  stage.control.putObject('keys', 'info2048.bin', Buffer.from(stage.keys().entropy));
  stage.control.putObject('keys', 'public.pem', Buffer.from(stage.keys().publicKey));
  const proxy = await openFaultProxy(stage);
  try {
    const environment = {
      AUTO_ID_KEYS_DIR: undefined,
      AUTO_ID_BUCKET: 'keys',
      ENTROPY_ACCESS_ID: READER.accessKeyId,
      ENTROPY_SECRET_KEY: READER.secretAccessKey,
      AWS_ENDPOINT_URL_S3: stage.urls.s3,
    };
    const settings = { network: { caFile: authority.caFile(folders) } };
    const start = () => startWall({ flags: proxy.flags, settings, environment });
    await keysAreRefusedAndTaken(proxy, 's3', stage.urls.s3, { start, tray });
  } finally {
    await proxy.stop();
  }
});

test('keys from an npm registry behind a private authority: bad certificates are refused, and the right one is taken', async ({
  stage,
  folders,
  startWall,
  tray,
}) => {
  const registry = await openRegistry(join(folders.root, 'registry'));
  const front = await openSecureFront(registry.url, authority.leaf());
  const proxy = await openFaultProxy(stage, { more: { npm: { hosts: ['127.0.0.1'], port: front.port } } });
  try {
    await registry.publish(stage.keys());
    const address = `https://127.0.0.1:${String(front.port)}`;
    const environment = {
      AUTO_ID_KEYS_DIR: undefined,
      NPM_SCOPE: SCOPE,
      NPM_TOKEN: registry.token,
      VIGIL_NPM_REGISTRY: address,
    };
    const settings = { network: { caFile: authority.caFile(folders) } };
    const start = () => startWall({ flags: proxy.flags, settings, environment });
    await keysAreRefusedAndTaken(proxy, 'npm', address, { start, tray });
  } finally {
    await proxy.stop();
    await front.stop();
    await registry.stop();
  }
});

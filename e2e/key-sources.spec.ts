import { join } from 'node:path';
import { openFront } from './support/front.ts';
import { SCOPE, openRegistry } from './support/registry.ts';
import { askForSignIn, failToSignIn, renew } from './support/renewals.ts';
import { openBucket } from './support/s3.ts';
import { READER } from './support/stage.ts';
import { expect, test } from './support/test.ts';

test('keys come from a private npm registry, new versions and bad answers included', async ({
  stage,
  folders,
  driveWall,
  tray,
}) => {
  const registry = await openRegistry(join(folders.root, 'registry'));
  const front = await openFront(registry.url);
  try {
    await registry.publish(stage.keys());
    front.misbehave('hang');
    const wall = await driveWall({
      environment: {
        AUTO_ID_KEYS_DIR: undefined,
        NPM_SCOPE: SCOPE,
        NPM_TOKEN: registry.token,
        VIGIL_NPM_REGISTRY: front.url,
        VIGIL_TIMEOUT_SECONDS: '2',
      },
    });
    const notice = await wall.notice();
    expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_TIMEOUT' });
    for (const [how, code] of [
      ['cut-off', 'NETWORK_INTERRUPTED'],
      ['not-json', 'KEYS_UNREADABLE'],
      ['huge', 'KEYS_UNREADABLE'],
      [{ status: 503 }, 'KEYS_UNAVAILABLE'],
      [{ status: 401 }, 'KEYS_REFUSED'],
      [{ status: 404 }, 'KEYS_NOT_FOUND'],
    ] as const) {
      front.misbehave(how);
      expect.soft(await failToSignIn(wall, tray), JSON.stringify(how)).toMatchObject({ code });
      await expect(notice.locator('#code')).toHaveText(code);
    }

    front.misbehave(undefined);
    await askForSignIn(wall, tray);
    await wall.isLive();
    // The token goes with each request to the registry: it gives nothing away without.
    expect(new Set(front.requests.map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${registry.token}`]),
    );

    await registry.publish(await stage.control.rotateKeys());
    await renew(wall, tray);
    expect(stage.asked('autoid').at(-1)?.status).toBe(201);
  } finally {
    await front.stop();
    await registry.stop();
  }
});

test('keys come from a bucket of a real S3 server', async ({ stage, folders, startWall, tray }) => {
  const bucket = await openBucket(join(folders.root, 'bucket'));
  try {
    await bucket.put(stage.keys());
    const wall = startWall({
      environment: {
        AUTO_ID_KEYS_DIR: undefined,
        AUTO_ID_BUCKET: bucket.name,
        ENTROPY_ACCESS_ID: bucket.credentials.accessKeyId,
        ENTROPY_SECRET_KEY: bucket.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_S3: bucket.url,
        VIGIL_S3_REGION: 'us-east-1',
      },
    });
    await wall.isLive();
    await bucket.put(await stage.control.rotateKeys());
    await renew(wall, tray);
    expect(stage.asked('autoid').at(-1)?.status).toBe(201);
  } finally {
    await bucket.stop();
  }
});

test('bad answers of S3 are named, and the wall goes live when they end', async ({ stage, driveWall, tray }) => {
  stage.control.putObject('keys', 'info2048.bin', Buffer.from(stage.keys().entropy));
  stage.control.putObject('keys', 'public.pem', Buffer.from(stage.keys().publicKey));
  await stage.control.fail('s3', { kind: 'down' });
  const wall = await driveWall({
    environment: {
      AUTO_ID_KEYS_DIR: undefined,
      AUTO_ID_BUCKET: 'keys',
      ENTROPY_ACCESS_ID: READER.accessKeyId,
      ENTROPY_SECRET_KEY: READER.secretAccessKey,
      AWS_ENDPOINT_URL_S3: stage.urls.s3,
      VIGIL_TIMEOUT_SECONDS: '2',
    },
  });
  expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_REFUSED' });
  for (const [fault, code] of [
    [{ kind: 'cut-off' }, 'NETWORK_INTERRUPTED'],
    [{ kind: 'not-json' }, 'KEYS_INVALID'],
    [{ kind: 'huge' }, 'KEYS_UNREADABLE'],
    [{ kind: 'hang' }, 'NETWORK_TIMEOUT'],
    [{ kind: 'status', status: 503 }, 'KEYS_UNAVAILABLE'],
    [{ kind: 'status', status: 403 }, 'KEYS_REFUSED'],
  ] as const) {
    await stage.control.fail('s3', fault);
    expect.soft(await failToSignIn(wall, tray), JSON.stringify(fault)).toMatchObject({ code });
  }
  await stage.control.heal('s3');
  await askForSignIn(wall, tray);
  await wall.isLive();
});

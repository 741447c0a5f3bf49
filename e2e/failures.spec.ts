import { failToRenew, renew } from './support/renewals.ts';
import { ROLE, SECRET_NAME, USER } from './support/stage.ts';
import { expect, test } from './support/test.ts';

const SECRET = `${USER.accessKeyId},${USER.secretAccessKey}`;

test('a server that is down at the start is waited for, and the wall goes live by itself', async ({
  stage,
  monitor,
  driveWall,
}) => {
  await stage.control.fail('autoid', { kind: 'down' });
  const wall = await driveWall();
  const waiting = await wall.says('session.waiting');
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Waiting for the network');
  await expect(notice.locator('#sentence')).toContainText(`${stage.urls.autoid} cannot be reached`);
  await expect(notice.locator('#code')).toHaveText('NETWORK_REFUSED');
  await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
  await monitor.shows('notice');
  expect(waiting).toMatchObject({ code: 'NETWORK_REFUSED', failures: 1 });

  await stage.control.heal('autoid');
  await wall.isLive();
  await monitor.shows('dashboard');
});

test('a secret that the server does not have is named, and tried again until it is there', async ({
  stage,
  driveWall,
}) => {
  const wall = await driveWall({ environment: { AUTO_ID_SECRET_NAME: 'not-there-yet' } });
  const notice = await wall.notice();
  await wall.says('session.waiting');
  await expect(notice.locator('#headline')).toHaveText('Cannot sign in');
  await expect(notice.locator('#code')).toHaveText('SERVER_UNAVAILABLE');
  await expect(notice.locator('#sentence')).toContainText('502');
  await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);

  stage.control.setSecret('not-there-yet', SECRET);
  await wall.isLive();
});

test('keys that are not those of the server are named, and tried again until they are', async ({
  stage,
  driveWall,
}) => {
  await stage.control.rotateKeys();
  const wall = await driveWall();
  const notice = await wall.notice();
  const waiting = await wall.says('session.waiting');
  await expect(notice.locator('#headline')).toHaveText('Cannot sign in');
  await expect(notice.locator('#code')).toHaveText(String(waiting['code']));
  expect(waiting['code']).toBe('SERVER_UNAVAILABLE');
  expect(waiting['reason']).toContain('key');

  await stage.control.publishKeys();
  await wall.isLive();
});

test('credentials that AWS refuses are named, and tried again until they are mended', async ({ stage, driveWall }) => {
  stage.control.setSecret(SECRET_NAME, `${USER.accessKeyId},${'x'.repeat(40)}`);
  const wall = await driveWall();
  const notice = await wall.notice();
  await wall.says('session.waiting');
  await expect(notice.locator('#headline')).toHaveText('Cannot sign in');
  await expect(notice.locator('#code')).toHaveText('STS_CREDENTIALS_INVALID');
  await expect(notice.locator('#sentence')).not.toBeEmpty();

  stage.control.setSecret(SECRET_NAME, SECRET);
  await wall.isLive();
});

test("a role that lets nobody in: the notice says which role's trust policy is to be changed", async ({
  stage,
  driveWall,
}) => {
  stage.control.denyRole(ROLE);
  const wall = await driveWall();
  const notice = await wall.notice();
  await wall.says('session.waiting');
  await expect(notice.locator('#headline')).toHaveText('Cannot sign in');
  await expect(notice.locator('#code')).toHaveText('STS_ACCESS_DENIED');
  await expect(notice.locator('#sentence')).toContainText('trust policy');
  await expect(notice.locator('#sentence')).toContainText(ROLE);

  stage.control.allowRole(ROLE);
  await wall.isLive();
});

test('keys that are rotated between two renewals are fetched afresh behind the picture', async ({
  stage,
  monitor,
  startWall,
  tray,
}) => {
  const wall = startWall();
  await wall.isLive();
  const watching = await monitor.watch();
  await watching.sees('dashboard');

  // Rotated and published: the request with the old keys is answered 502, the one with the new keys is not.
  stage.control.clearRequests();
  await stage.control.rotateKeys();
  await stage.control.publishKeys();
  await renew(wall, tray);
  expect(stage.asked('autoid').at(-1)?.status).toBe(201);

  // Rotated and published late: the renewal fails, and the next try finds the new keys.
  stage.control.clearRequests();
  await stage.control.rotateKeys();
  const failed = await failToRenew(wall, tray);
  expect(failed).toMatchObject({ code: 'SERVER_UNAVAILABLE', failures: 1 });
  expect(new Set(stage.asked('autoid').map(({ status }) => status))).toEqual(new Set([502]));
  await stage.control.publishKeys();
  await wall.isLive(3);
  expect(stage.asked('autoid').at(-1)?.status).toBe(201);

  await watching.sees('dashboard');
  const seen = await watching.stop();
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
});

import { copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type AutoIdServer, startAutoIdServer } from './support/auto-id-server.ts';
import { failToRenew, renew } from './support/renewals.ts';
import { SECRET_NAME } from './support/stage.ts';
import { expect, test as base } from './support/test.ts';

const test = base.extend<{ readonly server: AutoIdServer; readonly deviceFile: string }>({
  server: async ({ stage, folders }, use) => {
    const server = await startAutoIdServer(stage, folders.root);
    await use(server);
    await server.stop();
  },
  deviceFile: async ({ folders }, use) => {
    await use(join(folders.root, 'device', 'device.json'));
  },
});

test('a wall enrols at its first start, and renews across a rotation of keys', async ({
  server,
  deviceFile,
  driveWall,
  stage,
  tray,
}) => {
  const code = await server.invite(`secretsmanager:${SECRET_NAME}`);
  const wall = await driveWall({ environment: server.environment(code, deviceFile) });
  await wall.isLive();
  expect((await stat(deviceFile)).mode & 0o777).toBe(0o600);
  await server.serve(2, 1);
  await renew(wall, tray);
  await wall.says('keys.changed', { after: 1 });
  await server.serve(2);
  await renew(wall, tray);
  // The overlap over and the next generation there at once: refused first, then asked again with fresh keys.
  await server.serve(3);
  await renew(wall, tray);
  expect(wall.log.of('session.renewal-failed')).toEqual([]);
  expect(server.world.alerts).toEqual([]);
  expect(stage.asked('autoid')).toEqual([]);
  expect(`${wall.log.text()}${await readFile(deviceFile, 'utf8')}`).not.toContain(code);
});

test('a wall that the server signs in holds no credential, and asks AWS for nothing', async ({
  server,
  deviceFile,
  driveWall,
  stage,
  tray,
}) => {
  const code = await server.invite(`console:wall,${stage.urls.console}/*`);
  const wall = await driveWall({
    environment: {
      ...server.environment(code, deviceFile),
      AUTO_ID_SECRET_NAME: undefined,
      ASSUME_ROLE_ARN: undefined,
      VIGIL_CREDENTIAL_SOURCE: 'console,wall',
      // Nobody is there: the wall itself has no business with them.
      AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9',
    },
  });
  await wall.isLive();
  await renew(wall, tray);
  expect(wall.log.of('sign-in.stage').map(({ stage: name }) => name)).toEqual(['credentials', 'credentials']);
});

test('a wall whose disk was copied is locked as soon as both have gone on, and its picture stays', async ({
  server,
  deviceFile,
  driveWall,
  folders,
  tray,
}) => {
  const code = await server.invite(`secretsmanager:${SECRET_NAME}`);
  const wall = await driveWall({ environment: server.environment(code, deviceFile) });
  await wall.isLive();
  const copy = join(folders.root, 'device', 'copy.json');
  await copyFile(deviceFile, copy);
  // The thief's machine goes on from there.
  await renew(wall, tray);
  await copyFile(copy, deviceFile);
  expect(await failToRenew(wall, tray)).toMatchObject({ code: 'DEVICE_LOCKED' });
  expect(server.world.alerts).toHaveLength(1);
  expect(wall.log.of('session.lost')).toEqual([]);
});

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { WallLog } from './support/log.ts';
import { ROLE, SECRET_NAME, type Stage } from './support/stage.ts';
import { expect, test } from './support/test.ts';

/** What the environment says of a stage, as a settings file says it. @param keys folder, relative to the file or not */
function settingsOf({ environment, urls }: Stage, keys: string): Record<string, object> {
  return {
    server: { endpoint: urls.autoid, secret: SECRET_NAME },
    keys: { directory: keys },
    role: { arn: ROLE, sessionName: 'from-a-file' },
    dashboard: { url: environment['VISIT_URL'] },
    aws: { region: 'eu-west-1', federationUrl: urls.federation, endpoints: { sts: urls.sts } },
  };
}

/** Takes everything out of the environment that says something of settings. */
function nothingOf({ environment }: Stage): Record<string, undefined> {
  return Object.fromEntries(Object.keys(environment).map((name) => [name, undefined]));
}

test("a user's settings file that is not JSON is set aside, named and never replaced; mended, it is taken up", async ({
  stage,
  folders,
  driveWall,
}) => {
  const file = join(folders.profile, 'settings.json');
  const broken = '{ "server": { "endpoint": "http://127.0.0.1" ';
  writeFileSync(file, broken);
  const wall = await driveWall({ environment: nothingOf(stage) });
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Check the settings');
  await expect(notice.locator('#code')).toHaveText('SETTINGS_UNREADABLE');
  const copy = readdirSync(folders.profile).find((name) => name.startsWith('settings.bad-')) ?? 'none';
  await expect(notice.locator('#details')).toContainText(file);
  await expect(notice.locator('#details')).toContainText(copy);
  expect(readFileSync(join(folders.profile, copy), 'utf8')).toBe(broken);
  expect(readFileSync(file, 'utf8')).toBe(broken);

  const mended = JSON.stringify(settingsOf(stage, folders.keys));
  writeFileSync(file, mended);
  await wall.isLive();
  expect(readFileSync(file, 'utf8')).toBe(mended);
});

test('--config names a YAML file, whose paths start where it lies, in an ordinary window without a tray icon', async ({
  stage,
  folders,
  monitor,
  startWall,
  tray,
}) => {
  const file = join(folders.root, 'wall.yml');
  writeFileSync(file, stringify({ ...settingsOf(stage, './keys'), wall: { logFolder: 'elsewhere' } }));
  startWall({ environment: nothingOf(stage), flags: ['--config', 'wall.yml', '--windowed', '--no-tray'] });
  await new WallLog(join(folders.root, 'elsewhere')).next('session.live');
  expect(stage.asked('sts', 'AssumeRole').at(-1)?.status).toBe(200);
  const [window, ...others] = monitor.windows('Vigil');
  expect(others).toEqual([]);
  expect(window?.width).toBeLessThan(1920);
  expect(window?.height).toBeLessThan(1080);
  expect(tray.hasIcon).toBe(false);
});

test('every field that is wrong is named at once, with its file', async ({ stage, folders, driveWall }) => {
  const file = join(folders.root, 'wall.yml');
  const bad = {
    ...settingsOf(stage, './keys'),
    role: { arn: 'arn:aws:iam::12:role/Wall' },
    dashboard: { url: 'http://example.com/cloudwatch/home', zoom: 99 },
    network: { timeoutSeconds: 0, prxoy: 'none' },
    wall: { windowed: 'perhaps' },
  };
  writeFileSync(file, stringify(bad));
  const wall = await driveWall({ environment: nothingOf(stage), flags: ['--config', file] });
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Check the settings');
  await expect(notice.locator('#code')).toHaveText('SETTINGS_INVALID');
  const lines = await notice.locator('#details li').allTextContents();
  for (const path of [
    'role.arn',
    'dashboard.url',
    'dashboard.zoom',
    'network.timeoutSeconds',
    'network.prxoy',
    'wall.windowed',
  ]) {
    expect
      .soft(
        lines.filter((line) => line.includes(path) && line.startsWith(file)),
        path,
      )
      .toHaveLength(1);
  }

  writeFileSync(file, stringify(settingsOf(stage, './keys')));
  await wall.isLive();
});

test('settings that are missing are named with the variables that may say them', async ({ stage, driveWall }) => {
  const wall = await driveWall({ environment: { ...nothingOf(stage), AWS_REGION: 'eu-west-1' } });
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Check the settings');
  await expect(notice.locator('#code')).toHaveText('SETTINGS_MISSING');
  for (const name of [
    'AUTO_ID_API_ENDPOINT',
    'AUTO_ID_SECRET_NAME',
    'AUTO_ID_KEYS_DIR',
    'ASSUME_ROLE_ARN',
    'VISIT_URL',
  ]) {
    await expect.soft(notice.locator('#details')).toContainText(name);
  }
});

test('without --user-data-dir, profile and settings are where the documentation says', async ({
  stage,
  folders,
  startWall,
}) => {
  writeFileSync(join(folders.profile, 'settings.json'), JSON.stringify(settingsOf(stage, folders.keys)));
  const wall = startWall({ environment: nothingOf(stage), profile: 'default' });
  await wall.isLive();
  expect(readdirSync(join(folders.home, '.config'))).toEqual(['Vigil']);
});

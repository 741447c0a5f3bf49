/* eslint-disable no-empty-pattern -- Playwright reads from the pattern which fixtures are wanted */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { type Display, startDisplay } from '../../scripts/display.mjs';
import { resolveElectron } from '../../scripts/electron-runtime.mjs';
import { type KeySet, type StandinOptions, makeKeys } from '../../src/standin/index.ts';
import { type Folders, makeFolders } from './folders.ts';
import { Screen } from './screen.ts';
import { type Stage, openStage } from './stage.ts';
import { TrayHost } from './tray.ts';
import { DrivenWall, Wall } from './wall.ts';

interface LaunchOptions {
  /** Beside the stage's; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Written into the user's settings file. */
  readonly settings?: object;
  readonly flags?: readonly string[];
  /** `default`: where the program puts it by itself, in the test's home folder. */
  readonly profile?: 'default';
}

interface WorkerFixtures {
  readonly display: Display;
  readonly executable: string;
  readonly sharedTray: TrayHost;
  readonly sharedKeys: KeySet;
}

interface TestFixtures {
  readonly standinOptions: StandinOptions;
  readonly folders: Folders;
  readonly stage: Stage;
  readonly monitor: Screen;
  readonly tray: TrayHost;
  /** Starts a wall as a service would. It is ended with the test. */
  readonly startWall: (options?: LaunchOptions) => Wall;
  /** Starts a wall that can be asked from inside. */
  readonly driveWall: (options?: LaunchOptions) => Promise<DrivenWall>;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  display: [
    async ({}, use) => {
      const display = await startDisplay({ width: 1920, height: 1080 });
      await use(display);
      await display.stop();
    },
    { scope: 'worker' },
  ],
  executable: [
    async ({}, use) => {
      await use((await resolveElectron()).executablePath);
    },
    { scope: 'worker' },
  ],
  sharedTray: [
    async ({ display }, use) => {
      const host = await TrayHost.start(display.env['DBUS_SESSION_BUS_ADDRESS'] ?? '');
      await use(host);
      host.stop();
    },
    { scope: 'worker' },
  ],
  sharedKeys: [
    async ({}, use) => {
      await use(await makeKeys());
    },
    { scope: 'worker' },
  ],
  standinOptions: [{}, { option: true }],
  folders: async ({}, use) => {
    const folders = await makeFolders();
    await use(folders);
    await folders.remove();
  },
  stage: async ({ folders, sharedKeys, standinOptions }, use) => {
    const stage = await openStage(sharedKeys, folders.keys, standinOptions);
    await use(stage);
    await stage.stop();
  },
  monitor: async ({ display }, use, testInfo) => {
    await use(new Screen(display, testInfo.outputDir));
  },
  tray: [
    async ({ sharedTray }, use) => {
      sharedTray.forget();
      await use(sharedTray);
    },
    { auto: true },
  ],
  startWall: async ({ executable, folders, display, stage }, use, testInfo) => {
    const walls: Wall[] = [];
    await use((options = {}) => {
      const wall = Wall.start({ executable, folders, display: display.env, ...launch(stage, folders, options) });
      walls.push(wall);
      return wall;
    });
    await finish(walls, testInfo);
  },
  driveWall: async ({ executable, folders, display, stage }, use, testInfo) => {
    const walls: Wall[] = [];
    await use(async (options = {}) => {
      const wall = await DrivenWall.drive({
        executable,
        folders,
        display: display.env,
        ...launch(stage, folders, options),
      });
      walls.push(wall);
      return wall;
    });
    await finish(walls, testInfo);
  },
});

export { expect } from '@playwright/test';

function launch(stage: Stage, folders: Folders, { environment = {}, settings, flags = [], profile }: LaunchOptions) {
  if (settings !== undefined) writeFileSync(join(folders.profile, 'settings.json'), JSON.stringify(settings));
  const merged = { ...stage.environment, ...environment };
  const given = Object.entries(merged).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { environment: Object.fromEntries(given), flags, isDefaultProfile: profile === 'default' };
}

async function finish(
  walls: readonly Wall[],
  testInfo: { status?: string | undefined; attach(name: string, body: { body: string }): Promise<void> },
) {
  for (const wall of walls) {
    await wall.stop();
    if (testInfo.status !== 'passed')
      await testInfo.attach('log of the wall', { body: `${wall.log.text()}\n${wall.output}` });
  }
}

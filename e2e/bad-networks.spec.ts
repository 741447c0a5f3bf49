/* eslint-disable no-empty-pattern -- Playwright reads from the pattern which fixtures are wanted */
import { join } from 'node:path';
import { resolveElectron } from '../scripts/electron-runtime.mjs';
import { startFaultProxy } from '../src/standin/fault-proxy/index.ts';
import { Authority } from './support/certificates.ts';
import { openFaultProxy } from './support/fault-proxy.ts';
import { type OwnNames, makeOwnNames, noOwnNames } from './support/names.ts';
import { IN_THE_FIELD, targetsInTheField } from './support/proxies.ts';
import { failToRenew, failToSignIn, renew } from './support/renewals.ts';
import { expect, test } from './support/test.ts';

const authority = new Authority('A company');
const tls = authority.leaf();

interface Heard {
  readonly heard: { readonly offline: number };
}

test.describe('networks that do not let a wall through at its start', () => {
  test.use({ standinOptions: { tls } });

  test('a portal is told and waited for, and the wall goes live by itself once it is passed', async ({
    stage,
    folders,
    monitor,
    driveWall,
  }) => {
    const proxy = await openFaultProxy(stage, { tls });
    try {
      await proxy.control.on('guest network', { kind: 'captive', answer: 'page' });
      const wall = await driveWall({
        flags: proxy.flags,
        settings: { network: { caFile: authority.caFile(folders) } },
      });
      expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_TLS' });
      const notice = await wall.notice();
      await expect(notice.locator('#headline')).toHaveText('Waiting for the network');
      await expect(notice.locator('#sentence')).toContainText("Sign in at this network's portal");
      await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
      await monitor.shows('notice');
      expect(stage.control.requests()).toEqual([]);

      await proxy.control.off();
      await wall.isLive();
      await monitor.shows('dashboard');
    } finally {
      await proxy.stop();
    }
  });

  test('slow, silent, broken and refusing networks are told apart; when one comes back, the wall tries at once', async ({
    stage,
    folders,
    driveWall,
    tray,
  }) => {
    const proxy = await openFaultProxy(stage, { tls });
    try {
      await proxy.control.on('x', { kind: 'black-hole' });
      const wall = await driveWall({
        flags: proxy.flags,
        settings: { network: { caFile: authority.caFile(folders), timeoutSeconds: 1 } },
      });
      const notice = await wall.notice();
      const waiting = () => wall.log.of('session.waiting');
      expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_TIMEOUT' });
      for (const [fault, code, sentence] of [
        [{ kind: 'throttle', bytesPerSecond: 10 }, 'NETWORK_TIMEOUT', 'did not answer within 1 s'],
        [{ kind: 'latency', ms: 5_000 }, 'NETWORK_TIMEOUT', 'did not answer within 1 s'],
        [{ kind: 'cut', afterBytes: 2_000 }, 'NETWORK_INTERRUPTED', 'broke off the connection'],
        [{ kind: 'reset' }, 'NETWORK_INTERRUPTED', 'broke off the connection'],
        [{ kind: 'refuse' }, 'NETWORK_REFUSED', 'cannot be reached'],
      ] as const) {
        await proxy.control.on('x', fault);
        expect.soft(await failToSignIn(wall, tray), fault.kind).toMatchObject({ code });
        await expect.soft(notice.locator('#headline'), fault.kind).toHaveText('Waiting for the network');
        await expect.soft(notice.locator('#code'), fault.kind).toHaveText(code);
        await expect.soft(notice.locator('#sentence'), fault.kind).toContainText(sentence);
      }

      // Chromium asks the kernel whether there is a network; here the answer is given, first no, and yes once no was heard.
      await wall.app.evaluate(({ net }) => {
        const heard = { offline: 0 };
        Object.assign(globalThis, { heard });
        net.isOnline = () => {
          heard.offline += 1;
          return false;
        };
      });
      const heard = () => wall.app.evaluate(() => (globalThis as unknown as Heard).heard.offline);
      await expect.poll(heard).toBeGreaterThan(0);
      const last = waiting().at(-1);
      await proxy.control.off();
      await wall.app.evaluate(({ net }) => {
        net.isOnline = () => true;
      });
      const live = await wall.isLive();
      expect(Date.parse(live.time)).toBeLessThan(Date.parse(String(last?.['nextTryAt'])));
    } finally {
      await proxy.stop();
    }
  });
});

/** Walls with names of their own, which a file decides on. */
const testNames = test.extend<object, { readonly names: OwnNames }>({
  names: [
    async ({}, use, { project, workerIndex }) => {
      const program = (await resolveElectron()).executablePath;
      await use(makeOwnNames(join(project.outputDir, `names-${String(workerIndex)}`), program));
    },
    { scope: 'worker' },
  ],
  executable: [async ({ names }, use) => use(names.executable), { scope: 'worker' }],
});
testNames.describe('names', () => {
  testNames.use({ standinOptions: { tls, domain: 'aws.amazon.com' } });

  testNames(
    'names that are not found are told, and the wall goes live by itself when they are',
    async ({ stage, folders, names, driveWall, tray }) => {
      const reason = noOwnNames();
      testNames.skip(reason !== undefined, reason);
      const { hostsFile } = names;
      const proxy = await startFaultProxy({ targets: targetsInTheField(stage), hostsFile });
      try {
        await proxy.control.on('x', { kind: 'dns' });
        const wall = await driveWall({
          flags: proxy.flags,
          environment: IN_THE_FIELD,
          settings: { network: { caFile: authority.caFile(folders) } },
        });
        expect(await wall.says('session.waiting')).toMatchObject({ code: 'NETWORK_DNS' });
        const notice = await wall.notice();
        await expect(notice.locator('#headline')).toHaveText('Waiting for the network');
        await expect(notice.locator('#sentence')).toContainText('The name of https://auto-id.example.com');

        await proxy.control.off();
        await wall.isLive();

        await proxy.control.on('x', { kind: 'dns', only: ['signin'] });
        expect(await failToRenew(wall, tray)).toMatchObject({
          code: 'NETWORK_DNS',
          reason: expect.stringContaining('The name of https://signin.aws.amazon.com'),
        });
        await proxy.control.off();
        await renew(wall, tray);
      } finally {
        await proxy.stop();
      }
    },
  );
});

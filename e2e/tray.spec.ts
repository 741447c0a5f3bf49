import { renew, failToRenew } from './support/renewals.ts';
import { survivors } from './support/processes.ts';
import { expect, test } from './support/test.ts';

test('the tray says how the session stands, renews, and quits without leaving anything behind', async ({
  stage,
  monitor,
  startWall,
  tray,
}) => {
  const wall = startWall();
  await wall.isLive();
  await expect.poll(() => tray.status()).toMatch(/^Live, renews \d{1,2}[:.]\d\d/);
  expect((await tray.labels()).slice(1)).toEqual(['', 'Renew now', 'Quit Vigil']);
  expect(await tray.toolTip()).toBe(`Vigil: ${await tray.status()}`);

  await renew(wall, tray);
  expect(stage.asked('federation', 'login')).toHaveLength(2);

  await stage.control.fail('sts', { kind: 'status', status: 503 });
  await failToRenew(wall, tray);
  await expect.poll(() => tray.status()).toMatch(/^Live, renewal failed \(STS_UNAVAILABLE\), next try \d{1,2}[:.]\d\d/);

  const processes = wall.processes();
  expect(processes.length).toBeGreaterThan(2);
  await tray.click('Quit Vigil', () => !wall.isRunning);
  expect(await wall.ended).toEqual({ code: 0, signal: null });
  await expect.poll(() => survivors(processes)).toEqual([]);
  expect(wall.log.records().at(-1)?.event).toBe('wall.stop');
  expect(monitor.windows('Vigil')).toEqual([]);
});

test('while it cannot sign in, the tray says why', async ({ stage, startWall, tray }) => {
  await stage.control.fail('autoid', { kind: 'down' });
  startWall();
  await expect.poll(() => tray.status()).toMatch(/^Not signed in \(NETWORK_REFUSED\), next try \d{1,2}[:.]\d\d/);
});

test('SIGTERM ends a wall in order, with nothing left running', async ({ startWall }) => {
  const wall = startWall();
  await wall.isLive();
  const processes = wall.processes();
  wall.kill('SIGTERM');
  expect(await wall.ended).toEqual({ code: 0, signal: null });
  await expect.poll(() => survivors(processes)).toEqual([]);
});

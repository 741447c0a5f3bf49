import { expect, test } from './support/test.ts';

test('a wall signs itself in and fills the screen with the dashboard', async ({ stage, monitor, startWall }) => {
  const watching = await monitor.watch(20);
  const wall = startWall();
  await watching.sees('notice');
  await watching.sees('dashboard');
  const live = await wall.isLive();
  const seen = await watching.stop();

  expect(live).toMatchObject({ verified: true });
  // From a dark screen over the notice to the dashboard, and nothing else in between: no sign-in page above all.
  expect(seen.kinds['unknown']).toBe(0);
  expect(seen.changes.map(({ kind }) => kind).filter((kind) => kind !== 'blank')).toEqual(['notice', 'dashboard']);
  expect(monitor.windows('Vigil')).toEqual([{ x: 0, y: 0, width: 1920, height: 1080 }]);
  expect(stage.asked('federation', 'login').map(({ status }) => status)).toEqual([302]);
  expect(stage.control.liveSessions()).toBe(1);
});

test('while it signs in, the notice says so; then the address that the console made of it is the dashboard', async ({
  stage,
  driveWall,
}) => {
  await stage.control.fail('autoid', { kind: 'slow', ms: 1_500 });
  const wall = await driveWall();
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Signing in');

  // The console rewrites both host and fragment of the address that was asked for.
  const live = await wall.isLive();
  const page = await wall.console();
  expect(live).toMatchObject({ verified: true });
  await expect.poll(() => new URL(page.url()).hash).toBe('#dashboards/dashboard/Operations');
  expect(new URL(page.url()).host).toBe(`eu-west-1.${new URL(stage.urls.console).host}`);
});

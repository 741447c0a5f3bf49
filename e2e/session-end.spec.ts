import { expect, test } from './support/test.ts';

// The first step of the backoff; a session that is lost within ten minutes waits for it.
const STEP_MS = 5_000;

// The page acts on the first call that is refused, before the wall makes anything of its calls.
test.use({ standinOptions: { failuresBeforeEnd: 1 } });

test('a session that is revoked early is signed in again behind its last picture', async ({
  stage,
  monitor,
  startWall,
}) => {
  const wall = startWall();
  await wall.isLive();
  const watching = await monitor.watch();
  await watching.sees('dashboard');
  expect(stage.control.endSessionsNow()).toBe(1);
  await wall.says('view.signed-out', { where: ({ by }) => by === 'sign-in' });
  const waiting = await wall.says('session.waiting');
  const again = await wall.isLive(2);
  await watching.sees('dashboard');
  const seen = await watching.stop();

  // At the first try, within one step.
  expect(waiting).toMatchObject({ code: 'CONSOLE_SIGNED_OUT', failures: 1 });
  expect(Date.parse(String(waiting['nextTryAt'])) - Date.parse(waiting.time)).toBeLessThanOrEqual(STEP_MS + 1);
  expect(again).toMatchObject({ attempt: 2, verified: true, partition: 'b' });
  expect(stage.control.liveSessions()).toBe(1);
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  expect(stage.asked('federation', 'login').map(({ status }) => status)).toEqual([302, 302]);
});

test('sessions that are revoked again and again do not make a storm of sign-ins', async ({
  stage,
  monitor,
  startWall,
}) => {
  const wall = startWall();
  await wall.isLive();
  const watching = await monitor.watch();
  await watching.sees('dashboard');
  for (const [round, mode, trace] of [
    // The page leaves for the address that was given as the issuer's, or says nothing and is refused its data.
    [1, 'issuer', 'view.signed-out'],
    [2, 'silent', 'view.calls-refused'],
  ] as const) {
    stage.control.setOnSessionEnd(mode);
    stage.control.endSessionsNow();
    await wall.says(trace);
    const waiting = await wall.says('session.waiting', { after: round - 1 });
    // Each wait is at least half of the doubled first one of 5 s.
    expect(waiting).toMatchObject({ code: 'CONSOLE_SIGNED_OUT', failures: round });
    expect(Date.parse(String(waiting['nextTryAt'])) - Date.parse(waiting.time)).toBeGreaterThanOrEqual(2_499 * round);
    expect(stage.asked('sts', 'AssumeRole')).toHaveLength(round);
    await wall.isLive(round + 1);
  }
  await watching.sees('dashboard');
  const seen = await watching.stop();

  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(3);
  expect(stage.asked('federation', 'login')).toHaveLength(3);
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
});

test('when the network process ends, cookies and all, the wall signs in again behind its last picture', async ({
  monitor,
  startWall,
}) => {
  const wall = startWall();
  await wall.isLive();
  const watching = await monitor.watch();
  await watching.sees('dashboard');
  const network = wall.processes().filter(({ commandLine }) => commandLine.includes('network.mojom.NetworkService'));
  expect(network).toHaveLength(1);
  for (const { pid } of network) process.kill(pid, 'SIGKILL');
  await wall.isLive(2);
  await watching.sees('dashboard');
  const seen = await watching.stop();
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
});

test('a dashboard whose process ends, or hangs, is opened afresh', async ({ monitor, driveWall }) => {
  const wall = await driveWall();
  await wall.isLive();
  await monitor.shows('dashboard');
  const address = (await wall.console()).url();
  await wall.app.evaluate(({ webContents }, url) => {
    for (const contents of webContents.getAllWebContents())
      if (contents.getURL() === url) contents.forcefullyCrashRenderer();
  }, address);
  await wall.says('view.gone', { where: ({ code }) => code === 'RENDERER_GONE' });
  await wall.says('surface.shows', { where: ({ view }) => view === 2 });
  await monitor.shows('dashboard');

  void (await wall.console()).evaluate('for (;;);').catch(() => undefined);
  await wall.says('view.gone', { after: 1, where: ({ code }) => code === 'RENDERER_GONE' });
  await wall.says('surface.shows', { where: ({ view }) => view === 3 });
  await monitor.shows('dashboard');
  // The session was good all the time.
  expect(wall.log.of('session.live')).toHaveLength(1);
});

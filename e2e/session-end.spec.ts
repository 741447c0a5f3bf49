import { waitUntil } from '../scripts/lib/process.mjs';
import { expect, test } from './support/test.ts';

// A session that is lost sooner than this counts as a failure.
const SETTLED_MS = 60_000;

test('a session that is revoked early is signed in again behind its last picture', async ({
  stage,
  monitor,
  startWall,
}) => {
  const wall = startWall();
  const first = await wall.isLive();
  await waitUntil(() => Date.now() - Date.parse(first.time) > SETTLED_MS, {
    what: 'The session did not settle',
    timeoutMs: 2 * SETTLED_MS,
  });

  const watching = await monitor.watch();
  await watching.sees('dashboard');
  expect(stage.control.endSessionsNow()).toBe(1);
  await wall.says('view.signed-out', { where: ({ by }) => by === 'sign-in' });
  const again = await wall.isLive(2);
  await watching.sees('dashboard');
  const seen = await watching.stop();

  expect(again).toMatchObject({ verified: true, partition: 'b' });
  expect(stage.control.liveSessions()).toBe(1);
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  // At once, without a wait: it had settled.
  expect(wall.log.of('session.waiting')).toEqual([]);
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
  for (const [round, by] of [
    [1, 'sign-in'],
    [2, 'issuer'],
  ] as const) {
    // The console leaves for its sign-in page, or for the address that was given as the issuer's.
    stage.control.setOnSessionEnd(by === 'issuer' ? 'issuer' : 'redirect');
    stage.control.endSessionsNow();
    const waiting = await wall.says('session.waiting', { after: round - 1 });
    // Each wait is at least half of the doubled first one of 5 s.
    expect(waiting).toMatchObject({ code: 'CONSOLE_SIGNED_OUT', failures: round });
    expect(Date.parse(String(waiting['nextTryAt'])) - Date.parse(waiting.time)).toBeGreaterThanOrEqual(2_499 * round);
    expect(stage.asked('sts', 'AssumeRole')).toHaveLength(round);
    expect(wall.log.of('view.signed-out').at(-1)).toMatchObject({ by, live: true });
    await wall.isLive(round + 1);
  }
  await watching.sees('dashboard');
  const seen = await watching.stop();

  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(3);
  expect(stage.asked('federation', 'login')).toHaveLength(3);
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
});

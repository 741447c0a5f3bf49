import type { Session } from 'electron';
import { renew } from './support/renewals.ts';
import { expect, test } from './support/test.ts';

const LEAST_FPS = 20;

test('renewals are not to be seen: picture after picture shows the dashboard', async ({
  stage,
  monitor,
  startWall,
  tray,
}) => {
  const wall = startWall({ environment: { VIGIL_MAX_SESSION_AGE_SECONDS: '10' } });
  await wall.isLive();
  await monitor.shows('dashboard');

  const watching = await monitor.watch();
  const byAge = await wall.isLive(2);
  const asked = await renew(wall, tray);
  await renew(wall, tray);
  await watching.sees('dashboard');
  const seen = await watching.stop();

  test.info().annotations.push({ type: 'pictures', description: `${seen.frames}, ${seen.fps.toFixed(1)} a second` });
  expect([byAge['partition'], asked['partition']]).toEqual(['b', 'a']);
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  expect(seen.fps).toBeGreaterThanOrEqual(LEAST_FPS);
  // The stand-in refuses a login beside a live session's cookie: the two partitions are used in turn, each cleared before.
  expect(stage.asked('federation', 'login').map(({ status }) => status)).toEqual([302, 302, 302, 302]);
});

test('two partitions are used in turn, and the one that is left is emptied', async ({ driveWall, tray }) => {
  const wall = await driveWall();
  await wall.isLive();
  const used = [await partitionsOf(wall.app)];
  for (let renewal = 0; renewal < 3; renewal += 1) {
    await renew(wall, tray);
    await expect.poll(async () => Object.keys(await partitionsOf(wall.app))).toHaveLength(1);
    used.push(await partitionsOf(wall.app));
  }

  expect(used.map((partitions) => Object.keys(partitions))).toEqual([
    ['console-default-a'],
    ['console-default-b'],
    ['console-default-a'],
    ['console-default-b'],
  ]);
  expect(used[0]?.['console-default-a']).toContain('aws-console-session');
  expect(wall.log.of('partition.not-cleared')).toEqual([]);

  /** The console's partitions that hold cookies, with the names of these. */
  async function partitionsOf(app: typeof wall.app): Promise<Record<string, string[]>> {
    return app.evaluate(async ({ session }) => {
      const found: Record<string, string[]> = {};
      for (const name of ['console-default-a', 'console-default-b', 'console-default-a1', 'console-default-b1']) {
        const partition: Session = session.fromPartition(name, { cache: true });
        const cookies = await partition.cookies.get({});
        if (cookies.length > 0) found[name] = cookies.map((cookie) => cookie.name).sort();
      }
      return found;
    });
  }
});

test('a dashboard that goes blank for 50 ms is caught by the same watch', async ({ monitor, driveWall }) => {
  const wall = await driveWall();
  await wall.isLive();
  await monitor.shows('dashboard');

  const page = await wall.console();
  const watching = await monitor.watch();
  const planted: { from: number; to: number }[] = [];
  for (let i = 0; i < 5; i += 1) {
    await watching.sees('dashboard');
    planted.push(await page.evaluate(blankFor, 50));
    await watching.sees('dashboard');
  }
  const seen = await watching.stop();

  const blankAt = seen.blanks.map(({ atMs }) => watching.startedAtMs + atMs);
  // The screen shows the end of it a few frames later.
  const caught = planted.filter(({ from, to }) => blankAt.some((at) => at >= from && at <= to + 150));
  expect(caught).toHaveLength(planted.length);
  expect(seen.fps).toBeGreaterThanOrEqual(LEAST_FPS);
});

/** Covers the page for `ms` milliseconds, counted from the frame that shows it. Runs in the page. */
async function blankFor(ms: number): Promise<{ from: number; to: number }> {
  const cover = document.createElement('div');
  cover.style.cssText = 'position:fixed;inset:0;background:#fff;z-index:2147483647';
  const from = Date.now();
  document.body.append(cover);
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await new Promise((resolve) => setTimeout(resolve, ms));
  cover.remove();
  return { from, to: Date.now() };
}

import { mkdirSync } from 'node:fs';
import type { Display } from '../scripts/display.mjs';
import { startCapture } from '../scripts/screen-capture.mjs';
import type { Screen } from './support/screen.ts';
import { expect, test } from './support/test.ts';

test('a dashboard is loaded afresh behind its picture, again and again, by the same sign-in', async ({
  stage,
  display,
  monitor,
  driveWall,
}) => {
  const wall = await driveWall({ settings: { dashboard: { refreshSeconds: 10 } } });
  await wall.isLive();
  await monitor.shows('dashboard');
  const loads = await watchLoads(display);
  for (const view of [2, 3]) await wall.says('surface.shows', { where: (record) => record['view'] === view });
  await expect.poll(() => loads.seen.length).toBe(3);
  const { frames, kinds } = await loads.stop();

  expect(kinds).toMatchObject({ dashboard: frames, blank: 0, notice: 0, unknown: 0 });
  // Three loads of the page by one session, each of them on the wall once, one after the other.
  const served = stage.control.pageLoads();
  expect(loads.seen).toEqual(served.slice(0, 3).map(({ load }) => load % 256));
  expect(new Set(served.map(({ session }) => session)).size).toBe(1);
  expect(wall.log.of('session.live')).toHaveLength(1);
  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(1);
  expect(stage.asked('federation', 'login')).toHaveLength(1);
  // What was on the wall before is gone.
  await expect
    .poll(
      () => wall.app.windows().filter((page) => URL.canParse(page.url()) && page.url().includes('/cloudwatch/')).length,
    )
    .toBe(1);
});

test('data that no fresh load and no new sign-in mends are told to be old over the picture, until data come again', async ({
  stage,
  monitor,
  driveWall,
}, testInfo) => {
  const wall = await driveWall({
    settings: { dashboard: { refreshSeconds: 10, staleAfterSeconds: 12 }, wall: { paintDeadlineSeconds: 6 } },
  });
  await wall.isLive();
  const watching = await monitor.watch(15);
  await watching.sees('dashboard');
  stage.control.failData({ kind: 'status', status: 503 });
  // First a fresh load, then a new sign-in: neither brings data, and neither takes the picture's place.
  expect(await wall.says('session.renewal-failed')).toMatchObject({ code: 'CONSOLE_DATA_FAILED' });
  const events = wall.log.records().filter(({ event }) => event === 'view.load-failed' || event === 'session.renewing');
  expect(events).toMatchObject([
    { event: 'view.load-failed', view: 2, code: 'CONSOLE_DATA_FAILED' },
    { event: 'session.renewing' },
    { event: 'view.load-failed', view: 3, code: 'CONSOLE_DATA_FAILED' },
  ]);

  // The machine sleeps for a minute. The strip itself has slept as little as the test.
  await wall.app.evaluate(({ powerMonitor }) => {
    const { now } = Date;
    Date.now = () => now() + 60_000;
    powerMonitor.emit('resume');
  });
  const strip = await wall.strip();
  await expect(strip.locator('#line')).toHaveText(/^Data \d+ s old, trying again (in \d+ s|now)$/);
  await expect(strip.locator('#reason')).toHaveText(/none of its calls for data succeeded/);
  await save(monitor, testInfo, 'stale');
  await watching.sees('dashboard');

  stage.control.healData();
  await expect.poll(() => strip.isClosed()).toBe(true);
  await save(monitor, testInfo, 'fresh');
  await watching.sees('dashboard');
  const seen = await watching.stop();
  expect(seen.kinds).toMatchObject({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
});

test('a session that ends while nobody can sign in leaves its last picture, dimmed and dated, until somebody can', async ({
  stage,
  monitor,
  driveWall,
}, testInfo) => {
  const wall = await driveWall();
  await wall.isLive();
  const watching = await monitor.watch(15);
  await watching.sees('dashboard');
  await stage.control.fail('autoid', { kind: 'down' });
  stage.control.endSessionsNow();
  await wall.says('surface.shows', { where: ({ cover }) => cover === 'dark' });
  await watching.sees('dimmed');
  const notice = await wall.notice();
  await expect(notice.locator('#headline')).toHaveText('Waiting for the network');
  await expect(notice.locator('#code')).toHaveText('NETWORK_REFUSED');
  await expect(notice.locator('#age')).toHaveText(/^Picture of \d+ seconds? ago$/);
  await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
  await save(monitor, testInfo, 'dark');

  await stage.control.heal('autoid');
  await wall.isLive(2);
  await watching.sees('dashboard');
  const seen = await watching.stop();
  expect(seen.changes.map(({ kind }) => kind)).toEqual(['dashboard', 'dimmed', 'dashboard']);
});

/** Saves the screen for a person to look at. */
async function save(monitor: Screen, { outputDir }: { outputDir: string }, name: string): Promise<void> {
  mkdirSync(outputDir, { recursive: true });
  await monitor.save(outputDir, name);
}

/** Watches the screen, and which loads of a page come on it one after the other, by the strip on it. */
async function watchLoads(display: Display) {
  const seen: number[] = [];
  const capture = await startCapture({
    ...display,
    fps: 30,
    onFrame: ({ verdict: { loadSeq } }) => {
      if (loadSeq !== undefined && seen.at(-1) !== loadSeq) seen.push(loadSeq);
    },
  });
  return { seen, stop: () => capture.stop() };
}

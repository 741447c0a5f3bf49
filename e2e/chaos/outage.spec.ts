import {
  expect,
  expectNothingForLong,
  expectToHaveBeenCovered,
  onOneWall,
  test,
  type Trial,
} from '../support/chaos.ts';

const OUTAGE_MS = 60_000;
const ASLEEP_MS = 8_000;
const NIGHT_MS = 8 * 3_600_000;

onOneWall('a wall that is left alone', { isDriven: true }, (trial) => {
  test('by its network for a minute, and by its page, shows the last picture with its age, and is back when the network is', async ({
    eyes,
  }) => {
    test.slow();
    const { driven: wall, signIns } = trial();
    const seen = await eyes.through(async ({ sees }) => {
      await trial().through({ kind: 'refuse' }, async () => {
        const begun = Date.now();
        await crashPage(trial());
        await sees('dimmed');
        const notice = await wall.notice();
        await expect(notice.locator('#sentence')).toContainText('ERR_CONNECTION_REFUSED');
        await expect(notice.locator('#age')).toHaveText(/^Picture of \d+ seconds? ago$/);
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + OUTAGE_MS - Date.now())));
        await sees('dimmed');
        await expect(notice.locator('#age')).toHaveText(/^Picture of 1 minute ago$/);
        await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
      });
      await sees('dashboard');
    });
    expectToHaveBeenCovered(seen);
    // One dimmed picture in all of the outage: it neither went nor came back. Our page may come up some frames before it.
    expect(seen.stretches.filter(({ kind }) => kind === 'dimmed')).toHaveLength(1);
    expect(seen.stretches.filter(({ kind, ms }) => kind === 'notice' && ms > 1_000)).toEqual([]);
    expect(trial().signIns.logins).toBeLessThanOrEqual(signIns.logins + 1);
  });

  test('for a night, suspended, wakes to a session that is over, and signs in once, at once', async ({ eyes }) => {
    const { driven: wall, stage, signIns, lives } = trial();
    const seen = await eyes.through(async ({ sees }) => {
      const all = wall.processes();
      for (const { pid } of all) process.kill(pid, 'SIGSTOP');
      stage.control.endSessionsNow();
      await new Promise((resolve) => setTimeout(resolve, ASLEEP_MS));
      for (const { pid } of all.toReversed()) process.kill(pid, 'SIGCONT');
      await wall.app.evaluate(({ powerMonitor }, ms) => {
        const { now } = Date;
        Date.now = () => now() + ms;
        powerMonitor.emit('resume');
      }, NIGHT_MS);
      await wall.isLive(lives + 1);
      await sees('dashboard');
    });
    expectNothingForLong(seen);
    // The servers have not slept: the role is asked for once more, by their time.
    expect(trial().signIns).toEqual({ begun: signIns.begun + 2, logins: signIns.logins + 1 });
  });
});

async function crashPage({ driven }: Trial): Promise<void> {
  const address = (await driven.console()).url();
  await driven.app.evaluate(({ webContents }, url) => {
    for (const contents of webContents.getAllWebContents())
      if (contents.getURL() === url) contents.forcefullyCrashRenderer();
  }, address);
}

import { type Trial, expect, expectToHaveStood, onOneWall, test } from '../support/chaos.ts';
import { DrivenWall } from '../support/wall.ts';

const STALE_AFTER_SECONDS = 10;
const FRESHNESS = {
  dashboard: { refreshSeconds: 0, staleAfterSeconds: STALE_AFTER_SECONDS },
  network: { timeoutSeconds: 2 },
  wall: { paintDeadlineSeconds: 4 },
};

/** The line over the picture, as far as there is one. */
async function lineOver({ wall }: Trial): Promise<string> {
  if (!(wall instanceof DrivenWall)) throw new Error('Such a wall cannot be asked.');
  const page = wall.app.windows().find((one) => !one.isClosed() && one.url().startsWith('vigil://strip/'));
  return (
    (await page
      ?.locator('#line')
      .textContent({ timeout: 5_000 })
      .catch(() => '')) ?? ''
  );
}

onOneWall('data that do not come', { settings: FRESHNESS, isDriven: true }, (trial) => {
  test('are asked for by a refresh and then a renewal, and their age is said over the picture until they come', async ({
    eyes,
  }) => {
    const { wall, stage, signIns } = trial();
    const seen = await eyes.through(async () => {
      stage.control.failData({ kind: 'status', status: 500 });
      // First the dashboard is loaded afresh within its session, then in a new one.
      await wall.says('surface.trouble', { where: ({ dashboard }) => dashboard === 'default' });
      expect(trial().signIns.logins).toBe(signIns.logins);
      await wall.says('session.renewing');
      await wall.says('session.renewal-failed');
      // As if that were not enough.
      await trial().network.control.on('cable', { kind: 'black-hole' });
      await expect.poll(() => lineOver(trial()), { timeout: 120_000 }).toMatch(/^Data .+ old/i);
      stage.control.healData();
      await trial().network.control.off();
      await expect.poll(() => lineOver(trial()), { timeout: 60_000 }).toBe('');
    });
    expectToHaveStood(seen);
  });
});

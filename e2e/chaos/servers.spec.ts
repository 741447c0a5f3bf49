import { expect, expectNothingForLong, expectToHaveStood, onOneWall, test } from '../support/chaos.ts';
import { DASHBOARD } from '../support/stage.ts';

// A sign-in and a page wait for several of them, each on its way there and back.
const SLOW_MS = 800;
const PATIENT = { settings: { network: { timeoutSeconds: 20 }, wall: { paintDeadlineSeconds: 45 } } };

onOneWall('servers:', PATIENT, (trial) => {
  test('keys that are rotated while their source lags behind: the picture stands, and a later try is good', async ({
    eyes,
  }) => {
    const { stage, wall, lives, signIns } = trial();
    const seen = await eyes.through(async () => {
      const before = stage.keys();
      await stage.control.rotateKeys();
      expect(stage.keys()).not.toEqual(before);
      expect(await trial().failToRenew()).toMatchObject({ code: 'SERVER_UNAVAILABLE', failures: 1 });
      await stage.control.publishKeys();
      await wall.isLive(lives + 1);
    });
    expectToHaveStood(seen);
    expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
  });

  test('all of them slow: the wall renews through it, behind its picture', async ({ eyes }) => {
    const { stage, signIns } = trial();
    const seen = await eyes.through(async () => {
      stage.control.addLatency(SLOW_MS);
      await trial().renew();
      stage.control.addLatency(0);
    });
    expectToHaveStood(seen);
    expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
  });

  test('a dashboard that its role may not see for a while is named, at the cost of one sign-in, and comes back', async ({
    eyes,
  }) => {
    const { stage, wall, signIns } = trial();
    const seen = await eyes.through(async () => {
      const [shown, troubles] = [wall.log.of('surface.shows').length, wall.log.of('surface.trouble').length];
      stage.control.setDashboards([{ name: DASHBOARD, denied: true }]);
      await wall.says('surface.trouble', { after: troubles, where: ({ code }) => code === 'CONSOLE_ACCESS_DENIED' });
      stage.control.setDashboards([{ name: DASHBOARD }]);
      await wall.says('surface.shows', { after: shown, where: ({ view }) => view !== undefined });
    });
    expectNothingForLong(seen);
    expect(trial().signIns.begun).toBeLessThanOrEqual(signIns.begun + 1);
  });
});

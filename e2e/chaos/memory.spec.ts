import { expect, expectToHaveStood, onOneWall, test } from '../support/chaos.ts';

/** Slow enough that a page has settled long before it is too large, and that looks come in between. */
const LEAK = { kind: 'leak', bytesPerSecond: 8_000_000 } as const;
const GROWN_WITHIN_MS = 240_000;

onOneWall('a page that', {}, (trial) => {
  test('comes to take much more memory than at first gives way to a fresh one, which nobody sees', async ({ eyes }) => {
    test.setTimeout(2 * GROWN_WITHIN_MS);
    const { wall, signIns } = trial();
    const shown = wall.log.of('surface.shows').length;
    const seen = await eyes.through(async () => {
      await trial().tellPage(LEAK);
      await expect
        .poll(() => wall.log.of('view.memory'), { timeout: GROWN_WITHIN_MS })
        .toMatchObject([{ verdict: 'grown' }]);
      await wall.says('surface.shows', { after: shown, where: ({ view }) => view !== undefined });
      // The old page is gone, and what it took.
      await expect.poll(() => trial().largestBytes('--type=renderer')).toBeLessThan(800_000_000);
    });
    expectToHaveStood(seen);
    expect(wall.log.of('view.gone')).toEqual([]);
    expect(trial().signIns).toEqual(signIns);
  });
});

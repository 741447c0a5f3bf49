import {
  type Trial,
  expect,
  expectNothingForLong,
  expectToHaveBeenCovered,
  expectToHaveStood,
  onOneWall,
  test,
} from '../support/chaos.ts';
import { DASHBOARD } from '../support/stage.ts';

type Trick = Parameters<Trial['tellPage']>[0];

// Two a poll, and twice a second: longer than it takes until a live page is looked at.
const LOOKED_AT_CALLS = 24;

/** The page on the wall comes to a bad end, and is opened afresh by itself, within the session that it was in. */
function badEnd(trial: () => Trial, title: string, trick: Trick, code: RegExp, spoiled?: 'blank' | 'unknown'): void {
  test(title, async ({ eyes }) => {
    const { wall, signIns } = trial();
    const [gone, shown] = [wall.log.of('view.gone').length, wall.log.of('surface.shows').length];
    const seen = await eyes.through(async () => {
      // The wall has looked at it at least once, and knows what it is when it is well.
      const { control } = trial().stage;
      await expect.poll(() => control.dataCalls().length).toBeGreaterThan(LOOKED_AT_CALLS);
      await trial().tellPage(trick);
      const record = await wall.says('view.gone', { after: gone });
      expect(record['code']).toMatch(code);
      await wall.says('surface.shows', { after: shown, where: ({ view }) => view !== undefined });
    });
    expectToHaveBeenCovered(seen, spoiled);
    expect(trial().signIns).toEqual(signIns);
  });
}

onOneWall('a page that ends', {}, (trial) => {
  badEnd(trial, 'because it crashes is opened afresh', { kind: 'crash' }, /^RENDERER_GONE$/);
  badEnd(trial, 'in a loop is opened afresh', { kind: 'busy' }, /^RENDERER_GONE$/);
});

onOneWall('a page that turns', {}, (trial) => {
  badEnd(trial, 'white is opened afresh', { kind: 'white' }, /^CONSOLE_/);
  badEnd(trial, 'one colour is opened afresh', { kind: 'one-colour', colour: '#3355aa' }, /^CONSOLE_/);
});

onOneWall('a page that takes', {}, (trial) => {
  badEnd(trial, 'all the memory is opened afresh', { kind: 'leak', bytesPerSecond: 600_000_000 }, /^RENDERER_GONE$/);
});

onOneWall('a page that goes', {}, (trial) => {
  badEnd(trial, 'over to an error page is opened afresh', { kind: 'error-page' }, /^CONSOLE_/, 'unknown');
  badEnd(trial, 'away to nowhere is opened afresh', { kind: 'leave' }, /^CONSOLE_/);
});

// How it ends for a page that is sent to the sign-in page, or says nothing, is in session-end.spec.ts.
onOneWall('a session that is lost', {}, (trial) => {
  for (const [how, lose, trace] of [
    [
      'with all its cookies',
      ({ stage }) => {
        stage.control.failData({ kind: 'drop-cookies' }, { part: 'main' }, 1);
      },
      'view.cookies-gone',
    ],
    [
      'behind a dialog that says so',
      ({ stage }) => {
        stage.control.setOnSessionEnd('dialog');
        stage.control.endSessionsNow();
      },
      'view.calls-refused',
    ],
  ] as const satisfies readonly (readonly [string, (trial: Trial) => void, string])[]) {
    test(`${how} is followed by one new one`, async ({ eyes }) => {
      const { wall, signIns, lives } = trial();
      const traces = wall.log.of(trace).length;
      const seen = await eyes.through(async () => {
        lose(trial());
        await wall.says(trace, { after: traces });
        await wall.isLive(lives + 1);
      });
      // What the page draws over itself; a sign-in page is never let through.
      expectNothingForLong(seen);
      expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
    });
  }
});

const REFUSED_WIDGETS = 3;
const SOON = { settings: { network: { timeoutSeconds: 2 }, wall: { paintDeadlineSeconds: 4 } } };
const DENIED = { standin: { dashboards: [{ name: DASHBOARD, deniedWidgets: REFUSED_WIDGETS }] } };

onOneWall('what is no loss:', { ...SOON, ...DENIED }, (trial) => {
  test('widgets that are refused for ever', async ({ eyes }) => {
    const { stage, signIns } = trial();
    const refused = () => stage.control.dataCalls().filter(({ status }) => status === 403).length;
    const before = refused();
    const seen = await eyes.through(async () => {
      await expect.poll(refused).toBeGreaterThan(before + 8 * REFUSED_WIDGETS);
    });
    expectToHaveStood(seen);
    expect(trial().signIns).toEqual(signIns);
  });

  test('a cookie that scripts can reach, removed by one', async ({ eyes }) => {
    const { stage, signIns } = trial();
    const seen = await eyes.through(async () => {
      await trial().tellPage({ kind: 'drop-cookies' });
      const { length } = stage.control.dataCalls();
      await expect.poll(() => stage.control.dataCalls().length).toBeGreaterThan(length + 20);
    });
    expectToHaveStood(seen);
    expect(trial().signIns).toEqual(signIns);
  });

  for (const by of ['redirect', 'frame'] as const) {
    test(`a bounce through the sign-in host, by a ${by}`, async ({ eyes }) => {
      const { signIns, stage } = trial();
      const seen = await eyes.through(async () => {
        await trial().tellPage({ kind: 'bounce', by });
        // It has gone on asking for data, or come back to it.
        const { length } = stage.control.dataCalls();
        await expect.poll(() => stage.control.dataCalls().length).toBeGreaterThan(length + 20);
      });
      // A page that goes as a whole comes back empty, and fills by itself.
      if (by === 'frame') expectToHaveStood(seen);
      else expectNothingForLong(seen);
      expect(trial().signIns).toEqual(signIns);
    });
  }

  test('a renewal whose page never ends to load: the picture stands, and a later try is good', async ({ eyes }) => {
    const { stage, wall } = trial();
    const seen = await eyes.through(async () => {
      const shown = wall.log.of('surface.shows').length;
      stage.control.failPages({ kind: 'endless' });
      await trial().askForSignIn();
      await wall.says('surface.trouble', { where: ({ code }) => code === 'CONSOLE_NOT_PAINTED' });
      stage.control.healPages();
      await wall.says('surface.shows', { after: shown });
    });
    expectToHaveStood(seen);
  });

  test('a role that lets nobody in for a while: the picture stands, and the next try is good', async ({ eyes }) => {
    const { stage, wall, lives } = trial();
    const seen = await eyes.through(async () => {
      stage.control.denyRole(stage.environment['ASSUME_ROLE_ARN'] ?? '');
      expect(await trial().failToRenew()).toMatchObject({ code: 'STS_ACCESS_DENIED' });
      stage.control.allowRole(stage.environment['ASSUME_ROLE_ARN'] ?? '');
      await wall.isLive(lives + 1);
    });
    expectToHaveStood(seen);
  });
});

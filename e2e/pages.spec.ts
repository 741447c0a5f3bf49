import { openOddConsole, variedPage } from './support/odd-console.ts';
import { askForSignIn, renew } from './support/renewals.ts';
import { expect, test } from './support/test.ts';

const SOON = { wall: { paintDeadlineSeconds: 4 } };

for (const { name, code, remedy, what } of [
  {
    name: 'Not here',
    code: 'CONSOLE_DASHBOARD_MISSING',
    remedy: /name and region/,
    what: 'a dashboard that does not exist',
  },
  {
    name: 'Restricted',
    code: 'CONSOLE_ACCESS_DENIED',
    remedy: /cloudwatch:GetDashboard/,
    what: 'a dashboard that the role may not see',
  },
]) {
  test(`${what} is named on the notice, and shown as soon as it can be, by the same sign-in`, async ({
    stage,
    monitor,
    driveWall,
  }) => {
    const wall = await driveWall({ settings: SOON, environment: { VISIT_URL: stage.dashboardUrl(name) } });
    const notice = await wall.notice();
    const trouble = await wall.says('surface.trouble');
    expect(trouble).toMatchObject({ level: 'warn', surface: 'main', dashboard: 'default', code, failures: 1 });
    await expect(notice.locator('#headline')).toHaveText('Cannot show the dashboard');
    await expect(notice.locator('#code')).toHaveText(code);
    await expect(notice.locator('#sentence')).toHaveText(remedy);
    await expect(notice.locator('#next')).toHaveText(/^(Next try in \d+ s|Trying again now)$/);
    await monitor.shows('notice');
    expect(wall.log.of('surface.shows').filter(({ dashboard }) => dashboard !== undefined)).toEqual([]);

    stage.control.setDashboards([{ name }]);
    await wall.says('surface.shows', { where: ({ dashboard }) => dashboard === 'default' });
    await monitor.shows('dashboard');
    expect(wall.log.of('session.live')).toHaveLength(1);
    expect(stage.asked('sts', 'AssumeRole')).toHaveLength(1);
  });
}

test('a dashboard that never says it is ready goes live at the deadline, and the log says unverified', async ({
  driveWall,
}) => {
  const odd = await openOddConsole({
    html: variedPage('<div role="progressbar" style="width:200px;height:40px">busy</div>'),
  });
  try {
    const wall = await driveWall({ settings: SOON, environment: odd.environment });
    expect(await wall.isLive()).toMatchObject({ verified: false });
    expect(wall.log.of('view.unverified')).toMatchObject([{ level: 'warn', view: 1 }]);
  } finally {
    await odd.stop();
  }
});

test('a page of one colour never goes live, and never takes the place of a picture', async ({
  monitor,
  driveWall,
  tray,
}) => {
  const white = { html: '<!doctype html><title>Odd</title><body style="background:#fff">' };
  const odd = await openOddConsole(white);
  try {
    const wall = await driveWall({ settings: SOON, environment: odd.environment });
    const notice = await wall.notice();
    await wall.says('session.waiting', { where: ({ code }) => code === 'CONSOLE_NOT_PAINTED' });
    await expect(notice.locator('#code')).toHaveText('CONSOLE_NOT_PAINTED');
    await monitor.shows('notice');
    expect(wall.log.of('session.live')).toEqual([]);

    odd.page('/cloudwatch/home', { html: variedPage() });
    await wall.isLive();
    await monitor.shows('unknown');
    odd.page('/cloudwatch/home', white);
    const watching = await monitor.watch();
    const renewing = renew(wall, tray);
    await wall.says('session.renewal-failed', { where: ({ code }) => code === 'CONSOLE_NOT_PAINTED' });
    const seen = await watching.stop();
    expect(seen.kinds).toEqual({ dashboard: 0, blank: 0, notice: 0, unknown: seen.frames });
    odd.page('/cloudwatch/home', { html: variedPage() });
    await renewing;
  } finally {
    await odd.stop();
  }
});

test('a console that answers with an error is named on the notice, and tried again', async ({ driveWall, tray }) => {
  const odd = await openOddConsole({ html: variedPage(), status: 500 });
  try {
    const wall = await driveWall({ settings: SOON, environment: odd.environment });
    const notice = await wall.notice();
    await wall.says('session.waiting');
    // Nobody has signed in yet; later on, somebody has.
    await expect(notice.locator('#headline')).toHaveText('Cannot sign in');
    await expect(notice.locator('#code')).toHaveText('CONSOLE_LOAD_FAILED');
    for (const [status, code] of [
      [403, 'CONSOLE_ACCESS_DENIED'],
      [404, 'CONSOLE_DASHBOARD_MISSING'],
      [500, 'CONSOLE_LOAD_FAILED'],
    ] as const) {
      odd.page('/cloudwatch/home', { html: variedPage(), status });
      await askForSignIn(wall, tray);
      await expect(notice.locator('#headline')).toHaveText('Cannot show the dashboard');
      await expect(notice.locator('#code')).toHaveText(code);
    }
    odd.page('/cloudwatch/home', { html: variedPage() });
    await askForSignIn(wall, tray);
    await wall.says('surface.shows', { where: ({ dashboard }) => dashboard === 'default' });
  } finally {
    await odd.stop();
  }
});

test('a console that leads elsewhere is not followed, and the notice says where to', async ({ driveWall }) => {
  const elsewhere = await openOddConsole({ html: variedPage() });
  const away = `${elsewhere.url.replace('console.localhost', '127.0.0.1')}/cloudwatch/home`;
  const odd = await openOddConsole({ redirect: away });
  try {
    const wall = await driveWall({ settings: SOON, environment: odd.environment });
    const notice = await wall.notice();
    await wall.says('session.waiting');
    await expect(notice.locator('#code')).toHaveText('CONSOLE_LOAD_FAILED');
    await expect(notice.locator('#sentence')).toContainText(new URL(away).host);
    expect(elsewhere.visits).toEqual([]);
  } finally {
    await odd.stop();
    await elsewhere.stop();
  }
});

import { ACCOUNT, DASHBOARD } from './support/stage.ts';
import {
  OTHER_ACCOUNT,
  OTHER_DASHBOARD,
  TWO_ACCOUNTS,
  expect,
  stripOf,
  test,
  twoAccountSettings,
} from './support/x-displays.ts';

test.use({ standinOptions: TWO_ACCOUNTS });

const LEFT_AND_RIGHT = [
  { name: 'left', match: { x: 0, y: 0 }, show: ['default'] },
  { name: 'right', show: ['cranes'] },
];

test('two displays show dashboards of two accounts, and one is unplugged and comes back while the other shows on', async ({
  stage,
  desk,
  startWall,
  monitor,
}) => {
  const [own, other] = [stripOf(stage, ACCOUNT, DASHBOARD), stripOf(stage, OTHER_ACCOUNT, OTHER_DASHBOARD)];
  const wall = startWall({ settings: twoAccountSettings(stage, LEFT_AND_RIGHT) });
  await desk.shows(0, own);
  await desk.shows(1, other);
  expect(monitor.windows('Vigil')).toEqual(expect.arrayContaining([desk.place(0), desk.place(1)]));
  expect(monitor.windows('Vigil')).toHaveLength(2);

  await desk.outputs.unplug(1);
  await wall.says('displays.changed', { after: 1 });
  await desk.shows(0, own);
  await desk.shows(1, 'blank');
  expect(monitor.windows('Vigil')).toEqual([desk.place(0)]);

  const watching = await desk.watch(0);
  await desk.outputs.plug(1);
  await desk.shows(1, other);
  await watching.sees(own);
  const seen = await watching.stop();
  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  expect(seen.dashboards.map(({ id }) => id)).toEqual([own]);

  // Each session was signed in once: a display that comes back needs no sign-in.
  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(2);
});

test('a wall whose displays are all unplugged goes on, and fills them again', async ({ stage, desk, startWall }) => {
  const [own, other] = [stripOf(stage, ACCOUNT, DASHBOARD), stripOf(stage, OTHER_ACCOUNT, OTHER_DASHBOARD)];
  const wall = startWall({ settings: twoAccountSettings(stage, LEFT_AND_RIGHT) });
  await desk.shows(0, own);
  await desk.shows(1, other);
  await desk.outputs.unplug(0);
  await desk.outputs.unplug(1);
  await wall.says('displays.changed', { where: ({ displays }) => displays === 0 });
  await desk.shows(0, 'blank');
  expect(wall.isRunning).toBe(true);

  await desk.outputs.plug(1);
  await desk.shows(1, other);
  await desk.outputs.plug(0);
  await desk.shows(0, own);
  await desk.shows(1, other);
});

test('a display that moves and changes its size is filled, and its dashboard stays', async ({
  stage,
  desk,
  startWall,
  monitor,
}) => {
  const [own, other] = [stripOf(stage, ACCOUNT, DASHBOARD), stripOf(stage, OTHER_ACCOUNT, OTHER_DASHBOARD)];
  const wall = startWall({
    settings: twoAccountSettings(stage, [{ show: ['default'] }, { show: ['cranes'] }]),
  });
  await desk.shows(0, own);
  await desk.shows(1, other);
  const live = wall.log.of('session.live').length;

  await desk.outputs.plug(1, { width: 1024, height: 768, x: 1400, y: 80 });
  await desk.shows(1, other);
  await desk.shows(0, own);
  await expect.poll(() => monitor.windows('Vigil')).toEqual(expect.arrayContaining([desk.place(0), desk.place(1)]));
  expect(wall.log.of('session.live')).toHaveLength(live);

  await desk.outputs.plug(1, { width: 1280, height: 720, x: 1280, y: 0 });
  await desk.shows(1, other);
});

test('without displays in the settings, the wall is on the primary display and follows it', async ({
  stage,
  desk,
  startWall,
  monitor,
}) => {
  const own = stripOf(stage, ACCOUNT, DASHBOARD);
  const wall = startWall();
  await desk.shows(0, own);
  await desk.shows(1, 'blank');
  await desk.outputs.makePrimary(1);
  await wall.says('displays.changed', { after: 1 });
  await desk.shows(1, own);
  await desk.shows(0, 'blank');
  expect(monitor.windows('Vigil')).toEqual([desk.place(1)]);

  await desk.outputs.unplug(1);
  await desk.shows(0, own);
  expect(stage.asked('sts', 'AssumeRole')).toHaveLength(1);
});

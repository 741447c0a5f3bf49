import { mkdirSync } from 'node:fs';
import { DAY_STAGE, type Recording, daySettings, namesOf, record, toldOf } from './support/day.ts';
import { ACCOUNT } from './support/stage.ts';
import { OTHER_ACCOUNT, expect, test } from './support/x-displays.ts';

test.use({ standinOptions: DAY_STAGE });

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** A wall is up and shows its first dashboard in much less; if not, it has more of its day still to come. */
const LEAST_DAY_MS = 30 * SECOND;

/** What the left display shows from which second of each minute on, until its night. */
const LEFT = [
  [0, 'default'],
  [10, 'cranes'],
  [20, 'orders'],
  [30, 'default'],
  [40, 'cranes'],
  [50, 'orders'],
] as const;

/** The plan of the left display from a time on: what shows, and from when, up to its night. */
function planOfLeft(from: number, nightfall: number): readonly { shows: string; at: number }[] {
  const plan: { shows: string; at: number }[] = [];
  for (let minute = Math.floor(from / MINUTE) * MINUTE; minute < nightfall; minute += MINUTE) {
    for (const [second, shows] of LEFT) plan.push({ shows, at: minute + second * SECOND });
  }
  const first = plan.findLastIndex(({ at }) => at <= from);
  return [...plan.slice(first), { shows: 'black', at: nightfall }];
}

/** Each thing that the wall says that it put up is to be seen after it, and before the next. */
function expectSeen({ spans }: Recording, told: readonly { shows: string; at: number }[]): void {
  expect(spans.map(({ shows }) => shows)).toEqual(told.map(({ shows }) => shows));
  for (const [n, { at }] of told.entries()) {
    expect(spans[n]?.from).toBeGreaterThanOrEqual(at);
    expect(spans[n]?.from).toBeLessThan(told[n + 1]?.at ?? Infinity);
  }
}

test('two displays go through playlists of two accounts, a night and an alarm, and nothing else is ever to be seen', async ({
  stage,
  display,
  desk,
  startWall,
}, testInfo) => {
  mkdirSync(testInfo.outputDir, { recursive: true });
  const change = Math.ceil((Date.now() + LEAST_DAY_MS) / MINUTE) * MINUTE;
  const names = namesOf(stage, ACCOUNT);
  const wall = startWall({ settings: daySettings(stage, change) });
  await wall.says('surface.shows', { where: ({ surface, cover }) => surface === 'right' && cover === 'night' });
  await wall.says('surface.shows', {
    where: ({ surface, dashboard }) => surface === 'left' && dashboard !== undefined,
  });
  const left = await record(display, desk.place(0), names);
  const right = await record(display, desk.place(1), names);
  await desk.save(testInfo.outputDir, 'day-on-the-left');

  await right.sees('tides');
  await left.sees('black');
  await desk.save(testInfo.outputDir, 'day-on-the-right');
  stage.control.setAlarmState('crane-on-fire', 'ALARM', { account: OTHER_ACCOUNT });
  await right.sees('fire');
  await desk.save(testInfo.outputDir, 'alarm-on-the-right');
  stage.control.setAlarmState('crane-on-fire', 'OK', { account: OTHER_ACCOUNT });
  await right.sees('tides');
  const pictures = { left: await left.stop(), right: await right.stop() };
  const records = wall.log.records();

  // What the wall says is the plan: nothing before its time, and nothing left out.
  const told = toldOf(records, 'left').filter(({ shows }) => shows !== 'notice');
  const plan = planOfLeft(told[0]?.at ?? 0, change);
  expect(told.map(({ shows }) => shows)).toEqual(plan.map(({ shows }) => shows));
  for (const [n, { at }] of plan.entries()) expect(told[n]?.at).toBeGreaterThanOrEqual(at);
  const toldRight = toldOf(records, 'right');
  expect(toldRight.map(({ shows }) => shows)).toEqual(['black', 'tides', 'fire', 'tides']);
  expect(toldRight[1]?.at).toBeGreaterThanOrEqual(change);

  // What the displays showed is what the wall says, without a picture of anything else in between.
  const since = told.length - left.spans.length;
  expectSeen(
    left,
    told.filter((_, n) => n >= since),
  );
  expectSeen(right, toldRight);
  expect(left.spans[0]?.shows).not.toBe('black');
  // Both accounts were signed in to again meanwhile.
  for (const session of ['default', 'harbour']) {
    expect(records.filter((one) => one.event === 'session.live' && one['session'] === session).length).toBeGreaterThan(
      1,
    );
  }
  testInfo.annotations.push({ type: 'pictures', description: JSON.stringify(pictures) });
});

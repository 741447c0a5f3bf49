import { describe, expect, it } from 'vitest';
import { SURFACE_STATES, dataAgeMs, judgeHealth, judgeSurface, type SurfaceStatus } from './status.ts';
import { AT, LIVE, NIGHT, SHOWING, UNDATED, UNPLUGGED, wallStatus } from './testing/statuses.ts';

const judge = (...surfaces: SurfaceStatus[]) => judgeHealth(wallStatus({ surfaces }), AT);

describe('a wall is healthy', () => {
  it.each<[string, SurfaceStatus[], number]>([
    ['with fresh data', [SHOWING], 1],
    ['while the next dashboard is painted behind', [{ ...SHOWING, state: 'swapping' }], 1],
    ['at night', [NIGHT], 0],
    ['on several displays', [SHOWING, { ...SHOWING, name: 'other' }, NIGHT], 2],
    ['with one display unplugged', [SHOWING, UNPLUGGED], 1],
    ['with one unplugged and the other at night', [UNPLUGGED, NIGHT], 0],
    ['with displays that vanished when they were put to sleep', [{ ...UNPLUGGED, atNight: true }], 0],
    [
      'with one asleep and one unplugged by day',
      [
        { ...UNPLUGGED, atNight: true },
        { ...UNPLUGGED, name: 'b' },
      ],
      0,
    ],
    ['with data just as old as is allowed', [{ ...SHOWING, dataAt: AT - 180_000 }], 1],
  ])('%s', (_, surfaces, showing) => {
    expect(judge(...surfaces)).toEqual({ ok: true, showing });
  });

  it('while the session cannot be renewed, as long as the picture and its data are good', () => {
    const failing = { ...LIVE, failures: 4, failure: { code: 'STS_UNAVAILABLE', sentence: 'AWS is down.' } } as const;
    expect(judgeHealth(wallStatus({ sessions: [failing], safeMode: true }), AT)).toEqual({ ok: true, showing: 1 });
  });

  it('with data of any age on a dashboard that names no limit', () => {
    const { name, state, dashboard, stale } = SHOWING;
    const bare = { name, state, stale, failuresByCode: {} };
    expect(judge({ ...bare, ...(dashboard === undefined ? {} : { dashboard }), dataAt: 0 }).ok).toBe(true);
  });

  it('although the clock was set back below the data', () => {
    expect(judgeHealth(wallStatus(), AT - 3_600_000)).toEqual({ ok: true, showing: 1 });
  });
});

describe('a wall is not healthy', () => {
  const dark: SurfaceStatus = { ...SHOWING, name: 'dark', state: 'dark' };
  const stale: SurfaceStatus = { ...SHOWING, name: 'stale', dataAt: AT - 840_000 };
  const notice: SurfaceStatus = { ...SHOWING, name: 'notice', state: 'notice' };

  it.each<[string, SurfaceStatus[], string, string]>([
    ['without surfaces', [], 'NO_SURFACE', 'settings'],
    ['without a display', [UNPLUGGED, { ...UNPLUGGED, name: 'other' }], 'NO_DISPLAY', 'plugged in'],
    ['with its one display unplugged by day', [{ ...UNPLUGGED, atNight: false }], 'NO_DISPLAY', 'plugged in'],
    ['behind the notice', [notice], 'NO_PICTURE', 'notice shows no dashboard'],
    ['while it enters for the first time', [{ ...SHOWING, state: 'entering' }], 'NO_PICTURE', 'no dashboard'],
    ['with the last picture of a page that is gone', [dark], 'PICTURE_OLD', 'last picture'],
    ['with data that is too old', [stale], 'DATA_STALE', '14 min old'],
    ['with data that is too old while the next one loads', [{ ...stale, state: 'swapping' }], 'DATA_STALE', '14 min'],
    ['when the state machine says so', [{ ...SHOWING, stale: true }], 'DATA_STALE', '60 s old'],
    ['with data that came days ago', [{ ...SHOWING, dataAt: AT - 3 * 86_400_000 }], 'DATA_STALE', '3 days'],
    ['with one good display', [SHOWING, { ...dark, name: 'right' }], 'PICTURE_OLD', 'right'],
  ])('%s', (_, surfaces, code, words) => {
    const health = judge(...surfaces);
    expect(health).toMatchObject({ ok: false, code });
    expect(health.ok ? '' : health.reason).toContain(words);
  });

  it('and tells the worst first', () => {
    expect(judge(stale, dark, notice)).toMatchObject({ surface: 'notice' });
    expect(judge(stale, dark)).toMatchObject({ surface: 'dark' });
  });

  it('and says why, in the words of the dashboard that is refused', () => {
    const failure = { code: 'CONSOLE_ACCESS_DENIED', sentence: 'Allow the role.' } as const;
    const refused = { ...notice, failure };
    expect(judge(refused)).toMatchObject({
      reason: 'Surface notice shows no dashboard (CONSOLE_ACCESS_DENIED): Allow the role.',
      failure: 'CONSOLE_ACCESS_DENIED',
    });
    // Without a session there is no dashboard, whatever that came to.
    const offline = { ...LIVE, failure: { code: 'NETWORK_OFFLINE', sentence: 'No network.' } as const };
    const health = judgeHealth(wallStatus({ sessions: [offline], surfaces: [refused] }), AT);
    expect(health).toMatchObject({ failure: 'NETWORK_OFFLINE' });
  });

  it('and says why, in the words of the session that fails', () => {
    const failure = { code: 'STS_ACCESS_DENIED', sentence: 'Allow it in the trust policy.' } as const;
    const sessions = [LIVE, { ...LIVE, name: 'other', phase: 'waiting' as const, failure }];
    const health = judgeHealth(wallStatus({ sessions, surfaces: [{ ...notice, session: 'other' }] }), AT);
    expect(health).toEqual({
      ok: false,
      code: 'NO_PICTURE',
      reason: 'Surface notice shows no dashboard (STS_ACCESS_DENIED): Allow it in the trust policy.',
      surface: 'notice',
      failure: 'STS_ACCESS_DENIED',
    });
  });

  it('when nothing is known of the age of the data', () => {
    expect(judge(UNDATED)).toMatchObject({ code: 'DATA_STALE', reason: 'Surface left shows data of unknown age.' });
  });
});

it('takes data for as old as the picture until some came', () => {
  const painted = { ...UNDATED, paintedAt: AT - 540_000 };
  expect(dataAgeMs(painted, AT)).toBe(540_000);
  expect(judge(painted)).toMatchObject({ code: 'DATA_STALE' });
});

it.each(SURFACE_STATES)('judges a surface that is %s', (state) => {
  const good = ['showing', 'swapping', 'night', 'unplugged'];
  expect(judgeSurface({ ...SHOWING, state }, wallStatus(), AT).ok).toBe(good.includes(state));
});

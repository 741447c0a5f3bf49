import { describe, expect, it } from 'vitest';
import type { Failure } from '../errors.ts';
import type { Programme } from '../plan/plan.ts';
import { Bench, HOUR, OFFLINE, SIGNED_OUT, dashboard, surface, types } from './testing/bench.ts';
import { wallDeadlines } from './wall.ts';

const MINUTE = 60_000;
const DENIED: Failure = { code: 'CONSOLE_ACCESS_DENIED', sentence: 'The console denies access.' };
const GONE: Failure = { code: 'RENDERER_GONE', sentence: 'The renderer is gone.' };

const single = () => new Bench([dashboard('Main')], [surface('one')]);
const live = () => {
  const bench = single().start();
  bench.signedIn();
  bench.painted();
  return bench;
};

/** Two surfaces that show dashboards of one session. */
const pair = () =>
  new Bench([dashboard('Left'), dashboard('Right')], [surface('one'), surface('two')]).always('two', 'Right');

/** Changes from one dashboard to the next at a time of the wall clock. */
const change =
  (first: string, at: number, then: string) =>
  (wallMs: number): Programme => {
    const show = (name: string) =>
      name === 'night' ? ({ kind: 'night' } as const) : ({ kind: 'dashboard', dashboard: name } as const);
    return wallMs < at
      ? { now: show(first), until: at, next: show(then) }
      : { now: show(then), until: Infinity, next: show(then) };
  };

describe('a wall of one surface', () => {
  it('signs in, opens the login URL beneath the notice, and raises what has painted', () => {
    const bench = single();
    expect(types(bench.tell({ type: 'displays', plugged: ['one'] }))).toEqual(['cover', 'sign-in']);
    expect(bench.signedIn()).toMatchObject([{ type: 'open', view: { signsIn: true, generation: 1, partition: 'a' } }]);
    expect(bench.kind()).toBe('entering');
    expect(bench.painted()).toMatchObject([{ type: 'raise' }]);
    expect(bench.shows()).toBe('Main@1');
  });

  it('renews beneath the picture, and clears the old partition when its view has left', () => {
    const bench = live();
    expect(bench.live(34 * MINUTE)).toMatchObject([{ type: 'sign-in', attempt: 2, partition: 'b' }]);
    expect(bench.shows()).toBe('Main@1');
    expect(types(bench.signedIn())).toEqual(['open']);
    expect(bench.kind()).toBe('swapping');
    expect(bench.painted()).toMatchObject([
      { type: 'raise' },
      { type: 'close' },
      { type: 'clear', session: 'default', partition: 'a' },
    ]);
    expect(bench.shows()).toBe('Main@2');
  });

  it('keeps the picture when a renewal fails, and goes dark with it when the session is over', () => {
    const bench = live();
    bench.live(34 * MINUTE);
    expect(types(bench.signInFails())).toEqual(['abandon', 'clear']);
    expect(bench.shows()).toBe('Main@1');
    for (let passed = 34 * MINUTE; passed < 61 * MINUTE; passed += MINUTE) {
      bench.live(MINUTE);
      if (bench.session().phase.kind === 'renewing' || bench.session().phase.kind === 'signing-in') bench.signInFails();
    }
    expect(bench.kind()).toBe('dark');
    expect(bench.face()).toMatchObject({ notice: { kind: 'waiting-for-network' }, pictureOf: 1_000_000 });
  });

  it('opens a page whose renderer ended afresh within the same session', () => {
    const bench = live();
    bench.live(2 * MINUTE);
    const effects = bench.tell({ type: 'gone', view: bench.shownView(), failure: GONE });
    expect(effects).toMatchObject([
      { type: 'cover' },
      { type: 'close' },
      { type: 'open', view: { signsIn: false, generation: 1 } },
    ]);
    bench.painted();
    expect(bench.shows()).toBe('Main@1');
    expect(bench.session().attempts).toBe(1);
  });

  it('waits longer and longer when renderer after renderer ends', () => {
    const bench = live();
    const opened: number[] = [];
    for (let death = 0; death < 6; death += 1) {
      bench.tell({ type: 'gone', view: bench.shownView(), failure: GONE });
      const from = bench.now.monotonic;
      while (bench.surface().incoming === undefined) bench.live(1_000);
      opened.push(bench.now.monotonic - from);
      bench.painted();
    }
    expect(opened[0]).toBe(0);
    expect(opened.slice(1).every((ms, at) => ms >= 2_500 * 2 ** at)).toBe(true);
  });

  it('forgets quick ends once a view has stood', () => {
    const bench = live();
    for (let death = 0; death < 4; death += 1) {
      bench.tell({ type: 'gone', view: bench.shownView(), failure: GONE });
      while (bench.surface().incoming === undefined) bench.live(1_000);
      bench.painted();
    }
    while (bench.session().phase.kind !== 'renewing') bench.live(1_000);
    bench.signedIn();
    bench.painted();
    expect(types(bench.tell({ type: 'gone', view: bench.shownView(), failure: GONE }))).toContain('open');
  });

  it('answers the loss of its session by one renewal, with the picture still there', () => {
    const bench = live();
    bench.live(20 * MINUTE);
    expect(types(bench.tell({ type: 'lost', view: bench.shownView(), failure: SIGNED_OUT }))).toEqual(['sign-in']);
    expect(types(bench.tell({ type: 'lost', view: bench.shownView(), failure: SIGNED_OUT }))).toEqual([]);
    expect(bench.shows()).toBe('Main@1');
    bench.signedIn();
    bench.painted();
    expect(bench.shows()).toBe('Main@2');
  });

  it('takes a refused dashboard for what it is: the session is in, and the dashboard is asked for again', () => {
    const bench = single().start();
    bench.signedIn();
    expect(types(bench.fails(DENIED))).toEqual(['close']);
    expect(bench.session().phase.kind).toBe('live');
    expect(bench.face()).toMatchObject({ notice: { kind: 'cannot-show', code: 'CONSOLE_ACCESS_DENIED' } });
    bench.live(6_000);
    expect(bench.incoming()).toMatchObject({ signsIn: false, generation: 1 });
  });

  it('signs in again at once when all cookies are gone', () => {
    const bench = live();
    bench.live(20 * MINUTE);
    expect(types(bench.tell({ type: 'cookies-gone', failure: SIGNED_OUT }))).toEqual(['sign-in']);
  });
});

describe('several surfaces', () => {
  it('sign in once for a session that they share', () => {
    const bench = pair();
    expect(types(bench.tell({ type: 'displays', plugged: ['one', 'two'] }))).toEqual(['cover', 'cover', 'sign-in']);
    expect(bench.signedIn()).toMatchObject([{ type: 'open', surface: 'one' }]);
    expect(types(bench.painted())).toEqual(['raise', 'open']);
    expect(bench.incoming('two')).toMatchObject({ dashboard: 'Right', signsIn: false, generation: 1 });
    bench.painted('two');
    expect(bench.shows('two')).toBe('Right@1');
  });

  it('leave an old partition one by one; the last one lets it be cleared', () => {
    const bench = pair().start();
    bench.signedIn();
    bench.painted();
    bench.painted('two');
    bench.live(34 * MINUTE);
    bench.signedIn();
    expect(types(bench.painted('one'))).not.toContain('clear');
    expect(bench.shows('two')).toBe('Right@1');
    expect(types(bench.painted('two'))).toContain('clear');
    expect(bench.shows('two')).toBe('Right@2');
  });

  it('renew without one that cannot follow, and leave it its picture', () => {
    const bench = pair().start();
    bench.signedIn('default', 4 * HOUR);
    bench.painted();
    bench.painted('two');
    while (bench.session().phase.kind === 'live') bench.live(MINUTE);
    for (const partition of ['c', 'b', 'c'] as const) {
      bench.signedIn('default', HOUR);
      bench.painted('one');
      while (bench.session().phase.kind === 'live') {
        bench.live(MINUTE);
        if (bench.surface('two').incoming !== undefined) bench.fails(OFFLINE, 'two');
      }
      expect(bench.session().phase).toMatchObject({ attempt: { partition } });
      expect(bench.shows('two')).toBe('Right@1');
    }
    bench.signedIn();
    bench.painted('one');
    while (bench.surface('two').incoming === undefined) bench.live(1_000);
    expect(types(bench.painted('two'))).toEqual(['raise', 'close', 'clear']);
    expect(bench.shows('two')).toBe('Right@5');
  });

  it('let go of the one that has been unable to follow for longest, where all partitions are taken', () => {
    const bench = new Bench(
      [dashboard('Left'), dashboard('Middle'), dashboard('Right')],
      [surface('one'), surface('two'), surface('three')],
    );
    bench.always('two', 'Middle').always('three', 'Right').start();
    /** A sign-in that some follow; the others' pages do not paint. */
    const signIn = (lifeMs: number, following: readonly string[]) => {
      while (bench.session().phase.kind === 'live') {
        bench.live(MINUTE);
        for (const name of ['two', 'three']) if (bench.surface(name).incoming !== undefined) bench.fails(OFFLINE, name);
      }
      bench.signedIn('default', lifeMs);
      bench.painted('one');
      for (const name of following) bench.painted(name);
    };
    signIn(12 * HOUR, ['two', 'three']);
    signIn(4 * HOUR, ['three']);
    signIn(HOUR, []);
    expect([bench.shows('one'), bench.shows('two'), bench.shows('three')]).toEqual(['Left@3', 'Middle@1', 'Right@2']);
    signIn(HOUR, []);
    expect([bench.shows('one'), bench.kind('two'), bench.shows('three')]).toEqual(['Left@4', 'dark', 'Right@2']);
  });

  it('keep two accounts apart', () => {
    const bench = new Bench(
      [dashboard('Left', { session: 'left' }), dashboard('Right', { session: 'right' })],
      [surface('one'), surface('two')],
    ).always('two', 'Right');
    bench.start();
    bench.signInFails(OFFLINE, 'left');
    bench.signedIn('right');
    bench.painted('two');
    expect(bench.shows('two')).toBe('Right@1');
    expect(bench.session('left').phase.kind).toBe('waiting');
    expect(bench.face('one')).toMatchObject({ notice: { kind: 'waiting-for-network' } });
  });

  it('lose and regain their displays without touching the others', () => {
    const bench = pair().start();
    bench.signedIn();
    bench.painted();
    bench.painted('two');
    expect(bench.tell({ type: 'displays', plugged: ['one'] })).toMatchObject([{ type: 'close', surface: 'two' }]);
    expect(bench.kind('two')).toBe('unplugged');
    expect(bench.tell({ type: 'displays', plugged: ['one', 'two'] })).toMatchObject([
      { type: 'cover', surface: 'two' },
      { type: 'open', surface: 'two', view: { generation: 1 } },
    ]);
    expect(bench.shows('one')).toBe('Left@1');
  });

  it('let another surface sign in when the display of the first is pulled', () => {
    const bench = pair().start();
    bench.signedIn();
    bench.tell({ type: 'displays', plugged: ['two'] });
    expect(bench.session().phase.kind).toBe('waiting');
    bench.live(6_000);
    expect(types(bench.signedIn())).toEqual(['open']);
    expect(bench.incoming('two').signsIn).toBe(true);
  });
});

describe('a dashboard that never opens', () => {
  const BROKEN: Failure = { code: 'CONSOLE_NOT_PAINTED', sentence: 'It did not paint.' };
  const isUnderWay = (bench: Bench) => ['signing-in', 'renewing'].includes(bench.session().phase.kind);

  /** Lets sign-ins under way fail with the dashboard that they open. */
  const failAll = (bench: Bench) => {
    if (!isUnderWay(bench)) return;
    bench.signedIn();
    for (const name of bench.wall.surfaces.keys()) {
      if (bench.surface(name).incoming?.view.signsIn === true) bench.fails(BROKEN, name);
    }
  };

  /** Surface one shows what never opens, the other one at first, too, and then, after `ms`, something else. */
  const until = (ms: number) => {
    const bench = pair();
    bench.programmes['two'] = change('Left', bench.now.wall + ms, 'Right');
    return bench.start();
  };

  it('neither keeps a session waiting nor takes its login URL when another dashboard of it is wanted', () => {
    const bench = until(HOUR);
    while (bench.now.monotonic < HOUR - MINUTE - 1_000) {
      failAll(bench);
      bench.live(1_000);
    }
    // It is needed a minute before its time.
    bench.live(7_000);
    expect(isUnderWay(bench)).toBe(true);
    bench.signedIn();
    expect(bench.incoming('two')).toMatchObject({ dashboard: 'Right', signsIn: true });
  });

  it('is known for it after the session that it could not renew is over', () => {
    const bench = pair().always('two', 'Left').start();
    bench.signedIn();
    bench.painted('one');
    bench.painted('two');
    while (bench.now.monotonic < HOUR) {
      failAll(bench);
      bench.live(1_000);
    }
    expect(bench.session().phase).toMatchObject({ kind: 'waiting', byEntry: true });
  });

  it('is not taken for another one on a surface that has not tried it of late', () => {
    const bench = pair().always('two', 'Left');
    bench.tell({ type: 'displays', plugged: ['two'] });
    while (bench.now.monotonic < 10 * MINUTE) {
      failAll(bench);
      bench.live(1_000);
    }
    bench.start();
    while (bench.now.monotonic < 2 * HOUR) {
      failAll(bench);
      bench.live(10_000);
    }
    expect(bench.session().hastened).toEqual([]);
  });

  it('is tried in turn with others that failed, however often', () => {
    const bench = pair();
    bench.tell({ type: 'displays', plugged: ['one'] });
    while (bench.session().attempts < 10) {
      failAll(bench);
      bench.live(1_000);
    }
    bench.start();
    const tried: string[] = [];
    while (tried.length < 12) {
      if (isUnderWay(bench)) {
        bench.signedIn();
        tried.push(bench.surface('one').incoming === undefined ? 'Right' : 'Left');
        bench.fails(BROKEN, tried.at(-1) === 'Left' ? 'one' : 'two');
      }
      bench.live(1_000);
    }
    expect(tried.filter((name) => name === 'Left').length).toBeGreaterThanOrEqual(5);
    expect(tried.filter((name) => name === 'Right').length).toBeGreaterThanOrEqual(5);
  });

  it('lets the wall look at the clock when something else may be tried', () => {
    const bench = until(HOUR);
    for (let failures = 0; failures < 3; failures += 1) {
      while (!isUnderWay(bench)) bench.live(1_000);
      failAll(bench);
    }
    const { phase } = bench.session();
    if (phase.kind !== 'waiting') throw new Error('it should wait');
    expect(wallDeadlines(bench.wall, bench.context)).toContainEqual(phase.nextTry.notBefore);
  });
});

describe('a playlist', () => {
  it('loads the next dashboard behind the current one and raises it to the millisecond', () => {
    const bench = new Bench([dashboard('Left'), dashboard('Right')], [surface('one')]);
    const at = bench.now.wall + 10 * MINUTE;
    bench.programmes['one'] = change('Left', at, 'Right');
    bench.start();
    bench.signedIn();
    bench.painted();
    bench.live(10 * MINUTE - 30_000);
    expect(bench.incoming().dashboard).toBe('Right');
    expect(types(bench.painted())).toEqual([]);
    expect(bench.shows()).toBe('Left@1');
    bench.live(29_999);
    expect(bench.shows()).toBe('Left@1');
    bench.live(1);
    expect(bench.shows()).toBe('Right@1');
  });

  it('keeps the current dashboard while the next one does not come', () => {
    const bench = new Bench([dashboard('Left'), dashboard('Right', { session: 'other' })], [surface('one')]);
    bench.programmes['one'] = change('Left', bench.now.wall + 5 * MINUTE, 'Right');
    bench.start();
    bench.signedIn();
    bench.painted();
    bench.live(4 * MINUTE);
    bench.signInFails(OFFLINE, 'other');
    bench.live(MINUTE + 10);
    expect(bench.shows()).toBe('Left@1');
    while (bench.session('other').phase.kind !== 'signing-in') bench.live(1_000);
    bench.signedIn('other');
    bench.painted();
    expect(bench.shows()).toBe('Right@2');
  });

  it('is black at night with nobody signed in, and back in time', () => {
    const bench = single();
    const dawn = bench.now.wall + 8 * HOUR;
    bench.programmes['one'] = change('night', dawn, 'Main');
    expect(types(bench.start().effects)).toEqual(['cover', 'cover']);
    expect(bench.kind()).toBe('night');
    expect(types(bench.live(8 * HOUR - MINUTE))).toEqual(['sign-in']);
    bench.signedIn();
    bench.painted();
    expect(types(bench.live(MINUTE - 1))).toEqual([]);
    expect(bench.kind()).toBe('night');
    bench.live(1);
    expect(bench.shows()).toBe('Main@1');
  });

  it('signs nobody in for a picture that the night takes down', () => {
    const bench = single();
    bench.programmes['one'] = change('Main', bench.now.wall + HOUR, 'night');
    bench.start();
    bench.signedIn('default', 40 * MINUTE);
    bench.painted();
    // It slept past both its session's end and the evening.
    bench.now = { wall: bench.now.wall + 2 * HOUR, monotonic: bench.now.monotonic + 1_000 };
    expect(types(bench.tell({ type: 'clock' }))).not.toContain('sign-in');
    expect(bench.kind()).toBe('night');
  });

  it('goes black to the millisecond', () => {
    const bench = single();
    bench.programmes['one'] = change('Main', bench.now.wall + HOUR / 4, 'night');
    bench.start();
    bench.signedIn();
    bench.painted();
    bench.live(HOUR / 4 - 1);
    expect(bench.shows()).toBe('Main@1');
    expect(types(bench.live(1))).toEqual(['cover', 'close']);
    expect(bench.face()).toEqual({ notice: { kind: 'night' } });
  });
});

describe('an alarm', () => {
  const alarmed = () => {
    const alarms = { dashboard: 'Alarm', session: 'default', names: ['fire'], everyMs: 30_000 };
    return new Bench([dashboard('Main'), dashboard('Alarm')], [surface('one', { alarms })]);
  };

  it('takes the surface over when its dashboard has painted, and hands it back', () => {
    const bench = alarmed().start();
    bench.signedIn();
    bench.painted();
    expect(bench.tell({ type: 'alarm', surface: 'one', ringing: true })).toMatchObject([{ type: 'open' }]);
    expect(bench.shows()).toBe('Main@1');
    bench.painted();
    expect(bench.shows()).toBe('Alarm@1');
    bench.tell({ type: 'alarm', surface: 'one', ringing: false });
    bench.painted();
    expect(bench.shows()).toBe('Main@1');
  });

  it('keeps its session signed in though nothing of it shows', () => {
    const bench = new Bench(
      [dashboard('Main'), dashboard('Alarm', { session: 'ops' })],
      [surface('one', { alarms: { dashboard: 'Alarm', session: 'ops', names: ['fire'], everyMs: 30_000 } })],
    );
    bench.start();
    bench.signedIn('default');
    bench.painted();
    bench.signedIn('ops');
    expect(bench.incoming()).toMatchObject({ dashboard: 'Alarm', signsIn: true });
    expect(types(bench.painted())).toEqual(['close']);
    expect(bench.session('ops').phase.kind).toBe('live');
    expect(bench.shows()).toBe('Main@1');
  });
});

describe('freshness', () => {
  const refreshing = () => {
    const bench = new Bench(
      [dashboard('Main', { refreshMs: 5 * MINUTE, staleAfterMs: 15 * MINUTE })],
      [surface('one')],
    );
    bench.start();
    bench.signedIn('default', 12 * HOUR);
    bench.painted();
    return bench;
  };

  it('loads a dashboard afresh behind its picture', () => {
    const bench = refreshing();
    expect(bench.live(5 * MINUTE)).toMatchObject([{ type: 'open', view: { signsIn: false, generation: 1 } }]);
    const before = bench.shownView();
    expect(types(bench.painted())).toEqual(['raise', 'close']);
    expect(bench.shownView()).not.toBe(before);
  });

  it('refreshes, then renews, then says so', () => {
    const bench = refreshing();
    const log: string[] = [];
    for (let second = 0; second < 20 * 60; second += 1) {
      for (const { type } of bench.live(1_000)) if (type === 'open' || type === 'sign-in') log.push(type);
      if (bench.surface().incoming !== undefined) bench.fails(OFFLINE);
      if (bench.session().phase.kind === 'renewing') bench.signInFails();
      const age = second * 1_000;
      if (age < 15 * MINUTE - 1_000) expect(bench.face()?.strip).toBeUndefined();
      if (age > 16 * MINUTE + 1_000) expect(bench.face()?.strip).toMatchObject({ dataAt: 1_000_000 });
    }
    expect(log).toContain('sign-in');
    expect(log.indexOf('open')).toBeLessThan(log.indexOf('sign-in'));
    expect(bench.shows()).toBe('Main@1');
  });

  it('does not take a page that no data have reached for fresh', () => {
    const bench = refreshing();
    const unproved = () => bench.tell({ type: 'painted', view: bench.incoming().id, verified: false });
    bench.live(5 * MINUTE);
    expect(types(unproved())).toEqual(['close']);
    // Past its allowance, too, the old picture stands, and its age is said.
    while (bench.now.monotonic < 17 * MINUTE) {
      bench.live(1_000);
      if (bench.surface().incoming?.view.signsIn === false) unproved();
    }
    expect(bench.face()?.strip).toMatchObject({ dataAt: 1_000_000 });
    // A newer sign-in's page follows it, and is no younger.
    expect(bench.session().phase.kind).toBe('renewing');
    bench.signedIn();
    unproved();
    expect(bench.shows()).toBe('Main@2');
    expect(bench.face()?.strip).toMatchObject({ dataAt: 1_000_000 });
    bench.live(10 * MINUTE);
    expect(bench.session().attempts).toBe(2);
    bench.tell({ type: 'data', view: bench.shownView() });
    expect(bench.face()?.strip).toBeUndefined();
  });

  it('takes a page that had data but was not proved where what shows is stale', () => {
    const bench = refreshing();
    bench.live(15 * MINUTE);
    bench.tell({ type: 'data', view: bench.incoming().id });
    bench.tell({ type: 'painted', view: bench.incoming().id, verified: false });
    expect(bench.face()?.strip).toBeUndefined();
    bench.live(2 * MINUTE);
    expect(bench.face()?.strip).toBeUndefined();
  });

  it('counts the data that the page gets by itself', () => {
    const bench = new Bench([dashboard('Main', { staleAfterMs: 15 * MINUTE })], [surface('one')]);
    bench.start();
    bench.signedIn('default', 12 * HOUR);
    bench.painted();
    for (let minute = 0; minute < 60; minute += 1) {
      bench.tell({ type: 'data', view: bench.shownView() });
      expect(types(bench.live(MINUTE))).toEqual([]);
    }
  });
});

describe('the deadlines of a wall', () => {
  it('lie in the future, and there is always one while something is needed', () => {
    const bench = live();
    for (let step = 0; step < 50; step += 1) {
      const deadlines = wallDeadlines(bench.wall, bench.context);
      expect(deadlines.length).toBeGreaterThan(0);
      expect(deadlines.every(({ monotonic }) => monotonic > bench.now.monotonic)).toBe(true);
      bench.live(Math.min(...deadlines.map(({ monotonic }) => monotonic)) - bench.now.monotonic);
      if (bench.session().phase.kind === 'renewing') bench.signInFails();
    }
  });
});

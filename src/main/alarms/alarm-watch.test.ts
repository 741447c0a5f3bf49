import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { alarmPolicy } from '../../core/alarms/alarms.ts';
import { AppError } from '../../core/errors.ts';
import type { AlarmWatch } from '../../core/plan/plan.ts';
import { createNodeClock } from '../../node/clock.ts';
import { createNodeFetch } from '../../node/http.ts';
import { createNodeRandom } from '../../node/random.ts';
import { READER, assume, startStage, type Stage } from '../../standin/testing/setup.ts';
import { type AlarmWatchOptions, type RunningAlarmWatch, startAlarmWatch } from './alarm-watch.ts';

/** Waits for as long as a slow machine may need. */
const until = (holds: () => unknown) => vi.waitFor(holds, { timeout: 30_000, interval: 10 });

const WATCH: AlarmWatch = { dashboard: 'incident', session: 'ops', names: ['loud', 'both'], everyMs: 20 };
/** Quick, so that a test sees several questions; the times of the product are those of core/alarms. */
const POLICY = { ...alarmPolicy(WATCH.everyMs), backoff: { firstMs: 10, longestMs: 40 } };

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    regions: ['eu-west-1', 'us-east-1'],
    alarms: [
      { name: 'loud' },
      { name: 'both', type: 'CompositeAlarm' },
      { name: 'loud', region: 'us-east-1', state: 'ALARM' },
      ...Array.from({ length: 12 }, (_, i) => ({ name: `many-${i}`, state: 'ALARM' as const })),
    ],
  });
});
afterAll(() => stage.stop());

interface Event {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const running: RunningAlarmWatch[] = [];
afterEach(async () => {
  for (const watch of running.splice(0)) watch.stop();
  await stage.control.heal();
  stage.control.setAlarmState('loud', 'OK');
  stage.control.setAlarmState('both', 'OK');
});

function start(changes: Partial<AlarmWatchOptions> = {}) {
  const changed: boolean[] = [];
  const events: Event[] = [];
  const fetch = createNodeFetch();
  let calls = 0;
  const watch = startAlarmWatch({
    watch: WATCH,
    surface: 'left',
    credentials: () => Promise.resolve(READER),
    region: 'eu-west-1',
    endpoint: stage.urls.cloudwatch,
    fetch: (request) => {
      calls += 1;
      return fetch(request);
    },
    clock: createNodeClock(),
    random: createNodeRandom(),
    logger: { log: (_level, event, fields) => void events.push({ event, fields: fields ?? {} }) },
    timeoutMs: 10_000,
    policy: POLICY,
    onChange: (ringing) => void changed.push(ringing),
    ...changes,
  });
  running.push(watch);
  const named = (name: string) => events.filter(({ event }) => event === name).map(({ fields }) => fields);
  return { watch, changed, events, named, asked: () => calls };
}

it('tells when an alarm rings and when it is over, once each', async () => {
  const { watch, changed, named, asked } = start();
  await until(() => {
    expect(asked()).toBeGreaterThan(2);
  });
  expect(changed).toEqual([]);
  stage.control.setAlarmState('both', 'ALARM');
  await until(() => {
    expect(changed).toEqual([true]);
  });
  expect(watch.status(5_000_000)).toMatchObject({ ringing: true, names: ['both'] });
  expect(named('alarms.ringing')).toEqual([{ surface: 'left', dashboard: 'incident', alarms: ['both'] }]);
  stage.control.setAlarmState('loud', 'ALARM');
  await until(() => {
    expect(watch.status(0).names).toEqual(['loud', 'both']);
  });
  expect(changed).toEqual([true]);
  stage.control.setAlarmState('loud', 'OK');
  stage.control.setAlarmState('both', 'OK');
  await until(() => {
    expect(changed).toEqual([true, false]);
  });
  expect(watch.status(0)).toMatchObject({ ringing: false, names: [] });
  expect(named('alarms.over')).toEqual([{ surface: 'left', dashboard: 'incident', unanswered: false }]);
});

it('reckons when AWS last answered from the time of the status', async () => {
  const { watch } = start();
  expect(watch.status(1_000_000)).toEqual({ ringing: false, names: [] });
  // The clock was set back since: the answer still lies before the status.
  await until(() => {
    expect(watch.status(1_000_000).answeredAt).toBeLessThanOrEqual(1_000_000);
  });
});

it('asks in the region that the watch names, and by its prefix', async () => {
  const { changed } = start({ watch: { ...WATCH, region: 'us-east-1' } });
  await until(() => {
    expect(changed).toEqual([true]);
  });
  const { everyMs, dashboard, session } = WATCH;
  const many = start({ watch: { everyMs, dashboard, session, prefix: 'many-' } });
  await until(() => {
    expect(many.changed).toEqual([true]);
  });
  expect(many.watch.status(0).names).toHaveLength(10);
});

it('keeps the surface while AWS does not answer, and hands it back when that lasts', async () => {
  stage.control.setAlarmState('loud', 'ALARM');
  const { watch, changed, named } = start({ policy: { ...POLICY, keepMs: 500 } });
  await until(() => {
    expect(changed).toEqual([true]);
  });
  await stage.control.fail('cloudwatch', { kind: 'status', status: 503 });
  await until(() => {
    expect(named('alarms.failed')).not.toEqual([]);
  });
  expect(named('alarms.failed')[0]).toMatchObject({ surface: 'left', code: 'ALARMS_UNAVAILABLE', failures: 1 });
  await until(() => {
    expect(changed).toEqual([true, false]);
  });
  expect(named('alarms.over')).toEqual([{ surface: 'left', dashboard: 'incident', unanswered: true }]);
  expect(watch.status(0).failure).toMatchObject({ code: 'ALARMS_UNAVAILABLE' });
  await stage.control.heal();
  await until(() => {
    expect(changed).toEqual([true, false, true]);
  });
  expect(named('alarms.answered')).toHaveLength(1);
  expect(watch.status(0).failure).toBeUndefined();
});

it('takes fresh credentials for each question, and waits for them as for AWS', async () => {
  stage.control.setAlarmState('loud', 'ALARM');
  let has = false;
  let taken = 0;
  const credentials = () => {
    taken += 1;
    return has ? assume(stage) : Promise.reject(new AppError('NETWORK_OFFLINE', 'There is no network.'));
  };
  const { watch, changed, named, asked } = start({ credentials });
  await until(() => {
    expect(named('alarms.failed')[0]).toMatchObject({ code: 'NETWORK_OFFLINE' });
  });
  expect(asked()).toBe(0);
  has = true;
  watch.nudge();
  await until(() => {
    expect(changed).toEqual([true]);
  });
  const before = taken;
  await until(() => {
    expect(taken).toBeGreaterThan(before + 1);
  });
});

it('has the credentials made afresh once when AWS refuses them', async () => {
  stage.control.setAlarmState('loud', 'ALARM');
  let answer = { ...READER, secretAccessKey: 'revoked' };
  const asked: (string | undefined)[] = [];
  const credentials = (how?: 'fresh') => {
    asked.push(how);
    return Promise.resolve(answer);
  };
  const { changed } = start({ credentials });
  await until(() => {
    expect(asked.length).toBeGreaterThan(3);
  });
  expect(asked.slice(0, 4)).toEqual([undefined, 'fresh', undefined, undefined]);
  answer = READER;
  await until(() => {
    expect(changed).toEqual([true]);
  });
  asked.length = 0;
  answer = { ...READER, secretAccessKey: 'revoked' };
  await until(() => {
    expect(asked).toContain('fresh');
  });
});

it('tells what fails inside in the log, and goes on', async () => {
  const { named, watch } = start({ credentials: () => Promise.reject(new TypeError('not a function')) });
  await until(() => {
    expect(named('alarms.failed').length).toBeGreaterThan(1);
  });
  expect(named('alarms.error')[0]?.['error']).toBeInstanceOf(TypeError);
  expect(watch.status(0).failure?.code).toBe('INTERNAL');
});

it('is silent once it was stopped, even when an answer is still under way', async () => {
  stage.control.setAlarmState('loud', 'ALARM');
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let waiting = false;
  const credentials = async () => {
    waiting = true;
    await held;
    return READER;
  };
  const { watch, changed, events, asked } = start({ credentials });
  await until(() => {
    expect(waiting).toBe(true);
  });
  watch.stop();
  release();
  await until(() => {
    expect(asked()).toBe(1);
  });
  watch.nudge();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([changed, events]).toEqual([[], []]);
  expect(asked()).toBe(1);
});

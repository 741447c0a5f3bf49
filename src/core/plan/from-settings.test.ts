import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSettingsFile } from '../../node/parse-settings-file.ts';
import { mergeSettings } from '../settings/layers.ts';
import { wallPlanOf } from './from-settings.ts';

const ARN = 'arn:aws:iam::123456789012:role/Wall';
const MAIN = 'https://console.aws.amazon.com/main';

function planOf(values: unknown) {
  const { settings, problems } = mergeSettings([{ layer: 'user settings', name: 'test', values }]);
  expect(problems).toEqual([]);
  return wallPlanOf(settings);
}

describe('the plan of a wall', () => {
  it('is one surface with the default dashboard where there are no displays', () => {
    expect(planOf({ role: { arn: ARN }, dashboard: { url: MAIN, zoom: 2 } })).toEqual({
      sessions: ['default'],
      dashboards: {
        default: {
          name: 'default',
          session: 'default',
          url: MAIN,
          zoom: 2,
          refreshMs: 300_000,
          staleAfterMs: 900_000,
        },
      },
      surfaces: [
        {
          name: 'main',
          display: { primary: true },
          playlist: [{ dashboard: 'default', dwellMs: 60_000 }],
          night: [],
        },
      ],
    });
  });

  it('has the night and the time zone of the simple case', () => {
    const plan = planOf({ wall: { timeZone: 'Asia/Tokyo', night: { hours: '22:00-06:30', days: ['mon', 'sun'] } } });
    expect(plan.timeZone).toBe('Asia/Tokyo');
    expect(plan.surfaces[0]?.night).toEqual([{ hours: { from: 1320, to: 390 }, days: [1, 7] }]);
  });

  it('has what displays use, and no more', () => {
    const plan = planOf({
      role: { arn: ARN },
      roles: { ops: { arn: ARN }, dev: { arn: ARN }, idle: { arn: ARN } },
      dashboards: {
        a: { url: `${MAIN}#a`, role: 'ops', refreshSeconds: 0 },
        b: { url: `${MAIN}#b`, role: 'dev', refreshSeconds: 60, staleAfterSeconds: 61 },
        c: { url: `${MAIN}#c`, role: 'ops' },
        idle: { url: MAIN, role: 'idle' },
      },
      displays: [
        {
          match: { width: 1920, height: 1080 },
          show: ['a', { dashboard: 'c', seconds: 5, hours: '00:00-24:00', days: ['tue'] }],
        },
        {
          name: 'right',
          show: ['a'],
          night: [],
          alarms: { dashboard: 'b', names: ['x'], prefix: 'y', region: 'eu-west-1', everySeconds: 10 },
        },
      ],
      wall: { night: [{ hours: '20:00-08:00' }] },
    });
    expect(plan.sessions).toEqual(['ops', 'dev']);
    expect(Object.keys(plan.dashboards)).toEqual(['a', 'c', 'b']);
    expect(plan.dashboards['a']).toMatchObject({ session: 'ops', staleAfterMs: 900_000 });
    expect(plan.dashboards['a']).not.toHaveProperty('refreshMs');
    expect(plan.dashboards['b']).toMatchObject({ session: 'dev', refreshMs: 60_000, staleAfterMs: 61_000 });
    expect(plan.surfaces).toEqual([
      {
        name: 'display-1',
        display: { width: 1920, height: 1080 },
        playlist: [
          { dashboard: 'a', dwellMs: 60_000 },
          { dashboard: 'c', dwellMs: 5000, hours: { from: 0, to: 1440 }, days: [2] },
        ],
        night: [{ hours: { from: 1200, to: 480 } }],
      },
      {
        name: 'right',
        display: {},
        playlist: [{ dashboard: 'a', dwellMs: 60_000 }],
        night: [],
        alarms: { dashboard: 'b', session: 'dev', names: ['x'], prefix: 'y', region: 'eu-west-1', everyMs: 10_000 },
      },
    ]);
  });

  it('of the example has every display', () => {
    const bytes = new Uint8Array(readFileSync(new URL('../../../vigil.example.yml', import.meta.url)));
    const plan = planOf(parseSettingsFile(bytes, 'vigil.example.yml').values);
    expect(plan.surfaces.map(({ name }) => name)).toEqual(['entrance', 'display-2']);
    expect(plan.sessions).toEqual(['default', 'payments']);
  });

  it('of settings that say nothing is still a plan', () => {
    expect(planOf({}).dashboards['default']?.url).toBe('');
  });
});

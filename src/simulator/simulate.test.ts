import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

describe('a simulation', () => {
  it('comes to the same end each time', () => {
    expect(simulate(0.05, 7)).toEqual(simulate(0.05, 7));
  });

  it('is another one for each seed', () => {
    expect(simulate(0.02, 7).litOfAllTime).not.toBe(simulate(0.02, 10).litOfAllTime);
  });

  it('leaves out no look at the clock that would have changed anything', () => {
    for (const seed of [1, 2, 3]) {
      expect(simulate(0.05, seed)).toEqual(simulate(0.05, seed, { takesEveryLook: true }));
    }
  });

  it('finds nothing to blame the core for', () => {
    for (const seed of [1, 2, 3, 5]) {
      const report = simulate(0.2, seed);
      expect(report.brokenInvariants).toEqual([]);
      expect(report.availability).toBeGreaterThanOrEqual(0.9999);
      expect(report.longestUnexplainedDarkSeconds).toBeLessThanOrEqual(90);
    }
  });

  it('brings every fault as often as it should', () => {
    expect(simulate(1, 3).faults).toMatchObject({
      'network-outage': 50,
      'server-outage': 20,
      'slow-answers': 20,
      'clock-jump': 12,
      'dst-change': 2,
      sleep: 100,
      'renderer-death': 30,
      'gpu-death': 10,
      'network-service-death': 10,
      'session-revoked': 12,
      'key-rotation': 52,
      'wrong-permissions': 4,
      'display-unplugged': 6,
      alarm: 12,
    });
  });
});

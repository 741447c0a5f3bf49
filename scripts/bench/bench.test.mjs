import { describe, expect, it } from 'vitest';
import { judgePieces } from './growth.mjs';
import { inSequence } from './link.mjs';
import { commonSlopeOf, medianSlopeOf, slopeErrorOf, slopeOf } from './memory.mjs';
import { holdingsOf, processesOf, processorTimeOf } from './processes.mjs';
import { median, rounded } from './report.mjs';
import { startProcess, waitUntil } from '../lib/process.mjs';

const exchange = (/** @type {number} */ fromMs, /** @type {number} */ toMs) => ({
  name: 'any',
  what: 'GET /',
  status: 200,
  fromMs,
  toMs,
  newConnection: true,
});

describe('inSequence', () => {
  it('counts those that wait for one another, and those beside one another once', () => {
    expect(inSequence([])).toBe(0);
    expect(inSequence([exchange(0, 400), exchange(401, 800), exchange(801, 1200)])).toBe(3);
    expect(inSequence([exchange(0, 400), exchange(1, 401), exchange(401, 800)])).toBe(2);
  });
  it('finds the longest chain when one exchange spans others, whatever the order', () => {
    expect(inSequence([exchange(500, 900), exchange(0, 1000), exchange(0, 400)])).toBe(2);
  });
});

describe('memory figures', () => {
  it('finds a slope, and how sure it is', () => {
    expect(slopeOf([100, 110, 120, 130])).toBeCloseTo(10);
    expect(slopeErrorOf([100, 110, 120, 130])).toBeCloseTo(0);
    expect(slopeOf([5, 5, 5])).toBeCloseTo(0);
    expect(slopeErrorOf([0, 8, 0, 8, 0, 8])).toBeGreaterThan(1);
  });
  it('sees a steady rise behind values that jump between two levels', () => {
    const values = Array.from({ length: 100 }, (_, i) => 1000 + 3 * i + (i % 7 < 3 ? 8000 : 0));
    expect(medianSlopeOf(values)).toBeCloseTo(3);
  });
  it('finds the slope that series at different levels have in common', () => {
    const line = [0, 3, 6, 9, 12];
    expect(commonSlopeOf([line]).slope).toBeCloseTo(slopeOf(line));
    expect(commonSlopeOf([line, line.map((value) => value + 5_000)]).slope).toBeCloseTo(3);
    expect(commonSlopeOf([line, line.map((value) => value - 70)]).error).toBeCloseTo(0);
    // A longer series says more.
    const flat = Array.from({ length: 50 }, () => 1);
    expect(commonSlopeOf([line, flat]).slope).toBeLessThan(0.1);
    const noisy = [0, 8, 0, 8, 0, 8];
    expect(commonSlopeOf([noisy]).error).toBeCloseTo(slopeErrorOf(noisy));
  });
  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(rounded(1.2345, 1)).toBe(1.2);
  });
});

describe('a wall through many renewals', () => {
  const sample = {
    whole: 300_000,
    own: 150_000,
    ownByKind: { main: 150_000 },
    descriptors: 300,
    threads: 120,
    processes: 8,
  };
  /** @param {(i: number) => Partial<typeof sample>} at */
  const piece = (at, count = 250, without = 0) => ({
    startedAt: '2026-01-31T12:00:00Z',
    electron: '33.2.1',
    samples: Array.from({ length: count }, (_, i) => ({ ...sample, ...at(i) })),
    frames: { seen: 10_000, without, longestGapMs: 60, elapsedMs: 400_000 },
  });
  const holds = (/** @type {ReturnType<typeof piece>[]} */ ...pieces) => judgePieces(pieces).result.holds;
  const noisy = (/** @type {number} */ i) => ({ whole: 300_000 + (i % 7 < 3 ? 8_000 : 0), descriptors: 300 + (i % 3) });

  it('holds where nothing grows, however it goes up and down, and whatever it does at first', () => {
    expect(holds(piece(noisy), piece(noisy))).toBe(true);
    expect(holds(piece((i) => ({ ...noisy(i), whole: i < 50 ? 300_000 + 1_000 * i : 350_000 })))).toBe(true);
    // Each wall has a level of its own.
    expect(
      holds(
        piece(noisy),
        piece(() => ({ whole: 390_000, threads: 140 })),
      ),
    ).toBe(true);
  });
  it('sees what a wall loses by and by', () => {
    expect(holds(piece((i) => ({ whole: 300_000 + 20 * i }), 500))).toBe(false);
    expect(holds(piece((i) => ({ descriptors: 300 + Math.floor(i / 20) }), 500))).toBe(false);
    expect(holds(piece((i) => ({ threads: 120 + Math.floor(i / 50) }), 500))).toBe(false);
    expect(holds(piece((i) => ({ processes: i > 400 ? 10 : 8 }), 500))).toBe(false);
    const { figure } = judgePieces([piece((i) => ({ whole: 300_000 + 10.24 * i }), 500)]).result;
    expect(figure).toBeCloseTo(4);
  });
  it('fails by one picture without the dashboard', () => {
    expect(holds(piece(noisy), piece(noisy, 250, 1))).toBe(false);
  });
  it('says nothing after a few renewals', () => {
    expect(holds(piece(noisy, 20))).toBe(false);
    expect(holds()).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('what a program uses', () => {
  it('counts its children, those that have ended, and those whose parent has', async () => {
    const burn = 'while (process.cpuUsage().user < 300_000);';
    const text = `const { spawn, spawnSync } = require('node:child_process');
      const node = process.execPath;
      spawnSync(node, ['-e', ${JSON.stringify(burn)}]);
      // It lives on without its parent, which ends at once.
      const stay = 'setInterval(() => {}, 1000)';
      spawnSync(node, ['-e', 'require("node:child_process").spawn(process.execPath, ["-e", ' + JSON.stringify(stay) + '], { stdio: "ignore" }).unref()']);
      console.log('ready'); setInterval(() => {}, 1000);`;
    const started = startProcess(process.execPath, ['-e', text]);
    try {
      let output = '';
      started.child.stdout?.on('data', (chunk) => (output += chunk));
      await waitUntil(() => output.includes('ready'), { what: 'Not ready', timeoutMs: 60_000 });
      const root = /** @type {number} */ (started.child.pid);
      const all = await processesOf(root);
      expect(all.map(({ kind }) => kind)).toEqual(['main', 'other']);
      const { usedMs, byKind } = await processorTimeOf(root);
      expect(byKind.ended).toBeGreaterThanOrEqual(300);
      expect(usedMs).toBe(Object.values(byKind).reduce((sum, one) => sum + one, 0));
      const held = await holdingsOf(root);
      expect(held.processes).toBe(2);
      expect(held.threads).toBeGreaterThan(2);
      expect(held.descriptors).toBeGreaterThan(4);
    } finally {
      await started.stop();
    }
    expect(await processesOf(/** @type {number} */ (started.child.pid))).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { inSequence } from './link.mjs';
import { medianSlopeOf, slopeErrorOf, slopeOf } from './memory.mjs';
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
  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(rounded(1.2345, 1)).toBe(1.2);
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

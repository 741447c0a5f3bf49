import { describe, expect, it } from 'vitest';
import { evaluateStep } from './counter.ts';
import { copyOf, explore, oneGoodRequest, ownerOf } from './testing/counter-model.ts';
import type { Bounds } from './testing/counter-model.ts';
import { EXHAUSTIVE } from './testing/world.ts';

describe('evaluateStep', () => {
  const counter = { n: 5, hx: 'X' };
  it.each([
    [
      { n: 6, hp: 'X', hx: 'Y' },
      { kind: 'advance', counter: { n: 6, hx: 'Y' } },
    ],
    [{ n: 5, hp: 'W', hx: 'X' }, { kind: 'again' }],
    [{ n: 6, hp: 'Z', hx: 'Y' }, { kind: 'fork' }],
    [{ n: 5, hp: 'W', hx: 'Z' }, { kind: 'fork' }],
    [{ n: 4, hp: 'V', hx: 'W' }, { kind: 'late' }],
    [{ n: 0, hp: 'V', hx: 'W' }, { kind: 'late' }],
    [{ n: 7, hp: 'Y', hx: 'Z' }, { kind: 'ahead' }],
  ])('%j → %j', (step, verdict) => {
    expect(evaluateStep(counter, step)).toEqual(verdict);
  });
});

describe('the linked counter', EXHAUSTIVE, () => {
  it('never locks, holds up or doubts an honest device, whatever network, disk and power do', () => {
    const bounds: Bounds = { requests: [6], draws: 7, crashes: 4, badWrites: 2, clone: 'never' };
    const states = explore(bounds, (state) => {
      const { verdict } = state.seen ?? { verdict: 'again' };
      if (state.server.locked || verdict === 'fork' || verdict === 'ahead') throw new Error(JSON.stringify(state));
      if (copyOf(state, 0).slots.some((slot) => slot?.startsWith('late')))
        throw new Error(`a live reply is late: ${JSON.stringify(state)}`);
    });
    console.log(`linked counter, one device: ${states} states`);
    expect(states).toBeGreaterThan(80_000);
  });

  it('accepts an honest device from every state it can come into', () => {
    const bounds: Bounds = { requests: [5], draws: 12, crashes: 2, badWrites: 2, clone: 'never' };
    const states = explore({ ...bounds, draws: 6 }, (state) => {
      const after = oneGoodRequest(state, 0, bounds);
      const copy = copyOf(after, 0);
      if (!copy.memory.answered || copy.memory.n !== after.server.n) throw new Error(JSON.stringify([state, after]));
    });
    expect(states).toBeGreaterThan(5_000);
  });

  it.each(['at-rest', 'any-moment'] as const)('never accepts one copy once the other has advanced: %s', (clone) => {
    const bounds: Bounds = { requests: [3, 2], draws: 6, crashes: 0, badWrites: 1, clone };
    let forks = 0;
    const states = explore(bounds, (state) => {
      const { seen } = state;
      if (seen === undefined) return;
      const isAccepted = seen.verdict === 'advance' || seen.verdict === 'again';
      const holder = ownerOf(state, seen.before);
      if (isAccepted && holder !== undefined && holder !== seen.copy) throw new Error(JSON.stringify(state));
      if (seen.verdict.startsWith('proof') && /advance|again/.test(seen.verdict))
        throw new Error(JSON.stringify(state));
      if (seen.verdict.endsWith('fork')) forks += 1;
    });
    console.log(`linked counter, two copies (${clone}): ${states} states, ${forks} forks seen`);
    expect(states).toBeGreaterThan(50_000);
    expect(forks).toBeGreaterThan(0);
  });

  it('finds the second copy by its first request once the other has advanced', () => {
    const bounds: Bounds = { requests: [3, 2], draws: 12, crashes: 0, badWrites: 0, clone: 'at-rest' };
    let found = 0;
    explore({ ...bounds, draws: 6 }, (state) => {
      const holder = state.copies.length < 2 ? undefined : ownerOf(state, state.server.x);
      if (holder === undefined || state.server.locked) return;
      const after = oneGoodRequest(state, 1 - holder, bounds);
      if (!after.server.locked) throw new Error(JSON.stringify([state, after]));
      found += 1;
    });
    expect(found).toBeGreaterThan(100);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeFileStore } from '../../node/file-store.ts';
import { testClock } from '../testing/world.ts';
import { QUARANTINE_MS, watchTime, type Quarantine } from './quarantine.ts';
import { memoryState } from './testing/memory.ts';

let folder = '';
const open: Quarantine[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-time-'));
});
afterEach(() => {
  for (const one of open.splice(0)) one.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function watch(state = memoryState(), clock = testClock(), isRestored = false): Promise<Quarantine> {
  const quarantine = await watchTime({
    ...{ state, clock, files: createNodeFileStore(), logger: { log: () => undefined }, isRestored },
    file: join(folder, 'time-mark.json'),
  });
  open.push(quarantine);
  return quarantine;
}

const WHOLE = QUARANTINE_MS / 1000;

describe('the quarantine', () => {
  it('is none at a first start and after a stop, however long that was', async () => {
    const [state, clock] = [memoryState(), testClock()];
    expect((await watch(state, clock)).restSeconds()).toBe(0);
    clock.advance(3_600_000);
    expect((await watch(state, clock)).restSeconds()).toBe(0);
  });

  it('begins with an older state, a missing file, a clock behind both, and an operator who says so', async () => {
    const [state, clock] = [memoryState(), testClock()];
    await watch(state, clock);
    const older = structuredClone((await state.get('meta', 'time-mark'))?.value) ?? null;
    await watch(state, clock);
    const newer = structuredClone((await state.get('meta', 'time-mark'))?.value) ?? null;
    state.tamper('meta', 'time-mark', older);
    expect((await watch(state, clock)).restSeconds()).toBe(WHOLE);
    state.tamper('meta', 'time-mark', undefined);
    expect((await watch(state, clock)).restSeconds()).toBe(WHOLE);
    state.tamper('meta', 'time-mark', newer);
    rmSync(join(folder, 'time-mark.json'));
    expect((await watch(state, clock)).restSeconds()).toBe(WHOLE);
    expect((await watch(state, clock)).restSeconds()).toBe(0);
    clock.jump(-100_000);
    expect((await watch(state, clock)).restSeconds()).toBe(WHOLE);
    expect((await watch(state, clock, true)).restSeconds()).toBe(WHOLE);
  });

  it('begins when the clock steps back, and is over after five minutes', async () => {
    const clock = testClock();
    const quarantine = await watch(memoryState(), clock);
    clock.jump(-59_000);
    expect(quarantine.restSeconds()).toBe(0);
    clock.advance(60_000);
    clock.jump(-61_000);
    expect(quarantine.restSeconds()).toBe(WHOLE);
    clock.advance(QUARANTINE_MS - 1);
    expect(quarantine.restSeconds()).toBe(1);
    clock.advance(1);
    expect(quarantine.restSeconds()).toBe(0);
  });

  it('begins when the clock goes back by many small steps, however often it is looked at', async () => {
    const clock = testClock();
    const quarantine = await watch(memoryState(), clock);
    const rests = Array.from({ length: 10 }, () => {
      clock.jump(-20_000);
      clock.advance(100);
      return quarantine.restSeconds();
    });
    expect(rests.slice(0, 2)).toEqual([0, 0]);
    expect(rests.findIndex((rest) => rest > 0)).toBe(3);
  });
});

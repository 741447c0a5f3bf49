import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createNodeClock } from './clock.ts';
import { createNodeFileStore } from './file-store.ts';
import { createNodeRandom } from './random.ts';

it('reads files, and gives another stamp to another file of the same size', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-files-'));
  try {
    const files = createNodeFileStore();
    const path = join(folder, 'a');
    expect(await files.read(path)).toBeUndefined();
    expect(await files.stamp(path)).toBeUndefined();
    writeFileSync(path, 'one');
    expect(await files.read(path)).toEqual(new Uint8Array(Buffer.from('one')));
    const stamp = await files.stamp(path);
    expect(stamp).toMatch(/^\d+-3-\d+$/);
    expect(await files.stamp(path)).toBe(stamp);
    writeFileSync(join(folder, 'b'), 'two');
    renameSync(join(folder, 'b'), path);
    expect(await files.stamp(path)).not.toBe(stamp);
    expect(await files.read(join(path, 'below'))).toBeUndefined();
    mkdirSync(join(folder, 'c'));
    await expect(files.read(join(folder, 'c'))).rejects.toThrow('EISDIR');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('has a clock and randomness', async () => {
  const clock = createNodeClock();
  const before = clock.monotonic();
  await clock.sleep(1);
  await clock.sleep(-1);
  expect(clock.monotonic()).toBeGreaterThan(before);
  expect(clock.now()).toBeGreaterThan(1.7e12);
  const random = createNodeRandom();
  expect(random.bytes(16)).toHaveLength(16);
  expect(random.bytes(16)).not.toEqual(random.bytes(16));
  expect(random.fraction()).toBeLessThan(1);
});

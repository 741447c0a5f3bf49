import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileRefused } from '../core/ports.ts';
import { createNodeClock } from './clock.ts';
import { createNodeFileStore, readFileWithin } from './file-store.ts';
import { createNodeRandom } from './random.ts';

it('reads files, and gives another stamp to another file of the same size', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-files-'));
  try {
    const files = createNodeFileStore();
    const path = join(folder, 'a');
    expect(await files.read(path, 3)).toBeUndefined();
    expect(await files.stamp(path)).toBeUndefined();
    writeFileSync(path, 'one');
    expect(await files.read(path, 3)).toEqual(new Uint8Array(Buffer.from('one')));
    const stamp = await files.stamp(path);
    expect(stamp).toMatch(/^\d+-3-\d+$/);
    expect(await files.stamp(path)).toBe(stamp);
    writeFileSync(join(folder, 'b'), 'two');
    renameSync(join(folder, 'b'), path);
    expect(await files.stamp(path)).not.toBe(stamp);
    expect(await files.read(join(path, 'below'), 3)).toBeUndefined();
    mkdirSync(join(folder, 'c'));
    await expect(files.read(join(folder, 'c'), 3)).rejects.toThrow(new FileRefused('is a folder'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('reads as many bytes as it is let, and no more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-files-'));
  try {
    const files = createNodeFileStore();
    const path = join(folder, 'a');
    writeFileSync(path, '');
    expect(await files.read(path, 3)).toEqual(new Uint8Array());
    writeFileSync(path, 'four');
    expect(await files.read(path, 4)).toHaveLength(4);
    expect(readFileWithin(path, 4)).toHaveLength(4);
    const refused = new FileRefused('is larger than 3 bytes');
    await expect(files.read(path, 3)).rejects.toThrow(refused);
    expect(() => readFileWithin(path, 3)).toThrow(refused);
    // It says that it is empty, and is not: the limit holds by what is read.
    const madeUp = '/proc/self/status';
    if (existsSync(madeUp)) {
      expect((await files.read(madeUp, 65_536))?.length).toBeGreaterThan(100);
      await expect(files.read(madeUp, 100)).rejects.toBeInstanceOf(FileRefused);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.skipIf(process.platform === 'win32')('refuses a pipe that nobody writes to, and a device, at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-files-'));
  try {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const files = createNodeFileStore();
    for (const path of [pipe, '/dev/zero']) {
      await expect(files.read(path, 3)).rejects.toBeInstanceOf(FileRefused);
      expect(() => readFileWithin(path, 3)).toThrow(FileRefused);
    }
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

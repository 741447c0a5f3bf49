import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createNodeClock } from '../../node/clock.ts';
import { openSqliteState } from './sqlite.ts';
import { stateStoreSuite } from './testing/suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'vigil-state-'));
const clock = createNodeClock();
let files = 0;
const newFile = (): string => join(folder, `state-${++files}`, 'state.db');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

stateStoreSuite('SQLite', () => openSqliteState({ file: newFile(), clock }));

const thrown = (code: string) => expect.objectContaining({ code }) as unknown;

describe('the file of the state', () => {
  it('is read again after a stop, by its owner alone', async () => {
    const file = newFile();
    const state = await openSqliteState({ file, clock });
    await state.put('device', 'a', { n: 1 }, 0);
    for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o077).toBe(0);
    await state.close();
    await expect(state.put('device', 'b', 1, 0)).rejects.toEqual(thrown('STATE_UNAVAILABLE'));
    const again = await openSqliteState({ file, clock });
    expect(await again.get('device', 'a')).toEqual({ key: 'a', value: { n: 1 }, version: 1 });
    await again.close();
  });

  it('is shared by two processes, of which one wins', async () => {
    const file = newFile();
    const [a, b] = [await openSqliteState({ file, clock }), await openSqliteState({ file, clock })];
    const won = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? a : b).put('meta', 'k', i, 0)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await a.get('meta', 'k')).toEqual(await b.get('meta', 'k'));
    await Promise.all([a.close(), b.close()]);
  });

  it('drops what has ended, and nothing else', async () => {
    let now = 1000;
    const file = newFile();
    const state = await openSqliteState({ file, clock: { ...clock, now: () => now }, sweepEveryMs: 5 });
    await state.put('nonce', 'short', 1, 0, { expiresAt: 2000 });
    await state.put('nonce', 'long', 1, 0, { expiresAt: 3001 });
    await state.put('nonce', 'for ever', 1, 0);
    now = 3000;
    await expect.poll(() => state.get('nonce', 'short')).toBeUndefined();
    expect((await state.list('nonce', 10)).map((item) => item.key)).toEqual(['for ever', 'long']);
    await state.close();
  });

  it('keeps every write that has resolved, whenever its process is killed', async () => {
    const file = newFile();
    const program = `
      import { openSqliteState } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)};
      const clock = { now: Date.now, monotonic: () => 0, sleep: async () => {} };
      const state = await openSqliteState({ file: ${JSON.stringify(file)}, clock });
      for (let i = 0; ; i++) await state.put('meta', 'k' + i, i, 0).then(() => process.stdout.write(i + '\\n'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.split('\n').length > 20) resolve();
      });
    });
    child.kill('SIGKILL');
    await once(child, 'close');
    const last = Number(said.trim().split('\n').at(-1));
    const state = await openSqliteState({ file, clock });
    for (let i = 0; i <= last; i++) expect((await state.get('meta', `k${i}`))?.value).toBe(i);
    await state.close();
  });

  it('says that the disk is full, changes nothing, and goes on with what there is room for', async () => {
    const state = await openSqliteState({ file: newFile(), clock, maxBytes: 100_000 });
    await state.put('meta', 'small', 1, 0);
    await expect(state.put('meta', 'large', 'x'.repeat(200_000), 0)).rejects.toEqual(thrown('STATE_UNAVAILABLE'));
    expect(await state.get('meta', 'large')).toBeUndefined();
    expect(await state.put('meta', 'small', 2, 1)).toBe(true);
    await state.close();
  });

  it('is refused when it is no file, none of ours, damaged, or of a newer version', async () => {
    await expect(openSqliteState({ file: folder, clock })).rejects.toEqual(thrown('STATE_UNAVAILABLE'));
    const garbage = join(folder, 'garbage.db');
    writeFileSync(garbage, 'this is no database'.repeat(1000));
    await expect(openSqliteState({ file: garbage, clock })).rejects.toEqual(thrown('STATE_CORRUPT'));

    const file = newFile();
    const state = await openSqliteState({ file, clock });
    for (let i = 0; i < 50; i++) await state.put('meta', `k${i}`, 'x'.repeat(3000), 0);
    await state.close();
    const whole = readFileSync(file);
    truncateSync(file, 20_000);
    await expect(openSqliteState({ file, clock })).rejects.toEqual(thrown('STATE_CORRUPT'));
    const newer = Buffer.from(whole);
    newer.writeUInt32BE(99, 60);
    writeFileSync(file, newer);
    await expect(openSqliteState({ file, clock })).rejects.toEqual(thrown('STATE_CORRUPT'));
    const others = Buffer.from(whole);
    others.writeUInt32BE(1, 68);
    writeFileSync(file, others);
    await expect(openSqliteState({ file, clock })).rejects.toEqual(thrown('STATE_CORRUPT'));
  });
});

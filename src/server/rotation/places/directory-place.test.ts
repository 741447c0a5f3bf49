import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../disk.ts';
import { Crash, faultyDisk } from '../testing/faulty-disk.ts';
import { directoryPlace } from './directory-place.ts';
import type { PublishedFiles } from './place.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-place-'));
});
afterEach(() => rm(folder, { recursive: true }));

const NAMES = ['keyset.bin', 'info2048.bin', 'public.pem'];
const set = (generation: string): PublishedFiles =>
  new Map(NAMES.map((name) => [name, Buffer.from(`${name} of ${generation}\n`)]));
const place = (disk = createDisk()) => directoryPlace({ disk, folder: join(folder, 'keys') });

const textOf = (path: string): Promise<string> => readFile(join(folder, 'keys', path), 'utf8').catch(() => '');

/** The generation that a client reads, which looks at the top and then under `build/`; `half` for two at once. */
async function seen(names: readonly string[]): Promise<string> {
  for (const where of ['', 'build/']) {
    const texts = await Promise.all(names.map((name) => textOf(where + name)));
    if (texts.includes('')) continue;
    const generations = new Set(texts.map((text) => text.trim().split(' of ')[1]));
    return generations.size === 1 ? ([...generations][0] ?? '') : 'half';
  }
  return 'none';
}

/** Both kinds of clients. */
const seenByAll = async (): Promise<readonly string[]> => [await seen(['keyset.bin']), await seen(NAMES.slice(1))];

/** Makes all sets and drafts two hours old. */
async function age(): Promise<void> {
  const sets = join(folder, 'keys', '.sets');
  const then = new Date(Date.now() - 7200_000);
  for (const name of await readdir(sets)) await utimes(join(sets, name), then, then);
}

describe('directoryPlace', () => {
  it('holds what was published last, and for an hour what was before', async () => {
    for (const generation of ['1', '2', '3', '4']) {
      await place().publish(set(generation));
      expect(await place().holds(set(generation))).toBe(true);
      expect(await seenByAll()).toEqual([generation, generation]);
      await age();
    }
    expect(await place().holds(set('3'))).toBe(false);
    expect(await readdir(join(folder, 'keys', '.sets'))).toHaveLength(2);
    expect((await readdir(join(folder, 'keys'))).sort()).toEqual(['.sets', 'build', ...NAMES].sort());
  });

  const STARTS: readonly (readonly [string, () => Promise<void>, readonly string[]])[] = [
    ['an empty folder', () => Promise.resolve(), ['none', 'none']],
    ['a set of its own', () => place().publish(set('old')), ['old', 'old']],
    [
      'files that somebody put there',
      async () => {
        await mkdir(join(folder, 'keys'));
        for (const name of NAMES.slice(1)) await writeFile(join(folder, 'keys', name), `${name} of old\n`);
      },
      ['none', 'old'],
    ],
  ];

  describe.each(STARTS)('over %s', (_what, prepare, old) => {
    it.each([false, true])(
      'shows no half of a set after a crash at any change (torn: %s), and goes on',
      async (torn) => {
        for (let after = 1; ; after++) {
          await rm(join(folder, 'keys'), { recursive: true, force: true });
          await prepare();
          const disk = faultyDisk(createDisk(), { after, torn });
          const done = await place(disk)
            .publish(set('new'))
            .then(
              () => true,
              () => false,
            );
          const now = await seenByAll();
          for (const [client, generation] of now.entries()) expect(['new', old[client]]).toContain(generation);
          await place().publish(set('new'));
          expect(await seenByAll()).toEqual(['new', 'new']);
          if (done) {
            expect(after).toBeGreaterThan(8);
            break;
          }
        }
      },
    );

    it('shows both kinds of clients the old set or the new one at every moment', async () => {
      await prepare();
      const moments: string[] = [];
      const onChange = async (): Promise<void> => {
        moments.push(...(await seenByAll()));
      };
      await place(faultyDisk(createDisk(), { after: -1, onChange })).publish(set('new'));
      expect(new Set(moments)).toEqual(new Set([...old, 'new']));
    });
  });

  it('says what to do where it cannot publish', async () => {
    await mkdir(join(folder, 'keys', 'build'), { recursive: true });
    await expect(place().publish(set('1'))).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
    await writeFile(join(folder, 'file'), '');
    const below = directoryPlace({ disk: createDisk(), folder: join(folder, 'file', 'keys') });
    await expect(below.publish(set('1'))).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' });
    await expect(place(faultyDisk(createDisk(), { after: 1 })).publish(set('1'))).rejects.not.toBeInstanceOf(Crash);
  });
});

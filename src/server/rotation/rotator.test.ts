import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { directoryKeySource } from '../../keys/directory.ts';
import type { KeySet } from '../../keys/key-set.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { createDisk, type Disk } from './disk.ts';
import { vaultKeySource } from './key-source.ts';
import { directoryPlace } from './places/directory-place.ts';
import type { Place } from './places/place.ts';
import { readRing } from './ring.ts';
import type { Rotator } from './rotator.ts';
import { accept, servesV1, servesV2 } from './testing/clients.ts';
import { faultyDisk } from './testing/faulty-disk.ts';
import { rotationWorld, type World } from './testing/world.ts';

const HOUR = 3600_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-rotation-'));
});
afterEach(() => rm(folder, { recursive: true }));

const PLACES = ['one', 'two'];
const places = (disk: Disk = createDisk()): Place[] =>
  PLACES.map((name) => directoryPlace({ disk, folder: join(folder, name) }));

/** The generation that each place gives its clients, all of which the server must accept. */
async function published(world: World): Promise<readonly number[]> {
  const server = await source(world).read();
  const { ring } = await readRing(world.vault());
  return Promise.all(
    PLACES.map(async (name) => {
      const keys = await accept(await readFile(join(folder, name, 'build', 'keyset.bin')), ring, world.clock.now());
      expect(await servesV2(server, keys, world.clock.now())).toBe(keys.generation);
      return keys.generation;
    }),
  );
}

/** The server as a process of its own sees it. */
const source = (world: World) => vaultKeySource({ vault: world.vault(), clock: world.clock });
const accepted = async (world: World) => (await source(world).read()).v2.map(({ generation }) => generation);
const keyFiles = async () => (await readdir(join(folder, 'vault'))).filter((name) => name.startsWith('generation-'));

async function started(): Promise<World> {
  const world = await rotationWorld(folder, ['v2']);
  const progress = await world.rotator(places()).advance();
  expect(progress).toEqual({ generation: 1, pending: false, failures: [] });
  return world;
}

describe('a rotation', () => {
  it('has the server accept the new generation, then every place hold it, and the old one end after the overlap', async () => {
    const world = await started();
    const server = source(world);
    const first = await server.read();
    expect(await server.read()).toBe(first);
    expect(await world.rotator(places()).rotate({ overlapMs: HOUR })).toMatchObject({ generation: 2, pending: false });
    const second = await server.read();
    expect(second.v2.map(({ generation }) => generation)).toEqual([2, 1]);
    expect(second.version).not.toBe(first.version);
    expect(await published(world)).toEqual([2, 2]);
    world.clock.pass(HOUR - 1);
    expect(await server.read()).toBe(second);
    world.clock.pass(1);
    // From that moment, whether or not anybody has destroyed it.
    expect((await server.read()).v2.map(({ generation }) => generation)).toEqual([2]);
    expect(await keyFiles()).toHaveLength(2);
    await world.rotator(places()).advance();
    expect(await keyFiles()).toHaveLength(1);
    expect(await published(world)).toEqual([2, 2]);
  });

  it('ends the old generation in time even where the keys cannot be read any more, and says that they cannot', async () => {
    const world = await started();
    const vault = world.vault();
    let isGone = false;
    const gone = () => Promise.reject(new AppError('KEYS_UNREADABLE', 'Gone.'));
    const server = vaultKeySource({
      clock: world.clock,
      vault: {
        ...vault,
        version: () => (isGone ? gone() : vault.version()),
        readRing: () => (isGone ? gone() : vault.readRing()),
        readSecret: (name) => (isGone ? gone() : vault.readSecret(name)),
      },
    });
    await world.rotator(places()).rotate({ overlapMs: HOUR });
    expect((await server.read()).v2).toHaveLength(2);
    isGone = true;
    await expect(server.read()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
    world.clock.pass(HOUR);
    expect((await server.read()).v2.map(({ generation }) => generation)).toEqual([2]);
    await expect(server.read()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });

  it('gives servers time to take the new generation up before clients can have it', async () => {
    const world = await started();
    const publishedAt: number[] = [];
    const startedAt = world.clock.now();
    const watching: Place = {
      name: 'watching',
      holds: () => Promise.resolve(false),
      publish: async () => {
        publishedAt.push(world.clock.now() - startedAt);
        expect(await accepted(world)).toEqual([1, 2]);
      },
    };
    await world.rotator([watching]).rotate();
    expect(publishedAt).toEqual([15_000]);
  });

  it('stays where it is while a place fails, with both generations accepted, and goes on when it works again', async () => {
    const world = await started();
    let isDown = true;
    const broken: Place = {
      name: 'broken',
      holds: () => Promise.resolve(false),
      publish: () => (isDown ? Promise.reject(new AppError('PUBLISH_FAILED', 'Down.')) : Promise.resolve()),
    };
    const rotator = world.rotator([...places(), broken]);
    const progress = await rotator.rotate({ overlapMs: HOUR });
    expect(progress).toMatchObject({ generation: 2, pending: true, failures: [{ place: 'broken' }] });
    expect(await published(world)).toEqual([2, 2]);
    world.clock.pass(1000 * HOUR);
    expect((await rotator.advance()).pending).toBe(true);
    expect(await accepted(world)).toEqual([1, 2]);
    // Another one is not begun over it.
    expect(await rotator.rotate()).toMatchObject({ generation: 2, pending: true });
    isDown = false;
    expect(await rotator.advance()).toMatchObject({ generation: 2, pending: false });
    expect(await accepted(world)).toEqual([2, 1]);
    world.clock.pass(HOUR);
    expect(await accepted(world)).toEqual([2]);
  });

  it('in an emergency ends all others at once, even one under way', async () => {
    const world = await started();
    const never: Place = {
      name: 'never',
      holds: () => Promise.resolve(false),
      publish: () => Promise.reject(new AppError('PUBLISH_FAILED', 'Down.')),
    };
    await world.rotator([...places(), never]).rotate();
    const before = world.clock.now();
    expect(await world.rotator(places()).rotate({ emergency: true })).toMatchObject({ generation: 3, pending: false });
    expect(world.clock.now()).toBe(before);
    expect(await accepted(world)).toEqual([3]);
    expect(await keyFiles()).toHaveLength(1);
    expect(await published(world)).toEqual([3, 3]);
  });

  it('that is overtaken by an emergency in the middle of a publication leaves the newest set in the place', async () => {
    const world = await started();
    const { ring } = await readRing(world.vault());
    let held = 0;
    let isOvertaken = false;
    const slow: Place = {
      name: 'slow',
      holds: () => Promise.resolve(false),
      publish: async (files) => {
        if (!isOvertaken) {
          isOvertaken = true;
          expect(await world.rotator([slow]).rotate({ emergency: true })).toMatchObject({ generation: 3 });
        }
        held = (await accept(files.get('keyset.bin'), ring, world.clock.now())).generation;
      },
    };
    expect(await world.rotator([slow]).rotate()).toMatchObject({ generation: 3, pending: false, failures: [] });
    expect(held).toBe(3);
    expect(await accepted(world)).toEqual([3]);
  });

  it('of many processes at once is one rotation', async () => {
    const world = await started();
    const all = await Promise.all(Array.from({ length: 5 }, () => world.rotator(places()).rotate()));
    for (const progress of all) expect(progress.failures).toEqual([]);
    await world.rotator(places()).advance();
    const { ring } = await readRing(world.vault());
    // Those that came after the first was done began one of their own.
    expect(ring.rotation).toBeUndefined();
    expect(ring.generations.filter(({ state }) => state === 'current')).toHaveLength(1);
    const { generation } = await world.rotator(places()).advance();
    expect(await published(world)).toEqual([generation, generation]);
    expect((await keyFiles()).length).toBe(ring.generations.length);
  });

  it.each([
    [false, false],
    [true, true],
  ])(
    'leaves no half of anything after a crash at any change on the disk, and is finished or begun again (torn: %s, emergency: %s)',
    async (torn, emergency) => {
      const crashes = await crashEverywhere(torn, (rotator) => rotator.rotate({ emergency, overlapMs: HOUR }), 2);
      expect(crashes).toBeGreaterThan(30);
    },
  );

  it('ends an overlap whole after a crash at any change on the disk', async () => {
    const crashes = await crashEverywhere(
      true,
      (rotator) => rotator.advance(),
      2,
      async (world) => {
        await world.rotator(places()).rotate({ overlapMs: HOUR });
        world.clock.pass(HOUR);
      },
    );
    expect(crashes).toBeGreaterThan(8);
  });

  /** Lets a process die after each change in turn, looks at what others see then, and has another process go on. */
  async function crashEverywhere(
    torn: boolean,
    work: (rotator: Rotator) => Promise<unknown>,
    expected: number,
    prepare: (world: World) => Promise<void> = () => Promise.resolve(),
  ): Promise<number> {
    const world = await started();
    await prepare(world);
    const pristine = await mkdtemp(join(tmpdir(), 'vigil-pristine-'));
    try {
      await cp(folder, pristine, { recursive: true, verbatimSymlinks: true });
      for (let after = 1; ; after++) {
        await rm(folder, { recursive: true });
        await cp(pristine, folder, { recursive: true, verbatimSymlinks: true });
        const disk = faultyDisk(createDisk(), { after, torn });
        const done = await work(world.rotator(places(disk), disk)).then(
          () => true,
          () => false,
        );
        const { ring } = await readRing(world.vault());
        const serves = await accepted(world);
        const held = await heldBy(world);
        if (ring.rotation?.emergency !== true) {
          // Whatever a client has taken up until now, the server accepts.
          for (const generation of held) expect(serves).toContain(generation);
        }
        for (const generation of held) expect([1, 2]).toContain(generation);

        const next = world.rotator(places());
        const { generation } = await next.advance();
        if (generation !== expected) await next.rotate({ overlapMs: HOUR });
        expect(await published(world)).toEqual([expected, expected]);
        expect((await readRing(world.vault())).ring).not.toHaveProperty('rotation');
        world.clock.pass(HOUR);
        await next.advance();
        expect(await accepted(world)).toEqual([expected]);
        const secrets = new Set((await readRing(world.vault())).ring.generations.map(({ secret }) => `${secret}.key`));
        for (const file of secrets) expect(await keyFiles()).toContain(file);
        if (done) return after;
      }
    } finally {
      await rm(pristine, { recursive: true });
      await rm(join(folder, 'vault'), { recursive: true });
      for (const name of PLACES) await rm(join(folder, name), { recursive: true });
    }
  }

  /** What the places hold, each a whole set that a client accepts. */
  async function heldBy(world: World): Promise<readonly number[]> {
    const { ring } = await readRing(world.vault());
    return Promise.all(
      PLACES.map(async (name) => {
        const file = await readFile(join(folder, name, 'build', 'keyset.bin'));
        return (await accept(file, ring, world.clock.now())).generation;
      }),
    );
  }
});

describe('a rotation of both protocols', () => {
  it('serves every client of protocol 1 that reads a folder at any moment', async () => {
    const world = await rotationWorld(folder, ['v1', 'v2']);
    const one = (disk = createDisk()) => [directoryPlace({ disk, folder: join(folder, 'one') })];
    await world.rotator(one()).advance();
    const client = directoryKeySource({ files: createNodeFileStore(), directory: join(folder, 'one') });
    const seen: (number | undefined)[] = [];
    const server = source(world);
    let known: KeySet | undefined;
    const look = async (): Promise<void> => {
      const answer = await client.fetch(known);
      if (answer !== 'unchanged') known = answer;
      if (known !== undefined) seen.push(await servesV1(await server.read(), known));
    };
    await look();
    await world.rotator(one(faultyDisk(createDisk(), { after: -1, onChange: look }))).rotate({ overlapMs: HOUR });
    await look();
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    expect(seen.at(-1)).toBe(2);
    expect(known?.publicKeyPem).toMatch(/^ssh-rsa AAAA/);
  });
});

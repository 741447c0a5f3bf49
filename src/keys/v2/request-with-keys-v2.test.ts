import { describe, expect, it } from 'vitest';
import type { Fetch, LogLevel } from '../../core/ports.ts';
import { encodeKeySet } from '../../autoid/v2/keyset.ts';
import { enrolDevice } from '../../autoid/v2/enrol-device.ts';
import { clientOf, inviteInto } from '../../autoid/v2/testing/device.ts';
import { createWorld, newGenerationV2 } from '../../server/testing/world.ts';
import type { World } from '../../server/testing/world.ts';
import type { ServerKeys } from '../../server/rotation/generations.ts';
import { softwareSigner, generateKeyPair } from '../../autoid/v2/signatures.ts';
import { directorySource } from '../directory.ts';
import { createKeyRing } from '../key-ring.ts';
import type { KeySource } from '../key-set.ts';
import { answer, integrityOf, recordingFetch, tarballOf } from '../testing/keys.ts';
import { npmSource } from '../npm.ts';
import { s3Source } from '../s3.ts';
import { keySetForm } from './key-set-v2.ts';
import type { KeySetV2 } from './key-set-v2.ts';
import { obtainGranted } from './request-with-keys-v2.ts';
import { serverKeySource } from './server.ts';

const DAY = 86_400_000;

/** A world whose keys a test rotates, and a device of it. */
async function setting() {
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  const world = await createWorld();
  const generation = (g: number) => newGenerationV2(root, g, world.clock.now() + 90 * DAY);
  const [one, two, three] = [await generation(1), await generation(2), await generation(3)];
  const serve = (...v2: ServerKeys['v2']) => {
    world.keys = { ...world.keys, root: root.publicKey, v2, version: String(Math.random()) };
    world.clock.advance(10_000);
    return world.server.keys.changedSince(world.server.keys.current());
  };
  await serve(one);
  const { code } = await inviteInto(world);
  const device = clientOf(world);
  await enrolDevice(device.client, { code, hint: '', replace: false });
  return { world, device, serve, generations: [one, two, three] as const };
}

const fileOf = (generation: ServerKeys['v2'][number]) => encodeKeySet(generation);

/** A source of one file that a test replaces. */
function sourceOf(
  device: { client: Parameters<typeof keySetForm>[0] },
  held: { file: Uint8Array; asked: number },
): KeySource<KeySetV2> {
  return {
    name: 'test',
    fetch: (known) => {
      held.asked += 1;
      const version = String(held.file.length) + String(held.file.at(-1));
      return known?.version === version
        ? Promise.resolve('unchanged')
        : keySetForm(device.client).make([held.file], version);
    },
  };
}

async function start() {
  const all = await setting();
  const held = { file: fileOf(all.generations[0]) as Uint8Array, asked: 0 };
  const events: string[] = [];
  const logger = { log: (level: LogLevel, event: string) => void events.push(`${level} ${event}`) };
  const keyRing = createKeyRing(sourceOf(all.device, held), logger);
  const get = () =>
    obtainGranted({
      device: all.device.client,
      keyRing,
      logger,
      source: 'secretsmanager,wall-dashboards',
      destination: '',
    });
  return { ...all, held, events, keyRing, get };
}

const settled = async (world: World, isDone: () => boolean) => {
  for (let i = 0; i < 1000 && !isDone(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(world.alerts).toEqual([]);
};

describe('obtainGranted', () => {
  it('asks the source once, and then only for a reason', async () => {
    const { get, held } = await start();
    for (let i = 0; i < 4; i++) await get();
    expect(held.asked).toBe(1);
  });

  it('renews across a rotation without a refusal, and takes the new keys when a reply names them', async () => {
    const { get, held, generations, serve, keyRing, world, device } = await start();
    await get();
    const before = device.urls.length;
    await serve(generations[1], generations[0]);
    held.file = fileOf(generations[1]);
    await get();
    await settled(world, () => keyRing.current()?.generation === 2);
    expect(keyRing.current()?.generation).toBe(2);
    await serve(generations[1]);
    await get();
    expect(device.urls.length - before).toBe(2);
    expect(device.store.enrolled().floor.generation).toBe(2);
  });

  it('says that a source is frozen which has not the generation that the server names', async () => {
    const { get, generations, serve, events, world } = await start();
    await get();
    await serve(generations[1], generations[0]);
    await get();
    await settled(world, () => events.includes('warn keys.frozen'));
    expect(events).toContain('warn keys.frozen');
  });

  it('fetches once where an answer does not open, asks again with other keys, and not with the same', async () => {
    const { get, held, generations, serve, device } = await start();
    await get();
    await serve(generations[1]);
    await expect(get()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
    expect(held.asked).toBe(2);
    held.file = fileOf(generations[1]);
    await get();
    expect(held.asked).toBe(3);
    expect(device.store.enrolled().floor).toEqual({ serial: 1, generation: 2 });
  });

  it('never takes older keys than it has seen, nor those of another root', async () => {
    const { held, generations, keyRing, get, world } = await start();
    held.file = fileOf(generations[1]);
    await keyRing.refresh();
    held.file = fileOf(generations[0]);
    await expect(keyRing.refresh('whole')).rejects.toMatchObject({ code: 'KEYS_INTEGRITY' });
    const other = await softwareSigner(await generateKeyPair('ed25519'));
    held.file = fileOf(await newGenerationV2(other, 3, world.clock.now() + DAY));
    await expect(keyRing.refresh('whole')).rejects.toMatchObject({ code: 'KEYS_INTEGRITY' });
    expect(keyRing.current()?.generation).toBe(2);
    await expect(get()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
  });
});

describe('key sources of protocol 2', () => {
  it('reads one file from a directory, at its top or in build/', async () => {
    const { device, generations } = await setting();
    for (const place of ['', 'build/']) {
      const [path, bytes] = [`/keys/${place}keyset.bin`, fileOf(generations[0])];
      const files = {
        read: (asked: string) => Promise.resolve(asked === path ? bytes : undefined),
        stamp: (asked: string) => Promise.resolve(asked === path ? 'one' : undefined),
      };
      const source = directorySource({ files, directory: '/keys' }, keySetForm(device.client));
      const set = await source.fetch();
      expect(set).toMatchObject({ generation: 1 });
      expect(await source.fetch(set === 'unchanged' ? undefined : set)).toBe('unchanged');
    }
    const none = { read: () => Promise.resolve(undefined), stamp: () => Promise.resolve(undefined) };
    const missing = directorySource({ files: none, directory: '/keys' }, keySetForm(device.client));
    await expect(missing.fetch()).rejects.toMatchObject({
      code: 'KEYS_NOT_FOUND',
      message: expect.stringContaining('keyset.bin') as string,
    });
  });

  it('reads one file from an npm package, and refuses what is none', async () => {
    const { device, generations } = await setting();
    for (const [bytes, code] of [
      [fileOf(generations[0]), 'ok'],
      [new Uint8Array(10), 'KEYS_INVALID'],
    ] as const) {
      const tarball = tarballOf({ 'keyset.bin': bytes });
      const dist = { tarball: 'https://npm.test/k.tgz', integrity: integrityOf(tarball) };
      const packument = { 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { dist } } };
      const { fetch } = recordingFetch(({ url }) =>
        Promise.resolve(url.endsWith('.tgz') ? answer(200, tarball) : answer(200, JSON.stringify(packument))),
      );
      const options = { fetch, registry: 'https://npm.test/', scope: '@a', package: 'k', timeoutMs: 1000 };
      const outcome = await npmSource(options, keySetForm(device.client))
        .fetch()
        .then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        );
      expect(outcome).toBe(code);
    }
  });

  it('reads one object from S3, in one exchange', async () => {
    const { device, generations } = await setting();
    const { fetch, requests } = recordingFetch(({ headers }) =>
      Promise.resolve(
        headers?.['if-none-match'] === '"e"'
          ? answer(304)
          : answer(200, fileOf(generations[0]), { etag: '"e"', 'content-type': 'application/octet-stream' }),
      ),
    );
    const credentials = { accessKeyId: 'AKIAEXAMPLEEXAMPLE', secretAccessKey: 'x' };
    const options = { fetch, bucket: 'keys', region: 'eu-west-1', credentials, timeoutMs: 1000 };
    const source = s3Source(options, keySetForm(device.client));
    const set = await source.fetch();
    expect(set).toMatchObject({ generation: 1 });
    expect(requests).toHaveLength(1);
    expect(await source.fetch(set === 'unchanged' ? undefined : set)).toBe('unchanged');
  });

  it('takes them from the server, or hears that nothing is newer', async () => {
    const { device, generations, serve } = await setting();
    const source = serverKeySource(device.client);
    const set = await source.fetch();
    if (set === 'unchanged') throw new Error('nothing came');
    expect(await source.fetch(set)).toBe('unchanged');
    await serve(generations[1], generations[0]);
    expect(await source.fetch(set)).toMatchObject({ generation: 2 });
  });

  it.each([
    [404, 'KEYS_REFUSED'],
    [503, 'KEYS_UNAVAILABLE'],
    [429, 'KEYS_UNAVAILABLE'],
    [200, 'KEYS_UNREADABLE'],
  ])('says what a server means that gives none: %i', async (status, code) => {
    const { world, device } = await setting();
    const through = (): Fetch => () => Promise.resolve(answer(status, new Uint8Array(512)));
    const { client } = clientOf(world, { store: device.store, through });
    await expect(serverKeySource(client).fetch()).rejects.toMatchObject({ code });
  });
});

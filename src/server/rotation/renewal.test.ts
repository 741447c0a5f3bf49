import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestSecret } from '../../autoid/client.ts';
import { enrolDevice } from '../../autoid/v2/enrol-device.ts';
import { clientOf, fetchInto, inviteInto } from '../../autoid/v2/testing/device.ts';
import type { Clock, FileStore } from '../../core/ports.ts';
import { directoryKeySource, directorySource } from '../../keys/directory.ts';
import { createKeyRing } from '../../keys/key-ring.ts';
import { obtainSecret } from '../../keys/request-with-keys.ts';
import { keySetForm } from '../../keys/v2/key-set-v2.ts';
import { obtainGranted } from '../../keys/v2/request-with-keys-v2.ts';
import { serverKeySource } from '../../keys/v2/server.ts';
import { createNodeRandom } from '../../node/random.ts';
import { createWorld, testClock, type World } from '../testing/world.ts';
import { vaultKeySource } from './key-source.ts';
import type { Place, PublishedFiles } from './places/place.ts';
import { createRotator, type Rotator } from './rotator.ts';
import { rotateIfDue } from './schedule.ts';
import { cachedV1, rotationWorld, SILENT } from './testing/world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOURCE = 'secretsmanager,wall-dashboards';

/** A place that shows its clients each file only so long after it was published, as mirrors and caches do. */
class LaggingPlace implements Place {
  readonly name: string;
  readonly #clock: Clock;
  readonly #lagOf: (file: string) => number;
  readonly #history: { readonly at: number; readonly files: PublishedFiles }[] = [];

  constructor(name: string, clock: Clock, lagOf: (file: string) => number) {
    this.name = name;
    this.#clock = clock;
    this.#lagOf = lagOf;
  }

  publish(files: PublishedFiles): Promise<void> {
    this.#history.push({ at: this.#clock.now(), files });
    return Promise.resolve();
  }

  holds(files: PublishedFiles): Promise<boolean> {
    return Promise.resolve(this.#history.at(-1)?.files === files);
  }

  /** What a client sees, as its disk. */
  readonly files: FileStore = {
    read: (path) => Promise.resolve(this.#seen(path)?.files.get(basename(path))),
    stamp: (path) => {
      const seen = this.#seen(path);
      return Promise.resolve(seen === undefined ? undefined : String(this.#history.indexOf(seen)));
    },
  };

  #seen(path: string) {
    const until = this.#clock.now() - this.#lagOf(basename(path));
    const isThere = ({ at }: { at: number }, i: number): boolean => at <= until || i === 0;
    return basename(join(path, '..')) === 'keys' ? this.#history.filter(isThere).at(-1) : undefined;
  }
}

type Wall = () => Promise<unknown>;

/** The chain of a wall of protocol 1, from its key source to the secret. */
function wallV1(world: World, place: LaggingPlace): Wall {
  const { fetch } = fetchInto(world);
  const keyRing = createKeyRing(directoryKeySource({ files: place.files, directory: '/keys' }), SILENT);
  const random = createNodeRandom();
  const request = { fetch, random, endpoint: 'https://auto-id.test', credentialSource: SOURCE, timeoutMs: 1000 };
  return () => obtainSecret({ keyRing, logger: SILENT, request: (keySet) => requestSecret({ ...request, keySet }) });
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-renewal-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Run {
  readonly renewals: number;
  readonly failures: readonly string[];
  /** What the server refused, even where the wall then succeeded by itself. */
  readonly refused: readonly string[];
  readonly generations: number;
}

/** Walls of all kinds renew for days while the keys rotate every other day. */
async function run(
  days: number,
  overlapMs: number,
  rotate?: (rotator: Rotator, hour: number) => Promise<void>,
): Promise<Run> {
  const clock = testClock();
  const rotation = await rotationWorld(folder, ['v1', 'v2']);
  const places = [
    new LaggingPlace('prompt', clock, () => 0),
    new LaggingPlace('mirrored', clock, () => 12 * HOUR),
    // The halves of a set of protocol 1 come hours apart.
    new LaggingPlace('torn', clock, (file) => (file === 'public.pem' ? 9 : 2) * HOUR),
  ];
  const rotatorClock: Clock = { ...clock, sleep: (ms) => Promise.resolve().then(() => clock.advance(ms)) };
  const rotator = createRotator({
    vault: rotation.vault(),
    places,
    clock: rotatorClock,
    logger: SILENT,
    makeV1: cachedV1,
  });
  await rotator.advance();
  const world = await createWorld({ clock, keySource: vaultKeySource({ vault: rotation.vault(), clock }) });
  world.clock.jump(clock.now() - world.clock.now());

  const devices = await Promise.all(
    [...places, undefined].map(async (place) => {
      const { client, clock: own } = clientOf(world);
      const { code } = await inviteInto(world);
      await enrolDevice(client, { code, hint: '', replace: false });
      const source =
        place === undefined
          ? serverKeySource(client)
          : directorySource({ files: place.files, directory: '/keys' }, keySetForm(client));
      const keyRing = createKeyRing(source, SILENT);
      const wall: Wall = () =>
        obtainGranted({ device: client, keyRing, logger: SILENT, source: SOURCE, destination: '' });
      return { wall, own };
    }),
  );
  const walls = [...places.map((place) => wallV1(world, place)), ...devices.map(({ wall }) => wall)];

  const failures: string[] = [];
  let renewals = 0;
  let generation = 0;
  for (let hour = 0; hour < days * 24; hour++) {
    ({ generation } = await (rotate === undefined
      ? rotateIfDue({ ...rotator, rotate: () => rotator.rotate({ overlapMs }) }, clock.now(), 2 * DAY)
      : rotate(rotator, hour).then(() => rotator.advance())));
    // What the server does every five seconds.
    await world.server.keys.changedSince(world.server.keys.current());
    // Every wall once in six hours, each in its own.
    for (const [i, wall] of walls.entries()) {
      if ((hour + i) % 6 !== 0) continue;
      renewals += 1;
      await wall().catch((error: unknown) =>
        failures.push(`hour ${String(hour)}, wall ${String(i)}: ${String(error)}`),
      );
    }
    const before = clock.now();
    clock.advance(HOUR);
    world.clock.advance(HOUR);
    for (const { own } of devices) own.jump(clock.now() - own.now());
    expect(clock.now()).toBeGreaterThan(before);
  }
  const refused = world.events.filter(({ allowed }) => !allowed).map(({ event, reason }) => `${event} ${reason}`);
  world.server.keys.stop();
  return { renewals, failures, refused, generations: generation };
}

describe('walls across rotations', () => {
  it('renew without one refusal while places lag, and one shows the halves of two generations', async () => {
    const { renewals, failures, refused, generations } = await run(7, DAY);
    expect({ failures, refused }).toEqual({ failures: [], refused: [] });
    expect(generations).toBeGreaterThanOrEqual(4);
    expect(renewals).toBeGreaterThan(150);
  });

  it('would be refused with an overlap that is shorter than what places lag', async () => {
    const { refused } = await run(3, HOUR);
    expect(refused.length).toBeGreaterThan(0);
  });

  it('are served again after an emergency as soon as their place shows the new keys', async () => {
    const { failures } = await run(2, DAY, async (rotator, hour) => {
      if (hour === 30) await rotator.rotate({ emergency: true });
    });
    // The prompt place's walls and those that ask the server itself lose nothing; the others wait for their places.
    const walls = new Set(failures.map((failure) => /wall (\d)/.exec(failure)?.[1]));
    for (const wall of ['0', '3', '6']) expect(walls.has(wall)).toBe(false);
    const last = Math.max(...failures.map((failure) => Number(/hour (\d+)/.exec(failure)?.[1])));
    expect(last).toBeLessThan(30 + 12 + 1);
    expect(failures.length).toBeGreaterThan(0);
  });
});

import { describe, expect, it } from 'vitest';
import type { Fetch } from '../../core/ports.ts';
import { createKeyRing } from '../../keys/key-ring.ts';
import { serverKeySource } from '../../keys/v2/server.ts';
import { createWorld, newGenerationV2 } from '../../server/testing/world.ts';
import type { World } from '../../server/testing/world.ts';
import type { DeviceClient } from './client.ts';
import { enrolDevice } from './enrol-device.ts';
import { generateKeyPair, softwareSigner } from './signatures.ts';
import { clientOf, inviteInto, testStore } from './testing/device.ts';
import type { TestClient } from './testing/device.ts';

const SOURCE = 'secretsmanager,wall-dashboards';
const quiet = { log: () => undefined };

async function keysOf(client: DeviceClient) {
  const ring = createKeyRing(serverKeySource(client), quiet);
  await ring.refresh();
  const set = ring.current();
  if (set === undefined) throw new Error('no keys');
  return set;
}

const ask = async (client: DeviceClient, source = SOURCE) => client.request(await keysOf(client), source, '');

async function enrolled(
  world: World,
  options: Parameters<typeof clientOf>[1] = {},
): Promise<TestClient & { id: string }> {
  const { code, id } = await inviteInto(world);
  const made = clientOf(world, options);
  await enrolDevice(made.client, { code, hint: 'box', replace: false });
  return { ...made, id };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('a device', () => {
  it('enrols, takes its keys from the server, and is given what it may have, on one step after the other', async () => {
    const world = await createWorld();
    const { client, store, urls } = await enrolled(world);
    expect(store.enrolled().floor).toEqual({ serial: 1, generation: 1 });
    for (let n = 1; n <= 3; n++) {
      const { payload, currentGeneration } = await ask(client);
      expect(JSON.parse(new TextDecoder().decode(payload))).toMatchObject({ kind: 'secret' });
      expect(currentGeneration).toBe(1);
      expect(store.enrolled().step).toMatchObject({ n, answered: true });
    }
    // There is no way back to protocol 1.
    expect(new Set(urls.map((url) => new URL(url).pathname))).toEqual(
      new Set(['/v2/enrol', '/v2/keyset', '/v2/credentials']),
    );
  });

  it('shares one step among requests at once', async () => {
    const world = await createWorld();
    const { client, store } = await enrolled(world);
    const keys = await keysOf(client);
    await Promise.all(Array.from({ length: 8 }, () => client.request(keys, SOURCE, '')));
    expect(store.enrolled().step).toMatchObject({ n: 1, answered: true });
    await client.request(keys, SOURCE, '');
    expect(store.enrolled().step).toMatchObject({ n: 2, answered: true });
  });

  it('repeats its step until it is answered, whatever becomes of requests and replies', async () => {
    const world = await createWorld();
    let [isDown, loses] = [false, false];
    const through =
      (inner: Fetch): Fetch =>
      async (request) => {
        if (isDown) throw new Error('no network');
        const answer = await inner(request);
        if (loses && request.url.endsWith('credentials')) throw new Error('the reply is lost');
        return answer;
      };
    const { client, store } = await enrolled(world, { through });
    const keys = await keysOf(client);
    for (const [down, lost] of [
      [true, false],
      [false, true],
      [true, true],
      [false, true],
    ] as const) {
      [isDown, loses] = [down, lost];
      await expect(client.request(keys, SOURCE, '')).rejects.toThrow();
      expect(store.enrolled().step).toMatchObject({ n: 1, answered: false });
    }
    [isDown, loses] = [false, false];
    await client.request(keys, SOURCE, '');
    expect(store.enrolled().step).toMatchObject({ n: 1, answered: true });
    expect(world.alerts).toEqual([]);
  });

  it.each(['before', 'after'] as const)(
    'goes on without a disk, and says so: a write fails %s it is done',
    async (fails) => {
      const world = await createWorld();
      const { client, store, events } = await enrolled(world);
      const keys = await keysOf(client);
      await client.request(keys, SOURCE, '');
      store.fails = fails;
      for (let i = 0; i < 3; i++) await client.request(keys, SOURCE, '');
      expect(events).toContain('error device.step-unwritable');
      store.fails = 'never';
      // Another start of the program goes on from whatever lies on the disk.
      const again = clientOf(world, { store: testStore(store.document) });
      for (let i = 0; i < 3; i++) await ask(again.client);
      expect(world.alerts).toEqual([]);
    },
  );

  it('repeats its step on a disk that can only be read, and proves nothing from there', async () => {
    const world = await createWorld();
    const { client, store } = await enrolled(world);
    await ask(client);
    const readOnly = testStore(store.document);
    readOnly.isReadOnly = true;
    const reader = clientOf(world, { store: readOnly });
    for (let i = 0; i < 3; i++) await ask(reader.client);
    expect(readOnly.enrolled().step.n).toBe(1);
    // Another program of the machine that can write has gone on: the reader is late, and no copy.
    await ask(client);
    expect(await codeOf(ask(reader.client))).toBe('DEVICE_STEP_UNWRITABLE');
    expect(world.alerts).toEqual([]);
    await ask(client);
  });

  it('takes new keys on a disk that is full, and no older ones after that', async () => {
    const world = await createWorld();
    const { client, store, events } = await enrolled(world);
    const root = await softwareSigner(await generateKeyPair('ed25519'));
    const files = await Promise.all([1, 2].map((g) => newGenerationV2(root, g, world.clock.now() + 86_400_000)));
    await client.book.change((record) => {
      if (record.enrolled === undefined) throw new Error('not enrolled');
      return { ...record, enrolled: { ...record.enrolled, root: root.publicKey } };
    });
    const [one, two] = files;
    if (one === undefined || two === undefined) throw new Error('no keys');
    store.fails = 'before';
    expect(await client.accept(two)).toMatchObject({ generation: 2 });
    expect(events).toContain('error device.step-unwritable');
    expect(await codeOf(client.accept(one))).toBe('KEYS_INTEGRITY');
    store.fails = 'never';
    await client.accept(two);
    expect(store.enrolled().floor.generation).toBe(2);
  });

  it.each([3_600_000, -3_600_000])(
    'corrects a clock that is %i ms wrong by a sealed reply, and says so once',
    async (aheadMs) => {
      const world = await createWorld();
      const { code } = await inviteInto(world);
      const enrolling = clientOf(world);
      await enrolDevice(enrolling.client, { code, hint: '', replace: false });
      const { client, clock, events, urls, store } = clientOf(world, { store: enrolling.store, aheadMs });
      const keys = await keysOf(client);
      await client.request(keys, SOURCE, '');
      await client.request(keys, SOURCE, '');
      // The first was refused for its clock, and asked again at once.
      expect(urls.filter((url) => url.endsWith('credentials'))).toHaveLength(3);
      expect(client.clock.aheadMs()).toBe(aheadMs);
      expect(events.filter((event) => event === 'warn device.clock-wrong')).toHaveLength(1);
      clock.jump(-aheadMs);
      await client.request(keys, SOURCE, '');
      expect(events).toContain('info device.clock-right');
      expect(store.enrolled().step).toMatchObject({ n: 3, answered: true });
    },
  );

  it('does not believe a time that took more than 30 s to come', async () => {
    const world = await createWorld();
    const enrolling = await enrolled(world);
    let advance = (): void => undefined;
    const through =
      (inner: Fetch): Fetch =>
      async (request) => {
        const answer = await inner(request);
        advance();
        return answer;
      };
    const made = clientOf(world, { store: enrolling.store, through, aheadMs: 3_600_000 });
    const keys = await keysOf(made.client);
    advance = () => {
      made.clock.advance(30_001);
    };
    await expect(made.client.request(keys, SOURCE, '')).rejects.toMatchObject({ code: 'DEVICE_CLOCK_WRONG' });
    expect(made.client.clock.aheadMs()).toBeUndefined();
    advance = () => undefined;
    await made.client.request(keys, SOURCE, '');
  });

  it('is told of its copy, and so is the server, whichever of the two comes second', async () => {
    for (const stepsOfOne of [1, 2, 5]) {
      const world = await createWorld();
      const one = await enrolled(world);
      await ask(one.client);
      const other = clientOf(world, { store: testStore(one.store.document) });
      for (let i = 0; i < stepsOfOne; i++) await ask(one.client);
      expect(await codeOf(ask(other.client))).toBe('DEVICE_LOCKED');
      expect(world.alerts).not.toEqual([]);
      const keys = await keysOf(clientOf(world, { store: (await enrolled(world)).store }).client);
      expect(await codeOf(one.client.request(keys, SOURCE, ''))).toBe('DEVICE_LOCKED');
      expect(await codeOf(keysOf(one.client))).toBe('KEYS_REFUSED');
    }
  });

  it('hears the sealed word of the server', async () => {
    const world = await createWorld();
    const { client, id } = await enrolled(world);
    const keys = await keysOf(client);
    const request = (source = SOURCE) => client.request(keys, source, '');
    expect(await codeOf(request('secretsmanager,other'))).toBe('DEVICE_REFUSED');
    expect(await codeOf(request('secretsmanager,wall-missing'))).toMatch(/^(SERVER_UNAVAILABLE|DEVICE_REFUSED)$/);
    const document = await world.state.get('device', id);
    await world.state.remove('device', id, document?.version ?? 0);
    expect(await codeOf(request())).toBe('DEVICE_REFUSED');
    expect(await codeOf(keysOf(client))).toBe('KEYS_REFUSED');
  });

  it.each([
    ['a changed reply', { status: 200, flip: true }, 'SERVER_ANSWER_UNREADABLE'],
    ['a refusal that does not open', { status: 404, body: new Uint8Array(512) }, 'SERVER_REFUSED'],
    ['a page of a proxy', { status: 200, body: new TextEncoder().encode('<html>') }, 'SERVER_ANSWER_UNREADABLE'],
    ['a gateway that is down', { status: 502, body: new Uint8Array() }, 'SERVER_UNAVAILABLE'],
    ['too many', { status: 429, body: new Uint8Array() }, 'SERVER_UNAVAILABLE'],
    ['a redirect', { status: 302, body: new Uint8Array() }, 'SERVER_ANSWER_UNREADABLE'],
  ])('takes no answer but a sealed one: %s', async (_, answer, code) => {
    const world = await createWorld();
    let isOn = false;
    const through =
      (inner: Fetch): Fetch =>
      async (request) => {
        const real = await inner(request);
        if (!isOn) return real;
        if (!('flip' in answer)) return { ...answer, headers: {} };
        return { ...real, body: real.body.map((byte, i) => (i === 100 ? byte ^ 1 : byte)) };
      };
    const { client } = await enrolled(world, { through });
    const keys = await keysOf(client);
    isOn = true;
    expect(await codeOf(client.request(keys, SOURCE, ''))).toBe(code);
  });
});

describe('an enrolment', () => {
  it('is finished by the same code after a crash at any of its steps', async () => {
    class Crash extends Error {}
    let steps = -1;
    for (let at = 0, isDone = false; !isDone; at++) {
      const world = await createWorld();
      const { code, id } = await inviteInto(world);
      const store = testStore();
      let left = at;
      /** The power goes before or after each thing that the program does outside itself. */
      const tick = (): void => {
        if (left === 0) throw new Crash();
        left -= 1;
      };
      const crashing = {
        ...store,
        async read() {
          tick();
          return Promise.resolve(store.document);
        },
        async write(document: Uint8Array) {
          tick();
          await store.write(document);
          tick();
        },
      };
      const through =
        (inner: Fetch): Fetch =>
        async (request) => {
          tick();
          const answer = await inner(request);
          tick();
          return answer;
        };
      const outcome = await enrolDevice(clientOf(world, { store: crashing, through }).client, {
        ...{ code, hint: 'box', replace: false },
      }).then(
        () => 'done',
        (error: unknown) => {
          if (error instanceof Crash) return 'crashed';
          throw error;
        },
      );
      const again = clientOf(world, { store: testStore(store.document) });
      if (store.document === undefined || !/"enrolled"/.test(new TextDecoder().decode(store.document))) {
        expect(await enrolDevice(again.client, { code, hint: 'box', replace: false })).toMatchObject({ deviceId: id });
      }
      await ask(again.client);
      await ask(again.client);
      expect(world.alerts).toEqual([]);
      steps = at;
      isDone = outcome === 'done';
    }
    expect(steps).toBeGreaterThanOrEqual(6);
  });

  it('is refused with a code that is unknown, used by another machine, or mistyped', async () => {
    const [world, elsewhere] = [await createWorld(), await createWorld()];
    const { code } = await inviteInto(world);
    const stranger = (await inviteInto(elsewhere)).code;
    const by = (given: string) => enrolDevice(clientOf(world).client, { code: given, hint: '', replace: false });
    expect(await codeOf(by(stranger))).toBe('ENROL_REFUSED');
    expect(await codeOf(by(code.slice(1)))).toBe('ENROL_CODE_INVALID');
    expect(await codeOf(by(code))).toBe('ok');
    expect(await codeOf(by(code))).toBe('ENROL_REFUSED');
    // Two holders of one code: the device is locked, and somebody is told.
    expect(world.alerts).not.toEqual([]);
  });

  it('gives up an enrolled device only when asked to, and only once the new one is there', async () => {
    const world = await createWorld();
    const { client, store, id } = await enrolled(world);
    const { code, id: next } = await inviteInto(world);
    expect(await codeOf(enrolDevice(client, { code, hint: '', replace: false }))).toBe('ENROL_REFUSED');
    const stranger = (await inviteInto(await createWorld())).code;
    expect(await codeOf(enrolDevice(client, { code: stranger, hint: '', replace: true }))).toBe('ENROL_REFUSED');
    expect(store.enrolled().deviceId).toBe(id);
    await ask(client);
    await enrolDevice(client, { code, hint: '', replace: true });
    expect(store.enrolled().deviceId).toBe(next);
    await ask(client);
  });

  it('is asked for by whoever needs it and is not there', async () => {
    const world = await createWorld();
    expect(await codeOf(keysOf(clientOf(world).client))).toBe('DEVICE_NOT_ENROLLED');
    const broken = clientOf(world, { store: testStore(new TextEncoder().encode('{"vigil":"device"}')) });
    expect(await codeOf(keysOf(broken.client))).toBe('DEVICE_UNREADABLE');
  });
});

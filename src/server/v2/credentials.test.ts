import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../autoid/encoding.ts';
import { divergenceProof } from '../../autoid/v2/counter.ts';
import { prepareKeys } from '../../autoid/v2/request.ts';
import { generateKeyPair, softwareSigner } from '../../autoid/v2/signatures.ts';
import { AppError } from '../../core/errors.ts';
import { asJson } from '../devices/document.ts';
import {
  createWorld,
  enrolled,
  freshX,
  newGenerationV2,
  SERVER_ID,
  testDevice,
  type TestDevice,
  type World,
} from '../testing/world.ts';
import { nativeSuite } from './native-suite.ts';

async function start(options: Parameters<typeof enrolled>[1] = {}): Promise<{ world: World; device: TestDevice }> {
  const world = await createWorld();
  return { world, device: await enrolled(world, options) };
}

const codeOf = async (asking: ReturnType<TestDevice['ask']>): Promise<string | undefined> => (await asking).reply?.code;

/** Whether an answer has the one look of a refusal. */
async function isRefusal(response: Response): Promise<boolean> {
  return response.status === 404 && (await response.arrayBuffer()).byteLength === 512;
}

describe('a request for credentials', () => {
  it.each(['ed25519', 'p256'] as const)(
    'of a device with a key of %s is answered, again and again',
    async (algorithm) => {
      const { world, device } = await start({ algorithm });
      for (let n = 1; n <= 3; n++) {
        const { status, reply } = await device.ask();
        expect(status).toBe(200);
        expect(reply).toMatchObject({
          code: 'ok',
          stepAccepted: true,
          now: world.clock.now(),
          currentGeneration: 1,
          serverStep: n,
        });
        const text = fromUtf8(reply?.payload ?? new Uint8Array()) ?? '';
        expect(JSON.parse(text)).toEqual({ kind: 'secret', text: expect.stringMatching(/^AKIA/) as string });
      }
      expect(world.store.issued[0]).toMatchObject({ caller: { id: device.id, name: 'lobby-1' }, address: '192.0.2.1' });
      expect(world.events).toHaveLength(3);
      expect(world.events[0]).toEqual({
        ...{
          event: 'credentials',
          allowed: true,
          reason: 'ok',
          caller: device.id,
          generation: 1,
          address: '192.0.2.1',
        },
        source: 'secretsmanager,wall-dashboards',
      });
    },
  );

  it('is answered once, however many copies of it come at once', async () => {
    const { world, device } = await start();
    const request = await device.seal();
    const answers = await Promise.all(Array.from({ length: 1000 }, () => world.post('/v2/credentials', request.body)));
    const replies = await Promise.all(
      answers.map(async (answer) =>
        request.openReply({ status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) }),
      ),
    );
    const codes = replies.map((reply) => reply?.code);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
    expect(codes.filter((code) => code === 'replayed')).toHaveLength(999);
    expect(world.store.issued).toHaveLength(1);
  });

  it('of a step that was not answered may come many times at once, each with its own nonce', async () => {
    const { world, device } = await start();
    const first = await device.seal();
    const more = await Promise.all(Array.from({ length: 20 }, () => device.seal({ step: device.step })));
    const answers = await Promise.all([first, ...more].map((request) => device.ask(request)));
    expect(answers.map(({ reply }) => reply?.code)).toEqual(Array.from({ length: 21 }, () => 'ok'));
    expect(await device.document()).toMatchObject({
      status: 'active',
      key: { counter: { n: 1 }, window: { count: 21 } },
    });
    expect(world.alerts).toEqual([]);
  });

  it('gets no two replies that begin alike', async () => {
    const { world, device } = await start();
    const request = await device.seal();
    const salts = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const body = Buffer.from(await (await world.post('/v2/credentials', request.body)).arrayBuffer());
      salts.add(body.subarray(0, 32).toString('hex'));
    }
    expect(salts.size).toBe(20);
  });

  it('is refused with any bit of it flipped, and changes nothing', async () => {
    const { world, device } = await start();
    const { body } = await device.seal();
    const before = await device.document();
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = new Uint8Array(body);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await isRefusal(await world.post('/v2/credentials', changed, {}))).toBe(true);
    }
    expect(await device.document()).toEqual(before);
    expect(world.store.issued).toEqual([]);
  });

  it('is refused on every other path, by every other server, generation and form', async () => {
    const { world, device } = await start();
    const { body } = await device.seal();
    for (const path of ['/v2/enrol', '/v2/keyset']) expect(await isRefusal(await world.post(path, body))).toBe(true);
    expect((await world.post('/v2/other', body)).status).toBe(404);
    expect(await isRefusal(await world.post('/v2/credentials', body, {}, 'application/json'))).toBe(true);
    expect(await isRefusal(await world.post('/v2/credentials', new Uint8Array()))).toBe(true);
    expect(await isRefusal(await world.post('/v2/credentials', new Uint8Array(70_000)))).toBe(true);
    const [current] = world.keys.v2;
    if (current === undefined) throw new Error('no keys');
    for (const keys of [
      { ...current, serverId: 'another-server' },
      { ...current, serverId: SERVER_ID, generation: 2 },
      { ...current, serverId: SERVER_ID, entropy: new Uint8Array(current.entropy).fill(1) },
    ]) {
      const other = await device.seal({ keys: await prepareKeys(nativeSuite, keys) });
      expect(await isRefusal(await world.post('/v2/credentials', other.body))).toBe(true);
    }
    expect(world.store.issued).toEqual([]);
  });

  it('of an unknown device, or by another key, learns nothing but that it is refused', async () => {
    const { world, device } = await start();
    const stranger = await testDevice(world, 'ab'.repeat(16), device.signer, device.step);
    expect(await codeOf(stranger.ask())).toBe('refused');
    const thief = await testDevice(
      world,
      device.id,
      await softwareSigner(await generateKeyPair('ed25519')),
      device.step,
    );
    expect(await codeOf(thief.ask())).toBe('refused');
    expect(world.events.map(({ reason }) => reason)).toEqual(['unknown-device', 'signature']);
    expect(await device.document()).toMatchObject({ key: { window: { count: 0 } } });
  });

  it('is told the time when its own is more than two minutes off, and nothing is changed', async () => {
    const { world, device } = await start();
    for (const [skew, code] of [
      [-120_001, 'clock'],
      [120_001, 'clock'],
      [-120_000, 'ok'],
      [120_000, 'ok'],
    ] as const) {
      const asked = await device.ask(await device.seal({ timestamp: world.clock.now() + skew }));
      expect(asked.reply).toMatchObject({ code, now: world.clock.now(), stepAccepted: code === 'ok' });
    }
  });

  it('is judged by the time at which it is taken, however long it had to wait for that', async () => {
    const { world, device } = await start();
    const document = (await world.state.get('device', device.id))?.value;
    world.state.beforeWrite = () => {
      world.state.beforeWrite = () => undefined;
      world.state.tamper('device', device.id, document);
      world.clock.advance(120_001);
    };
    expect((await device.ask()).reply).toMatchObject({ code: 'clock', stepAccepted: false });
    expect(world.store.issued).toEqual([]);
  });

  it('is known as a replay for as long as its timestamp is good', async () => {
    const { world, device } = await start();
    const request = await device.seal({ timestamp: world.clock.now() + 119_000 });
    expect(await codeOf(device.ask(request))).toBe('ok');
    for (let i = 0; i < 23; i++) {
      world.clock.advance(10_000);
      expect(await codeOf(device.ask(await device.seal()))).toBe('ok');
      expect(await codeOf(device.ask(request))).toBe('replayed');
    }
    world.clock.advance(10_000);
    expect(await codeOf(device.ask(request))).toBe('clock');
    world.clock.advance(400_000);
    await device.ask();
    expect((await device.document()) as { key?: { nonces?: unknown[] } }).toMatchObject({
      key: { nonces: [expect.anything()] },
    });
  });

  it('is refused beyond the rate of its hour, and allowed again in the next', async () => {
    const { world, device } = await start({ policy: { requestsPerHour: 3 } });
    for (let i = 0; i < 3; i++) expect(await codeOf(device.ask())).toBe('ok');
    world.clock.advance(600_000);
    expect((await device.ask()).reply).toMatchObject({ code: 'rate', stepAccepted: false, retryAfterSeconds: 3000 });
    world.clock.advance(3_000_000);
    expect(await codeOf(device.ask())).toBe('ok');
  });
});

describe('the linked counter', () => {
  it('locks both copies of a device once both have gone on', async () => {
    const { world, device } = await start();
    await device.ask();
    const clone = await testDevice(world, device.id, device.signer, device.step);
    expect(await codeOf(device.ask())).toBe('ok');
    expect(await codeOf(clone.ask())).toBe('locked');
    expect(await codeOf(device.ask())).toBe('locked');
    expect(await device.document()).toMatchObject({ status: 'locked', reason: 'fork' });
    expect(world.alerts).toEqual([expect.objectContaining({ reason: 'fork', name: 'lobby-1' })]);
    expect(world.events.map(({ reason }) => reason)).toEqual(['ok', 'ok', 'fork', 'locked']);
  });

  it('never locks for a request that was late, but for the proof that another copy went on', async () => {
    const { world, device } = await start();
    const delayed = await device.seal();
    const again = await device.seal({ step: device.step });
    expect(await codeOf(device.ask(again))).toBe('ok');
    await device.ask();
    await device.ask();
    expect((await device.ask(delayed)).reply).toMatchObject({ code: 'late', stepAccepted: false, serverStep: 3 });
    expect(await device.document()).toMatchObject({ status: 'active' });

    const clone = await testDevice(world, device.id, device.signer, {
      n: 1,
      p: freshX(),
      x: freshX(),
      answered: false,
    });
    const { reply } = await clone.ask();
    expect(reply?.code).toBe('late');
    const proof = await clone.seal({ step: divergenceProof(clone.step, reply?.serverStep ?? 0, freshX) });
    expect(await codeOf(clone.ask(proof))).toBe('locked');
    expect(await device.document()).toMatchObject({ status: 'locked', reason: 'fork' });
  });

  it('says ahead after a restore, until an operator lets it adopt the step', async () => {
    const { world, device } = await start();
    const item = await world.state.get('device', device.id);
    for (let i = 0; i < 4; i++) await device.ask();
    world.state.tamper('device', device.id, item?.value);
    expect((await device.ask()).reply).toMatchObject({ code: 'ahead', stepAccepted: false, serverStep: 0 });
    expect(world.alerts).toEqual([expect.objectContaining({ reason: 'ahead' })]);
    const document = await device.document();
    if (document.status !== 'active') throw new Error('not active');
    const resync = { ...document, key: { ...document.key, resyncUntil: world.clock.now() + 1000 } };
    world.state.tamper('device', device.id, asJson(resync));
    expect((await device.ask()).reply).toMatchObject({ code: 'ok', stepAccepted: true, serverStep: 5 });
    const after = await device.document();
    expect(after.status === 'active' && after.key.resyncUntil).toBe(undefined);
    expect(await codeOf(device.ask())).toBe('ok');
  });

  it('locks no honest device, however its messages are dropped, repeated and mixed up', async () => {
    const world = await createWorld();
    type Move = { readonly kind: 'send' | 'deliver' | 'repeat' | 'drop'; readonly pick: number };
    const move = fc.record({
      kind: fc.constantFrom('send', 'deliver', 'deliver', 'repeat', 'drop'),
      pick: fc.nat(50),
    }) as fc.Arbitrary<Move>;
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 25 }), async (moves) => {
        const device = await enrolled(world, { policy: { requestsPerHour: 10_000 } });
        const wire: Awaited<ReturnType<TestDevice['seal']>>[] = [];
        const seen: typeof wire = [];
        for (const { kind, pick } of moves) {
          if (kind === 'send') wire.push(await device.seal(wire.length === 0 ? {} : { step: device.step }));
          else if (kind === 'repeat') {
            const old = seen[pick % Math.max(1, seen.length)];
            if (old !== undefined) await world.post('/v2/credentials', old.body);
          } else {
            const [one] = wire.splice(pick % Math.max(1, wire.length), 1);
            if (one === undefined) continue;
            seen.push(one);
            if (kind === 'deliver') await device.ask(one);
          }
        }
        expect((await device.document()).status).toBe('active');
      }),
      { numRuns: 60 },
    );
    expect(world.alerts).toEqual([]);
  });
});

describe('what a verified device may have', () => {
  it('depends on where it asks from; the step counts all the same', async () => {
    const { device } = await start({ policy: { networks: ['10.1.0.0/16', '2001:db8::/32'] } });
    for (const [address, code] of [
      ['10.1.2.3', 'ok'],
      ['10.2.0.1', 'policy'],
      ['2001:db8::7', 'ok'],
      ['2001:db9::7', 'policy'],
      [undefined, 'policy'],
    ] as const) {
      expect((await device.ask(undefined, { address })).reply).toMatchObject({ code, stepAccepted: true });
    }
    expect(await device.document()).toMatchObject({ key: { counter: { n: 5 } } });
  });

  it('depends on its list, in the one spelling of source and destination', async () => {
    const { world, device } = await start({
      policy: {
        allow: [
          { source: 'secretsmanager,wall-dashboards' },
          { source: 'secretsmanager,with-token', destination: 'alarms:*' },
        ],
      },
    });
    const ask = async (source: string, destination = ''): Promise<unknown> =>
      codeOf(device.ask(await device.seal({ source, destination })));
    expect(await ask('secretsmanager,wall-dashboards')).toBe('ok');
    expect(await ask('secretsmanager,wall-dashboards', 'alarms:x')).toBe('policy');
    expect(await ask('secretsmanager,with-token')).toBe('policy');
    expect(await ask('secretsmanager,with-token', 'alarms:x')).toBe('ok');
    expect(await ask('secretsmanager,one-char')).toBe('policy');
    expect(await ask('wall-dashboards')).toBe('policy');
    expect(await ask('secretsmanager, wall-dashboards')).toBe('policy');
    expect(world.store.issued).toHaveLength(2);
  });

  it('is handed out only when the store gives it and the log has it', async () => {
    const { world, device } = await start();
    world.store.fail = new AppError('STORE_UNAVAILABLE', 'Later.', { retryAfterMs: 90_000 });
    expect((await device.ask()).reply).toMatchObject({ code: 'retry', stepAccepted: true, retryAfterSeconds: 90 });
    expect(world.events.at(-1)).toMatchObject({ allowed: false, reason: 'STORE_UNAVAILABLE', detail: 'Later.' });
    delete world.store.fail;
    world.auditFails = true;
    expect((await device.ask()).reply).toMatchObject({ code: 'retry', stepAccepted: true });
    world.auditFails = false;
    expect((await device.ask()).reply).toMatchObject({ code: 'ok', serverStep: 3 });
  });

  it('is nothing once the device is locked or revoked', async () => {
    const { world, device } = await start();
    const document = await device.document();
    if (document.status !== 'active') throw new Error('not active');
    const { key, ...base } = document;
    const locked = { ...base, status: 'locked', reason: 'operator', lockedAt: 1, key } as const;
    world.state.tamper('device', device.id, asJson(locked));
    expect((await device.ask()).reply).toMatchObject({ code: 'locked', stepAccepted: false });
    world.state.tamper('device', device.id, asJson({ ...base, status: 'revoked', revokedAt: 1 }));
    expect(await codeOf(device.ask())).toBe('refused');
  });

  it('is told to come again while the state cannot be used', async () => {
    const { world, device } = await start();
    world.state.beforeWrite = () => {
      throw new AppError('STATE_UNAVAILABLE', 'The disk is full.');
    };
    expect((await device.ask()).reply).toMatchObject({ code: 'retry', stepAccepted: false });
    world.state.beforeWrite = () => undefined;
    expect(await codeOf(device.ask())).toBe('ok');
    world.state.tamper('device', device.id, { nonsense: true });
    expect((await device.ask()).reply).toMatchObject({ code: 'retry' });
  });

  it('waits while replays could not be told', async () => {
    let rest = 290;
    const world = await createWorld({ quarantine: { restSeconds: () => rest, stop: () => undefined } });
    const device = await enrolled(world);
    expect((await device.ask()).reply).toMatchObject({ code: 'retry', stepAccepted: false, retryAfterSeconds: 290 });
    rest = 0;
    expect(await codeOf(device.ask())).toBe('ok');
  });
});

describe('a rotation by another process', () => {
  it('is taken up by the first request that does not open, once a second at most', async () => {
    const { world, device } = await start();
    const root = await softwareSigner(await generateKeyPair('ed25519'));
    const old = world.keys;
    const second = await newGenerationV2(root, 2, world.clock.now() + 1e9);
    let reads = 0;
    world.keys = { ...old, v2: [second, ...old.v2], version: '2' };
    const keys = await prepareKeys(nativeSuite, { ...second, serverId: SERVER_ID });
    expect(await codeOf(device.ask(await device.seal({ keys })))).toBe(undefined);
    world.clock.advance(1000);
    expect((await device.ask(await device.seal({ keys }))).reply).toMatchObject({ code: 'ok', currentGeneration: 2 });
    expect((await device.ask(await device.seal())).reply).toMatchObject({ code: 'ok', currentGeneration: 2 });

    const rest = { ...old, v2: [second], version: '3' };
    Object.defineProperty(world, 'keys', { get: () => (reads++, rest) });
    world.clock.advance(1000);
    await world.server.keys.changedSince(world.server.keys.current());
    for (let i = 0; i < 10; i++) await world.post('/v2/credentials', new Uint8Array(300));
    expect(reads).toBe(1);
  });
});

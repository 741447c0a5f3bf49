import { describe, expect, it } from 'vitest';
import { firstStep } from '../../autoid/v2/counter.ts';
import { decodeEnrolmentReply, inviteOf, sealEnrolment } from '../../autoid/v2/enrol.ts';
import { sealKeyRequest } from '../../autoid/v2/key-request.ts';
import { acceptKeySet } from '../../autoid/v2/keyset.ts';
import { generateKeyPair, softwareSigner, type Signer } from '../../autoid/v2/signatures.ts';
import { createDevices } from '../devices/devices.ts';
import {
  createWorld,
  enrolled,
  freshX,
  plainSealer,
  random,
  SERVER_ID,
  testDevice,
  type World,
} from '../testing/world.ts';
import { nativeSuite } from './native-suite.ts';

const invitation = async (world: World, ttlMs = 3_600_000) =>
  createDevices({ state: world.state, clock: world.clock, random }).invite(
    { name: 'lobby-1', allow: ['secretsmanager:wall-dashboards'], networks: [], ttlMs },
    { suite: nativeSuite, sealer: plainSealer },
  );

const newSigner = async (): Promise<Signer> => softwareSigner(await generateKeyPair('ed25519'));

async function ask(world: World, code: string, signer: Signer, x0: Uint8Array<ArrayBuffer>) {
  const invite = await inviteOf(nativeSuite, code);
  const request = await sealEnrolment(nativeSuite, invite, { signer, x0, fingerprintHint: 'box 7' });
  const response = await world.post('/v2/enrol', request.body);
  const body = new Uint8Array(await response.arrayBuffer());
  const reply = await request.openReply({ status: response.status, body });
  return { status: response.status, length: body.length, reply };
}

describe('an enrolment', () => {
  it('turns an invitation into a device that is answered', async () => {
    const world = await createWorld();
    const { code, device } = await invitation(world);
    const [signer, x0] = [await newSigner(), freshX()];
    const { reply } = await ask(world, code, signer, x0);
    expect(reply).toMatchObject({ code: 'ok', stepAccepted: true, currentGeneration: 1 });
    const enrolment = await decodeEnrolmentReply(reply?.payload ?? new Uint8Array());
    expect(enrolment).toMatchObject({ deviceId: device.id, serverId: SERVER_ID, floor: { serial: 1, generation: 1 } });
    expect(enrolment?.root).toEqual(world.keys.root);
    expect(world.events).toEqual([
      { event: 'enrol', allowed: true, reason: 'ok', caller: device.id, detail: 'lobby-1', address: '192.0.2.1' },
    ]);
    const wall = await testDevice(world, device.id, signer, firstStep(x0));
    expect((await wall.ask()).reply?.code).toBe('ok');
  });

  it('whose answer was lost is answered the same again, also after the device was used', async () => {
    const world = await createWorld();
    const { code, device } = await invitation(world);
    const [signer, x0] = [await newSigner(), freshX()];
    const first = await ask(world, code, signer, x0);
    const wall = await testDevice(world, device.id, signer, firstStep(x0));
    await wall.ask();
    await wall.ask();
    const second = await ask(world, code, signer, x0);
    expect(second.reply?.code).toBe('ok');
    expect(second.reply?.payload).toEqual(first.reply?.payload);
    expect((await wall.ask()).reply?.code).toBe('ok');
    expect((await ask(world, code, signer, freshX())).reply?.code).toBe('refused');
    expect((await wall.document()).status).toBe('active');
  });

  it('with a code that another key has used locks the device, and says so to nobody but us', async () => {
    const world = await createWorld();
    const { code, device } = await invitation(world);
    const [signer, x0] = [await newSigner(), freshX()];
    await ask(world, code, signer, x0);
    const other = await ask(world, code, await newSigner(), x0);
    expect(other).toMatchObject({ status: 404, length: 512, reply: { code: 'refused' } });
    expect(world.alerts).toEqual([expect.objectContaining({ reason: 'invite-reused', name: 'lobby-1' })]);
    const wall = await testDevice(world, device.id, signer, firstStep(x0));
    expect(await wall.document()).toMatchObject({ status: 'locked', reason: 'invite-reused' });
    expect((await wall.ask()).reply?.code).toBe('locked');
    expect((await ask(world, code, signer, x0)).reply?.code).toBe('locked');
  });

  it('is one of two that come at once with the same code', async () => {
    const world = await createWorld();
    const { code } = await invitation(world);
    const answers = await Promise.all([1, 2].map(async () => ask(world, code, await newSigner(), freshX())));
    expect(answers.map(({ reply }) => reply?.code).sort()).toEqual(['ok', 'refused']);
    expect(world.alerts).toHaveLength(1);
  });

  it('comes to nothing without a code, after its end, or in another form', async () => {
    const world = await createWorld();
    const { code } = await invitation(world, 60_000);
    const elsewhere = await createWorld();
    const { code: unknown } = await invitation(elsewhere);
    expect(await ask(world, unknown, await newSigner(), freshX())).toEqual({
      status: 404,
      length: 512,
      reply: undefined,
    });
    const invite = await inviteOf(nativeSuite, code);
    const { body } = await sealEnrolment(nativeSuite, invite, {
      signer: await newSigner(),
      x0: freshX(),
      fingerprintHint: '',
    });
    for (let i = 0; i < body.length; i++) {
      const changed = new Uint8Array(body);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect((await world.post('/v2/enrol', changed, {})).status).toBe(404);
    }
    world.clock.advance(60_000);
    expect((await ask(world, code, await newSigner(), freshX())).reply).toBeUndefined();
    expect((await createDevices({ state: world.state, clock: world.clock, random }).list())[0]?.status).toBe('invited');
  });

  it('can be repeated after a crash at any write, before or after it', async () => {
    for (const when of ['beforeWrite', 'afterWrite'] as const) {
      const world = await createWorld({ logger: { log: () => undefined } });
      const { code, device } = await invitation(world);
      const [signer, x0] = [await newSigner(), freshX()];
      let writes = 0;
      world.state[when] = () => {
        writes++;
        throw new Error('killed');
      };
      expect((await ask(world, code, signer, x0)).reply).toBeUndefined();
      expect(writes).toBe(1);
      world.state[when] = () => undefined;
      expect((await ask(world, code, signer, x0)).reply?.code).toBe('ok');
      const wall = await testDevice(world, device.id, signer, firstStep(x0));
      expect((await wall.ask()).reply?.code).toBe('ok');
    }
  });
});

describe('the key set', () => {
  async function keySet(world: World, device: { id: string; signer: Signer }, known: number) {
    const request = await sealKeyRequest(nativeSuite, {
      serverId: SERVER_ID,
      deviceId: device.id,
      signer: device.signer,
      known,
    });
    const response = await world.post('/v2/keyset', request.body);
    const body = new Uint8Array(await response.arrayBuffer());
    return {
      status: response.status,
      length: body.length,
      files: await request.openReply({ status: response.status, body }),
    };
  }

  it('comes to an enrolled device over its own key, when it has another', async () => {
    const world = await createWorld();
    const device = await enrolled(world);
    const { files } = await keySet(world, device, 0);
    if (files === undefined || files === 'unchanged') throw new Error('no files');
    expect(files.entropy).toEqual(world.keys.v2[0]?.entropy);
    // Signed by a root that is not this world's: the files say who made them, not the way they came.
    const trust = { root: world.keys.root, serverId: SERVER_ID, floor: { serial: 0, generation: 0 } };
    expect(await acceptKeySet(files, trust, world.clock.now())).toMatchObject({ generation: 1 });
    expect((await keySet(world, device, 1)).files).toBe('unchanged');
    expect(world.events.map(({ event, reason }) => [event, reason])).toEqual([['keyset', 'ok']]);
  });

  it('comes also while somebody elsewhere sends an old request again and again', async () => {
    const world = await createWorld();
    const device = await enrolled(world);
    const { id: deviceId, signer } = device;
    const old = await sealKeyRequest(nativeSuite, { serverId: SERVER_ID, deviceId, signer, known: 1 });
    const elsewhere = { address: '198.51.100.66' };
    const statuses: number[] = [];
    for (let i = 0; i < 61; i++) statuses.push((await world.post('/v2/keyset', old.body, elsewhere)).status);
    expect(statuses.at(-1)).toBe(404);
    expect((await keySet(world, device, 1)).status).toBe(200);
  });

  it('comes to nobody else, and not without end', async () => {
    const world = await createWorld();
    const device = await enrolled(world);
    const refused = { status: 404, length: 512, files: undefined };
    expect(await keySet(world, { ...device, id: '00'.repeat(16) }, 0)).toEqual(refused);
    expect(await keySet(world, { ...device, signer: await newSigner() }, 0)).toEqual(refused);
    for (let i = 0; i < 60; i++) expect((await keySet(world, device, 1)).status).toBe(200);
    expect(await keySet(world, device, 1)).toEqual(refused);
    world.clock.advance(3_600_000);
    expect((await keySet(world, device, 1)).status).toBe(200);
    await createDevices({ state: world.state, clock: world.clock, random }).lock(device.id);
    expect(await keySet(world, device, 0)).toEqual(refused);
  });
});

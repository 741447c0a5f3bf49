import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromBase64Url } from '../../autoid/encoding.ts';
import { inviteOf } from '../../autoid/v2/enrol.ts';
import { webSuite } from '../../autoid/v2/suite.ts';
import { AppError } from '../../core/errors.ts';
import { createNodeRandom } from '../../node/random.ts';
import { keysFrom } from '../seal/local-keys.ts';
import { createSealer } from '../seal/sealer.ts';
import { memoryState } from '../state/testing/memory.ts';
import type { Device, EnrolledKey } from './device.ts';
import { createDevices } from './devices.ts';
import { asJson, deviceOf, inviteDocumentOf, invitePurpose } from './document.ts';
import { networkOf } from './policy.ts';

const HOUR = 3600_000;

/** Rejects with this code and a sentence like that. */
async function refused(call: Promise<unknown>, sentence: RegExp, code = 'USAGE'): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`no refusal but ${String(error)}`);
  expect([error.code, sentence.test(error.message) ? 'as told' : error.message]).toEqual([code, 'as told']);
}
const seal = { suite: webSuite, sealer: createSealer(keysFrom(randomBytes(32), 'a key')) };

function world() {
  const state = memoryState();
  const time = { now: Date.UTC(2026, 10, 22) };
  const clock = { now: () => time.now, monotonic: () => time.now, sleep: () => Promise.resolve() };
  const devices = createDevices({ state, clock, random: createNodeRandom() });
  const invite = (name: string, more: Partial<Parameters<typeof devices.invite>[0]> = {}) =>
    devices.invite({ name, allow: ['secretsmanager:wall-dashboards'], networks: [], ttlMs: 24 * HOUR, ...more }, seal);
  const key: EnrolledKey = {
    algorithm: 'ed25519',
    publicKey: 'A'.repeat(43),
    fingerprintHint: 'lobby',
    enrolledAt: time.now,
    hx0: 'x',
    counter: { n: 0, hx: 'x' },
    nonces: [],
    window: { startsAt: 0, count: 0 },
  };
  /** What enrolment does to the one document. */
  async function enrol(id: string): Promise<Device> {
    const item = await state.get('device', id);
    if (item === undefined) throw new Error('no device');
    const { name, policy, invitedAt } = deviceOf(item);
    const active: Device = { id, name, policy, invitedAt, status: 'active', key };
    expect(await state.put('device', id, asJson(active), item.version)).toBe(true);
    return active;
  }
  return { state, time, devices, invite, enrol };
}

describe('inviting a device', () => {
  it('makes a device and a code, of which only a sealed secret is kept', async () => {
    const { state, devices, invite } = world();
    const { device, code, endsAt } = await invite('lobby-1', { networks: ['10.1.2.3/16', '::1'], requestsPerHour: 30 });
    expect(device).toMatchObject({
      name: 'lobby-1',
      status: 'invited',
      inviteEndsAt: endsAt,
      policy: {
        allow: [{ source: 'secretsmanager,wall-dashboards' }],
        networks: ['10.1.0.0/16', '::1/128'],
        requestsPerHour: 30,
      },
    });
    const { inviteId, secret } = await inviteOf(webSuite, code);
    const item = await state.get('invite', inviteId);
    if (item === undefined) throw new Error('no invite');
    const kept = inviteDocumentOf(item);
    expect(kept).toMatchObject({ deviceId: device.id, endsAt });
    const opened = await seal.sealer.open(invitePurpose(inviteId), fromBase64Url(kept.secret) ?? new Uint8Array());
    expect(opened).toEqual(secret);
    expect(JSON.stringify(item.value)).not.toContain(Buffer.from(secret).toString('base64url'));
    expect(await devices.show('LOBBY-1')).toEqual(device);
    expect(await devices.show(device.id)).toEqual(device);
  });

  it.each([
    ['', {}, /needs a name/],
    ['two words', {}, /needs a name/],
    ['-x', {}, /needs a name/],
    ['0123456789abcdef0123456789abcdef', {}, /needs a name/],
    ['a', { allow: [] }, /Say what the device may have/],
    ['a', { allow: ['nonsense'] }, /is no rule/],
    ['a', { networks: ['10.0.0.1/33'] }, /is no network/],
    ['a', { networks: ['10.1'] }, /is no network/],
    ['a', { requestsPerHour: 0 }, /rate must be/],
    ['a', { ttlMs: 59_999 }, /1 minute to 30 days/],
    ['a', { ttlMs: Number.NaN }, /1 minute to 30 days/],
  ])('refuses %j %j in one sentence, and makes nothing', async (name, more, sentence) => {
    const { state, invite } = world();
    await refused(invite(name, more), sentence);
    expect(await state.list('device', 10)).toEqual([]);
    expect(await state.list('invite', 10)).toEqual([]);
  });

  it('gives a name once, until its device is revoked or its invitation has ended', async () => {
    const { time, devices, invite, enrol } = world();
    const first = await invite('lobby-1');
    await refused(invite('lobby-1'), /has been invited already/);
    await refused(invite('Lobby-1'), /has been invited/);
    time.now += 24 * HOUR;
    const second = await invite('lobby-1');
    await refused(devices.show(first.device.id), /There is no device/);
    await enrol(second.device.id);
    await refused(invite('lobby-1'), /is active/);
    await devices.revoke('lobby-1');
    time.now += 1;
    const third = await invite('lobby-1');
    expect((await devices.list()).map(({ id, status }) => [id, status])).toEqual([
      [second.device.id, 'revoked'],
      [third.device.id, 'invited'],
    ]);
  });

  it('makes one device of a name, however many ask at once', async () => {
    const { devices, invite } = world();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => invite('lobby-1')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await devices.list()).toHaveLength(1);
  });

  it('can be done again after a crash at any write', async () => {
    for (let crashAt = 1; crashAt <= 3; crashAt++) {
      const { state, time, devices, invite } = world();
      let writes = 0;
      state.beforeWrite = () => {
        writes += 1;
        if (writes === crashAt) throw new Error('crash');
      };
      await expect(invite('lobby-1')).rejects.toThrow('crash');
      state.beforeWrite = () => undefined;
      expect(await devices.list()).toEqual([]);
      time.now += 60_000;
      expect((await invite('lobby-1')).device.status).toBe('invited');
      expect(await devices.list()).toHaveLength(1);
    }
  });
});

describe('what an operator does with a device', () => {
  it('locks, revokes and resyncs, and says what cannot be', async () => {
    const { time, devices, invite, enrol } = world();
    const { device } = await invite('lobby-1');
    await refused(devices.resync('lobby-1'), /only an active device/);
    await enrol(device.id);
    expect(await devices.resync('lobby-1')).toMatchObject({ key: { resyncUntil: time.now + 24 * HOUR } });
    const locked = await devices.lock('lobby-1');
    expect(locked).toMatchObject({ status: 'locked', reason: 'operator', key: { publicKey: 'A'.repeat(43) } });
    time.now += 1;
    expect(await devices.lock('lobby-1')).toEqual(locked);
    const revoked = await devices.revoke('lobby-1');
    expect(revoked).toMatchObject({ status: 'revoked' });
    expect(revoked).not.toHaveProperty('key');
    await refused(devices.lock('lobby-1'), /is revoked/);
    for (const unknown of ['nobody', 'f'.repeat(32), '../x', '']) {
      await refused(devices.show(unknown), /There is no device/);
    }
  });

  it('adds and removes rules', async () => {
    const { devices, invite } = world();
    await invite('lobby-1');
    const add = ['console:wall,alarms:*', 'secretsmanager:wall-dashboards'];
    const remove = ['secretsmanager,wall-dashboards'];
    const changed = await devices.allow('lobby-1', { add: ['console:wall,alarms:*'], remove });
    expect(changed.policy.allow).toEqual([{ source: 'console,wall', destination: 'alarms:*' }]);
    expect((await devices.allow('lobby-1', { add, remove: [] })).policy.allow).toHaveLength(2);
    await refused(devices.allow('lobby-1', { add: [], remove: ['file:x'] }), /^lobby-1 has no rule file:x\.$/);
  });

  it('loses no change when many change one device at once', async () => {
    const { devices, invite } = world();
    await invite('lobby-1');
    const names = Array.from({ length: 10 }, (_, i) => `file:secret-${String(i)}`);
    await Promise.all(names.map((name) => devices.allow('lobby-1', { add: [name], remove: [] })));
    expect((await devices.show('lobby-1')).policy.allow).toHaveLength(11);
  });

  it('says so when a document makes no sense', async () => {
    const { state, devices, invite } = world();
    const { device } = await invite('lobby-1');
    state.tamper('device', device.id, { status: 'active' });
    await expect(devices.show('lobby-1')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await expect(devices.list()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  it('writes networks in one spelling', () => {
    expect(networkOf('192.168.1.77/24')).toBe('192.168.1.0/24');
    expect(networkOf('2001:DB8::1/32')).toBe('2001:db8::/32');
    expect(networkOf('10.0.0.1')).toBe('10.0.0.1/32');
  });
});

import { inviteOf } from '../../autoid/v2/enrol.ts';
import { newActivationCode } from '../../autoid/v2/activation-code.ts';
import { toBase64Url, toHex } from '../../autoid/encoding.ts';
import { isDeviceId } from '../../autoid/v2/layout.ts';
import { randomBytes } from '../../autoid/random.ts';
import type { Suite } from '../../autoid/v2/suite.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock, Random } from '../../core/ports.ts';
import type { Sealer } from '../seal/sealer.ts';
import type { Item, StateStore } from '../state/state-store.ts';
import { formatAllowRule, parseAllowRule } from '../stores/allow.ts';
import type { Device } from './device.ts';
import { asJson, deviceOf, invitePurpose } from './document.ts';
import { claimName, deviceNamed, isDeviceName } from './names.ts';
import { policyOf, rulesOf, type PolicyInput } from './policy.ts';

/** How often a change is made anew because somebody else was first. */
const MOST_RACES = 20;
const PAGE = 200;
/** How long `resync` waits for the device, in ms: it comes by at its next renewal. */
export const RESYNC_MS = 24 * 3600_000;
const SHORTEST_TTL_MS = 60_000;
const LONGEST_TTL_MS = 30 * 86_400_000;

export interface DevicesOptions {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Invitation {
  readonly device: Device;
  /** To be typed into the device. A secret until it is used or has ended. */
  readonly code: string;
  /** In ms since the epoch. */
  readonly endsAt: number;
}

/** What an operator does with devices. Each changes one document by one conditional write; bad input rejects with USAGE. */
export interface Devices {
  /**
   * Makes a device and the code to enrol it with, which can be had only here and only now. `ttlMs` is 1 minute to 30
   * days. A name whose device was revoked, or whose invitation has ended, can be given anew.
   */
  invite(
    input: PolicyInput & { readonly name: string; readonly ttlMs: number },
    seal: { readonly suite: Suite; readonly sealer: Sealer },
  ): Promise<Invitation>;
  /** All devices by name, the revoked ones too. */
  list(): Promise<readonly Device[]>;
  /** The device with this id or name. */
  show(idOrName: string): Promise<Device>;
  /** Nothing more is handed out to it. What was a fork stays one; a device that is locked is enrolled anew, never unlocked. */
  lock(idOrName: string): Promise<Device>;
  /** Ends the device for good, and forgets its key. */
  revoke(idOrName: string): Promise<Device>;
  /** Adds and removes rules, as `store:id[,destination]`. */
  allow(
    idOrName: string,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<Device>;
  /** Takes the next step of the device for right that is ahead of ours: after the state was restored from a backup. */
  resync(idOrName: string): Promise<Device>;
}

/** The operations over a state. They reject with USAGE, STATE_* and with what the sealer rejects with. */
export function createDevices({ state, clock, random }: DevicesOptions): Devices {
  async function itemOf(idOrName: string): Promise<Item> {
    const id = isDeviceId(idOrName) ? idOrName : await deviceNamed(state, idOrName);
    const item = id === undefined ? undefined : await state.get('device', id);
    if (item !== undefined) return item;
    const shown = isDeviceId(idOrName) || isDeviceName(idOrName) ? ` ${idOrName}` : ' of that name';
    throw new AppError('USAGE', `There is no device${shown}: vigil devices list shows them all.`);
  }

  /** Changes a device by one conditional write, on what it is at that moment. */
  async function change(idOrName: string, how: (device: Device) => Device): Promise<Device> {
    for (let race = 0; race < MOST_RACES; race++) {
      const item = await itemOf(idOrName);
      const before = deviceOf(item);
      const after = how(before);
      if (after === before || (await state.put('device', item.key, asJson(after), item.version))) return after;
    }
    throw new AppError('STATE_UNAVAILABLE', `The device ${idOrName} changes too often just now: try again.`);
  }

  return {
    async invite(input, { suite, sealer }) {
      const { name, ttlMs } = input;
      if (!isDeviceName(name)) {
        throw new AppError(
          'USAGE',
          'A device needs a name of 1 to 64 letters, digits, dots, dashes or underscores that begins with a letter or a digit, such as lobby-1.',
        );
      }
      if (!(ttlMs >= SHORTEST_TTL_MS && ttlMs <= LONGEST_TTL_MS)) {
        throw new AppError('USAGE', 'An invitation can hold for 1 minute to 30 days.');
      }
      const policy = policyOf(input);
      const id = toHex(randomBytes(random, 16));
      const code = newActivationCode(random);
      const { inviteId, secret } = await inviteOf(suite, code);
      const sealed = toBase64Url(await sealer.seal(invitePurpose(inviteId), secret));

      const invitedAt = clock.now();
      const endsAt = invitedAt + ttlMs;
      await claimName(state, name, id, invitedAt);
      // The device last: an invite without its device enrols nobody.
      const kept = { deviceId: id, secret: sealed, endsAt };
      const isNew = await state.put('invite', inviteId, asJson(kept), 0, { expiresAt: endsAt });
      const device: Device = { id, name, policy, invitedAt, status: 'invited', inviteEndsAt: endsAt };
      if (!isNew || !(await state.put('device', id, asJson(device), 0))) {
        throw new AppError('INTERNAL', 'A random number came twice: this machine has no working randomness.');
      }
      return { device, code, endsAt };
    },

    async list() {
      const devices: Device[] = [];
      for (let after: string | undefined; ;) {
        const page = await state.list('device', PAGE, after);
        devices.push(...page.map(deviceOf));
        after = page.at(-1)?.key;
        if (page.length < PAGE) break;
      }
      return devices.sort((a, b) => (a.name === b.name ? a.invitedAt - b.invitedAt : a.name < b.name ? -1 : 1));
    },

    show: async (idOrName) => deviceOf(await itemOf(idOrName)),

    lock: (idOrName) =>
      change(idOrName, (device) => {
        if (device.status === 'locked') return device;
        const { id, name, policy, invitedAt } = device;
        const lock = { status: 'locked', reason: 'operator', lockedAt: clock.now() } as const;
        if (device.status === 'revoked') throw new AppError('USAGE', `${name} is revoked, which is more than locked.`);
        return {
          ...{ id, name, policy, invitedAt, ...lock },
          ...(device.status === 'active' ? { key: device.key } : {}),
        };
      }),

    revoke: (idOrName) =>
      change(idOrName, (device) => {
        if (device.status === 'revoked') return device;
        const { id, name, policy, invitedAt } = device;
        return { id, name, policy, invitedAt, status: 'revoked', revokedAt: clock.now() };
      }),

    allow(idOrName, { add, remove }) {
      const [added, removed] = [add.map(parseAllowRule), new Set(remove.map(parseAllowRule).map(formatAllowRule))];
      return change(idOrName, (device) => {
        const { allow } = device.policy;
        const unknown = [...removed].find((rule) => !allow.some((one) => formatAllowRule(one) === rule));
        if (unknown !== undefined) throw new AppError('USAGE', `${device.name} has no rule ${unknown}.`);
        const kept = allow.filter((rule) => !removed.has(formatAllowRule(rule)));
        return { ...device, policy: { ...device.policy, allow: rulesOf(kept, added) } };
      });
    },

    resync: (idOrName) =>
      change(idOrName, (device) => {
        if (device.status !== 'active') {
          throw new AppError('USAGE', `${device.name} is ${device.status}: only an active device can be resynced.`);
        }
        return { ...device, key: { ...device.key, resyncUntil: clock.now() + RESYNC_MS } };
      }),
  };
}

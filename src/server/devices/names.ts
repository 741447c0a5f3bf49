import { AppError } from '../../core/errors.ts';
import type { StateStore } from '../state/state-store.ts';
import { deviceOf } from './document.ts';

/** How long a name is held for an invitation that is being made, in ms: its device is written right after it. */
const MAKING_MS = 60_000;

/** Whether a text can name a device: plain on a command line, in a log and in a path, and no id. */
export function isDeviceName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) && !/^[0-9a-f]{32}$/.test(text);
}

/** The device that has a name, by its id; names are compared without regard to case. */
export async function deviceNamed(state: StateStore, name: string): Promise<string | undefined> {
  const item = isDeviceName(name) ? await state.get('meta', keyOf(name)) : undefined;
  return item === undefined ? undefined : claimOf(item.value).deviceId;
}

/**
 * Takes a name for a device that is made next. One that belongs to a device that was revoked, to an invitation that has
 * ended, or to one that was never finished, goes over to it. Rejects with USAGE where it is taken.
 */
export async function claimName(state: StateStore, name: string, deviceId: string, now: number): Promise<void> {
  const item = await state.get('meta', keyOf(name));
  if (item !== undefined) await mustBeFree(state, name, claimOf(item.value), now);
  const isOurs = await state.put('meta', keyOf(name), { deviceId, at: now }, item?.version ?? 0);
  if (!isOurs) throw taken(name, 'is being invited just now');
}

async function mustBeFree(state: StateStore, name: string, claim: Claim, now: number): Promise<void> {
  const item = await state.get('device', claim.deviceId);
  if (item === undefined) {
    if (now - claim.at < MAKING_MS) throw taken(name, 'is being invited just now');
    return;
  }
  const device = deviceOf(item);
  if (device.status === 'revoked') return;
  if (device.status === 'invited' && device.inviteEndsAt <= now) {
    // It never had a key; a device that enrols at this very moment is first, and then the name is taken.
    if (await state.remove('device', item.key, item.version)) return;
    throw taken(name, 'is being enrolled just now');
  }
  throw taken(name, device.status === 'invited' ? 'has been invited already' : `is ${device.status}`);
}

interface Claim {
  readonly deviceId: string;
  readonly at: number;
}

function claimOf(value: unknown): Claim {
  const { deviceId, at } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Claim>;
  if (typeof deviceId === 'string' && typeof at === 'number') return { deviceId, at };
  throw new AppError('STATE_CORRUPT', "A device's name in the server's state makes no sense: restore a backup.");
}

function keyOf(name: string): string {
  return `device-name/${name.toLowerCase()}`;
}

function taken(name: string, why: string): AppError {
  return new AppError('USAGE', `A device ${name} ${why}: choose another name, or revoke that one first.`);
}

import { openKeyRequest } from '../../autoid/v2/key-request.ts';
import { blankRefusal } from '../../autoid/v2/reply.ts';
import type { PublicKey } from '../../autoid/v2/signatures.ts';
import type { Clock } from '../../core/ports.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { deviceOf } from '../devices/document.ts';
import { addressKey } from '../limits/addresses.ts';
import { BoundedMap } from '../limits/bounded-map.ts';
import { publicKeyOf } from './credentials.ts';
import { unproven, type EndpointV2, type OutcomeV2 } from './endpoint.ts';

/** Key sets that a device may have within an hour at one address: a rotation needs one, a wall that starts often some more. */
const MOST_PER_HOUR = 60;
const HOUR_MS = 3_600_000;
const DEVICES = 20_000;

/** Counts by name in windows of an hour, for the names used last. */
export function createHourly(clock: Clock, most: number): (name: string) => boolean {
  const windows = new BoundedMap<string, { readonly startsAt: number; count: number }>(DEVICES);
  return (name) => {
    const now = clock.monotonic();
    const known = windows.get(name);
    const window = known !== undefined && now - known.startsAt < HOUR_MS ? known : { startsAt: now, count: 0 };
    window.count++;
    windows.set(name, window);
    return window.count <= most;
  };
}

/**
 * What answers messages to `/v2/keyset`: an active device gets the key set of the current generation, sealed to a key of
 * the request's own. Every refusal looks the same. `dummyKey` stands for the keys of devices that there are not.
 */
export function createKeySetEndpoint(
  endpoint: EndpointV2,
  dummyKey: PublicKey,
): (message: Uint8Array, address: string | undefined) => Promise<OutcomeV2> {
  const { suite, state, random, keys, audit } = endpoint;
  const mayHave = createHourly(endpoint.clock, MOST_PER_HOUR);

  return async (message, address) => {
    const ready = keys.current().keys;
    const [current] = ready.v2;
    const at: AuditEvent = {
      ...{ event: 'keyset', allowed: false, reason: 'unopened' },
      ...(address === undefined ? {} : { address }),
    };
    const request = current === undefined ? undefined : openKeyRequest(suite, ready.serverId, message);
    if (current === undefined || request === undefined) return unproven(blankRefusal(random), at);
    const { deviceId, known } = request;
    const refuse = (reason: string): OutcomeV2 =>
      unproven(blankRefusal(random), { ...at, reason, caller: deviceId, generation: known });

    const item = await state.get('device', deviceId);
    const device = item === undefined ? undefined : deviceOf(item);
    const key = device === undefined ? undefined : publicKeyOf(device);
    const isSigned = await request.verify(key ?? dummyKey);
    if (device === undefined) return refuse('unknown-device');
    if (!isSigned || key === undefined) return refuse('signature');
    if (device.status !== 'active') return refuse(device.status);
    // By address too: a message may be sent again by whoever saw it, who must not use up what the device itself may have.
    if (!mayHave(`${deviceId} ${addressKey(address)}`)) return refuse('rate');

    const isKnown = known === current.generation;
    const { manifest, signature, entropy } = current;
    const body = await request.seal(isKnown ? 'unchanged' : { manifest, signature, entropy });
    if (body === undefined) return refuse('malformed');
    const reason = isKnown ? 'unchanged' : 'ok';
    if (!isKnown)
      await audit.append({ ...at, allowed: true, reason, caller: deviceId, generation: current.generation });
    return { reply: { status: 200, body }, reason };
  };
}

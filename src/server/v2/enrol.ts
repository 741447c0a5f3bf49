import { fromBase64Url, toBase64Url } from '../../autoid/encoding.ts';
import { encodeEnrolmentReply, inviteIdOf, openEnrolment } from '../../autoid/v2/enrol.ts';
import type { Invite, OpenedEnrolment } from '../../autoid/v2/enrol.ts';
import { readManifest } from '../../autoid/v2/keyset.ts';
import { blankRefusal, type ReplyCode } from '../../autoid/v2/reply.ts';
import { AppError } from '../../core/errors.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { Device, LockReason } from '../devices/device.ts';
import { asJson, deviceOf, inviteDocumentOf, invitePurpose } from '../devices/document.ts';
import type { ServerKeys } from '../rotation/generations.ts';
import { unproven, type EndpointV2, type OutcomeV2 } from './endpoint.ts';

const MOST_RACES = 20;

interface Enrolled {
  readonly code: ReplyCode;
  /** For the audit log. */
  readonly reason: string;
  readonly device: Device;
  readonly isAlert: boolean;
}

/**
 * Answers one message to `/v2/enrol`: the one write that matters turns the device's document from invited to active. The
 * same code with the same key again is answered the same, so that a lost answer costs nothing; with another key it locks
 * the device, for somebody else has the code. Rejects for nothing that a client sent.
 */
export async function answerEnrolment(
  endpoint: EndpointV2,
  message: Uint8Array,
  address: string | undefined,
): Promise<OutcomeV2> {
  const { suite, clock, random, keys, audit } = endpoint;
  const at: AuditEvent = {
    ...{ event: 'enrol', allowed: false, reason: 'unopened' },
    ...(address === undefined ? {} : { address }),
  };
  const inviteId = inviteIdOf(message);
  if (inviteId === undefined) return unproven(blankRefusal(random), at);
  const invited = await inviteOf(endpoint, inviteId);
  // Whoever holds no code of ours is refused at the same cost, whether there is such an invite or not.
  const secret = invited?.secret ?? new Uint8Array(random.bytes(32));
  const opened = await openEnrolment(suite, { inviteId, secret }, message);
  if (opened === undefined || invited === undefined) return unproven(blankRefusal(random), at);

  const ready = keys.current().keys;
  const { code, reason, device, isAlert } = await endpoint.turns.run(invited.deviceId, () =>
    enrol(endpoint, invited.deviceId, opened),
  );
  if (isAlert) endpoint.alert(reason, { device: device.id, name: device.name, address });
  const isIn = code === 'ok';
  await audit.append({ ...at, allowed: isIn, reason, caller: device.id, detail: device.name });
  const reply = await opened.seal(
    {
      ...{ code, stepAccepted: isIn, now: clock.now(), retryAfterSeconds: 0, serverStep: 0 },
      currentGeneration: ready.v2[0]?.generation ?? 0,
      payload: isIn ? payloadOf(ready, device.id) : new Uint8Array(),
    },
    random,
  );
  return { reply, reason };
}

/** The invite, if there is one that has not ended. */
async function inviteOf(
  { state, sealer, clock }: EndpointV2,
  inviteId: string,
): Promise<(Invite & { readonly deviceId: string }) | undefined> {
  const item = await state.get('invite', inviteId);
  if (item === undefined) return undefined;
  const { deviceId, secret, endsAt } = inviteDocumentOf(item);
  const sealed = fromBase64Url(secret);
  if (sealed === undefined || clock.now() >= endsAt) return undefined;
  return { inviteId, deviceId, secret: await sealer.open(invitePurpose(inviteId), sealed) };
}

async function enrol({ state, clock }: EndpointV2, deviceId: string, request: OpenedEnrolment): Promise<Enrolled> {
  for (let race = 0; race < MOST_RACES; race++) {
    const item = await state.get('device', deviceId);
    if (item === undefined) break;
    const device = deviceOf(item);
    const now = clock.now();
    const result = decideEnrolment(device, request, now);
    if (result.device === device || (await state.put('device', item.key, asJson(result.device), item.version))) {
      return result;
    }
  }
  throw new AppError('STATE_UNAVAILABLE', 'The device of an invitation is missing, or changes too often just now.');
}

/** What becomes of a device by a request to enrol with its code. Pure. */
export function decideEnrolment(device: Device, request: OpenedEnrolment, now: number): Enrolled {
  const { id, name, policy, invitedAt } = device;
  const base = { id, name, policy, invitedAt };
  const publicKey = toBase64Url(request.key.publicKey);
  switch (device.status) {
    case 'invited': {
      if (now >= device.inviteEndsAt) return { code: 'refused', reason: 'invite-ended', device, isAlert: false };
      const key = {
        algorithm: request.key.algorithm,
        publicKey,
        fingerprintHint: request.fingerprintHint,
        enrolledAt: now,
        hx0: request.hx,
        counter: { n: 0, hx: request.hx },
        nonces: [],
        window: { startsAt: now, count: 0 },
      };
      return { code: 'ok', reason: 'ok', device: { ...base, status: 'active', key }, isAlert: false };
    }
    case 'active': {
      const { key } = device;
      if (key.publicKey === publicKey && key.algorithm === request.key.algorithm) {
        const isSame = key.hx0 === request.hx;
        return { code: isSame ? 'ok' : 'refused', reason: isSame ? 'again' : 'other-step', device, isAlert: false };
      }
      const reason: LockReason = 'invite-reused';
      const locked: Device = { ...base, status: 'locked', key, reason, lockedAt: now };
      return { code: 'refused', reason, device: locked, isAlert: true };
    }
    case 'locked':
      return { code: 'locked', reason: 'locked', device, isAlert: false };
    case 'revoked':
      return { code: 'locked', reason: 'revoked', device, isAlert: false };
  }
}

function payloadOf({ serverId, root, v2 }: ServerKeys, deviceId: string): Uint8Array<ArrayBuffer> {
  const [current] = v2;
  if (current === undefined)
    throw new AppError('KEYS_NOT_FOUND', 'There are no keys of protocol 2: run vigil keys init.');
  const { certificate } = readManifest(current.manifest);
  const floor = { serial: certificate.serial, generation: current.generation };
  return encodeEnrolmentReply({ deviceId, serverId, root, certificate, floor });
}

import { AppError } from '../../core/errors.ts';
import { randomBytes } from '../random.ts';
import type { DeviceClient } from './client.ts';
import { firstStep } from './counter.ts';
import type { PendingEnrolment } from './device-record.ts';
import { decodeEnrolmentReply, inviteOf, sealEnrolment } from './enrol.ts';
import type { Invite } from './enrol.ts';
import { postMessage, unopenedAnswer } from './http.ts';
import { LONGEST_REPLY } from './reply.ts';
import { generateKeyPair, softwareSigner } from './signatures.ts';

export interface EnrolOptions {
  /** As somebody typed it. A secret. */
  readonly code: string;
  /** What helps an operator recognise this machine, such as its host name. */
  readonly hint: string;
  /** Enrol anew although this machine is enrolled: the old device is given up once the server has answered. */
  readonly replace: boolean;
}

/**
 * Enrols this machine by an activation code. Whatever was written before a crash is used again, so that the same code can
 * be tried until it is answered. Resolves with the device's and the server's id. Rejects with ENROL_CODE_INVALID,
 * ENROL_REFUSED (also when this machine is enrolled already, unless `replace`), DEVICE_UNREADABLE,
 * DEVICE_STEP_UNWRITABLE, SERVER_UNAVAILABLE, SERVER_ANSWER_UNREADABLE, or what the Fetch port rejects with.
 */
export async function enrolDevice(
  client: DeviceClient,
  options: EnrolOptions,
): Promise<{ readonly deviceId: string; readonly serverId: string }> {
  const { book, suite } = client;
  const invite = await inviteOf(suite, options.code);
  const pending = await prepared(client, invite, options.replace);
  const signer = await softwareSigner(pending.key);
  const sealed = await sealEnrolment(suite, invite, { signer, x0: pending.x0, fingerprintHint: options.hint });
  const sentAt = client.options.clock.monotonic();
  const answer = await postMessage(client.options, '/v2/enrol', sealed.body, LONGEST_REPLY);
  const reply = await sealed.openReply(answer);
  if (reply === undefined) {
    const failure = unopenedAnswer(answer, '');
    if (failure.code !== 'SERVER_REFUSED') throw failure;
    throw refused('does not know this activation code: it has ended, was withdrawn, or is of another server');
  }
  client.clock.hear(reply.now, sentAt);
  if (reply.code === 'rate' || reply.code === 'retry') {
    const sentence = 'The auto-id server cannot enrol this machine at the moment: try again with the same code.';
    throw new AppError('SERVER_UNAVAILABLE', sentence, { retryAfterMs: Math.max(1, reply.retryAfterSeconds) * 1000 });
  }
  if (reply.code !== 'ok') {
    throw refused('refuses this activation code: it was used already, by another machine or another key');
  }
  const enrolment = await decodeEnrolmentReply(reply.payload);
  if (enrolment === undefined) {
    const sentence = 'The auto-id server enrolled this machine with an answer that makes no sense: update Vigil.';
    throw new AppError('SERVER_ANSWER_UNREADABLE', sentence);
  }
  const { deviceId, serverId, root, floor } = enrolment;
  await book.change((record) =>
    // Another program may have done the same with the same code meanwhile, and be further on.
    record.enrolled?.deviceId === deviceId
      ? { enrolled: record.enrolled }
      : { enrolled: { deviceId, serverId, root, floor, key: pending.key, step: firstStep(pending.x0) } },
  );
  return { deviceId, serverId };
}

/** The key and the x to enrol with, durable: those of an earlier try with the same code, or fresh ones. */
async function prepared(client: DeviceClient, invite: Invite, replace: boolean): Promise<PendingEnrolment> {
  const { book, options } = client;
  const { pending } = await book.change(async (record) => {
    if (record.pending?.inviteId === invite.inviteId) return record;
    if (record.enrolled !== undefined && !replace) {
      throw new AppError(
        'ENROL_REFUSED',
        `This machine is enrolled already, as device ${record.enrolled.deviceId}: use --replace to give that up.`,
      );
    }
    const key = await generateKeyPair('ed25519');
    const x0 = randomBytes(options.random, 16);
    return { ...record, pending: { inviteId: invite.inviteId, key, x0 } };
  });
  if (pending === undefined) throw new AppError('INTERNAL', 'The enrolment was not written down: report it.');
  return pending;
}

function refused(why: string): AppError {
  return new AppError('ENROL_REFUSED', `The auto-id server ${why}.`);
}

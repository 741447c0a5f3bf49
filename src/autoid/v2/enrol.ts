import type { Random } from '../../core/ports.ts';
import { fromUtf8, parseJsonObject, toBase64Url, toHex, toUtf8 } from '../encoding.ts';
import { parseActivationCode } from './activation-code.ts';
import { concat, decode, Malformed, text8, u16, u8 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { bytesOf, certificateFromJson, certificateToJson, isCertified, isCount } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { isServerId, VERSION } from './generation.ts';
import { deviceIdBytes, isDeviceId, hashStep, signedBytes } from './layout.ts';
import type { Floor } from './keyset.ts';
import { openReply, sealReply } from './reply.ts';
import type { Reply, SealedReply } from './reply.ts';
import { isSoundPublicKey, SIGNATURE_BYTES } from './signatures.ts';
import type { PublicKey, Signer } from './signatures.ts';
import type { Binding, Suite, SuiteKeyPair } from './suite.ts';

const ENROL_LABEL = 'vigil/2 enrol';
const RESPONSE_LABEL = 'vigil/2 enrol response';
const BIND_LABEL = 'vigil/2 bind';
const HEADER_BYTES = 1 + 16 + 32;
const LONGEST_HINT = 64;
const LONGEST_MESSAGE = 512;

/** What an activation code becomes on both ends. */
export interface Invite {
  /** 32 hex digits; travels in clear and tells nothing of the code. */
  readonly inviteId: string;
  /** 32 bytes that stand for the code: all a server keeps of it. A secret until the invite has ended. */
  readonly secret: Bytes;
}

/** What a device says of itself when it enrols. */
export interface EnrolmentRequest {
  readonly key: PublicKey;
  /** The x of step 0, 16 bytes. */
  readonly x0: Bytes;
  /** What helps an operator recognise the machine; up to 64 bytes, '' for nothing. */
  readonly fingerprintHint: string;
}

/** What an enrolled device must keep. */
export interface Enrolment {
  /** 32 hex digits. */
  readonly deviceId: string;
  readonly serverId: string;
  /** The root's raw Ed25519 public key: pinned from now on. */
  readonly root: Bytes;
  readonly certificate: Certificate;
  readonly floor: Floor;
}

/** The invite of a code. Rejects with ENROL_CODE_INVALID. */
export async function inviteOf(suite: Suite, code: string): Promise<Invite> {
  const prk = await suite.extract(toUtf8('vigil/2 activation code'), toUtf8(parseActivationCode(code)));
  return {
    inviteId: toHex(await suite.expand(prk, 'invite id', 16)),
    secret: await suite.expand(prk, 'secret', 32),
  };
}

/**
 * Seals a request to enrol. Everything in it must be durable before: the same code with the same key and x is answered
 * the same again, with another key it locks the device.
 */
export async function sealEnrolment(
  suite: Suite,
  invite: Invite,
  request: { readonly signer: Signer; readonly x0: Bytes; readonly fingerprintHint: string },
): Promise<{
  readonly body: Bytes;
  /** The sealed reply, or undefined when the answer is none of a holder of this code to this request. */
  openReply(answer: { readonly status: number; readonly body: Uint8Array }): Promise<Reply | undefined>;
}> {
  const { signer, x0 } = request;
  const { keyPair, binding } = await contextOf(suite, invite);
  const sender = await suite.setupSender(keyPair.publicKey, binding);
  const header = concat(u8(VERSION), deviceIdBytes(invite.inviteId), sender.enc);
  const body = encodeEnrolment({ key: signer, x0, fingerprintHint: shortened(request.fingerprintHint) });
  const toSign = await signedBytes(suite, ENROL_LABEL, header, await sender.export(BIND_LABEL, 32), body);
  const sealed = await sender.seal(concat(body, await signer.sign(toSign)), header);
  const context = { exporter: sender, label: RESPONSE_LABEL, enc: sender.enc };
  return {
    body: concat(header, sealed),
    openReply: ({ status, body: answer }) => openReply(suite, context, { status, body: new Uint8Array(answer) }),
  };
}

/** The invite that a message names, or undefined when it is no request to enrol. */
export function inviteIdOf(message: Uint8Array): string | undefined {
  const isOne = message.length > HEADER_BYTES && message.length <= LONGEST_MESSAGE && message[0] === VERSION;
  return isOne ? toHex(message.subarray(1, 17)) : undefined;
}

/** A request to enrol that was opened, whose key signed it and is sound. */
export interface OpenedEnrolment extends EnrolmentRequest {
  /** `hashStep` of `x0`: the linked counter begins as `{ n: 0, hx }`. */
  readonly hx: string;
  /** Seals a reply to it. The payload of `ok` is `encodeEnrolmentReply`. */
  seal(reply: Reply, random: Random): Promise<SealedReply>;
}

/**
 * Opens a request to enrol with the invite it names; undefined for everything that is not one, signed by the sound key it
 * holds. For an unknown invite use any random secret: it takes the same work.
 */
export async function openEnrolment(
  suite: Suite,
  invite: Invite,
  received: Uint8Array,
): Promise<OpenedEnrolment | undefined> {
  const message = new Uint8Array(received);
  if (inviteIdOf(message) === undefined) return undefined;
  const header = message.slice(0, HEADER_BYTES);
  const enc = header.slice(17);
  const { keyPair, binding } = await contextOf(suite, invite);
  const recipient = await suite.setupRecipient(keyPair, enc, binding).catch(() => undefined);
  const plain = await recipient?.open(message.slice(HEADER_BYTES), header);
  if (recipient === undefined || plain === undefined || plain.length <= SIGNATURE_BYTES) return undefined;
  const body = plain.slice(0, -SIGNATURE_BYTES);
  const request = decodeEnrolment(body);
  if (request === undefined || !isSoundPublicKey(request.key)) return undefined;
  const signed = await signedBytes(suite, ENROL_LABEL, header, await recipient.export(BIND_LABEL, 32), body);
  if (!(await suite.verify(request.key, plain.slice(-SIGNATURE_BYTES), signed))) return undefined;
  return {
    ...request,
    hx: await hashStep(suite, request.x0),
    seal: (reply, random) => sealReply(suite, { exporter: recipient, label: RESPONSE_LABEL, enc }, reply, random),
  };
}

/** The payload of a reply that enrols. */
export function encodeEnrolmentReply(enrolment: Enrolment): Bytes {
  const { deviceId, serverId, root, certificate, floor } = enrolment;
  const json = { deviceId, serverId, root: toBase64Url(root), certificate: certificateToJson(certificate), floor };
  return toUtf8(JSON.stringify(json));
}

/** The payload read again, or undefined when it is none, or its certificate is not by its root. */
export async function decodeEnrolmentReply(payload: Bytes): Promise<Enrolment | undefined> {
  const json = parseJsonObject(fromUtf8(payload) ?? '');
  const { deviceId, serverId, floor } = json ?? {};
  const root = bytesOf(json?.['root']);
  if (!isDeviceId(deviceId) || !isServerId(serverId) || root === undefined || !isFloor(floor)) return undefined;
  const isRoot = isSoundPublicKey({ algorithm: 'ed25519', publicKey: root });
  const certificate = certificateFromJson(json?.['certificate'], serverId);
  if (!isRoot || certificate === undefined || !(await isCertified(certificate, root))) return undefined;
  return { deviceId, serverId, root, certificate, floor: { serial: floor.serial, generation: floor.generation } };
}

function isFloor(value: unknown): value is Floor {
  if (typeof value !== 'object' || value === null) return false;
  const { serial, generation } = value as Readonly<Record<string, unknown>>;
  return isCount(serial) && isCount(generation);
}

async function contextOf(suite: Suite, invite: Invite): Promise<{ keyPair: SuiteKeyPair; binding: Binding }> {
  const id = deviceIdBytes(invite.inviteId);
  const ikm = await suite.expand(invite.secret, 'vigil/2 enrol recipient', 32);
  const key = await suite.expand(invite.secret, 'vigil/2 enrol psk', 32);
  return {
    keyPair: await suite.deriveKeyPair(ikm),
    binding: { info: concat(toUtf8(ENROL_LABEL), id), psk: { key, id } },
  };
}

function encodeEnrolment({ key, x0, fingerprintHint }: EnrolmentRequest): Bytes {
  const algorithm = u8(key.algorithm === 'ed25519' ? 1 : 2);
  return concat(algorithm, u16(key.publicKey.length), key.publicKey, x0, text8(fingerprintHint));
}

function decodeEnrolment(bytes: Bytes): EnrolmentRequest | undefined {
  return decode(bytes, (reader) => {
    const algorithm = reader.u8();
    if (algorithm !== 1 && algorithm !== 2) throw new Malformed('no such algorithm');
    const publicKey = reader.take(reader.u16());
    const x0 = reader.take(16);
    const fingerprintHint = reader.text8(LONGEST_HINT);
    if (/\p{Cc}/u.test(fingerprintHint)) throw new Malformed('control characters');
    return { key: { algorithm: algorithm === 1 ? 'ed25519' : 'p256', publicKey }, x0, fingerprintHint };
  });
}

/** As much of a hint as fits, without control characters. */
function shortened(hint: string): string {
  let text = '';
  for (const one of hint.replace(/\p{Cc}/gu, ' ')) {
    if (toUtf8(text + one).length > LONGEST_HINT) break;
    text += one;
  }
  return text;
}

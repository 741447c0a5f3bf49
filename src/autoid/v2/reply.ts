import { AppError } from '../../core/errors.ts';
import type { Random } from '../../core/ports.ts';
import { randomBytes } from '../random.ts';
import { concat, decode, Malformed, u32, u64, u8 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import type { Exporter, Suite } from './suite.ts';

/**
 * What a sealed reply says. `refused`: this device, key or code has nothing here; `clock`: the timestamp is more than
 * 120 s off, `now` is right; `rate`: too often; `locked`: the device is locked or revoked; `late` and `ahead`: the step
 * is behind or ahead of the server's; `policy`: not from this network, or not this source and destination; `retry`: what
 * was asked for cannot be had just now; `replayed`: these very bytes were answered before.
 */
export const REPLY_CODES = [
  'ok',
  'refused',
  'clock',
  'rate',
  'locked',
  'late',
  'ahead',
  'policy',
  'retry',
  'replayed',
] as const;
export type ReplyCode = (typeof REPLY_CODES)[number];

/** A reply as both ends see it. */
export interface Reply {
  readonly code: ReplyCode;
  /** Whether the server took the request's step for its own: only then may the device go on to the next. */
  readonly stepAccepted: boolean;
  /** The server's time, in ms since the epoch. */
  readonly now: number;
  /** The generation that is current at the server; 0 where there is none to tell. */
  readonly currentGeneration: number;
  /** When to ask again at the earliest, in whole seconds from now; 0 for no wish. */
  readonly retryAfterSeconds: number;
  /** The step that the server is at. */
  readonly serverStep: number;
  /** For `ok` what was asked for; empty otherwise. */
  readonly payload: Bytes;
}

/** The reply on its way: `status` 200, or 404 with a body of 512 bytes. */
export interface SealedReply {
  readonly status: 200 | 404;
  readonly body: Bytes;
}

/** Every refusal has this many bytes, whether sealed or random. */
export const REFUSAL_BYTES = 512;
/** Longest reply a client reads, in bytes: a key set of 1 MiB and its manifest fit. */
export const LONGEST_REPLY = 1_200_000;

const SALT_BYTES = 32;
const TAG_BYTES = 16;
/** The most that is secret about a reply's length is which multiple of this it has. */
const STRIDE = REFUSAL_BYTES;

/** The refusal for whoever proved nothing: 404 with 512 random bytes, which look like any sealed refusal. */
export function blankRefusal(random: Random): SealedReply {
  return { status: 404, body: randomBytes(random, REFUSAL_BYTES) };
}

/**
 * Seals a reply to the request of this context: `rn ‖ AEAD(fields ‖ payload ‖ zeros)`, under a key and a nonce that a fresh
 * `rn` makes fresh each time (as RFC 9458 section 4.4 has it). `label` and `enc` tell paths and requests apart.
 */
export async function sealReply(
  suite: Suite,
  context: { readonly exporter: Exporter; readonly label: string; readonly enc: Bytes },
  reply: Reply,
  random: Random,
): Promise<SealedReply> {
  const plain = encodeReply(reply);
  const salt = randomBytes(random, SALT_BYTES);
  const { key, nonce } = await keysOf(suite, context, salt);
  const body = concat(salt, await suite.aeadSeal(key, nonce, plain));
  return { status: reply.code === 'ok' ? 200 : 404, body };
}

/** The reply in a body that was sealed to this context, or undefined for everything else. */
export async function openReply(
  suite: Suite,
  context: { readonly exporter: Exporter; readonly label: string; readonly enc: Bytes },
  answer: { readonly status: number; readonly body: Bytes },
): Promise<Reply | undefined> {
  const { status, body } = answer;
  if (body.length < REFUSAL_BYTES || body.length > LONGEST_REPLY || body.length % STRIDE !== 0) return undefined;
  const { key, nonce } = await keysOf(suite, context, body.slice(0, SALT_BYTES));
  const plain = await suite.aeadOpen(key, nonce, body.slice(SALT_BYTES));
  const reply = plain === undefined ? undefined : decodeReply(plain);
  // The status line is not sealed: one that says something else than the reply was changed on the way.
  return reply !== undefined && status === (reply.code === 'ok' ? 200 : 404) ? reply : undefined;
}

async function keysOf(
  suite: Suite,
  context: { readonly exporter: Exporter; readonly label: string; readonly enc: Bytes },
  salt: Bytes,
): Promise<{ key: Bytes; nonce: Bytes }> {
  const secret = await context.exporter.export(context.label, 32);
  const prk = await suite.extract(concat(context.enc, salt), secret);
  return { key: await suite.expand(prk, 'key', 32), nonce: await suite.expand(prk, 'nonce', 12) };
}

function encodeReply(reply: Reply): Bytes {
  const fields = concat(
    u8(REPLY_CODES.indexOf(reply.code)),
    u8(reply.stepAccepted ? 1 : 0),
    u64(reply.now),
    u32(reply.currentGeneration),
    u32(reply.retryAfterSeconds),
    u32(reply.serverStep),
    u32(reply.payload.length),
    reply.payload,
  );
  const overhead = SALT_BYTES + TAG_BYTES;
  const length = Math.ceil((fields.length + overhead) / STRIDE) * STRIDE;
  if (length > LONGEST_REPLY || (reply.code !== 'ok' && length !== REFUSAL_BYTES)) {
    throw new AppError('INTERNAL', 'A reply of the auto-id server would be longer than any may be: report it.');
  }
  return concat(fields, new Uint8Array(length - overhead - fields.length));
}

function decodeReply(plain: Bytes): Reply | undefined {
  return decode(plain, (reader) => {
    const code = REPLY_CODES[reader.u8()];
    const flags = reader.u8();
    if (code === undefined || flags > 1) throw new Malformed('no such code');
    const [now, currentGeneration, retryAfterSeconds] = [reader.u64(), reader.u32(), reader.u32()];
    const [serverStep, payload] = [reader.u32(), reader.take(reader.u32())];
    if (reader.rest().some((byte) => byte !== 0)) throw new Malformed('padding that is none');
    return { code, stepAccepted: flags === 1, now, currentGeneration, retryAfterSeconds, serverStep, payload };
  });
}

import { fromHex, toBase64Url, toHex, toUtf8 } from '../encoding.ts';
import { concat, decode, Malformed, text16, u32, u64, u8 } from './bytes.ts';
import type { Bytes, Reader } from './bytes.ts';
import { VERSION } from './generation.ts';
import { SIGNATURE_BYTES } from './signatures.ts';
import type { Suite } from './suite.ts';

/** Longest credential source and destination, in bytes of UTF-8. */
export const LONGEST_SOURCE = 512;
export const LONGEST_DESTINATION = 2048;

export const HEADER_BYTES = 1 + 4 + 32;
const FIXED_BODY_BYTES = 16 + 8 + 16 + 4 + 16 + 16 + 2 + 2;
const TAG_BYTES = 16;

/** Shortest and longest message of a request for credentials, in bytes. */
export const SHORTEST_REQUEST = HEADER_BYTES + FIXED_BODY_BYTES + SIGNATURE_BYTES + TAG_BYTES;
export const LONGEST_REQUEST = SHORTEST_REQUEST + LONGEST_SOURCE + LONGEST_DESTINATION;

/** A device's step as it travels: number, the x of the step before, and its own x (16 random bytes each). */
export interface WireStep {
  readonly n: number;
  readonly p: Bytes;
  readonly x: Bytes;
}

/** The signed content of a request for credentials. */
export interface RequestBody {
  /** 32 lower-case hex digits. */
  readonly deviceId: string;
  /** In ms since the epoch, by the device's clock. */
  readonly timestamp: number;
  /** 16 random bytes, never the same twice. */
  readonly nonce: Bytes;
  readonly step: WireStep;
  /** `store,id[,version[,stage]]`. */
  readonly source: string;
  /** What the credentials are for; '' for nothing in particular. */
  readonly destination: string;
}

/** Whether a text is a device's id: 16 bytes as lower-case hex. */
export function isDeviceId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{32}$/.test(text);
}

export function deviceIdBytes(deviceId: string): Bytes {
  const bytes = isDeviceId(deviceId) ? fromHex(deviceId) : undefined;
  if (bytes === undefined) throw new Malformed('no device id');
  return bytes;
}

/** `version ‖ g ‖ enc`: travels in clear, and is authenticated with all that follows. */
export function encodeHeader(generation: number, enc: Bytes): Bytes {
  return concat(u8(VERSION), u32(generation), enc);
}

export function encodeBody(body: RequestBody): Bytes {
  const { step } = body;
  return concat(
    deviceIdBytes(body.deviceId),
    u64(body.timestamp),
    body.nonce,
    u32(step.n),
    step.p,
    step.x,
    text16(body.source),
    text16(body.destination),
  );
}

/** The body in these bytes, or undefined when they are not exactly one. */
export function decodeBody(bytes: Bytes): RequestBody | undefined {
  return decode(bytes, (reader) => ({
    deviceId: toHex(reader.take(16)),
    timestamp: reader.u64(),
    nonce: reader.take(16),
    step: { n: reader.u32(), p: reader.take(16), x: reader.take(16) },
    source: plainText(reader, LONGEST_SOURCE),
    destination: plainText(reader, LONGEST_DESTINATION),
  }));
}

/** What a device signs: the path, the header, the context (keys and entropy of both ends), and the body, as bytes. */
export async function signedBytes(
  suite: Suite,
  label: string,
  header: Bytes,
  bind: Bytes,
  body: Bytes,
): Promise<Bytes> {
  return concat(toUtf8(`${label}\0`), await suite.sha256(header), bind, body);
}

/** SHA-256 of a step's x as the server keeps it: base64url. */
export async function hashStep(suite: Suite, x: Bytes): Promise<string> {
  return toBase64Url(await suite.sha256(x));
}

function plainText(reader: Reader, longest: number): string {
  const text = reader.text16(longest);
  if (/\p{Cc}/u.test(text)) throw new Malformed('control characters');
  return text;
}

import { fromUtf8, toUtf8 } from '../encoding.ts';

/** Bytes as this protocol handles them: never a view of shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Several byte strings, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** An unsigned number as one byte. */
export function u8(value: number): Bytes {
  return Uint8Array.of(value);
}

/** An unsigned number as two bytes, big-endian. */
export function u16(value: number): Bytes {
  return Uint8Array.of(value >>> 8, value);
}

/** An unsigned number as four bytes, big-endian. */
export function u32(value: number): Bytes {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A whole number up to 2^53 - 1 as eight bytes, big-endian. */
export function u64(value: number): Bytes {
  return concat(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32));
}

/** A text as UTF-8 with its length before it, in one byte. The caller sees to it that it has at most 255 bytes. */
export function text8(text: string): Bytes {
  const bytes = toUtf8(text);
  return concat(u8(bytes.length), bytes);
}

/** A text as UTF-8 with its length before it, in two bytes. The caller sees to it that it has at most 65535 bytes. */
export function text16(text: string): Bytes {
  const bytes = toUtf8(text);
  return concat(u16(bytes.length), bytes);
}

/** Thrown by a `Reader` for bytes that are too short or not of the layout; caught where the layout is known. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Reads a fixed layout from its start. Whatever does not fit throws `Malformed`. */
export class Reader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  take(length: number): Bytes {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Malformed('too short');
    const part = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return part;
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  /** Eight bytes; a number above 2^53 - 1 is malformed. */
  u64(): number {
    const value = this.u32() * 2 ** 32 + this.u32();
    if (!Number.isSafeInteger(value)) throw new Malformed('a number too large');
    return value;
  }

  text8(longest: number): string {
    return this.#text(this.u8(), longest);
  }

  text16(longest: number): string {
    return this.#text(this.u16(), longest);
  }

  /** Everything that is left. */
  rest(): Bytes {
    return this.take(this.#bytes.length - this.#at);
  }

  /** Throws unless everything has been read. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new Malformed('too long');
  }

  #text(length: number, longest: number): string {
    const text = length > longest ? undefined : fromUtf8(this.take(length));
    if (text === undefined) throw new Malformed('no such text');
    return text;
  }
}

/** What `read` makes of the bytes, to their last one; undefined when they are not of that layout. */
export function decode<T>(bytes: Bytes, read: (reader: Reader) => T): T | undefined {
  const reader = new Reader(bytes);
  try {
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Compares without telling by its time how much of the start agrees; the lengths are no secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** SHA-256. */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

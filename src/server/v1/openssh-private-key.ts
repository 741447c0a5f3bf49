import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { toBase64Url } from '../../autoid/encoding.ts';

const MAGIC = 'openssh-key-v1\0';
/** Longer than a key of 8192 bits. */
const LONGEST = 16_384;

/** Reads the length-prefixed fields of SSH (RFC 4251 section 5). Throws for what is too short. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('cut off');
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  field(): Buffer {
    return this.take(this.number());
  }

  text(): string {
    return this.field().toString('latin1');
  }
}

/** Whether a key is locked by a passphrase; no server could use it unattended. */
export class PassphraseNeeded extends Error {
  override readonly name = 'PassphraseNeeded';
}

/**
 * The RSA key in `BEGIN OPENSSH PRIVATE KEY` (OpenSSH's PROTOCOL.key), which Node does not read: magic, cipher, KDF and its
 * options, number of keys, public key, then two equal check numbers, `ssh-rsa`, n, e, d, iqmp, p, q, comment. Undefined for
 * what is no such text; throws `PassphraseNeeded`.
 */
export function readOpenSshPrivateKey(pem: string): KeyObject | undefined {
  const [, base64 = ''] =
    /^-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----$/.exec(pem.trim()) ?? [];
  if (base64 === '' || base64.length > LONGEST) return undefined;
  try {
    const outer = new Fields(Buffer.from(base64, 'base64'));
    if (outer.take(MAGIC.length).toString('latin1') !== MAGIC) return undefined;
    const cipher = outer.text();
    outer.field();
    outer.field();
    if (cipher !== 'none') throw new PassphraseNeeded('locked');
    if (outer.number() !== 1) return undefined;
    outer.field();
    const inner = new Fields(outer.field());
    if (inner.number() !== inner.number() || inner.text() !== 'ssh-rsa') return undefined;
    const [n, e, d, qi, p, q] = [inner, inner, inner, inner, inner, inner].map((fields) => fields.field());
    if (!n || !e || !d || !qi || !p || !q) return undefined;
    const [dp, dq] = [exponent(d, p), exponent(d, q)];
    const numbers = Object.entries({ n, e, d, qi, p, q, dp, dq }).map(([name, bytes]) => [name, jwkNumber(bytes)]);
    return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(numbers) } as JsonWebKey, format: 'jwk' });
  } catch (error) {
    if (error instanceof PassphraseNeeded) throw error;
    return undefined;
  }
}

/** d mod (prime - 1), which OpenSSH leaves out. */
function exponent(d: Buffer, prime: Buffer): Buffer {
  const hex = (BigInt(`0x${d.toString('hex')}`) % (BigInt(`0x${prime.toString('hex')}`) - 1n)).toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** A number as JSON Web Keys have it: no zero in front (RFC 7518 section 2). */
function jwkNumber(bytes: Buffer): string {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  return toBase64Url(bytes.subarray(start));
}

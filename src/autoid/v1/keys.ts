import { AppError } from '../../core/errors.ts';
import { fromBase64, toBase64Url } from '../encoding.ts';
import { readOpenSshRsa, readPkcs1PublicKey, readSpkiRsa } from './rsa-formats.ts';
import type { RsaNumbers } from './rsa-formats.ts';

const ALGORITHM = { name: 'RSA-OAEP', hash: 'SHA-1' } as const;
const SMALLEST_BITS = 2048;
const LARGEST_BITS = 8192;
/** Longer than any key file in use; keeps the parsing of garbage cheap. */
const LONGEST_FILE = 16_384;

/**
 * The server's public key for sealing (RSA-OAEP with SHA-1, as version 1 has it) from the text of `public.pem`: OpenSSH
 * (`ssh-rsa AAAA…`, which the reference's key script writes), SPKI (`BEGIN PUBLIC KEY`) or PKCS#1
 * (`BEGIN RSA PUBLIC KEY`). RSA of 2048 to 8192 bits. Throws KEYS_INVALID.
 */
export async function importPublicKey(text: string): Promise<CryptoKey> {
  const numbers = text.length > LONGEST_FILE ? undefined : readPublicKey(text.trim());
  if (numbers === undefined) {
    throw invalid('is no RSA public key in OpenSSH or PEM form');
  }
  const bits = numbers.modulus.length * 8 - Math.clz32(numbers.modulus[0] ?? 0) + 24;
  if (bits < SMALLEST_BITS || bits > LARGEST_BITS) {
    throw invalid(`holds a key of ${bits} bits where ${SMALLEST_BITS} to ${LARGEST_BITS} are accepted`);
  }
  try {
    const jwk = { kty: 'RSA', alg: 'RSA-OAEP', n: toBase64Url(numbers.modulus), e: toBase64Url(numbers.exponent) };
    return await crypto.subtle.importKey('jwk', jwk, ALGORITHM, true, ['encrypt']);
  } catch (cause) {
    throw invalid('holds numbers that make no RSA key', cause);
  }
}

/** The server's private key for opening, from PKCS#8 PEM (`BEGIN PRIVATE KEY`). Throws KEYS_INVALID. */
export async function importPrivateKey(pem: string): Promise<CryptoKey> {
  const der = readPem(pem.trim(), 'PRIVATE KEY');
  try {
    if (der === undefined) throw new Error('no PEM block of a private key');
    return await crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['decrypt']);
  } catch (cause) {
    throw new AppError('KEYS_INVALID', "The server's private key is no RSA key in PKCS#8 PEM form.", { cause });
  }
}

function readPublicKey(text: string): RsaNumbers | undefined {
  if (/PRIVATE KEY-----/.test(text)) {
    throw new AppError(
      'KEYS_INVALID',
      'The file public.pem holds a private key: take it away at once, make a new key pair, and hand out its public half.',
    );
  }
  const openSsh = /^ssh-rsa[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t][^\r\n]*)?$/.exec(text);
  if (openSsh?.[1] !== undefined) return read(fromBase64(openSsh[1]), readOpenSshRsa);
  return read(readPem(text, 'PUBLIC KEY'), readSpkiRsa) ?? read(readPem(text, 'RSA PUBLIC KEY'), readPkcs1PublicKey);
}

function read(
  bytes: Uint8Array | undefined,
  format: (bytes: Uint8Array) => RsaNumbers | undefined,
): RsaNumbers | undefined {
  return bytes === undefined ? undefined : format(bytes);
}

/** The bytes of a text that is exactly one PEM block with this label (RFC 7468), or undefined. */
function readPem(text: string, label: string): Uint8Array<ArrayBuffer> | undefined {
  const head = `-----BEGIN ${label}-----`;
  const foot = `-----END ${label}-----`;
  if (!text.startsWith(head) || !text.endsWith(foot) || text.length < head.length + foot.length) return undefined;
  const base64 = text.slice(head.length, -foot.length).replace(/[ \t\r\n]/g, '');
  return base64 === '' ? undefined : fromBase64(base64);
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError(
    'KEYS_INVALID',
    `The file public.pem ${what}: put the server's own public key where the keys come from.`,
    { cause },
  );
}

import { fromBase64Url, toBase64Url, toUtf8 } from '../encoding.ts';
import { concat, text8, u32, u64, u8 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { isServerId } from './generation.ts';
import { isSoundPublicKey, verifySignature } from './signatures.ts';
import type { PublicKey, SignatureAlgorithm, Signer } from './signatures.ts';

/** What the root says of a rotation key K: until when it may sign the key sets of this server. */
export interface Certificate {
  readonly serverId: string;
  /** One more with each rotation key. */
  readonly serial: number;
  readonly key: PublicKey;
  /** In ms since the epoch, a whole number. */
  readonly notAfter: number;
  /** By the root, over all of the above. */
  readonly signature: Bytes;
}

/** A certificate as JSON holds it. */
export interface CertificateJson {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: string;
  readonly serial: number;
  readonly notAfter: string;
  readonly signature: string;
}

/** Has the root (Ed25519) certify a rotation key. */
export async function signCertificate(root: Signer, content: Omit<Certificate, 'signature'>): Promise<Certificate> {
  return { ...content, signature: await root.sign(contentOf(content)) };
}

/** Whether the root made this certificate. That it has not ended is asked where the time is known. */
export async function isCertified(certificate: Certificate, root: Bytes): Promise<boolean> {
  if (!isSoundPublicKey(certificate.key)) return false;
  return verifySignature({ algorithm: 'ed25519', publicKey: root }, certificate.signature, contentOf(certificate));
}

export function certificateToJson(certificate: Certificate): CertificateJson {
  return {
    algorithm: certificate.key.algorithm,
    publicKey: toBase64Url(certificate.key.publicKey),
    serial: certificate.serial,
    notAfter: new Date(certificate.notAfter).toISOString(),
    signature: toBase64Url(certificate.signature),
  };
}

/** A certificate of this server from JSON, unchecked but for its form; undefined when it has another. */
export function certificateFromJson(json: unknown, serverId: string): Certificate | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { algorithm, publicKey, serial, notAfter, signature } = json as Readonly<Record<string, unknown>>;
  const [key, ends, by] = [bytesOf(publicKey), timeOf(notAfter), bytesOf(signature)];
  if (algorithm !== 'ed25519' && algorithm !== 'p256') return undefined;
  if (key === undefined || ends === undefined || by === undefined || !isCount(serial)) return undefined;
  return { serverId, serial, key: { algorithm, publicKey: key }, notAfter: ends, signature: by };
}

/** base64url in JSON. */
export function bytesOf(value: unknown): Bytes | undefined {
  return typeof value === 'string' ? fromBase64Url(value) : undefined;
}

/** A time in JSON, in ms since the epoch: written exactly as `toISOString` does. */
export function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' && value.length === 24 ? Date.parse(value) : Number.NaN;
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value ? ms : undefined;
}

/** A serial or generation: a whole number of 1 to 2^32 - 1. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value < 2 ** 32;
}

function contentOf(content: Omit<Certificate, 'signature'>): Bytes {
  const { serverId, serial, key, notAfter } = content;
  if (!isServerId(serverId)) throw new RangeError('no server id');
  const algorithm = key.algorithm === 'ed25519' ? 1 : 2;
  return concat(
    toUtf8('vigil/2 certificate\0'),
    text8(serverId),
    u32(serial),
    u8(algorithm),
    u8(key.publicKey.length),
    key.publicKey,
    u64(notAfter),
  );
}

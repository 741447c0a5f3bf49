import { AppError } from '../../core/errors.ts';
import { fromUtf8, parseJsonObject, toBase64Url, toHex, toUtf8 } from '../encoding.ts';
import { concat, decode, sameBytes, sha256, u32 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { bytesOf, certificateFromJson, certificateToJson, isCertified, isCount, timeOf } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { isServerId } from './generation.ts';
import type { ClientKeys } from './request.ts';
import { SIGNATURE_BYTES, verifySignature } from './signatures.ts';
import type { Signer } from './signatures.ts';

/** A key set as one file, in every place: it is read whole or not at all. */
export const KEY_SET_FILE = 'keyset.bin';

/** The names of its parts. */
export const MANIFEST_FILE = 'keyset.json';
export const SIGNATURE_FILE = 'keyset.sig';
export const ENTROPY_FILE_V2 = 'entropy.bin';

/** Shortest and longest entropy, in bytes, and how much is made where nothing else is asked for. */
export const SHORTEST_ENTROPY = 32;
export const LONGEST_ENTROPY = 1024 * 1024;
export const USUAL_ENTROPY = 4096;
/** Longest manifest, in bytes: what KMS signs in one call. */
export const LONGEST_MANIFEST = 4000;

/** The three files, byte for byte. */
export interface KeySetFiles {
  readonly manifest: Bytes;
  readonly signature: Bytes;
  readonly entropy: Bytes;
}

/** The three parts as one file: `u32 length ‖ manifest ‖ signature ‖ entropy`. */
export function encodeKeySet({ manifest, signature, entropy }: KeySetFiles): Bytes {
  return concat(u32(manifest.length), manifest, signature, entropy);
}

/** The parts of such a file, unchecked; undefined for what is none. */
export function decodeKeySet(bytes: Bytes): KeySetFiles | undefined {
  return decode(bytes, (reader) => ({
    manifest: reader.take(reader.u32()),
    signature: reader.take(SIGNATURE_BYTES),
    entropy: reader.rest(),
  }));
}

/** Below this a client accepts nothing: the highest serial and generation it has accepted. */
export interface Floor {
  readonly serial: number;
  readonly generation: number;
}

/** What a client holds a key set against. */
export interface Trust {
  /** The root's raw Ed25519 public key. */
  readonly root: Bytes;
  readonly serverId: string;
  readonly floor: Floor;
}

/** A key set that was accepted. */
export interface AcceptedKeys extends ClientKeys {
  /** In ms since the epoch. */
  readonly notAfter: number;
  /** What the client's floor is from now on. */
  readonly floor: Floor;
  /** First 16 hex digits of SHA-256 of the manifest: tells sets apart in a log. */
  readonly fingerprint: string;
}

/**
 * Makes and signs the manifest of a generation. `signer` is the rotation key that the certificate names. Times in ms since
 * the epoch. Rejects with KEYS_INVALID when the parts do not fit together.
 */
export async function createManifest(
  signer: Signer,
  certificate: Certificate,
  content: {
    readonly generation: number;
    readonly publicKey: Bytes;
    readonly entropy: Bytes;
    readonly notAfter: number;
  },
): Promise<{ readonly manifest: Bytes; readonly signature: Bytes }> {
  const { generation, publicKey, entropy, notAfter } = content;
  const fits =
    isCount(generation) &&
    publicKey.length === 32 &&
    entropy.length >= SHORTEST_ENTROPY &&
    entropy.length <= LONGEST_ENTROPY &&
    sameBytes(signer.publicKey, certificate.key.publicKey);
  if (!fits) {
    throw new AppError('KEYS_INVALID', 'The new key set and the rotation key do not fit together: rotate again.');
  }
  const json = {
    vigil: 'keyset',
    minProtocol: 2,
    serverId: certificate.serverId,
    generation,
    publicKey: toBase64Url(publicKey),
    entropySha256: toBase64Url(await sha256(entropy)),
    entropyLength: entropy.length,
    notAfter: new Date(notAfter).toISOString(),
    certificate: certificateToJson(certificate),
  };
  const manifest = toUtf8(`${JSON.stringify(json, undefined, 2)}\n`);
  return { manifest, signature: await signer.sign(toSign(manifest)) };
}

/**
 * Accepts a key set, or rejects: KEYS_INVALID for what is none, has ended or needs a newer Vigil; KEYS_INTEGRITY when it
 * does not chain to the root, does not match its entropy, is of another server, or is older than what was accepted before.
 * `now` in ms since the epoch.
 */
export async function acceptKeySet(files: KeySetFiles, trust: Trust, now: number): Promise<AcceptedKeys> {
  const manifest = readManifest(files.manifest);
  const { certificate, generation } = manifest;
  if (manifest.serverId !== trust.serverId) {
    throw integrity(`is of the server ${manifest.serverId}, and this device belongs to ${trust.serverId}`);
  }
  if (!(await isCertified(certificate, trust.root))) throw integrity('does not come from the root of this server');
  const isSigned =
    files.signature.length === SIGNATURE_BYTES &&
    (await verifySignature(certificate.key, files.signature, toSign(files.manifest)));
  if (!isSigned) throw integrity('is not what was signed');
  if (certificate.serial < trust.floor.serial || generation < trust.floor.generation) {
    throw integrity(`is older (generation ${generation}) than one that this device has seen`);
  }
  const { entropy } = files;
  const isItsEntropy =
    entropy.length === manifest.entropyLength && sameBytes(await sha256(entropy), manifest.entropySha256);
  if (!isItsEntropy) throw integrity(`holds another ${ENTROPY_FILE_V2} than its manifest names`);
  if (manifest.notAfter <= now) throw ended('key set', manifest.notAfter);
  if (certificate.notAfter <= now) throw ended("key set's rotation key", certificate.notAfter);
  return {
    serverId: manifest.serverId,
    generation,
    publicKey: manifest.publicKey,
    entropy,
    notAfter: manifest.notAfter,
    floor: { serial: certificate.serial, generation },
    fingerprint: toHex(await sha256(files.manifest)).slice(0, 16),
  };
}

interface Manifest {
  readonly serverId: string;
  readonly generation: number;
  readonly publicKey: Bytes;
  readonly entropySha256: Bytes;
  readonly entropyLength: number;
  readonly notAfter: number;
  readonly certificate: Certificate;
}

/** The manifest in these bytes, unchecked but for its form. Throws KEYS_INVALID. */
export function readManifest(bytes: Bytes): Manifest {
  const json = bytes.length > LONGEST_MANIFEST ? undefined : parseJsonObject(fromUtf8(bytes) ?? '');
  if (json?.['vigil'] !== 'keyset') throw invalid('is no manifest of a key set');
  const { minProtocol, serverId, generation, entropyLength } = json;
  if (!isCount(minProtocol) || minProtocol > 2) {
    throw new AppError('KEYS_INVALID', 'The key set is for a newer version of Vigil: update Vigil on this machine.');
  }
  const [publicKey, entropySha256] = [bytesOf(json['publicKey']), bytesOf(json['entropySha256'])];
  const notAfter = timeOf(json['notAfter']);
  const certificate = isServerId(serverId) ? certificateFromJson(json['certificate'], serverId) : undefined;
  if (!isServerId(serverId) || certificate === undefined) throw invalid('names no server, or has no certificate');
  if (!isCount(generation) || notAfter === undefined) throw invalid('has no generation or no end');
  if (publicKey?.length !== 32 || entropySha256?.length !== 32) throw invalid('has no public key or no checksum');
  if (!isCount(entropyLength) || entropyLength < SHORTEST_ENTROPY || entropyLength > LONGEST_ENTROPY) {
    throw invalid('names an impossible length of its entropy');
  }
  return { serverId, generation, publicKey, entropySha256, entropyLength, notAfter, certificate };
}

function toSign(manifest: Bytes): Bytes {
  return concat(toUtf8('vigil/2 keyset\0'), manifest);
}

function invalid(what: string): AppError {
  return new AppError('KEYS_INVALID', `The file ${MANIFEST_FILE} ${what}: publish the key set anew.`);
}

function ended(what: string, at: number): AppError {
  return new AppError(
    'KEYS_INVALID',
    `The ${what} ended on ${new Date(at).toISOString()}: publish a newer one, and check this machine's clock.`,
  );
}

function integrity(what: string): AppError {
  return new AppError(
    'KEYS_INTEGRITY',
    `The key set ${what}: it is not used; find out who changed what the key source holds.`,
  );
}

import { createPublicKey, generateKeyPair, randomFillSync } from 'node:crypto';
import { promisify } from 'node:util';
import { ENTROPY_SIZE } from '../../autoid/v1/entropy.ts';
import type { Bytes } from '../../autoid/v2/bytes.ts';
import type { Certificate } from '../../autoid/v2/certificate.ts';
import { createManifest, USUAL_ENTROPY } from '../../autoid/v2/keyset.ts';
import type { Signer } from '../../autoid/v2/signatures.ts';
import type { GenerationV1, GenerationV2 } from './generations.ts';
import type { ProtocolName } from './ring.ts';
import type { GenerationSecret } from './secrets.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const RSA_BITS = 2048;

/** How long clients take a key set, in ms, unless the rotation key's certificate ends before. */
const VALID_MS = 400 * 86_400_000;

/** The keys of a generation for these protocols, and until when clients take them, in ms since the epoch. */
export async function makeGeneration(options: {
  readonly generation: number;
  readonly protocols: readonly ProtocolName[];
  readonly signer: Signer;
  readonly certificate: Certificate;
  readonly now: number;
  /** Instead of fresh ones; for tests, where those take long. */
  readonly makeV1?: typeof makeV1;
}): Promise<{ readonly notAfter: number; readonly keys: GenerationSecret }> {
  const { generation, protocols, signer, certificate, now } = options;
  const notAfter = Math.min(now + VALID_MS, certificate.notAfter);
  const keys = {
    ...(protocols.includes('v2') ? { v2: await makeV2({ generation, signer, certificate, notAfter }) } : {}),
    ...(protocols.includes('v1') ? { v1: await (options.makeV1 ?? makeV1)(generation) } : {}),
  };
  return { notAfter, keys };
}

/** A fresh key pair and fresh entropy, and the manifest that `signer` signs over them. */
async function makeV2(options: {
  readonly generation: number;
  readonly signer: Signer;
  readonly certificate: Certificate;
  /** In ms since the epoch. */
  readonly notAfter: number;
}): Promise<GenerationV2> {
  const { generation, signer, certificate, notAfter } = options;
  const pair = await promisify(generateKeyPair)('x25519');
  const jwk = pair.privateKey.export({ format: 'jwk' });
  const [privateKey, publicKey] = [ownBytes(jwk.d), ownBytes(jwk.x)];
  const entropy = randomFillSync(new Uint8Array(USUAL_ENTROPY));
  const signed = await createManifest(signer, certificate, { generation, publicKey, entropy, notAfter });
  return { generation, privateKey, publicKey, entropy, notAfter, ...signed };
}

/** A fresh RSA key pair and entropy file, as the reference's key script makes them. */
export async function makeV1(generation: number): Promise<GenerationV1> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { generation, privateKeyPem: privateKey, publicKeyPem: publicKey, entropy: makeEntropy() };
}

/** 2048 lines of 2048 letters and digits, every character equally likely. */
function makeEntropy(): string {
  const lines: string[] = [];
  let pool = new Uint8Array();
  let at = 0;
  for (let line = 0; line < ENTROPY_SIZE; line++) {
    let text = '';
    while (text.length < ENTROPY_SIZE) {
      if (at >= pool.length) [pool, at] = [randomFillSync(new Uint8Array(65_536)), 0];
      const byte = pool[at++] ?? 255;
      // 248 = 4 · 62: what lies above would favour the first letters.
      if (byte < 248) text += LETTERS.charAt(byte % 62);
    }
    lines.push(text);
  }
  return `${lines.join('\n')}\n`;
}

/** A public key as OpenSSH writes it, which is what the reference's clients read; from SPKI PEM. */
export function openSshOf(publicKeyPem: string): string {
  const { n, e } = createPublicKey(publicKeyPem).export({ format: 'jwk' });
  const fields = [Buffer.from('ssh-rsa'), mpint(ownBytes(e)), mpint(ownBytes(n))];
  const blob = Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return [length, field];
    }),
  );
  return `ssh-rsa ${blob.toString('base64')}\n`;
}

/** RFC 4251 section 5: positive, so with a zero before a first bit that is set. */
function mpint(bytes: Bytes): Buffer {
  return (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : Buffer.from(bytes);
}

function ownBytes(base64url: string | undefined): Bytes {
  return new Uint8Array(Buffer.from(base64url ?? '', 'base64url'));
}

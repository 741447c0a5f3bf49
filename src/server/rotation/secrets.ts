import { z } from 'zod';
import { fromBase64Url, toBase64Url } from '../../autoid/encoding.ts';
import type { Bytes } from '../../autoid/v2/bytes.ts';
import type { StoredKeyPair } from '../../autoid/v2/signatures.ts';
import { AppError } from '../../core/errors.ts';
import type { GenerationV1, GenerationV2 } from './generations.ts';

/** What the vault keeps of a generation, as one secret. */
export interface GenerationSecret {
  readonly v2?: GenerationV2;
  readonly v1?: GenerationV1;
}

const bytes = z.string().transform((text, context): Bytes => {
  const decoded = fromBase64Url(text);
  if (decoded !== undefined) return decoded;
  context.addIssue({ code: 'custom', message: 'no base64url' });
  return z.NEVER;
});
const generation = z.number().int().positive();
const generationSchema = z.object({
  v2: z
    .object({
      generation,
      privateKey: bytes,
      publicKey: bytes,
      entropy: bytes,
      notAfter: z.number(),
      manifest: bytes,
      signature: bytes,
    })
    .exactOptional(),
  v1: z
    .object({ generation, privateKeyPem: z.string(), publicKeyPem: z.string(), entropy: z.string() })
    .exactOptional(),
});
const pairSchema = z.object({ algorithm: z.enum(['ed25519', 'p256']), publicKey: bytes, privateKey: bytes });

export function generationBytes(secret: GenerationSecret): Uint8Array {
  return bytesOf(secret);
}

/** Throws KEYS_INVALID. */
export function readGeneration(name: string, secret: Uint8Array): GenerationSecret {
  return read(generationSchema, name, secret);
}

export function pairBytes(pair: StoredKeyPair): Uint8Array {
  return bytesOf(pair);
}

/** Throws KEYS_INVALID. */
export function readPair(name: string, secret: Uint8Array): StoredKeyPair {
  return read(pairSchema, name, secret);
}

function bytesOf(value: object): Uint8Array {
  const text = JSON.stringify(value, (_key, part: unknown) => (part instanceof Uint8Array ? toBase64Url(part) : part));
  return new TextEncoder().encode(text);
}

function read<T>(schema: z.ZodType<T>, name: string, secret: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(secret)));
  } catch {
    // The cause could hold a part of the secret.
    throw new AppError('KEYS_INVALID', `The server's key ${name} makes no sense: restore it from a backup, or rotate.`);
  }
}

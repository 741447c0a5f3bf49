import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { fromUtf8 } from '../../autoid/encoding.ts';
import { parseEntropy } from '../../autoid/v1/entropy.ts';
import { importPublicKey } from '../../autoid/v1/keys.ts';
import { AppError } from '../../core/errors.ts';
import type { FileStore } from '../../core/ports.ts';
import { readOwnerOnly } from '../../node/durable-file.ts';
import type { GenerationV1, ServerKeys, ServerKeySource } from '../rotation/generations.ts';
import { PassphraseNeeded, readOpenSshPrivateKey } from './openssh-private-key.ts';

const LARGEST_ENTROPY = 8 * 1024 * 1024;
const LARGEST_KEY = 16_384;
const NAMES = { entropy: 'info2048.bin', privateKey: 'private.pem', publicKey: 'public.pem' } as const;
const MODULUS_BITS = { least: 2048, most: 8192 } as const;

/**
 * The keys of an existing reference server, from its folder: `info2048.bin`, `private.pem` (PKCS#8, PKCS#1 or OpenSSH
 * without passphrase, for its owner alone) and `public.pem` (in any form that clients read). Rejects with KEYS_NOT_FOUND,
 * KEYS_UNREADABLE, or KEYS_INVALID, also when the two keys are not one pair.
 */
export async function readReferenceKeys(folder: string, files: FileStore): Promise<GenerationV1> {
  const entropy = parseEntropy(await read(files, join(folder, NAMES.entropy), LARGEST_ENTROPY));
  const publicText = textOf(await read(files, join(folder, NAMES.publicKey), LARGEST_KEY));
  const path = join(folder, NAMES.privateKey);
  await read(files, path, LARGEST_KEY);
  const secret = await readOwnerOnly(path, { what: 'The private key', maxBytes: LARGEST_KEY, code: 'KEYS_UNREADABLE' });
  const privateKey = privateKeyOf(path, textOf(secret));
  const publicKey = createPublicKey(privateKey);

  const published = (await crypto.subtle.exportKey('jwk', await importPublicKey(publicText))).n;
  if (published !== publicKey.export({ format: 'jwk' }).n) {
    throw new AppError(
      'KEYS_INVALID',
      `The keys private.pem and public.pem in ${folder} are not one pair: put both halves of the same key there.`,
    );
  }
  return {
    // Nothing in these files counts generations.
    generation: 0,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    entropy,
  };
}

/** What the server verifies with when the reference's keys are accepted beside, or instead of, its own of protocol 1. */
export function withReferenceKeys(own: ServerKeySource, folder: string, files: FileStore): ServerKeySource {
  let last: { readonly stamp: string; readonly from: ServerKeys; readonly keys: ServerKeys } | undefined;
  return {
    async read() {
      const from = await own.read();
      const stamps = await Promise.all(Object.values(NAMES).map((name) => files.stamp(join(folder, name))));
      const stamp = stamps.join(' ');
      if (last?.stamp === stamp && last.from === from) return last.keys;
      const reference = await readReferenceKeys(folder, files);
      const mark = createHash('sha256').update(`${from.version} ${stamp}`).digest('hex').slice(0, 16);
      const keys: ServerKeys = { ...from, v1: [...from.v1, reference], version: mark };
      last = { stamp, from, keys };
      return keys;
    },
  };
}

function privateKeyOf(path: string, pem: string): KeyObject {
  const invalid = (why: string, cause?: unknown): AppError =>
    new AppError('KEYS_INVALID', `The private key ${path} ${why}.`, { cause });
  let key: KeyObject | undefined;
  try {
    key = readOpenSshPrivateKey(pem) ?? createPrivateKey(pem);
  } catch (cause) {
    if (cause instanceof PassphraseNeeded) throw invalid('has a passphrase: remove it with ssh-keygen -p', cause);
    throw invalid('is no RSA key in OpenSSH or PEM form without passphrase', cause);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < MODULUS_BITS.least || bits > MODULUS_BITS.most) {
    throw invalid(`is no RSA key of ${MODULUS_BITS.least} to ${MODULUS_BITS.most} bits`);
  }
  return key;
}

async function read(files: FileStore, path: string, maxBytes: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await files.read(path, maxBytes);
  } catch (cause) {
    throw new AppError('KEYS_UNREADABLE', `The file ${path} cannot be read: check its permissions and size.`, {
      cause,
    });
  }
  if (bytes !== undefined) return bytes;
  throw new AppError('KEYS_NOT_FOUND', `There is no file ${path}: name the folder of the server's keys.`);
}

function textOf(bytes: Uint8Array): string {
  return fromUtf8(bytes) ?? '';
}

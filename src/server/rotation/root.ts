import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { generateKeyPair, softwareSigner, type Signer, type StoredKeyPair } from '../../autoid/v2/signatures.ts';
import { AppError } from '../../core/errors.ts';
import { readOwnerOnly } from '../../node/durable-file.ts';
import { keyOfPassphrase, keysFrom, SCRYPT_COST } from '../seal/local-keys.ts';
import { createSealer } from '../seal/sealer.ts';
import type { Disk } from './disk.ts';

const LONGEST_FILE = 16_384;
const PURPOSE = 'vigil root';
const MOST_MEMORY = 2 ** 30;

/** A file with the root's private key, sealed by a passphrase. */
const sealedFile = z.strictObject({
  vigil: z.literal('sealed root'),
  salt: z.base64url().max(100),
  n: z.number().int().positive(),
  r: z.number().int().positive(),
  p: z.number().int().positive().max(16),
  key: z.base64url().max(4096),
});

/**
 * The root in a file: made there where the file is missing, sealed if there is a passphrase. It certifies rotation keys
 * and is needed for nothing else, so the file is to be carried away and kept offline. Rejects with KEYS_UNREADABLE,
 * KEYS_INVALID, or SETTINGS_INVALID for a passphrase that is too short.
 */
export async function openOrMakeRoot(disk: Disk, path: string, passphrase: string | undefined): Promise<Signer> {
  if ((await disk.kind(path).catch(() => undefined)) !== undefined) return openRoot(path, passphrase);
  const pair = await generateKeyPair('ed25519');
  const text = passphrase === undefined ? pemOf(pair) : await sealedText(pair, passphrase);
  try {
    const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    await disk.create(draft, new TextEncoder().encode(text), 0o600);
    await disk.rename(draft, path);
  } catch (cause) {
    throw new AppError('KEYS_UNREADABLE', `The file ${path} for the root key cannot be written: name another one.`, {
      cause,
    });
  }
  return softwareSigner(pair);
}

/** The root from its file. Rejects as `openOrMakeRoot`. */
export async function openRoot(path: string, passphrase: string | undefined): Promise<Signer> {
  const bytes = await readOwnerOnly(path, { what: 'The root file', maxBytes: LONGEST_FILE, code: 'KEYS_UNREADABLE' });
  const text = new TextDecoder().decode(bytes);
  return softwareSigner(pairOf(path, text.startsWith('{') ? await unsealed(path, text, passphrase) : text));
}

function pemOf({ privateKey }: StoredKeyPair): string {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function pairOf(path: string, pem: string): StoredKeyPair {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('another kind of key');
    const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
    return {
      algorithm: 'ed25519',
      publicKey: new Uint8Array(Buffer.from(x, 'base64url')),
      privateKey: new Uint8Array(key.export({ format: 'der', type: 'pkcs8' })),
    };
  } catch (cause) {
    throw new AppError('KEYS_INVALID', `The file ${path} holds no root key, which is Ed25519 in PEM form.`, { cause });
  }
}

async function sealedText(pair: StoredKeyPair, passphrase: string): Promise<string> {
  const salt = randomBytes(32);
  const sealer = createSealer(keysFrom(await keyOfPassphrase(passphrase, salt, SCRYPT_COST), 'the passphrase'));
  const key = await sealer.seal(PURPOSE, new TextEncoder().encode(pemOf(pair)));
  const file: z.infer<typeof sealedFile> = {
    vigil: 'sealed root',
    salt: salt.toString('base64url'),
    ...SCRYPT_COST,
    key: Buffer.from(key).toString('base64url'),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

async function unsealed(path: string, text: string, passphrase: string | undefined): Promise<string> {
  if (passphrase === undefined) {
    throw new AppError(
      'KEYS_UNREADABLE',
      `The root in ${path} is sealed: give its passphrase in VIGIL_ROOT_PASSPHRASE.`,
    );
  }
  let file: z.infer<typeof sealedFile>;
  try {
    file = sealedFile.parse(JSON.parse(text));
    // Scrypt wants a power of two, and what a file asks for must not take the machine down.
    if ((file.n & (file.n - 1)) !== 0 || file.n < 2 || 128 * file.n * file.r > MOST_MEMORY) throw new Error('cost');
  } catch (cause) {
    throw new AppError('KEYS_INVALID', `The file ${path} holds no root key: restore it from a backup.`, { cause });
  }
  const key = await keyOfPassphrase(passphrase, Buffer.from(file.salt, 'base64url'), file);
  try {
    const opened = await createSealer(keysFrom(key, 'the passphrase')).open(
      PURPOSE,
      Buffer.from(file.key, 'base64url'),
    );
    return new TextDecoder().decode(opened);
  } catch (cause) {
    throw new AppError('KEYS_UNREADABLE', `The passphrase does not open the root in ${path}.`, { cause });
  }
}

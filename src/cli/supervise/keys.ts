/** The Ed25519 keys (RFC 8032) that versions are signed with, in PEM files. */
import { type KeyObject, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { readFileWithin } from '../../node/file-store.ts';

const LONGEST_KEY_FILE = 64 * 1024;

/**
 * The public keys in a PEM file (SubjectPublicKeyInfo); several, one after the other, while one takes the place of another.
 * Throws SUPERVISE_KEY_INVALID.
 */
export function readPublicKeys(path: string): readonly KeyObject[] {
  return publicKeysIn(textOf(path), `The key file ${path}`);
}

/** The same for a text; `name` begins the sentence of a failure. */
export function publicKeysIn(text: string, name: string): readonly KeyObject[] {
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw unfit(name, 'holds no public key in PEM form');
  return blocks.map((block) => ed25519(() => createPublicKey(block), name));
}

/** The private key in a PEM file (PKCS #8). Throws SUPERVISE_KEY_INVALID. */
export function readPrivateKey(path: string): KeyObject {
  const text = textOf(path);
  return ed25519(() => createPrivateKey(text), `The key file ${path}`);
}

/**
 * Makes a key pair: the private key goes to `path`, readable by its owner alone, the public one to `path`.pub. Rejects with
 * SUPERVISE_KEY_INVALID where a file cannot be written, or is there already.
 */
export async function writeNewKeys(path: string): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicPath = `${path}.pub`;
  try {
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
    await writeFile(publicPath, publicKey.export({ type: 'spki', format: 'pem' }), { flag: 'wx', mode: 0o644 });
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw unfit(`The key file ${path} or ${publicPath}`, isThere ? 'is there already' : 'cannot be written', cause);
  }
  return publicPath;
}

/** The detached signature over exactly these bytes, in base64. */
export function signatureOf(bytes: Uint8Array, key: KeyObject): string {
  return sign(null, bytes, key).toString('base64');
}

/** Whether a signature in base64 is one of these keys over exactly these bytes. */
export function isSigned(bytes: Uint8Array, signature: string, keys: readonly KeyObject[]): boolean {
  const raw = Buffer.from(signature.trim(), 'base64');
  // Lenient decoding would make many texts of one signature.
  if (raw.length !== 64 || raw.toString('base64') !== signature.trim()) return false;
  return keys.some((key) => verify(null, bytes, key, raw));
}

function textOf(path: string): string {
  try {
    return Buffer.from(readFileWithin(path, LONGEST_KEY_FILE)).toString('utf8');
  } catch (cause) {
    throw unfit(`The key file ${path}`, 'cannot be read', cause);
  }
}

function ed25519(make: () => KeyObject, name: string): KeyObject {
  let key: KeyObject;
  try {
    key = make();
  } catch (cause) {
    throw unfit(name, 'is damaged, or holds another kind of key', cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw unfit(name, 'holds another kind of key than Ed25519');
  return key;
}

function unfit(name: string, flaw: string, cause?: unknown): AppError {
  return new AppError('SUPERVISE_KEY_INVALID', `${name} ${flaw}.`, { cause });
}

import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Variable of the build: path of a PEM file with the public keys of the release, as `vigil manifest --new-key` makes it. */
export const RELEASE_KEYS_VARIABLE = 'VIGIL_RELEASE_KEYS';

/**
 * The public keys that the built command is to trust versions by, as PEM text; empty for a build that trusts none. Throws where the file
 * is not what it should be: a build must not end with a key that no one has, and never with a secret one.
 *
 * @param {Readonly<Record<string, string | undefined>>} [env]
 */
export function readReleaseKeys(env = process.env) {
  const path = env[RELEASE_KEYS_VARIABLE] ?? '';
  if (path === '') return '';
  const text = readFileSync(path, 'utf8');
  if (text.includes('PRIVATE KEY')) throw unfit(path, 'holds a secret key: give the public one');
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw unfit(path, 'holds no public key in PEM form');
  return blocks.map((block) => publicKey(block, path)).join('');
}

/** @param {string} block @param {string} path */
function publicKey(block, path) {
  let key;
  try {
    key = createPublicKey(block);
  } catch (cause) {
    throw unfit(path, 'holds a damaged key', cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw unfit(path, 'holds another kind of key than Ed25519');
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** @param {string} path @param {string} flaw @param {unknown} [cause] */
function unfit(path, flaw, cause) {
  return new Error(`${RELEASE_KEYS_VARIABLE}: ${path} ${flaw}.`, { cause });
}

/** Key sets of the auto-id protocol, version 1, in the layout of the published reference. */
import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const LINES = 2048;
const LINE_LENGTH = 2048;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** One generation of keys. Clients get `entropy` and `publicKey`; `privateKey` (PKCS#8 PEM) stays on the server. */
export interface KeySet {
  readonly entropy: string;
  /** OpenSSH form, one line, as the reference's own script writes it into `public.pem`. */
  readonly publicKey: string;
  readonly privateKey: string;
}

/** 2048 lines of 2048 characters `A-Za-z0-9`, each ended by LF; every character equally likely. */
function makeEntropy(): string {
  const wanted = LINES * LINE_LENGTH;
  const characters = Buffer.alloc(wanted);
  let have = 0;
  while (have < wanted) {
    for (const byte of randomBytes(1 << 20)) {
      if (byte >= 248 || have === wanted) continue; // 248 = 4 × 62: above it characters would be unevenly likely
      characters[have++] = ALPHABET.charCodeAt(byte % 62);
    }
  }
  const text = characters.toString('latin1');
  const lines: string[] = [];
  for (let at = 0; at < wanted; at += LINE_LENGTH) lines.push(text.slice(at, at + LINE_LENGTH));
  return lines.join('\n') + '\n';
}

function sshString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive integer as RFC 4251 writes an mpint: a zero in front when the top bit is set. */
function sshInteger(base64url: string | undefined): Buffer {
  const bytes = Buffer.from(base64url ?? '', 'base64url');
  return sshString((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** An RSA public key as `ssh-rsa BASE64` (RFC 4253, section 6.6). */
export function toOpenSsh(key: KeyObject): string {
  const { n, e } = key.export({ format: 'jwk' });
  const blob = Buffer.concat([sshString(Buffer.from('ssh-rsa')), sshInteger(e), sshInteger(n)]);
  return `ssh-rsa ${blob.toString('base64')}`;
}

/** A fresh key set: RSA-2048 and a new entropy text. */
export async function makeKeys(): Promise<KeySet> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return {
    entropy: makeEntropy(),
    publicKey: toOpenSsh(pair.publicKey),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** The key set of a server's folder: `info2048.bin` and `private.pem` (PKCS#8 or PKCS#1). */
export async function readKeys(dir: string): Promise<KeySet> {
  const entropy = await readFile(join(dir, 'info2048.bin'), 'latin1');
  const privateKey = createPrivateKey(await readFile(join(dir, 'private.pem')));
  return {
    entropy,
    publicKey: toOpenSsh(createPublicKey(privateKey)),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Writes what a client needs, `info2048.bin` and `public.pem`, each file in one step so that no reader sees half of it. */
export async function writeClientKeys(dir: string, keys: KeySet): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, text] of [
    ['info2048.bin', keys.entropy],
    ['public.pem', keys.publicKey],
  ] as const) {
    const temporary = join(dir, `.${name}.${randomBytes(4).toString('hex')}`);
    await writeFile(temporary, text, 'latin1');
    await rename(temporary, join(dir, name));
  }
}

import { concat, u32 } from '../../autoid/v2/bytes.ts';
import { openSshOf } from './make-generation.ts';
import type { PublishedFiles } from './places/place.ts';
import type { GenerationSecret } from './secrets.ts';

/** Names of the files in every place; those of protocol 1 are the reference's. */
const ENTROPY_FILE = 'info2048.bin';
const PUBLIC_KEY_FILE = 'public.pem';
const KEY_SET_FILE = 'keyset.bin';

/**
 * What clients need of a generation, as files: for protocol 2 one file, so that it can be read only whole; for protocol 1
 * the two that its clients look for, the public key in OpenSSH's form as the reference has it. No private key is among them.
 */
export function publishedFiles({ v1, v2 }: GenerationSecret): PublishedFiles {
  const encoder = new TextEncoder();
  const files = new Map<string, Uint8Array>();
  if (v2 !== undefined) {
    files.set(KEY_SET_FILE, concat(u32(v2.manifest.length), v2.manifest, v2.signature, v2.entropy));
  }
  if (v1 !== undefined) {
    files.set(ENTROPY_FILE, encoder.encode(v1.entropy));
    files.set(PUBLIC_KEY_FILE, encoder.encode(openSshOf(v1.publicKeyPem)));
  }
  return files;
}

import { encodeKeySet, KEY_SET_FILE } from '../../autoid/v2/keyset.ts';
import { ENTROPY_FILE, PUBLIC_KEY_FILE } from '../../keys/key-set.ts';
import { openSshOf } from './make-generation.ts';
import type { PublishedFiles } from './places/place.ts';
import type { GenerationSecret } from './secrets.ts';

/**
 * What clients need of a generation, as files: for protocol 2 one file, so that it can be read only whole; for protocol 1
 * the two that its clients look for, the public key in OpenSSH's form as the reference has it. No private key is among them.
 */
export function publishedFiles({ v1, v2 }: GenerationSecret): PublishedFiles {
  const encoder = new TextEncoder();
  const files = new Map<string, Uint8Array>();
  if (v2 !== undefined) files.set(KEY_SET_FILE, encodeKeySet(v2));
  if (v1 !== undefined) {
    files.set(ENTROPY_FILE, encoder.encode(v1.entropy));
    files.set(PUBLIC_KEY_FILE, encoder.encode(openSshOf(v1.publicKeyPem)));
  }
  return files;
}

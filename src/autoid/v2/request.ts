import { AppError } from '../../core/errors.ts';
import type { Random } from '../../core/ports.ts';
import { toUtf8 } from '../encoding.ts';
import { randomBytes } from '../random.ts';
import { concat } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import type { DeviceStep } from './counter.ts';
import { credentialsBinding } from './generation.ts';
import { encodeBody, encodeHeader, LONGEST_DESTINATION, LONGEST_SOURCE, signedBytes } from './layout.ts';
import { openReply } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Signer } from './signatures.ts';
import type { Binding, Suite } from './suite.ts';

export const REQUEST_LABEL = 'vigil/2 request';
export const RESPONSE_LABEL = 'vigil/2 response';
export const BIND_LABEL = 'vigil/2 bind';

/** What a client needs of a key set. */
export interface ClientKeys {
  readonly serverId: string;
  readonly generation: number;
  /** X25519, 32 bytes. */
  readonly publicKey: Bytes;
  /** A secret of all clients of this server. */
  readonly entropy: Bytes;
}

/** The keys, ready for many requests. */
export interface PreparedKeys {
  readonly generation: number;
  readonly serverId: string;
  readonly to: Parameters<Suite['setupSender']>[0];
  readonly binding: Binding;
}

/** Rejects with KEYS_INVALID for a public key that is none. */
export async function prepareKeys(suite: Suite, keys: ClientKeys): Promise<PreparedKeys> {
  const { serverId, generation } = keys;
  try {
    const to = await suite.importPublicKey(keys.publicKey);
    return { serverId, generation, to, binding: await credentialsBinding(suite, serverId, generation, keys.entropy) };
  } catch (cause) {
    throw new AppError('KEYS_INVALID', "The key set holds no usable public key of the server's: publish it anew.", {
      cause,
    });
  }
}

/** What one request for credentials says. */
export interface CredentialsRequest {
  readonly deviceId: string;
  readonly signer: Signer;
  /** By the clock as corrected, in ms since the epoch. */
  readonly timestamp: number;
  readonly step: DeviceStep;
  /** `store,id[,version[,stage]]`. */
  readonly source: string;
  /** '' for nothing in particular. */
  readonly destination: string;
}

/** A message ready to be posted, and what reads the answer to it, and to no other. */
export interface SealedRequest {
  readonly body: Bytes;
  /** The sealed reply, or undefined when the answer is none to this request: changed, of somebody else, or random. */
  openReply(answer: { readonly status: number; readonly body: Uint8Array }): Promise<Reply | undefined>;
}

/**
 * Seals one request for credentials, with a fresh nonce. Rejects with SETTINGS_INVALID for a source or destination that
 * is too long or has control characters, and with what the signer rejects with.
 */
export async function sealRequest(
  suite: Suite,
  keys: PreparedKeys,
  request: CredentialsRequest,
  random: Random,
): Promise<SealedRequest> {
  checkText(request.source, LONGEST_SOURCE, 'credential source');
  checkText(request.destination, LONGEST_DESTINATION, 'destination');
  const sender = await suite.setupSender(keys.to, keys.binding);
  const header = encodeHeader(keys.generation, sender.enc);
  const body = encodeBody({ ...request, nonce: randomBytes(random, 16) });
  const toSign = await signedBytes(suite, REQUEST_LABEL, header, await sender.export(BIND_LABEL, 32), body);
  const sealed = await sender.seal(concat(body, await request.signer.sign(toSign)), header);
  const context = { exporter: sender, label: RESPONSE_LABEL, enc: sender.enc };
  return {
    body: concat(header, sealed),
    openReply: ({ status, body: answer }) => openReply(suite, context, { status, body: new Uint8Array(answer) }),
  };
}

function checkText(text: string, longest: number, what: string): void {
  if (toUtf8(text).length <= longest && !/\p{Cc}/u.test(text)) return;
  throw new AppError('SETTINGS_INVALID', `The ${what} must have at most ${longest} bytes and no control characters.`);
}

import type { Random } from '../../core/ports.ts';
import { AppError } from '../../core/errors.ts';
import { toBase64Url, toHex } from '../encoding.ts';
import { randomBytes } from '../random.ts';
import type { Bytes } from './bytes.ts';
import type { HashedStep } from './counter.ts';
import { credentialsBinding, VERSION } from './generation.ts';
import { decodeBody, hashStep, HEADER_BYTES, LONGEST_REQUEST, SHORTEST_REQUEST, signedBytes } from './layout.ts';
import { sealReply } from './reply.ts';
import type { Reply, SealedReply } from './reply.ts';
import { BIND_LABEL, REQUEST_LABEL, RESPONSE_LABEL } from './request.ts';
import { SIGNATURE_BYTES } from './signatures.ts';
import type { PublicKey } from './signatures.ts';
import type { Binding, Suite, SuiteKeyPair } from './suite.ts';

/** The server's half of one generation, raw. */
export interface ServerGeneration {
  readonly generation: number;
  readonly privateKey: Bytes;
  readonly publicKey: Bytes;
  readonly entropy: Bytes;
}

/** A request whose signature is right: everything in it is what the device said. */
export interface VerifiedRequest {
  readonly deviceId: string;
  /** In ms since the epoch, by the device's clock. */
  readonly timestamp: number;
  /** base64url of 16 bytes. */
  readonly nonce: string;
  readonly step: HashedStep;
  readonly source: string;
  readonly destination: string;
}

/** A request that somebody sealed who knows the entropy. Nothing but its device id may be used before `verify`. */
export interface OpenedRequest {
  readonly status: 'opened';
  readonly generation: number;
  /** As claimed: 32 hex digits, for looking up the device's public key. */
  readonly deviceId: string;
  /**
   * What the device said, or undefined when the signature or the layout is wrong. Without a key (an unknown device) it
   * takes the same work and resolves to undefined.
   */
  verify(key: PublicKey | undefined): Promise<VerifiedRequest | undefined>;
  /** Seals a reply that only the sender of this request can read. */
  seal(reply: Reply, random: Random): Promise<SealedReply>;
}

/** Opens requests for credentials; holds the keys of the generations it was made for, and dummies beside them. */
export interface Opener {
  open(message: Uint8Array): Promise<{ readonly status: 'unopened' } | OpenedRequest>;
}

const UNOPENED = { status: 'unopened' } as const;

/**
 * An opener for these generations of a server: the current one, and those whose overlap lasts. A message of any other
 * generation costs the same work under a dummy key. Rejects with KEYS_INVALID for keys that are none.
 */
export async function createOpener(
  suite: Suite,
  options: { readonly serverId: string; readonly generations: readonly ServerGeneration[]; readonly random: Random },
): Promise<Opener> {
  const { serverId, random } = options;
  const prepared = new Map<number, { keyPair: SuiteKeyPair; binding: Binding }>();
  for (const one of options.generations) prepared.set(one.generation, await prepare(suite, serverId, one));
  const dummy = {
    keyPair: await suite.generateKeyPair(),
    binding: await credentialsBinding(suite, serverId, 0, randomBytes(random, 32)),
  };
  const dummyKey = await dummyPublicKey();

  return {
    async open(received) {
      const message = new Uint8Array(received);
      if (message.length < SHORTEST_REQUEST || message.length > LONGEST_REQUEST) return UNOPENED;
      const header = message.slice(0, HEADER_BYTES);
      const generation = new DataView(header.buffer).getUint32(1);
      const isVersion = header[0] === VERSION;
      const { keyPair, binding } = (isVersion ? prepared.get(generation) : undefined) ?? dummy;
      const enc = header.slice(5);
      const recipient = await suite.setupRecipient(keyPair, enc, binding).catch(() => undefined);
      const plain = await recipient?.open(message.slice(HEADER_BYTES), header);
      if (recipient === undefined || plain === undefined) return UNOPENED;

      const body = plain.slice(0, -SIGNATURE_BYTES);
      const signature = plain.slice(-SIGNATURE_BYTES);
      return {
        status: 'opened',
        generation,
        deviceId: toHex(body.subarray(0, 16)),
        async verify(key) {
          const bind = await recipient.export(BIND_LABEL, 32);
          const signed = await signedBytes(suite, REQUEST_LABEL, header, bind, body);
          const isSigned = await suite.verify(key ?? dummyKey, signature, signed);
          return isSigned && key !== undefined ? verifiedBody(suite, body) : undefined;
        },
        seal: (reply, source) => sealReply(suite, { exporter: recipient, label: RESPONSE_LABEL, enc }, reply, source),
      };
    },
  };
}

async function prepare(suite: Suite, serverId: string, one: ServerGeneration) {
  try {
    return {
      keyPair: await suite.importKeyPair(one.privateKey, one.publicKey),
      binding: await credentialsBinding(suite, serverId, one.generation, one.entropy),
    };
  } catch (cause) {
    const sentence = `The server's keys of generation ${one.generation} cannot be used: restore them, or rotate.`;
    throw new AppError('KEYS_INVALID', sentence, { cause });
  }
}

async function verifiedBody(suite: Suite, bytes: Bytes): Promise<VerifiedRequest | undefined> {
  const body = decodeBody(bytes);
  if (body === undefined) return undefined;
  const { nonce, step, ...rest } = body;
  const [hp, hx] = [await hashStep(suite, step.p), await hashStep(suite, step.x)];
  return { ...rest, nonce: toBase64Url(nonce), step: { n: step.n, hp, hx } };
}

/** A sound key whose private half nobody keeps: what signatures of unknown devices are verified with. */
async function dummyPublicKey(): Promise<PublicKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return { algorithm: 'ed25519', publicKey };
}

import { toHex, toUtf8 } from '../encoding.ts';
import { concat, sha256, text8, u32, u8 } from './bytes.ts';
import type { Bytes } from './bytes.ts';
import { VERSION } from './generation.ts';
import type { KeySetFiles } from './keyset.ts';
import { decodeKeySet, encodeKeySet, LONGEST_ENTROPY, LONGEST_MANIFEST } from './keyset.ts';
import { deviceIdBytes } from './layout.ts';
import { SIGNATURE_BYTES } from './signatures.ts';
import type { PublicKey, Signer } from './signatures.ts';
import type { Suite } from './suite.ts';

/**
 * An enrolled device's way to its key set without any other source: `POST /v2/keyset`, signed by the device's key, and
 * answered under a key of its own that lives as long as the request. There is no timestamp and no nonce on purpose: a
 * device whose clock is wrong gets its keys too, and whoever repeats a message gets an answer that he cannot read. That
 * the answer is the server's follows from the manifest in it.
 */
const LABEL = 'vigil/2 keyset';
const ENC_BYTES = 32;
const SIGNED_BYTES = 1 + 16 + 32 + 4;
export const KEY_REQUEST_BYTES = SIGNED_BYTES + SIGNATURE_BYTES;
/** Longest answer, in bytes. */
export const LONGEST_KEY_REPLY = ENC_BYTES + 4 + LONGEST_MANIFEST + SIGNATURE_BYTES + LONGEST_ENTROPY + 16;

/** A request for the key set, ready to be posted. */
export interface SealedKeyRequest {
  readonly body: Bytes;
  /** The files, to be checked by `acceptKeySet`; `unchanged` when `known` is current; undefined when it does not open. */
  openReply(answer: {
    readonly status: number;
    readonly body: Uint8Array;
  }): Promise<KeySetFiles | 'unchanged' | undefined>;
}

/** Asks for the key set of the current generation unless that is `known` (0 for none). */
export async function sealKeyRequest(
  suite: Suite,
  request: {
    readonly serverId: string;
    readonly deviceId: string;
    readonly signer: Signer;
    readonly known: number;
  },
): Promise<SealedKeyRequest> {
  const { serverId, deviceId, signer, known } = request;
  const keyPair = await suite.generateKeyPair();
  const replyTo = await suite.exportPublicKey(keyPair.publicKey);
  const signed = concat(u8(VERSION), deviceIdBytes(deviceId), replyTo, u32(known));
  const body = concat(signed, await signer.sign(toSign(serverId, signed)));
  return {
    body,
    async openReply({ status, body: received }) {
      const answer = new Uint8Array(received);
      if (status !== 200 || answer.length < ENC_BYTES || answer.length > LONGEST_KEY_REPLY) return undefined;
      const info = await infoOf(serverId, body);
      const recipient = await suite
        .setupRecipient(keyPair, answer.slice(0, ENC_BYTES), { info })
        .catch(() => undefined);
      const plain = await recipient?.open(answer.slice(ENC_BYTES), new Uint8Array());
      if (plain === undefined) return undefined;
      return plain.length === 0 ? 'unchanged' : decodeKeySet(plain);
    },
  };
}

/** A request for the key set as it came; its fields are claims until `verify`. */
export interface OpenedKeyRequest {
  readonly deviceId: string;
  /** The generation that the device has. */
  readonly known: number;
  /** Whether this key signed it. */
  verify(key: PublicKey): Promise<boolean>;
  /** The body of the 200 that only the sender can read; undefined when the key to answer to is none. */
  seal(files: KeySetFiles | 'unchanged'): Promise<Bytes | undefined>;
}

/** Reads a request for the key set; undefined for anything else. Refusals are `blankRefusal`. */
export function openKeyRequest(suite: Suite, serverId: string, received: Uint8Array): OpenedKeyRequest | undefined {
  if (received.length !== KEY_REQUEST_BYTES || received[0] !== VERSION) return undefined;
  const message = new Uint8Array(received);
  const signed = message.slice(0, SIGNED_BYTES);
  return {
    deviceId: toHex(message.subarray(1, 17)),
    known: new DataView(message.buffer).getUint32(SIGNED_BYTES - 4),
    verify: (key) => suite.verify(key, message.slice(SIGNED_BYTES), toSign(serverId, signed)),
    async seal(files) {
      const info = await infoOf(serverId, message);
      const sender = await suite
        .importPublicKey(message.slice(17, 49))
        .then((to) => suite.setupSender(to, { info }))
        .catch(() => undefined);
      if (sender === undefined) return undefined;
      const plain = files === 'unchanged' ? new Uint8Array() : encodeKeySet(files);
      return concat(sender.enc, await sender.seal(plain, new Uint8Array()));
    },
  };
}

function toSign(serverId: string, signed: Bytes): Bytes {
  return concat(toUtf8(`${LABEL} request\0`), text8(serverId), signed);
}

async function infoOf(serverId: string, message: Bytes): Promise<Bytes> {
  return concat(toUtf8(LABEL), text8(serverId), await sha256(message));
}

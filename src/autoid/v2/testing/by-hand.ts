import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign,
} from 'node:crypto';

/**
 * The protocol once more from its specification and RFC 9180, on nothing but node:crypto's primitives: what the vectors
 * are held against, so that they do not merely repeat the library. Byte strings are hex.
 */
const b = (text: string): Buffer => Buffer.from(text, 'hex');
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const cat = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

function be(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}

const hmac = (key: Uint8Array, ...data: readonly Uint8Array[]): Buffer =>
  createHmac('sha256', key)
    .update(cat(...data))
    .digest();

function expand(prk: Uint8Array, info: Uint8Array, length: number): Buffer {
  let done: Buffer = Buffer.alloc(0);
  let last: Buffer = Buffer.alloc(0);
  for (let i = 1; done.length < length; i++) {
    last = hmac(prk, last, info, be(i, 1));
    done = cat(done, last);
  }
  return done.subarray(0, length);
}

const KEM = cat(utf8('KEM'), be(0x0020, 2));
const SUITE = cat(utf8('HPKE'), be(0x0020, 2), be(0x0001, 2), be(0x0002, 2));

const labeledExtract = (suite: Buffer, salt: Buffer, label: string, ikm: Uint8Array): Buffer =>
  hmac(salt, utf8('HPKE-v1'), suite, utf8(label), ikm);
const labeledExpand = (suite: Buffer, prk: Buffer, label: string, info: Buffer, length: number): Buffer =>
  expand(prk, cat(be(length, 2), utf8('HPKE-v1'), suite, utf8(label), info), length);

const privateX25519 = (raw: Buffer) =>
  createPrivateKey({ key: cat(b('302e020100300506032b656e04220420'), raw), format: 'der', type: 'pkcs8' });
const publicX25519 = (raw: Buffer) =>
  createPublicKey({ key: cat(b('302a300506032b656e032100'), raw), format: 'der', type: 'spki' });
export const publicOf = (privateRaw: Buffer): Buffer =>
  createPublicKey(privateX25519(privateRaw)).export({ format: 'der', type: 'spki' }).subarray(-32);

/** DeriveKeyPair of RFC 9180 section 7.1.3: the private key. */
export function derivePrivate(ikm: Buffer): Buffer {
  return labeledExpand(KEM, labeledExtract(KEM, Buffer.alloc(0), 'dkp_prk', ikm), 'sk', Buffer.alloc(0), 32);
}

/** The sender's context of RFC 9180 sections 4.1 and 5.1. */
export function context(to: Buffer, ephemeral: Buffer, info: Buffer, psk?: { key: Buffer; id: Buffer }) {
  const enc = publicOf(ephemeral);
  const dh = diffieHellman({ privateKey: privateX25519(ephemeral), publicKey: publicX25519(to) });
  const eaePrk = labeledExtract(KEM, Buffer.alloc(0), 'eae_prk', dh);
  const shared = labeledExpand(KEM, eaePrk, 'shared_secret', cat(enc, to), 32);
  const schedule = cat(
    be(psk === undefined ? 0 : 1, 1),
    labeledExtract(SUITE, Buffer.alloc(0), 'psk_id_hash', psk?.id ?? Buffer.alloc(0)),
    labeledExtract(SUITE, Buffer.alloc(0), 'info_hash', info),
  );
  const secret = labeledExtract(SUITE, shared, 'secret', psk?.key ?? Buffer.alloc(0));
  const key = labeledExpand(SUITE, secret, 'key', schedule, 32);
  const nonce = labeledExpand(SUITE, secret, 'base_nonce', schedule, 12);
  const exporter = labeledExpand(SUITE, secret, 'exp', schedule, 32);
  return {
    enc,
    seal: (aad: Buffer, plain: Buffer): Buffer => aesGcm(key, nonce, aad, plain),
    export: (label: string): Buffer => labeledExpand(SUITE, exporter, 'sec', utf8(label), 32),
  };
}

function aesGcm(key: Buffer, nonce: Buffer, aad: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return cat(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** An Ed25519 signature with the seed of a key. */
export function signBy(seed: string, bytes: Buffer): Buffer {
  const key = createPrivateKey({
    key: cat(b('302e020100300506032b657004220420'), b(seed)),
    format: 'der',
    type: 'pkcs8',
  });
  return sign(null, bytes, key);
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

export interface CredentialsInput {
  readonly serverId: string;
  readonly generation: number;
  readonly serverPublicKey: string;
  readonly entropy: string;
  readonly ephemeralPrivateKey: string;
  readonly signature?: string;
  readonly devicePrivateSeed?: string;
  readonly deviceId: string;
  readonly timestamp: number;
  readonly nonce: string;
  readonly n: number;
  readonly p: string;
  readonly x: string;
  readonly source: string;
  readonly destination: string;
}

/** docs/protocol-v2.md, "Request for credentials". */
export function credentialsMessage(v: CredentialsInput) {
  const name = cat(be(v.serverId.length, 1), utf8(v.serverId), be(v.generation, 4));
  const psk = expand(hmac(utf8('vigil/2 psk'), b(v.entropy)), name, 32);
  const info = cat(utf8('vigil/2 credentials'), name);
  const sender = context(b(v.serverPublicKey), b(v.ephemeralPrivateKey), info, { key: psk, id: be(v.generation, 4) });
  const header = cat(be(2, 1), be(v.generation, 4), sender.enc);
  const texts = [v.source, v.destination].flatMap((text) => [be(utf8(text).length, 2), utf8(text)]);
  const body = cat(b(v.deviceId), be(v.timestamp, 8), b(v.nonce), be(v.n, 4), b(v.p), b(v.x), ...texts);
  const toSign = cat(utf8('vigil/2 request\0'), sha256(header), sender.export('vigil/2 bind'), body);
  const signature = v.devicePrivateSeed === undefined ? b(v.signature ?? '') : signBy(v.devicePrivateSeed, toSign);
  const message = cat(header, sender.seal(header, cat(body, signature)));
  return { message: message.toString('hex'), psk: psk.toString('hex'), toSign, sender };
}

export interface ReplyInput {
  readonly code: number;
  readonly stepAccepted: boolean;
  readonly now: number;
  readonly currentGeneration: number;
  readonly retryAfterSeconds: number;
  readonly serverStep: number;
  readonly payload: Buffer;
}

/** docs/protocol-v2.md, "Reply". */
export function replyBody(sender: ReturnType<typeof context>, label: string, rn: string, v: ReplyInput): string {
  const prk = hmac(cat(sender.enc, b(rn)), sender.export(label));
  const fields = cat(
    be(v.code, 1),
    be(v.stepAccepted ? 1 : 0, 1),
    be(v.now, 8),
    be(v.currentGeneration, 4),
    be(v.retryAfterSeconds, 4),
    be(v.serverStep, 4),
    be(v.payload.length, 4),
    v.payload,
  );
  const length = Math.ceil((fields.length + 48) / 512) * 512 - 48;
  const plain = cat(fields, Buffer.alloc(length - fields.length));
  const sealed = aesGcm(expand(prk, utf8('key'), 32), expand(prk, utf8('nonce'), 12), Buffer.alloc(0), plain);
  return cat(b(rn), sealed).toString('hex');
}

/** docs/protocol-v2.md, "Enrolment": the invite of a code, and the message. */
export function enrolment(v: {
  readonly code: string;
  readonly ephemeralPrivateKey: string;
  readonly devicePublicKey: string;
  readonly devicePrivateSeed: string;
  readonly x0: string;
  readonly fingerprintHint: string;
}) {
  const prk = hmac(utf8('vigil/2 activation code'), utf8(v.code.replaceAll('-', '')));
  const id = expand(prk, utf8('invite id'), 16);
  const secret = expand(prk, utf8('secret'), 32);
  const recipient = publicOf(derivePrivate(expand(secret, utf8('vigil/2 enrol recipient'), 32)));
  const psk = { key: expand(secret, utf8('vigil/2 enrol psk'), 32), id };
  const sender = context(recipient, b(v.ephemeralPrivateKey), cat(utf8('vigil/2 enrol'), id), psk);
  const header = cat(be(2, 1), id, sender.enc);
  const hint = utf8(v.fingerprintHint);
  const body = cat(be(1, 1), be(32, 2), b(v.devicePublicKey), b(v.x0), be(hint.length, 1), hint);
  const toSign = cat(utf8('vigil/2 enrol\0'), sha256(header), sender.export('vigil/2 bind'), body);
  const message = cat(header, sender.seal(header, cat(body, signBy(v.devicePrivateSeed, toSign))));
  return { inviteId: id.toString('hex'), secret: secret.toString('hex'), message: message.toString('hex'), sender };
}

/** docs/protocol-v2.md, "Key set from the server". */
export function keyRequest(v: {
  readonly serverId: string;
  readonly deviceId: string;
  readonly devicePrivateSeed: string;
  readonly known: number;
  readonly ownPrivateKey: string;
  readonly ephemeralPrivateKey: string;
  readonly manifest: string;
  readonly signature: string;
  readonly entropy: string;
}) {
  const server = cat(be(v.serverId.length, 1), utf8(v.serverId));
  const own = publicOf(b(v.ownPrivateKey));
  const signed = cat(be(2, 1), b(v.deviceId), own, be(v.known, 4));
  const message = cat(signed, signBy(v.devicePrivateSeed, cat(utf8('vigil/2 keyset request\0'), server, signed)));
  const sender = context(own, b(v.ephemeralPrivateKey), cat(utf8('vigil/2 keyset'), server, sha256(message)));
  const plain = cat(be(v.manifest.length / 2, 4), b(v.manifest), b(v.signature), b(v.entropy));
  return {
    message: message.toString('hex'),
    reply: cat(sender.enc, sender.seal(Buffer.alloc(0), plain)).toString('hex'),
  };
}

/** docs/protocol-v2.md, "Key sets": what the root and the rotation key sign. */
export function keySetSignatures(v: {
  readonly serverId: string;
  readonly serial: number;
  readonly rotationPublicKey: string;
  readonly certificateNotAfter: number;
  readonly rootPrivateSeed: string;
  readonly rotationPrivateSeed: string;
  readonly manifest: string;
}) {
  const server = cat(be(v.serverId.length, 1), utf8(v.serverId));
  const key = cat(be(1, 1), be(32, 1), b(v.rotationPublicKey));
  const certificate = cat(utf8('vigil/2 certificate\0'), server, be(v.serial, 4), key, be(v.certificateNotAfter, 8));
  return {
    certificate: signBy(v.rootPrivateSeed, certificate).toString('hex'),
    manifest: signBy(v.rotationPrivateSeed, cat(utf8('vigil/2 keyset\0'), utf8(v.manifest))).toString('hex'),
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nativeSuite } from '../../server/v2/native-suite.ts';
import { toHex, toUtf8 } from '../encoding.ts';
import { decodeEnrolmentReply, inviteOf, openEnrolment } from './enrol.ts';
import { openKeyRequest } from './key-request.ts';
import { acceptKeySet } from './keyset.ts';
import { openReply } from './reply.ts';
import { createOpener } from './server.ts';
import { isSoundPublicKey } from './signatures.ts';
import type { SignatureAlgorithm } from './signatures.ts';
import { webSuite } from './suite.ts';
import * as byHand from './testing/by-hand.ts';
import type { CredentialsInput } from './testing/by-hand.ts';
import { hex, suiteWithEphemeral } from './testing/fixed.ts';
import { makeVectors } from './testing/make-vectors.ts';
import { realRandom } from './testing/real-random.ts';

const folder = new URL('vectors/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
const suites = [
  ['Web Crypto', webSuite],
  ['native', nativeSuite],
] as const;

interface CredentialsVector extends CredentialsInput {
  readonly serverPrivateKey: string;
  readonly algorithm: SignatureAlgorithm;
  readonly devicePublicKey: string;
  readonly psk: string;
  readonly signedBytes: string;
  readonly signature: string;
  readonly message: string;
  readonly reply: Omit<byHand.ReplyInput, 'code' | 'payload'> & { readonly code: string; readonly payload: string };
  readonly replyRandom: string;
  readonly replyStatus: number;
  readonly replyBody: string;
}
const CODES: readonly string[] = [
  'ok',
  'refused',
  'clock',
  'rate',
  'locked',
  'late',
  'ahead',
  'policy',
  'retry',
  'replayed',
];
const inNumbers = (reply: CredentialsVector['reply']): byHand.ReplyInput => ({
  ...reply,
  code: CODES.indexOf(reply.code),
  payload: Buffer.from(reply.payload, 'hex'),
});

it('the product still makes every vector as it is written', async () => {
  const made = await makeVectors();
  expect(readdirSync(folder).sort()).toEqual(
    Object.keys(made)
      .map((name) => `${name}.json`)
      .sort(),
  );
  for (const [name, vector] of Object.entries(made)) expect(vector).toEqual(read(name));
});

describe.each(['credentials-ed25519', 'credentials-p256'])('%s', (name) => {
  const v = read(name) as CredentialsVector;

  it('is what the specification says, done by hand', () => {
    const made = byHand.credentialsMessage(v);
    expect(made.psk).toBe(v.psk);
    expect(made.toSign.toString('hex')).toBe(v.signedBytes);
    expect(made.message).toBe(v.message);
    expect(byHand.replyBody(made.sender, 'vigil/2 response', v.replyRandom, inNumbers(v.reply))).toBe(v.replyBody);
  });

  it.each(suites)('opens and verifies: %s', async (_, suite) => {
    const generation = {
      generation: v.generation,
      privateKey: hex(v.serverPrivateKey),
      publicKey: hex(v.serverPublicKey),
      entropy: hex(v.entropy),
    };
    const opener = await createOpener(suite, { serverId: v.serverId, generations: [generation], random: realRandom });
    const opened = await opener.open(hex(v.message));
    if (opened.status === 'unopened') throw new Error('does not open');
    expect(opened).toMatchObject({ generation: v.generation, deviceId: v.deviceId });
    const key = { algorithm: v.algorithm, publicKey: hex(v.devicePublicKey) };
    expect(isSoundPublicKey(key)).toBe(true);
    const { timestamp, source, destination } = v;
    expect(await opened.verify(key)).toMatchObject({ timestamp, source, destination, step: { n: v.n } });
  });

  it('has a reply that its sender opens', async () => {
    const ephemeral = hex(v.ephemeralPrivateKey);
    const suite = await suiteWithEphemeral(ephemeral, new Uint8Array(byHand.publicOf(Buffer.from(ephemeral))));
    const { sender } = byHand.credentialsMessage(v);
    const exporter = { export: async (label: string) => Promise.resolve(new Uint8Array(sender.export(label))) };
    const context = { exporter, label: 'vigil/2 response', enc: new Uint8Array(sender.enc) };
    const answer = { status: v.replyStatus, body: hex(v.replyBody) };
    expect(await openReply(suite, context, answer)).toEqual({ ...v.reply, payload: hex(v.reply.payload) });
    expect(await openReply(suite, { ...context, label: 'vigil/2 enrol response' }, answer)).toBeUndefined();
  });
});

describe('keyset', () => {
  const v = read('keyset') as Parameters<typeof byHand.keySetSignatures>[0] &
    Record<'rootPublicKey' | 'signature' | 'entropy', string> & { certificateSignature: string; generation: number };

  it('is signed as the specification says', () => {
    expect(byHand.keySetSignatures(v)).toEqual({ certificate: v.certificateSignature, manifest: v.signature });
  });

  it('is accepted by who trusts its root, until it ends', async () => {
    const files = { manifest: toUtf8(v.manifest), signature: hex(v.signature), entropy: hex(v.entropy) };
    const trust = { root: hex(v.rootPublicKey), serverId: v.serverId, floor: { serial: 3, generation: v.generation } };
    const end = Date.UTC(2026, 11, 22, 8, 0, 0);
    expect(await acceptKeySet(files, trust, end - 1)).toMatchObject({
      generation: 7,
      floor: { serial: 3, generation: 7 },
    });
    await expect(acceptKeySet(files, trust, end)).rejects.toMatchObject({ code: 'KEYS_INVALID' });
  });
});

describe('enrol', () => {
  const v = read('enrol') as Parameters<typeof byHand.enrolment>[0] &
    Record<'inviteId' | 'secret' | 'message' | 'replyRandom' | 'replyBody', string> & {
      reply: CredentialsVector['reply'];
    };

  it('is what the specification says, done by hand', () => {
    const { sender, ...made } = byHand.enrolment(v);
    expect(made).toEqual({ inviteId: v.inviteId, secret: v.secret, message: v.message });
    const reply = { ...inNumbers(v.reply), payload: Buffer.from(v.reply.payload) };
    expect(byHand.replyBody(sender, 'vigil/2 enrol response', v.replyRandom, reply)).toBe(v.replyBody);
  });

  it.each(suites)('opens: %s', async (_, suite) => {
    const invite = await inviteOf(suite, v.code.toLowerCase());
    expect([invite.inviteId, toHex(invite.secret)]).toEqual([v.inviteId, v.secret]);
    const opened = await openEnrolment(suite, invite, hex(v.message));
    expect(opened).toMatchObject({ x0: hex(v.x0), fingerprintHint: v.fingerprintHint });
    expect(await decodeEnrolmentReply(toUtf8(v.reply.payload))).toMatchObject({ serverId: 'vectors.example' });
  });
});

describe('key-request', () => {
  const v = read('key-request') as Parameters<typeof byHand.keyRequest>[0] &
    Record<'devicePublicKey' | 'message' | 'replyBody', string>;

  it('is what the specification says, done by hand', () => {
    expect(byHand.keyRequest(v)).toEqual({ message: v.message, reply: v.replyBody });
  });

  it.each(suites)('opens and verifies: %s', async (_, suite) => {
    const opened = openKeyRequest(suite, v.serverId, hex(v.message));
    expect(opened).toMatchObject({ deviceId: v.deviceId, known: v.known });
    const key = { algorithm: 'ed25519', publicKey: hex(v.devicePublicKey) } as const;
    expect(await opened?.verify(key)).toBe(true);
    expect(await openKeyRequest(suite, 'another.example', hex(v.message))?.verify(key)).toBe(false);
  });
});

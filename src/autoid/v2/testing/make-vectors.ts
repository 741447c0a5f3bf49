import { toHex, toUtf8 } from '../../encoding.ts';
import { formatActivationCode, parseActivationCode } from '../activation-code.ts';
import { signCertificate } from '../certificate.ts';
import { encodeEnrolmentReply, inviteOf, openEnrolment, sealEnrolment } from '../enrol.ts';
import { credentialsBinding } from '../generation.ts';
import { openKeyRequest, sealKeyRequest } from '../key-request.ts';
import { createManifest } from '../keyset.ts';
import { encodeBody, encodeHeader, signedBytes } from '../layout.ts';
import type { Reply } from '../reply.ts';
import { BIND_LABEL, prepareKeys, REQUEST_LABEL, RESPONSE_LABEL, sealRequest } from '../request.ts';
import { createOpener } from '../server.ts';
import { softwareSigner } from '../signatures.ts';
import type { Signer } from '../signatures.ts';
import { webSuite } from '../suite.ts';
import { fixedEd25519, fixedRandom, fixedX25519, hex, seed, suiteWithEphemeral } from './fixed.ts';

/** One vector: names and values, byte strings as lower-case hex. */
export type Vector = Readonly<Record<string, unknown>>;

const SERVER_ID = 'vectors.example';
const GENERATION = 7;
const NOW = Date.UTC(2026, 10, 22, 8, 0, 0);
const DAY = 86_400_000;
const DEVICE_ID = '00112233445566778899aabbccddeeff';
/** Made once: ECDSA signs with randomness of its own, so a vector holds one key and its one signature. */
const P256 = {
  algorithm: 'p256',
  publicKey: hex(
    '0496997fce9fa1313d2505ac065e0b73528bf703dde07badf1e21aba5c89af369e7f88ede8081cbbff9447e6dd84e6fe991962a8abfcbca4cb827e3c0b49e355ab',
  ),
  signature: hex(
    '5963fd0dd52ac98dac5eeea4a5129b9e6c88d85400b46ab03f9d829dc79c2adb68fad5f92d204fee3964eab65ce0e62549be5c192b22482a42ad58c8385f7aac',
  ),
} as const;

/** All vectors by the names of their files. Nothing in them is random. */
export async function makeVectors(): Promise<Readonly<Record<string, Vector>>> {
  const signer = await softwareSigner(await fixedEd25519('device'));
  return {
    'credentials-ed25519': await credentialsVector(signer, refusal),
    'credentials-p256': await credentialsVector(await p256Signer(), success),
    keyset: await keySetVector(),
    enrol: await enrolVector(signer),
    'key-request': await keyRequestVector(signer),
  };
}

const refusal: Reply = {
  code: 'clock',
  stepAccepted: false,
  now: NOW + 500_000,
  currentGeneration: GENERATION,
  retryAfterSeconds: 0,
  serverStep: 41,
  payload: new Uint8Array(),
};
const success: Reply = {
  ...refusal,
  code: 'ok',
  stepAccepted: true,
  now: NOW + 120,
  serverStep: 42,
  payload: toUtf8('{"kind":"secret","text":"AKIDEXAMPLE,not a real secret"}'),
};

/** The device that vectors sign with on P-256: its signature is the one of the vector. */
function p256Signer(): Promise<Signer> {
  const { algorithm, publicKey, signature } = P256;
  return Promise.resolve({ algorithm, publicKey, sign: () => Promise.resolve(signature) });
}

async function credentialsVector(signer: Signer, reply: Reply): Promise<Vector> {
  const server = await fixedX25519('server');
  const ephemeral = await fixedX25519('ephemeral');
  const entropy = toUtf8('entropy of the vectors, longer in real life'.repeat(3));
  const nonce = (await seed('nonce')).slice(0, 16);
  const step = { n: 42, p: (await seed('p')).slice(0, 16), x: (await seed('x')).slice(0, 16), answered: false };
  const rn = await seed('rn');
  const request = { deviceId: DEVICE_ID, timestamp: NOW, step, source: 'sts,wall', destination: 'https://a.example/ü' };

  const suite = await suiteWithEphemeral(ephemeral.privateKey, ephemeral.publicKey);
  const keys = { serverId: SERVER_ID, generation: GENERATION, publicKey: server.publicKey, entropy };
  const prepared = await prepareKeys(suite, keys);
  const sealed = await sealRequest(suite, prepared, { ...request, signer }, fixedRandom(nonce));
  const generations = [{ generation: GENERATION, ...server, entropy }];
  const random = fixedRandom(await seed('dummy'));
  const opener = await createOpener(webSuite, { serverId: SERVER_ID, generations, random });
  const opened = await opener.open(sealed.body);
  if (opened.status !== 'opened') throw new Error('a vector that does not open');
  const answer = await opened.seal(reply, fixedRandom(rn));

  const binding = await credentialsBinding(suite, SERVER_ID, GENERATION, entropy);
  const sender = await suite.setupSender(prepared.to, binding);
  const bind = await sender.export(BIND_LABEL, 32);
  const header = encodeHeader(GENERATION, sender.enc);
  const body = encodeBody({ ...request, nonce });
  const signed = await signedBytes(suite, REQUEST_LABEL, header, bind, body);
  return {
    serverId: SERVER_ID,
    generation: GENERATION,
    serverPrivateKey: toHex(server.privateKey),
    serverPublicKey: toHex(server.publicKey),
    entropy: toHex(entropy),
    ephemeralPrivateKey: toHex(ephemeral.privateKey),
    algorithm: signer.algorithm,
    devicePublicKey: toHex(signer.publicKey),
    ...(signer.algorithm === 'ed25519' ? { devicePrivateSeed: toHex(await seed('device')) } : {}),
    deviceId: DEVICE_ID,
    timestamp: NOW,
    nonce: toHex(nonce),
    n: step.n,
    p: toHex(step.p),
    x: toHex(step.x),
    source: request.source,
    destination: request.destination,
    psk: toHex(binding.psk?.key ?? new Uint8Array()),
    pskId: toHex(binding.psk?.id ?? new Uint8Array()),
    info: toHex(binding.info),
    header: toHex(header),
    exportBind: toHex(bind),
    exportResponse: toHex(await sender.export(RESPONSE_LABEL, 32)),
    body: toHex(body),
    signedBytes: toHex(signed),
    signature: toHex(await signer.sign(signed)),
    message: toHex(sealed.body),
    reply: { ...reply, payload: toHex(reply.payload) },
    replyRandom: toHex(rn),
    replyStatus: answer.status,
    replyBody: toHex(answer.body),
  };
}

async function keyParts() {
  const [root, rotation] = [
    await softwareSigner(await fixedEd25519('root')),
    await softwareSigner(await fixedEd25519('rotation')),
  ];
  const key = { algorithm: rotation.algorithm, publicKey: rotation.publicKey };
  const content = { serverId: SERVER_ID, serial: 3, key, notAfter: NOW + 400 * DAY };
  const certificate = await signCertificate(root, content);
  const entropy = toUtf8('entropy of the vectors, longer in real life');
  const { publicKey } = await fixedX25519('server');
  const manifest = { generation: GENERATION, publicKey, entropy, notAfter: NOW + 30 * DAY };
  return {
    root,
    rotation,
    certificate,
    entropy,
    files: { ...(await createManifest(rotation, certificate, manifest)), entropy },
  };
}

async function keySetVector(): Promise<Vector> {
  const { root, rotation, certificate, files } = await keyParts();
  return {
    serverId: SERVER_ID,
    rootPrivateSeed: toHex(await seed('root')),
    rootPublicKey: toHex(root.publicKey),
    rotationPrivateSeed: toHex(await seed('rotation')),
    rotationPublicKey: toHex(rotation.publicKey),
    serial: certificate.serial,
    certificateNotAfter: certificate.notAfter,
    certificateSignature: toHex(certificate.signature),
    generation: GENERATION,
    manifest: new TextDecoder().decode(files.manifest),
    signature: toHex(files.signature),
    entropy: toHex(files.entropy),
  };
}

async function enrolVector(signer: Signer): Promise<Vector> {
  const code = formatActivationCode(parseActivationCode('V1G1-1E4R-01ED-C0DE-2345-6789-ABDJ'));
  const invite = await inviteOf(webSuite, code);
  const ephemeral = await fixedX25519('enrol ephemeral');
  const suite = await suiteWithEphemeral(ephemeral.privateKey, ephemeral.publicKey);
  const x0 = (await seed('x0')).slice(0, 16);
  const rn = await seed('enrol rn');
  const sealed = await sealEnrolment(suite, invite, { signer, x0, fingerprintHint: 'lobby-1' });
  const opened = await openEnrolment(webSuite, invite, sealed.body);
  if (opened === undefined) throw new Error('a vector that does not open');
  const { root, certificate } = await keyParts();
  const enrolment = {
    deviceId: DEVICE_ID,
    serverId: SERVER_ID,
    root: root.publicKey,
    certificate,
    floor: { serial: certificate.serial, generation: GENERATION },
  };
  const reply: Reply = { ...success, serverStep: 0, payload: encodeEnrolmentReply(enrolment) };
  const answer = await opened.seal(reply, fixedRandom(rn));
  return {
    code,
    inviteId: invite.inviteId,
    secret: toHex(invite.secret),
    ephemeralPrivateKey: toHex(ephemeral.privateKey),
    algorithm: signer.algorithm,
    devicePublicKey: toHex(signer.publicKey),
    devicePrivateSeed: toHex(await seed('device')),
    x0: toHex(x0),
    fingerprintHint: 'lobby-1',
    message: toHex(sealed.body),
    reply: { ...reply, payload: new TextDecoder().decode(reply.payload) },
    replyRandom: toHex(rn),
    replyBody: toHex(answer.body),
  };
}

async function keyRequestVector(signer: Signer): Promise<Vector> {
  const own = await fixedX25519('key request');
  const ephemeral = await fixedX25519('key reply ephemeral');
  const { files } = await keyParts();
  const asker = await suiteWithEphemeral(own.privateKey, own.publicKey);
  const request = { serverId: SERVER_ID, deviceId: DEVICE_ID, signer, known: 6 };
  const sealed = await sealKeyRequest(asker, request);
  const answerer = await suiteWithEphemeral(ephemeral.privateKey, ephemeral.publicKey);
  const answer = await openKeyRequest(answerer, SERVER_ID, sealed.body)?.seal(files);
  if (answer === undefined) throw new Error('a vector that is not answered');
  return {
    serverId: SERVER_ID,
    deviceId: DEVICE_ID,
    algorithm: signer.algorithm,
    devicePublicKey: toHex(signer.publicKey),
    devicePrivateSeed: toHex(await seed('device')),
    known: request.known,
    ownPrivateKey: toHex(own.privateKey),
    message: toHex(sealed.body),
    ephemeralPrivateKey: toHex(ephemeral.privateKey),
    manifest: toHex(files.manifest),
    signature: toHex(files.signature),
    entropy: toHex(files.entropy),
    replyBody: toHex(answer),
  };
}

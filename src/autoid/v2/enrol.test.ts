import { beforeAll, describe, expect, it } from 'vitest';
import { newActivationCode } from './activation-code.ts';
import { concat } from './bytes.ts';
import { signCertificate } from './certificate.ts';
import {
  decodeEnrolmentReply,
  encodeEnrolmentReply,
  inviteIdOf,
  inviteOf,
  openEnrolment,
  sealEnrolment,
} from './enrol.ts';
import type { Enrolment, Invite } from './enrol.ts';
import { openKeyRequest } from './key-request.ts';
import { hashStep } from './layout.ts';
import { blankRefusal } from './reply.ts';
import { generateKeyPair, softwareSigner } from './signatures.ts';
import type { Signer } from './signatures.ts';
import { hex } from './testing/fixed.ts';
import {
  aReply,
  bytes16,
  deviceSigner,
  EXHAUSTIVE,
  flipped,
  openerOf,
  generationOf,
  random,
  suite,
} from './testing/world.ts';

let [signer, invite, enrolment]: [Signer, Invite, Enrolment] = [] as never;
beforeAll(async () => {
  signer = await deviceSigner('one');
  invite = await inviteOf(suite, newActivationCode(random));
  const root = await deviceSigner('root');
  const certificate = await signCertificate(root, { serverId: 'server', serial: 1, key: signer, notAfter: 2e12 });
  const floor = { serial: 1, generation: 4 };
  const key = { algorithm: signer.algorithm, publicKey: signer.publicKey };
  enrolment = {
    deviceId: 'ab'.repeat(16),
    serverId: 'server',
    root: root.publicKey,
    certificate: { ...certificate, key },
    floor,
  };
});
const request = async () => ({ signer, x0: await bytes16('x0'), fingerprintHint: 'lobby-1' });

describe('enrolment', () => {
  it.each(['ed25519', 'p256'] as const)('brings the key to the server, and R to the device: %s', async (algorithm) => {
    const own = await softwareSigner(await generateKeyPair(algorithm));
    const sealed = await sealEnrolment(suite, invite, { ...(await request()), signer: own });
    expect(inviteIdOf(sealed.body)).toBe(invite.inviteId);
    const opened = await openEnrolment(suite, invite, sealed.body);
    if (opened === undefined) throw new Error('does not open');
    expect(opened).toMatchObject({ key: { algorithm, publicKey: own.publicKey }, fingerprintHint: 'lobby-1' });
    expect(opened.hx).toBe(await hashStep(suite, await bytes16('x0')));
    const answer = await opened.seal(aReply({ payload: encodeEnrolmentReply(enrolment) }), random);
    const reply = await sealed.openReply(answer);
    expect(await decodeEnrolmentReply(reply?.payload ?? new Uint8Array())).toEqual(enrolment);
  });

  it('is the same invite for one code, and another for another', async () => {
    const code = newActivationCode(random);
    expect(await inviteOf(suite, code.toLowerCase())).toEqual(await inviteOf(suite, code));
    expect((await inviteOf(suite, newActivationCode(random))).inviteId).not.toBe(
      (await inviteOf(suite, code)).inviteId,
    );
    await expect(inviteOf(suite, 'x')).rejects.toMatchObject({ code: 'ENROL_CODE_INVALID' });
  });

  it('is refused with any bit flipped, with another code, and on every other path', EXHAUSTIVE, async () => {
    const { body } = await sealEnrolment(suite, invite, await request());
    for (const changed of flipped(body)) expect(await openEnrolment(suite, invite, changed)).toBeUndefined();
    for (const changed of [
      body.slice(1),
      body.slice(0, -1),
      concat(body, body),
      concat(body, new Uint8Array(400)),
      new Uint8Array(),
    ]) {
      expect(await openEnrolment(suite, invite, changed)).toBeUndefined();
    }
    const other = await inviteOf(suite, newActivationCode(random));
    expect(await openEnrolment(suite, other, body)).toBeUndefined();
    expect(await openEnrolment(suite, { ...other, inviteId: invite.inviteId }, body)).toBeUndefined();
    const opener = await openerOf('server', await generationOf('one', 3));
    expect(await opener.open(body)).toEqual({ status: 'unopened' });
    expect(openKeyRequest(suite, 'server', body)).toBeUndefined();
  });

  it('is refused for a key that its sender does not hold, or that everybody can sign for', async () => {
    const good = await request();
    const other = await deviceSigner('other');
    const stolen = { ...other, sign: (bytes: Uint8Array<ArrayBuffer>) => signer.sign(bytes) };
    const weak = {
      ...signer,
      publicKey: hex(`01${'00'.repeat(31)}`),
      sign: () => Promise.resolve(new Uint8Array(64).fill(1, 0, 1)),
    };
    for (const bad of [stolen, weak]) {
      const { body } = await sealEnrolment(suite, invite, { ...good, signer: bad });
      expect(await openEnrolment(suite, invite, body)).toBeUndefined();
    }
  });

  it('takes no reply from who has not the code, nor one to another request', async () => {
    const [one, two] = [
      await sealEnrolment(suite, invite, await request()),
      await sealEnrolment(suite, invite, await request()),
    ];
    const opened = await openEnrolment(suite, invite, one.body);
    const answer = await opened?.seal(aReply({ payload: encodeEnrolmentReply(enrolment) }), random);
    if (answer === undefined) throw new Error('does not open');
    expect(await one.openReply(answer)).toBeDefined();
    expect(await two.openReply(answer)).toBeUndefined();
    expect(await one.openReply(blankRefusal(random))).toBeUndefined();
  });

  it('takes no root that did not certify its rotation key', async () => {
    const stranger = await deviceSigner('stranger');
    for (const bad of [
      { ...enrolment, root: stranger.publicKey },
      { ...enrolment, root: hex(`01${'00'.repeat(31)}`) },
      { ...enrolment, serverId: 'another' },
      { ...enrolment, deviceId: 'AB' },
      { ...enrolment, floor: { serial: 0, generation: 1 } },
    ]) {
      expect(await decodeEnrolmentReply(encodeEnrolmentReply(bad))).toBeUndefined();
    }
    expect(await decodeEnrolmentReply(new Uint8Array())).toBeUndefined();
  });

  it('cuts a hint that is too long, between characters', async () => {
    const sealed = await sealEnrolment(suite, invite, {
      ...(await request()),
      fingerprintHint: `a\n${'ü'.repeat(60)}`,
    });
    const opened = await openEnrolment(suite, invite, sealed.body);
    expect(opened?.fingerprintHint).toBe(`a ${'ü'.repeat(31)}`);
  });
});

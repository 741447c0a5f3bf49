import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { toBase64Url } from '../encoding.ts';
import { concat } from './bytes.ts';
import { openEnrolment } from './enrol.ts';
import { credentialsBinding } from './generation.ts';
import { openKeyRequest } from './key-request.ts';
import { encodeBody, encodeHeader, hashStep, LONGEST_REQUEST, SHORTEST_REQUEST, signedBytes } from './layout.ts';
import { BIND_LABEL, REQUEST_LABEL } from './request.ts';
import type { SealedRequest } from './request.ts';
import type { Opener, ServerGeneration } from './server.ts';
import type { Signer } from './signatures.ts';
import {
  aRequest,
  bytes16,
  deviceSigner,
  EXHAUSTIVE,
  flipped,
  generationOf,
  mustOpen,
  openerOf,
  sealFor,
  suite,
} from './testing/world.ts';

let [one, two, signer, stranger]: [ServerGeneration, ServerGeneration, Signer, Signer] = [] as never;
let [opener, sealed]: [Opener, SealedRequest] = [] as never;
beforeAll(async () => {
  [one, two] = [await generationOf('one', 3), await generationOf('two', 4)];
  [signer, stranger] = [await deviceSigner('one'), await deviceSigner('two')];
  opener = await openerOf('server', one, two);
  sealed = await sealFor('server', one, await aRequest());
});

describe('a sealed request', () => {
  it('says to the server what the device said', async () => {
    const device = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const text = (longest: number) =>
      fc.string({ unit: 'grapheme', maxLength: longest }).filter((t) => !/\p{Cc}/u.test(t));
    const requests = fc.record({
      deviceId: device.map((id) => Buffer.from(id).toString('hex')),
      timestamp: fc.maxSafeNat(),
      n: fc.nat(2 ** 32 - 1),
      source: text(60),
      destination: text(200),
      generation: fc.constantFrom(one, two),
    });
    await fc.assert(
      fc.asyncProperty(requests, async ({ n, generation, ...said }) => {
        const [p, x] = [await bytes16(`p${n}`), await bytes16(`x${n}`)];
        const request = await aRequest({ ...said, step: { n, p, x, answered: false } });
        const opened = await mustOpen(opener, (await sealFor('server', generation, request)).body);
        expect(opened).toMatchObject({ generation: generation.generation, deviceId: said.deviceId });
        const step = { n, hp: await hashStep(suite, p), hx: await hashStep(suite, x) };
        expect(await opened.verify(signer)).toEqual({ ...said, step, nonce: expect.any(String) as string });
        expect(await opened.verify(stranger)).toBeUndefined();
        expect(await opened.verify(undefined)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('is never the same twice', async () => {
    const request = await aRequest();
    const nonces = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const opened = await mustOpen(opener, (await sealFor('server', one, request)).body);
      nonces.add((await opened.verify(signer))?.nonce ?? '');
    }
    expect(nonces.size).toBe(50);
  });

  it.each([
    ['another server of the same keys', async () => openerOf('server2', one)],
    ['another generation of the same keys', async () => openerOf('server', { ...one, generation: 4 })],
    ['another entropy', async () => openerOf('server', { ...one, entropy: two.entropy })],
    ['another key pair', async () => openerOf('server', { ...two, generation: 3, entropy: one.entropy })],
    ['no generation at all', async () => openerOf('server')],
  ])('is opened by nobody else: %s', async (_, other) => {
    expect((await mustOpen(opener, sealed.body)).generation).toBe(3);
    expect(await (await other()).open(sealed.body)).toEqual({ status: 'unopened' });
  });

  it('is taken on no other path', async () => {
    const invite = { inviteId: '00'.repeat(16), secret: await bytes16('x') };
    const secret = concat(invite.secret, invite.secret);
    expect(await openEnrolment(suite, { ...invite, secret }, sealed.body)).toBeUndefined();
    expect(openKeyRequest(suite, 'server', sealed.body)).toBeUndefined();
    expect(await openKeyRequest(suite, 'server', sealed.body.slice(0, 117))?.verify(signer)).toBe(false);
  });

  it(
    'is refused with any bit of it flipped, with a byte more or less, and at any other length',
    EXHAUSTIVE,
    async () => {
      for (const changed of flipped(sealed.body)) expect(await opener.open(changed)).toEqual({ status: 'unopened' });
      const { body } = sealed;
      for (const other of [body.slice(1), body.slice(0, -1), concat(body, Uint8Array.of(0)), new Uint8Array()]) {
        expect(await opener.open(other)).toEqual({ status: 'unopened' });
      }
      for (const length of [SHORTEST_REQUEST - 1, SHORTEST_REQUEST, 1000, LONGEST_REQUEST, LONGEST_REQUEST + 1]) {
        expect(await opener.open(new Uint8Array(length).fill(2))).toEqual({ status: 'unopened' });
      }
    },
  );

  it('is refused from whoever knows the entropy, but not the key of the device', EXHAUSTIVE, async () => {
    // Everybody with the key set can seal. Whoever also broke TLS sees messages, and whoever read the server's private key
    // sees into them: the signature must hold even then.
    const request = await aRequest();
    const seal = async (body: Uint8Array, signature: (toSign: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>) => {
      const binding = await credentialsBinding(suite, 'server', 3, one.entropy);
      const sender = await suite.setupSender(await suite.importPublicKey(one.publicKey), binding);
      const header = encodeHeader(3, sender.enc);
      const bytes = new Uint8Array(body);
      const toSign = await signedBytes(suite, REQUEST_LABEL, header, await sender.export(BIND_LABEL, 32), bytes);
      return mustOpen(opener, concat(header, await sender.seal(concat(bytes, await signature(toSign)), header)));
    };
    const body = encodeBody({ ...request, nonce: await bytes16('nonce') });
    let captured: Uint8Array = new Uint8Array();
    const honest = await seal(body, async (toSign) => (captured = await signer.sign(toSign)));
    expect(await honest.verify(signer)).toMatchObject({ nonce: toBase64Url(await bytes16('nonce')) });
    // The captured content sealed once more, in another context.
    expect(await (await seal(body, () => Promise.resolve(captured))).verify(signer)).toBeUndefined();
    // Any bit of what was signed changed: device, time, nonce, step, source, destination.
    for (const changed of flipped(body)) {
      const opened = await seal(changed, async (toSign) => signer.sign(concat(toSign.slice(0, -body.length), body)));
      expect(await opened.verify(signer)).toBeUndefined();
    }
    for (const changed of [...flipped(captured)].slice(0, 64)) {
      expect(await (await seal(body, () => Promise.resolve(changed))).verify(signer)).toBeUndefined();
    }
  });

  it('is refused from its own device when its content is none', async () => {
    const request = await aRequest();
    const binding = await credentialsBinding(suite, 'server', 3, one.entropy);
    const good = encodeBody({ ...request, nonce: await bytes16('nonce') });
    const bodies = [
      concat(good, Uint8Array.of(0)),
      encodeBody({ ...request, source: 'a\nb', nonce: await bytes16('n') }),
    ];
    for (const body of bodies) {
      const sender = await suite.setupSender(await suite.importPublicKey(one.publicKey), binding);
      const header = encodeHeader(3, sender.enc);
      const toSign = await signedBytes(suite, REQUEST_LABEL, header, await sender.export(BIND_LABEL, 32), body);
      const message = concat(header, await sender.seal(concat(body, await signer.sign(toSign)), header));
      expect(await (await mustOpen(opener, message)).verify(signer)).toBeUndefined();
    }
  });

  it('is not made with texts that the server would refuse', async () => {
    for (const changes of [{ source: 'x'.repeat(513) }, { destination: 'ü'.repeat(1025) }, { source: 'a\u0000' }]) {
      await expect(sealFor('server', one, await aRequest(changes))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from './bytes.ts';
import { blankRefusal, LONGEST_REPLY, REPLY_CODES, sealReply } from './reply.ts';
import { createOpener } from './server.ts';
import type { Suite } from './suite.ts';
import {
  aReply,
  aRequest,
  flipped,
  generationOf,
  mustOpen,
  openerOf,
  random,
  sealFor,
  suite,
  EXHAUSTIVE,
} from './testing/world.ts';

async function exchange() {
  const generation = await generationOf('one', 3);
  const sealed = await sealFor('server', generation, await aRequest());
  return { sealed, opened: await mustOpen(await openerOf('server', generation), sealed.body) };
}

describe('a sealed reply', () => {
  it('says to the device what the server said', async () => {
    const { sealed, opened } = await exchange();
    const uint = fc.nat(2 ** 32 - 1);
    const replies = fc.record({
      code: fc.constantFrom(...REPLY_CODES),
      stepAccepted: fc.boolean(),
      now: fc.maxSafeNat(),
      currentGeneration: uint,
      retryAfterSeconds: uint,
      serverStep: uint,
      payload: fc.uint8Array({ maxLength: 2000 }),
    });
    await fc.assert(
      fc.asyncProperty(replies, async (any) => {
        const reply = { ...any, payload: new Uint8Array(any.code === 'ok' ? any.payload : []) };
        const answer = await opened.seal(reply, random);
        expect(answer.status).toBe(reply.code === 'ok' ? 200 : 404);
        expect(answer.body.length % 512).toBe(0);
        if (reply.code !== 'ok') expect(answer.body.length).toBe(512);
        expect(await sealed.openReply(answer)).toEqual(reply);
      }),
    );
  });

  it('is refused with any bit of it flipped, under another status, cut or lengthened', EXHAUSTIVE, async () => {
    const { sealed, opened } = await exchange();
    const answer = await opened.seal(aReply({ code: 'rate', payload: new Uint8Array() }), random);
    const { status, body } = answer;
    expect(await sealed.openReply(answer)).toMatchObject({ code: 'rate' });
    for (const changed of flipped(body)) expect(await sealed.openReply({ status, body: changed })).toBeUndefined();
    for (const other of [200, 201, 403, 500]) expect(await sealed.openReply({ status: other, body })).toBeUndefined();
    for (const changed of [body.slice(1), concat(body, body), new Uint8Array(), new Uint8Array(LONGEST_REPLY + 1)]) {
      expect(await sealed.openReply({ status, body: changed })).toBeUndefined();
    }
  });

  it('is read by nobody but the sender of that request', async () => {
    const [mine, other] = [await exchange(), await exchange()];
    const answer = await mine.opened.seal(aReply(), random);
    expect(await mine.sealed.openReply(answer)).toBeDefined();
    expect(await other.sealed.openReply(answer)).toBeUndefined();
    expect(await mine.sealed.openReply(blankRefusal(random))).toBeUndefined();
  });

  it('is never sealed twice under one key and nonce, not even to the same request', async () => {
    const used = new Set<string>();
    let sealedTimes = 0;
    const watched: Suite = {
      ...suite,
      aeadSeal(key, nonce, plain) {
        used.add(Buffer.from(concat(key, nonce)).toString('hex'));
        sealedTimes += 1;
        return suite.aeadSeal(key, nonce, plain);
      },
    };
    const generation = await generationOf('one', 3);
    const opener = await createOpener(watched, { serverId: 'server', generations: [generation], random });
    const keep = aReply();
    for (let i = 0; i < 30; i++) {
      const { body } = await sealFor('server', generation, await aRequest());
      for (let copy = 0; copy < 5; copy++) {
        const opened = await mustOpen(opener, body);
        await Promise.all(Array.from({ length: 4 }, () => opened.seal(keep, random)));
      }
    }
    expect([used.size, sealedTimes]).toEqual([600, 600]);
  });

  it('is not made longer than any client reads, nor a refusal longer than the others', async () => {
    const { opened } = await exchange();
    await expect(opened.seal(aReply({ payload: new Uint8Array(LONGEST_REPLY) }), random)).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    const refusal = aReply({ code: 'policy', payload: new Uint8Array(600) });
    await expect(opened.seal(refusal, random)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('is never without its own randomness', async () => {
    const { opened } = await exchange();
    const broken = { bytes: () => new Uint8Array(3), fraction: () => 0 };
    await expect(opened.seal(aReply(), broken)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(() => blankRefusal(broken)).toThrow(expect.objectContaining({ code: 'INTERNAL' }) as Error);
    const exporter = { export: () => Promise.reject(new Error('gone')) };
    const context = { exporter, label: 'x', enc: new Uint8Array(32) };
    await expect(sealReply(suite, context, aReply(), random)).rejects.toThrow('gone');
  });
});

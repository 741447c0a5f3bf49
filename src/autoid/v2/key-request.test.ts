import { beforeAll, describe, expect, it } from 'vitest';
import { concat } from './bytes.ts';
import { inviteIdOf, openEnrolment } from './enrol.ts';
import { KEY_REQUEST_BYTES, openKeyRequest, sealKeyRequest } from './key-request.ts';
import type { SealedKeyRequest } from './key-request.ts';
import type { Signer } from './signatures.ts';
import { bytes16, deviceSigner, EXHAUSTIVE, flipped, random, suite } from './testing/world.ts';

const deviceId = 'cd'.repeat(16);
const files = { manifest: random.bytes(900), signature: random.bytes(64), entropy: random.bytes(4096) };
const plainFiles = {
  manifest: new Uint8Array(files.manifest),
  signature: new Uint8Array(files.signature),
  entropy: new Uint8Array(files.entropy),
};
let [signer, sealed]: [Signer, SealedKeyRequest] = [] as never;
beforeAll(async () => {
  signer = await deviceSigner('one');
  sealed = await sealKeyRequest(suite, { serverId: 'server', deviceId, signer, known: 3 });
});

const answerTo = async (request: SealedKeyRequest, content: typeof plainFiles | 'unchanged') => {
  const body = await openKeyRequest(suite, 'server', request.body)?.seal(content);
  if (body === undefined) throw new Error('not answered');
  return { status: 200, body };
};

describe('a request for the key set', () => {
  it('brings the files to who signed it, or that they are unchanged', async () => {
    const opened = openKeyRequest(suite, 'server', sealed.body);
    expect(opened).toMatchObject({ deviceId, known: 3 });
    expect(await opened?.verify(signer)).toBe(true);
    expect(await sealed.openReply(await answerTo(sealed, plainFiles))).toEqual(plainFiles);
    expect(await sealed.openReply(await answerTo(sealed, 'unchanged'))).toBe('unchanged');
  });

  it('is refused with any bit flipped, of another device and for another server', EXHAUSTIVE, async () => {
    for (const changed of flipped(sealed.body)) {
      expect((await openKeyRequest(suite, 'server', changed)?.verify(signer)) ?? false).toBe(false);
    }
    expect(await openKeyRequest(suite, 'server', sealed.body)?.verify(await deviceSigner('two'))).toBe(false);
    expect(await openKeyRequest(suite, 'server2', sealed.body)?.verify(signer)).toBe(false);
    for (const other of [sealed.body.slice(1), concat(sealed.body, Uint8Array.of(0)), new Uint8Array()]) {
      expect(openKeyRequest(suite, 'server', other)).toBeUndefined();
    }
    expect(sealed.body.length).toBe(KEY_REQUEST_BYTES);
  });

  it('is no request to enrol', async () => {
    const invite = { inviteId: inviteIdOf(sealed.body) ?? '', secret: concat(await bytes16('a'), await bytes16('b')) };
    expect(await openEnrolment(suite, invite, sealed.body)).toBeUndefined();
  });

  it('has an answer that nobody else reads, and that no bit can be flipped in', EXHAUSTIVE, async () => {
    const again = await sealKeyRequest(suite, { serverId: 'server', deviceId, signer, known: 3 });
    const small = {
      ...plainFiles,
      entropy: plainFiles.entropy.slice(0, 32),
      manifest: plainFiles.manifest.slice(0, 50),
    };
    const answer = await answerTo(sealed, small);
    expect(await sealed.openReply(answer)).toEqual(small);
    expect(await again.openReply(answer)).toBeUndefined();
    for (const body of flipped(answer.body)) expect(await sealed.openReply({ status: 200, body })).toBeUndefined();
    for (const status of [404, 500, 204]) expect(await sealed.openReply({ ...answer, status })).toBeUndefined();
    for (const length of [0, 31, 32, 47, 48, 500]) {
      expect(await sealed.openReply({ status: 200, body: new Uint8Array(length) })).toBeUndefined();
    }
  });

  it('is not answered to a key that everybody can read with', async () => {
    const weak = sealed.body.slice();
    weak.fill(0, 17, 49);
    expect(await openKeyRequest(suite, 'server', weak)?.seal('unchanged')).toBeUndefined();
  });
});

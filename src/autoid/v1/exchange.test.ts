import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { HttpResponse } from '../../core/ports.ts';
import { bypasses, entropyBytes, exchanges, realRandom, vectorText } from '../testing/vectors.ts';
import { fromHex, toHex } from '../encoding.ts';
import { cipherKeyOf, openText } from './cipher.ts';
import { parseEntropy } from './entropy.ts';
import { isSoundProof, parseIntervals } from './intervals.ts';
import { importPrivateKey } from './keys.ts';
import { sealRequest } from './request.ts';
import type { SealedRequest } from './request.ts';
import { isProven, openRequest, sealAnswer } from '../testing/server-v1.ts';
import type { OpenedRequest } from '../testing/server-v1.ts';

const SOURCE = 'secretsmanager,wall-dashboards';
const keySet = { entropy: parseEntropy(entropyBytes), publicKeyPem: vectorText('public.openssh.pem') };
let privateKey: CryptoKey;
let sealed: SealedRequest;
let opened: OpenedRequest;

beforeAll(async () => {
  privateKey = await importPrivateKey(vectorText('private.pkcs8.pem'));
  sealed = await sealRequest({ keySet, credentialSource: SOURCE, random: realRandom });
  const request = await openRequest(privateKey, sealed.body);
  if (request === undefined) throw new Error('a request of ours cannot be opened');
  opened = request;
});

function answer(status: number, body: string, headers: Record<string, string> = {}): HttpResponse {
  return { status, headers, body: new TextEncoder().encode(body) };
}

describe('exchanges of the reference implementation', () => {
  it.each(exchanges)('opens the request for $plain_request.credential_source', async (exchange) => {
    const request = await openRequest(privateKey, JSON.stringify(exchange.request));
    expect(request).toEqual({
      keyText: exchange.aes_key,
      hashval: exchange.plain_request.hashval,
      intervals: exchange.plain_request.intervals,
      credentialSource: exchange.plain_request.credential_source,
    });
    expect(request && (await isProven(keySet.entropy, request))).toBe(exchange.status !== 404);
  });

  it.each(exchanges.filter(({ secret }) => secret !== null))(
    'reads the answer that holds $secret',
    async (exchange) => {
      const { message } = exchange.body as { message: string };
      expect(await openText(await cipherKeyOf(exchange.aes_key), message)).toBe(exchange.secret);
    },
  );

  it.each(exchanges.filter(({ secret }) => secret === null))(
    'takes the answer $status for a failure',
    async (exchange) => {
      await expect(sealed.openAnswer(answer(exchange.status, JSON.stringify(exchange.body)))).rejects.toMatchObject({
        code: exchange.status === 404 ? 'SERVER_REFUSED' : 'SERVER_UNAVAILABLE',
      });
    },
  );

  it.each(bypasses)('does not let itself be passed by: $note', async (bypass) => {
    const request = await openRequest(privateKey, JSON.stringify(bypass.request));
    expect(request?.hashval).toBe(bypass.plain_request.hashval);
    expect(request && (await isProven(keySet.entropy, request))).toBe(false);
  });
});

describe('sealRequest', () => {
  it('makes a request that proves the file, and never the same twice', async () => {
    const other = await sealRequest({ keySet, credentialSource: SOURCE, random: realRandom });
    expect(other.body).not.toBe(sealed.body);
    expect(opened.keyText).toMatch(/^[A-Za-z0-9]{16}$/);
    expect(opened.credentialSource).toBe(SOURCE);
    expect(isSoundProof(parseIntervals(opened.intervals) ?? [])).toBe(true);
    expect(await isProven(keySet.entropy, opened)).toBe(true);
    expect(await isProven(keySet.entropy, { ...opened, hashval: '0'.repeat(64) })).toBe(false);
    expect(await isProven(keySet.entropy, { ...opened, hashval: '' })).toBe(false);
    expect(Object.keys(JSON.parse(sealed.body) as object)).toEqual(['data', 'payload']);
  });

  it.each(['', 'wall-dashboards', 'a,b,c,d,e', ',id', 'store,', 'store, ', 'store,a\nb', `store,${'a'.repeat(3000)}`])(
    'refuses the source %j',
    async (credentialSource) => {
      await expect(sealRequest({ keySet, credentialSource, random: realRandom })).rejects.toMatchObject({
        code: 'SETTINGS_INVALID',
      });
    },
  );

  it('refuses an unusable key', async () => {
    const broken = { ...keySet, publicKeyPem: 'nonsense' };
    await expect(sealRequest({ keySet: broken, credentialSource: SOURCE, random: realRandom })).rejects.toMatchObject({
      code: 'KEYS_INVALID',
    });
  });
});

describe('openAnswer', () => {
  it('gives back any secret that was sealed for it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }), async (secret) => {
        const body = await sealAnswer(opened.keyText, secret, realRandom);
        expect(await sealed.openAnswer(answer(201, body))).toBe(secret);
      }),
    );
  });

  it('gives back a secret of the longest kind', async () => {
    const secret = 'x'.repeat(20_000);
    expect(await sealed.openAnswer(answer(201, await sealAnswer(opened.keyText, secret, realRandom)))).toBe(secret);
  });

  it('turns every cut of an answer into SERVER_ANSWER_UNREADABLE', async () => {
    const body = await sealAnswer(opened.keyText, 'AKIAIOSFODNN7EXAMPLE,example', realRandom);
    for (let length = 0; length < body.length; length++) {
      await expect(sealed.openAnswer(answer(201, body.slice(0, length))), String(length)).rejects.toMatchObject({
        code: 'SERVER_ANSWER_UNREADABLE',
      });
    }
  });

  // Version 1 authenticates nothing, so a changed answer may well be read as another secret; but it never ends in anything
  // else than a secret or the typed error, and the change cannot reach beyond its own block and the next.
  it('takes every changed bit of an answer for another secret or for unreadable', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    const { message } = JSON.parse(await sealAnswer(opened.keyText, secret, realRandom)) as { message: string };
    const wire = fromHex(message) ?? new Uint8Array();
    for (let bit = 0; bit < wire.length * 8; bit++) {
      const changed = new Uint8Array(wire);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = await sealed
        .openAnswer(answer(201, JSON.stringify({ message: toHex(changed) })))
        .catch((e: unknown) => e);
      if (read instanceof AppError) expect(read.code).toBe('SERVER_ANSWER_UNREADABLE');
      else expect(read).toBeTypeOf('string');
    }
  });

  it('shows what malleability means: a changed bit of the IV changes that bit of the secret', async () => {
    const { message } = JSON.parse(await sealAnswer(opened.keyText, 'AKIA', realRandom)) as { message: string };
    const raw = Buffer.from(Buffer.from(message, 'hex').toString(), 'base64');
    raw[0] = (raw[0] ?? 0) ^ 1;
    const changed = Buffer.from(raw.toString('base64')).toString('hex');
    expect(await sealed.openAnswer(answer(201, JSON.stringify({ message: changed })))).toBe('@KIA');
  });

  it('does not read an answer under another key', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, async () =>
        sealed.openAnswer(answer(201, await sealAnswer('AAAAAAAAAAAAAAAA', 'secret', realRandom))),
      ),
    );
    // One in 256 wrong keys gives right padding by chance, and few of those give UTF-8.
    const unreadable = results.filter((r) => r.status === 'rejected');
    expect(unreadable.length).toBeGreaterThan(40);
    for (const { reason } of unreadable) expect(reason).toMatchObject({ code: 'SERVER_ANSWER_UNREADABLE' });
  });

  it('takes an empty secret for unreadable', async () => {
    const body = await sealAnswer(opened.keyText, '', realRandom);
    await expect(sealed.openAnswer(answer(201, body))).rejects.toMatchObject({ code: 'SERVER_ANSWER_UNREADABLE' });
  });

  it.each([
    '',
    'null',
    '[]',
    '"x"',
    '{}',
    '{"message":1}',
    '{"message":""}',
    '{"message":"zz"}',
    '{"message":"414"}',
    '<p>',
  ])('takes 201 with %s for unreadable', async (body) => {
    await expect(sealed.openAnswer(answer(201, body))).rejects.toMatchObject({ code: 'SERVER_ANSWER_UNREADABLE' });
  });

  it.each([
    [200, 'SERVER_ANSWER_UNREADABLE'],
    [204, 'SERVER_ANSWER_UNREADABLE'],
    [301, 'SERVER_ANSWER_UNREADABLE'],
    [304, 'SERVER_ANSWER_UNREADABLE'],
    [400, 'SERVER_REFUSED'],
    [401, 'SERVER_REFUSED'],
    [403, 'SERVER_REFUSED'],
    [404, 'SERVER_REFUSED'],
    [408, 'SERVER_UNAVAILABLE'],
    [413, 'SERVER_REFUSED'],
    [429, 'SERVER_UNAVAILABLE'],
    [500, 'SERVER_UNAVAILABLE'],
    [502, 'SERVER_UNAVAILABLE'],
    [503, 'SERVER_UNAVAILABLE'],
  ])('takes %i for %s, even with a readable body', async (status, code) => {
    const body = await sealAnswer(opened.keyText, 'secret', realRandom);
    await expect(sealed.openAnswer(answer(status, body))).rejects.toMatchObject({ code });
  });

  it('passes on when the server wants to be asked again', async () => {
    const failure = (status: number, headers: Record<string, string>): Promise<unknown> =>
      sealed.openAnswer(answer(status, '', headers)).catch((e: unknown) => (e as AppError).retryAfterMs);
    expect(await failure(429, { 'retry-after': '30' })).toBe(30_000);
    expect(await failure(503, { 'retry-after': '0' })).toBe(0);
    expect(await failure(429, {})).toBe(5000);
    expect(await failure(503, {})).toBeUndefined();
    expect(await failure(503, { 'retry-after': 'soon' })).toBeUndefined();
    expect(await failure(429, { 'retry-after': '99999999999999999999' })).toBe(24 * 3600 * 1000);
    const date = 'Sun, 22 Nov 2026 08:00:00 GMT';
    expect(await failure(429, { 'retry-after': 'Sun, 22 Nov 2026 08:02:00 GMT', date })).toBe(120_000);
    expect(await failure(429, { 'retry-after': 'Sun, 22 Nov 2026 07:02:00 GMT', date })).toBe(0);
    expect(await failure(503, { 'retry-after': 'Sun, 22 Nov 2026 08:02:00 GMT' })).toBeUndefined();
  });
});

describe('openRequest', () => {
  it('has one answer to everything that is not a request for this key', async () => {
    const { data, payload } = JSON.parse(sealed.body) as { data: string; payload: string };
    const bodies = [
      '',
      'null',
      '[]',
      '{}',
      JSON.stringify({ data }),
      JSON.stringify({ payload }),
      JSON.stringify({ data: data.slice(2), payload }),
      JSON.stringify({ data: payload, payload }),
      JSON.stringify({ data, payload: payload.slice(0, -8) }),
      JSON.stringify({ data, payload: 1 }),
      sealed.body.padEnd(40_000),
    ];
    for (const body of bodies) expect(await openRequest(privateKey, body)).toBeUndefined();
    for (const plain of ['nonsense', '[]', '{"hashval":"a","intervals":1,"credential_source":"a,b"}']) {
      const { message } = JSON.parse(await sealAnswer(opened.keyText, plain, realRandom)) as { message: string };
      expect(await openRequest(privateKey, JSON.stringify({ data, payload: message }))).toBeUndefined();
    }
  });
});

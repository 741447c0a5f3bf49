import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { requestSecret } from '../../autoid/client.ts';
import { bypasses, exchanges, realRandom, vectorText } from '../../autoid/testing/vectors.ts';
import { cipherKeyOf, openText, sealText, toWire } from '../../autoid/v1/cipher.ts';
import { importPrivateKey, importPublicKey } from '../../autoid/v1/keys.ts';
import { isProven, openRequest } from '../../autoid/testing/server-v1.ts';
import { AppError } from '../../core/errors.ts';
import { createWorld, vectorGeneration, type World } from '../testing/world.ts';
import { createVerifierV1, type VerifierV1 } from './verify.ts';

let world: World;
let verify: VerifierV1;
beforeAll(async () => {
  world = await createWorld();
  verify = await createVerifierV1([vectorGeneration()]);
});

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** An answer as a client sees it, but for the date. */
async function seen(response: Response): Promise<unknown> {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

describe('protocol 1', () => {
  it.each(exchanges.filter(({ status }) => status === 201))(
    'answers $plain_request.credential_source as the reference does',
    async ({ request, aes_key: key, secret }) => {
      for (const path of ['/verify', '/Stage/verify']) {
        const response = await world.post(path, JSON.stringify(request));
        expect(response.status).toBe(201);
        const { message } = (await response.json()) as { message: string };
        expect(await openText(await cipherKeyOf(key), message)).toBe(secret);
      }
    },
  );

  it('gives clients of ours what they ask for', async () => {
    const keySet = { entropy: vectorGeneration().entropy, publicKeyPem: vectorText('public.openssh.pem') };
    const secret = await requestSecret({
      ...{ endpoint: 'https://server.test', credentialSource: 'secretsmanager,with-token', timeoutMs: 1000 },
      ...{ keySet, random: realRandom },
      async fetch({ url, headers = {}, body = '' }) {
        const { pathname } = new URL(url);
        const response = await world.post(pathname, body, {}, headers['content-type']);
        return { status: response.status, headers: {}, body: new Uint8Array(await response.arrayBuffer()) };
      },
    });
    expect(secret).toMatch(/^ASIA[^,]+,[^,]+,[^,]+$/);
  });

  it('gives every refusal the same look', async () => {
    const good = exchanges[0];
    if (good === undefined) throw new Error('no vectors');
    const body = JSON.stringify(good.request);
    const send = (method: string, headers: Record<string, string>, content?: string) =>
      world.app.request('/verify', { method, headers, ...(content === undefined ? {} : { body: content }) }, {});
    const json = { 'content-type': 'application/json' };
    const refusals = await Promise.all([
      ...bypasses.map(({ request }) => world.post('/verify', JSON.stringify(request))),
      ...exchanges
        .filter(({ status }) => status !== 201)
        .map(({ request }) => world.post('/verify', JSON.stringify(request))),
      send('GET', {}),
      send('PUT', json, body),
      send('DELETE', json),
      send('POST', { 'content-type': 'text/plain' }, body),
      send('POST', {}, body),
      send('POST', { ...json, 'content-length': '70000' }, body),
      send('POST', json, JSON.stringify({ ...good.request, more: 'x'.repeat(66_000) })),
      send('POST', json, ''),
      send('POST', json, '{'),
      send('POST', json, 'null'),
      send('POST', json, JSON.stringify({ ...good.request, data: good.request.data.slice(2) })),
      send('POST', json, JSON.stringify({ ...good.request, payload: good.request.payload.slice(0, -64) })),
      send('POST', json, JSON.stringify({ data: good.request.data })),
      send('POST', json, JSON.stringify({ data: good.request.data, payload: 7 })),
      world.post('/nowhere', body),
      world.post('/v2', body),
      world.app.request('/metrics', {}, { address: '192.0.2.1' }),
    ]);
    const looks = await Promise.all(refusals.map(seen));
    for (const look of looks) expect(look).toEqual(looks[0]);
    expect(looks[0]).toMatchObject({ status: 404, body: '{"message":"not found"}' });
  });

  it('writes into the log why, and never a secret', async () => {
    const own = await createWorld();
    for (const { request } of bypasses) await own.post('/verify', JSON.stringify(request));
    expect(own.events.map(({ reason }) => reason)).toEqual(bypasses.map(() => 'weak-proof'));
    await own.post('/verify', JSON.stringify(exchanges[0]?.request));
    expect(own.events.at(-1)).toEqual({
      ...{ event: 'verify-v1', caller: 'v1', address: '192.0.2.1', allowed: true, reason: 'ok', generation: 1 },
      source: 'secretsmanager,wall-dashboards',
    });
    expect(JSON.stringify(own.events)).not.toContain('wJalr');
  });

  it('hands out what its list allows, when the log can be written', async () => {
    const own = await createWorld({ v1: { allow: [{ source: 'secretsmanager,with-token' }] } });
    const ask = async (index: number) => (await own.post('/verify', JSON.stringify(exchanges[index]?.request))).status;
    expect(await ask(0)).toBe(404);
    expect(own.events.at(-1)).toMatchObject({ reason: 'policy', source: 'secretsmanager,wall-dashboards' });
    expect(own.store.issued).toHaveLength(0);
    expect(await ask(2)).toBe(201);
    own.store.fail = new AppError('STORE_UNAVAILABLE', 'Not now.');
    expect(await ask(2)).toBe(404);
    expect(own.events.at(-1)).toMatchObject({ allowed: false, reason: 'STORE_UNAVAILABLE', detail: 'Not now.' });
  });

  it('is not there unless it is asked for', async () => {
    const server = await createWorld();
    const { v2 } = server.keys;
    expect(v2).toHaveLength(1);
    const without = await createWorld({ hasV2: false });
    expect((await without.post('/v2/credentials', new Uint8Array(300))).headers.get('content-type')).toBe(
      'application/json',
    );
  });
});

describe('two generations of protocol 1', () => {
  it('verify by the key of either, and by the entropy of either', async () => {
    const old = vectorGeneration();
    const pair = await crypto.subtle.generateKey(
      { name: 'RSA-OAEP', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-1' },
      true,
      ['encrypt', 'decrypt'],
    );
    const pem = async (format: 'pkcs8' | 'spki', key: CryptoKey, label: string): Promise<string> => {
      const der = Buffer.from(await crypto.subtle.exportKey(format, key)).toString('base64');
      return `-----BEGIN ${label}-----\n${der}\n-----END ${label}-----\n`;
    };
    const entropy = Array.from(old.entropy).reverse().join('').replace(/^\n/, '') + '\n';
    const fresh = {
      generation: 2,
      privateKeyPem: await pem('pkcs8', pair.privateKey, 'PRIVATE KEY'),
      publicKeyPem: await pem('spki', pair.publicKey, 'PUBLIC KEY'),
      entropy,
    };
    const both = await createVerifierV1([fresh, old]);
    const { sealRequest } = await import('../../autoid/v1/request.ts');
    const ask = async (key: string, text: string): Promise<unknown> => {
      const keySet = { entropy: text, publicKeyPem: key };
      const { body } = await sealRequest({ keySet, credentialSource: 'secretsmanager,x', random: realRandom });
      return both(bytes(body));
    };
    for (const key of [fresh, old]) {
      for (const text of [fresh.entropy, old.entropy]) {
        expect(await ask(key.publicKeyPem, text)).toMatchObject({ verified: true, generation: key.generation });
      }
      expect(await ask(key.publicKeyPem, 'x'.repeat(2048 * 2049))).toMatchObject({ reason: 'wrong-hash' });
    }
  });
});

describe('the verifier of protocol 1', () => {
  it('says of every mutation what the plain functions say', async () => {
    const privateKey = await importPrivateKey(vectorGeneration().privateKeyPem);
    const { entropy } = vectorGeneration();
    const plainly = async (body: string): Promise<boolean> => {
      const opened = await openRequest(privateKey, body);
      return opened !== undefined && (await isProven(entropy, opened));
    };
    const one = fc.constantFrom(...exchanges, ...bypasses);
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      put: fc.string({ maxLength: 3 }),
      cut: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(one, fc.array(edit, { maxLength: 2 }), async ({ request }, edits) => {
        let body = JSON.stringify(request);
        for (const { at, put, cut } of edits) {
          const i = Math.floor(at * body.length);
          body = body.slice(0, i) + put + body.slice(i + cut);
        }
        expect((await verify(bytes(body))).verified).toBe(await plainly(body));
      }),
      { numRuns: 150 },
    );
  });

  it('refuses every malformed request within a right envelope', async () => {
    const publicKey = await importPublicKey(vectorText('public.spki.pem'));
    const keyText = 'ABCDEFGHIJKLMNOP';
    const wrap = async (key: string, plain: string): Promise<Uint8Array> => {
      const sealedKey = new Uint8Array(await crypto.subtle.encrypt('RSA-OAEP', publicKey, bytes(key)));
      return bytes(
        JSON.stringify({ data: toWire(sealedKey), payload: await sealText(await cipherKeyOf(key), plain, realRandom) }),
      );
    };
    const { plain_request: right } = exchanges[0] ?? { plain_request: {} };
    const reasons = async (key: string, plain: unknown) =>
      (await verify(await wrap(key, typeof plain === 'string' ? plain : JSON.stringify(plain)))) as { reason?: string };
    expect(await reasons(keyText, right)).toMatchObject({ verified: true, keyText });
    expect((await reasons('ABCDEFGHIJKLMNO', right)).reason).toBe('no-key');
    expect((await reasons('ABCDEFGHIJKLMNO\u0000', right)).reason).toBe('no-key');
    expect((await reasons(keyText, '')).reason).toBe('no-request');
    expect((await reasons(keyText, '[]')).reason).toBe('no-request');
    expect((await reasons(keyText, { ...right, hashval: 7 })).reason).toBe('no-request');
    expect((await reasons(keyText, { ...right, hashval: '' })).reason).toBe('wrong-hash');
    for (const intervals of [
      ...['', '1,2,3', '0,200,0|0,200,1|0,200,2', '0,200,0|0,200,1|0,200,2|0,200,3|0,200,4'],
      ...['0,2048,0|0,200,1|0,200,2|0,200,3', '5,5,0|0,200,1|0,200,2|0,200,3', '0,200,2048|0,200,1|0,200,2|0,200,3'],
      ...['0,127,0|0,127,0|0,127,0|0,127,0', '-1,200,0|0,200,1|0,200,2|0,200,3', '0,1,0|1,2,0|2,3,0|3,130,0|'],
    ]) {
      expect((await reasons(keyText, { ...right, intervals })).reason).toBe('weak-proof');
    }
  });
});

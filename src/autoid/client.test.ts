import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Fetch, HttpRequest } from '../core/ports.ts';
import { requestSecret, verifyUrlOf } from './client.ts';
import { entropyBytes, realRandom, vectorText } from './testing/vectors.ts';
import { parseEntropy } from './v1/entropy.ts';
import { importPrivateKey } from './v1/keys.ts';
import { isProven, openRequest, sealAnswer } from './testing/server-v1.ts';

const keySet = { entropy: parseEntropy(entropyBytes), publicKeyPem: vectorText('public.spki.pem') };
const common = { keySet, random: realRandom, credentialSource: 'secretsmanager,wall', timeoutMs: 1234 };

describe('verifyUrlOf', () => {
  it.each([
    ['https://api.example.com', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com//', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/Stage', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/Stage/', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/Stage/verify', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/Stage/verify/', 'https://api.example.com/Stage/verify'],
    ['https://api.example.com/auto-id', 'https://api.example.com/auto-id/Stage/verify'],
    ['https://api.example.com/BackStage', 'https://api.example.com/BackStage/Stage/verify'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/Stage/verify'],
    ['http://[::1]:8080/x', 'http://[::1]:8080/x/Stage/verify'],
  ])('%s → %s', (endpoint, url) => {
    expect(verifyUrlOf(endpoint)).toBe(url);
  });

  it.each([
    '',
    'api.example.com',
    'ftp://a',
    'file:///etc',
    'https://',
    'https://u:p@a',
    'https://a/?q',
    'https://a/#f',
  ])('refuses %j', (endpoint) => {
    expect(() => verifyUrlOf(endpoint)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  });
});

describe('requestSecret', () => {
  it('posts one sealed request and gives the secret of the answer', async () => {
    const privateKey = await importPrivateKey(vectorText('private.pkcs8.pem'));
    const requests: HttpRequest[] = [];
    const fetch: Fetch = async (request) => {
      requests.push(request);
      const opened = await openRequest(privateKey, request.body as string);
      if (opened === undefined || !(await isProven(keySet.entropy, opened))) {
        return { status: 404, headers: {}, body: new Uint8Array() };
      }
      const body = await sealAnswer(opened.keyText, `secret of ${opened.credentialSource}`, realRandom);
      return { status: 201, headers: {}, body: new TextEncoder().encode(body) };
    };
    const secret = await requestSecret({ ...common, fetch, endpoint: 'https://api.example.com' });
    expect(secret).toBe('secret of secretsmanager,wall');
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: 'https://api.example.com/Stage/verify',
      headers: { 'content-type': 'application/json' },
      timeoutMs: 1234,
      maxBytes: 65_536,
    });
  });

  it('sends nothing when endpoint, source or key are unusable', async () => {
    const fetch: Fetch = () => Promise.reject(new Error('must not be called'));
    const endpoint = 'https://a';
    const keyless = { entropy: keySet.entropy, publicKeyPem: '' };
    await expect(requestSecret({ ...common, fetch, endpoint: 'a' })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
    await expect(requestSecret({ ...common, fetch, endpoint, credentialSource: 'a' })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
    await expect(requestSecret({ ...common, fetch, endpoint, keySet: keyless })).rejects.toMatchObject({
      code: 'KEYS_INVALID',
    });
  });

  it("passes the network's failures on, but takes an endless answer for an unreadable one", async () => {
    const failing = (code: 'NETWORK_REFUSED' | 'ANSWER_TOO_LARGE') =>
      requestSecret({
        ...common,
        endpoint: 'https://a',
        fetch: () => Promise.reject(new AppError(code, 'A failure.')),
      });
    await expect(failing('NETWORK_REFUSED')).rejects.toMatchObject({ code: 'NETWORK_REFUSED' });
    await expect(failing('ANSWER_TOO_LARGE')).rejects.toMatchObject({ code: 'SERVER_ANSWER_UNREADABLE' });
  });
});

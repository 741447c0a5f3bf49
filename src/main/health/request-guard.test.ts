import { describe, expect, it } from 'vitest';
import { judgeRequest, type AskedFor, type GuardRules } from './request-guard.ts';

const LOCAL: GuardRules = { loopback: true };
const judge = (changes: Partial<AskedFor> = {}, rules: GuardRules = LOCAL) => {
  const verdict = judgeRequest(
    { method: 'GET', url: '/healthz', headers: { host: '127.0.0.1:9464' }, ...changes },
    rules,
  );
  return typeof verdict === 'string' ? verdict : verdict.status;
};

describe('on loopback', () => {
  it.each(['127.0.0.1', '127.0.0.1:9464', 'localhost', 'LocalHost:1', '[::1]', '[::1]:9464'])('takes %s', (host) => {
    expect(judge({ headers: { host } })).toBe('/healthz');
  });

  it.each([
    'example.com',
    'example.com:9464',
    '127.0.0.1.example.com',
    'localhost.example.com:9464',
    'a.localhost:9464',
    '127.0.0.1:9464@example.com',
    '127.0.0.1:',
    '127.0.0.1:123456',
    '127.0.0.2',
    '192.168.1.5:9464',
    '',
    ' 127.0.0.1',
    '127.0.0.1\n',
  ])('refuses the host %j', (host) => {
    expect(judge({ headers: { host } })).toBe(403);
  });

  it('refuses what names no host', () => {
    expect(judge({ headers: {} })).toBe(403);
  });

  it.each(['null', 'http://127.0.0.1:9464', 'https://eu-west-1.console.aws.amazon.com', ''])(
    'refuses the origin %j',
    (origin) => {
      expect(judge({ headers: { host: '127.0.0.1', origin } })).toBe(403);
    },
  );

  it.each([
    ['none', '/healthz'],
    ['same-origin', '/healthz'],
    ['same-site', 403],
    ['cross-site', 403],
    ['', 403],
    ['none, cross-site', 403],
  ])('answers Sec-Fetch-Site %j with %s', (site, verdict) => {
    expect(judge({ headers: { host: '127.0.0.1', 'sec-fetch-site': site } })).toBe(verdict);
  });
});

describe('with a token', () => {
  const rules: GuardRules = { loopback: true, token: 'right-token' };
  const headers = { host: 'localhost' };
  it.each([
    ['Bearer right-token', '/healthz'],
    ['bearer right-token', '/healthz'],
    ['Bearer right-toke', 401],
    ['Bearer right-token-', 401],
    ['Bearer ', 401],
    ['Basic right-token', 401],
    ['right-token', 401],
    [undefined, 401],
  ])('answers %j with %s', (authorization, verdict) => {
    expect(judge({ headers: authorization === undefined ? headers : { ...headers, authorization } }, rules)).toBe(
      verdict,
    );
  });

  it('says nothing of which pages there are without it', () => {
    expect(judge({ url: '/nothing', headers }, rules)).toBe(401);
  });

  it('takes any name of this machine elsewhere, and still no page', () => {
    const away: GuardRules = { loopback: false, token: 'right-token' };
    const authorization = 'Bearer right-token';
    expect(judge({ headers: { host: 'wall-7.corp.example:9464', authorization } }, away)).toBe('/healthz');
    expect(judge({ headers: { host: 'wall-7', authorization, origin: 'https://example.com' } }, away)).toBe(403);
    expect(judge({ headers: { host: 'wall-7' } }, away)).toBe(401);
  });
});

describe('what is asked for', () => {
  it.each([
    ['/healthz', '/healthz'],
    ['/healthz?verbose=1', '/healthz'],
    ['/metrics', '/metrics'],
    ['/state', '/state'],
    ['/', 404],
    ['', 404],
    ['/healthz/', 404],
    ['/HEALTHZ', 404],
    ['//healthz', 404],
    ['/../state', 404],
    ['http://127.0.0.1/healthz', 404],
    ['*', 404],
  ])('%j is %s', (url, verdict) => {
    expect(judge({ url })).toBe(verdict);
  });

  it.each([
    ['HEAD', '/healthz'],
    ['POST', 405],
    ['OPTIONS', 405],
    ['DELETE', 405],
    ['get', 405],
  ])('by %s is %s', (method, verdict) => {
    expect(judge({ method })).toBe(verdict);
  });
});

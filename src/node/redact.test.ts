import { describe, expect, it } from 'vitest';
import { createRedactor } from './redact.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY"EXAMPLEKEY';
const MASK = '[redacted]';

describe('a registered secret', () => {
  const escaped = JSON.stringify(SECRET).slice(1, -1);
  const forms: Record<string, string> = {
    plain: SECRET,
    'JSON-escaped': escaped,
    'JSON in JSON': JSON.stringify(escaped).slice(1, -1),
    'URL-encoded': encodeURIComponent(SECRET),
    'URL-encoded in lower case': encodeURIComponent(SECRET).replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase()),
    'URL-encoded twice': encodeURIComponent(encodeURIComponent(SECRET)),
    'in a form': new URLSearchParams({ a: SECRET }).toString().slice(2),
    hex: Buffer.from(SECRET).toString('hex'),
  };
  it.each(Object.entries(forms))('is masked %s', (_name, form) => {
    const redactor = createRedactor();
    redactor.add(SECRET);
    expect(redactor.redact(`before ${form} after`)).toBe(`before ${MASK} after`);
  });

  it.each(['', 'x', 'xy', 'xyz'])('is masked in the base64 of a longer text (%j in front)', (front) => {
    const redactor = createRedactor();
    redactor.add(SECRET);
    for (const encoding of ['base64', 'base64url'] as const) {
      const masked = redactor.redact(Buffer.from(`${front}${SECRET}tail`).toString(encoding));
      expect(masked).toContain(MASK);
      // What remains is at most the characters that the neighbours have a share in.
      expect(Buffer.from(masked.split(MASK)[0] ?? '', encoding).toString()).not.toContain('wJ');
    }
  });

  it('is not looked for when it is too short', () => {
    const redactor = createRedactor();
    redactor.add('abc');
    expect(redactor.redact('abcdef abc')).toBe('abcdef abc');
  });

  it('is forgotten only after many newer ones', () => {
    const redactor = createRedactor();
    redactor.add('the-first-secret');
    for (let i = 0; i < 255; i++) redactor.add(`another-secret-${i}`);
    expect(redactor.redact('the-first-secret')).toBe(MASK);
    redactor.add('one-too-many');
    expect(redactor.redact('the-first-secret')).toBe('the-first-secret');
  });
});

describe('what looks like a secret', () => {
  const cases: [string, string, string][] = [
    ['login URL', 'GET https://us-east-1.signin.aws.amazon.com/federation?Action=login&SigninToken=abcDEF', 'abcDEF'],
    ['sign-in token', 'answer {"SigninToken":"VCQgs5qZZt3Q6fn8Tr5EXAMPLE"}', 'VCQgs5'],
    ['sign-in token in an encoded address', 'to=https%3A%2F%2Fx.test%2F%3FSigninToken%3DabcDEF123', 'abcDEF123'],
    ['sign-in token twice encoded', 'SigninToken%253DabcDEF123', 'abcDEF123'],
    ['session form field', 'Action=getSigninToken&Session=%7B%22sessionId%22%3A%22AS%22%7D', 'sessionId'],
    ['security token header', 'x-amz-security-token: FwoGZXIvYXdzEXAMPLE', 'FwoGZX'],
    ['authorization', 'Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=abcd', 'abcd'],
    ['authorization in JSON', '{"authorization":"Bearer npm_abcdefghij","x":1}', 'npm_'],
    ['bearer', 'sent Bearer abcdefghijkl.mno', 'abcdef'],
    ['secret key', '{"SecretAccessKey":"abc/def+ghi"}', 'abc/def'],
    [
      'secret key in escaped JSON',
      JSON.stringify({ a: JSON.stringify({ secretAccessKey: 'abc/def+ghi' }) }),
      'abc/def',
    ],
    ['session token', 'AWS_SESSION_TOKEN=abc/def==', 'abc/def'],
    ['session key', '{"sessionKey":"abc/def"}', 'abc/def'],
    ['entropy key', 'ENTROPY_SECRET_KEY=abc/def', 'abc/def'],
    ['npm token', '//registry.test/:_authToken=npm_abcdef', 'npm_abcdef'],
    ['id and secret', 'got AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY,tok123', 'wJalr'],
    ['proxy password', 'through http://joe:hunter2@proxy.test:3128', 'hunter2'],
    ['private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n-----END RSA PRIVATE KEY-----', 'MIIEpAIB'],
    ['private key in JSON', '{"k":"-----BEGIN PRIVATE KEY-----\\nMIIEpAIB\\n-----END PRIVATE KEY-----"}', 'MIIEpAIB'],
    ['private key cut off', '{"k":"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNz"}', 'b3BlbnNz'],
    ['bare AWS token', `token IQoJ${'b3JpZ2luX2Vj'.repeat(8)}== here`, 'b3JpZ2'],
  ];
  it.each(cases)('is masked: %s', (_name, text, secret) => {
    const masked = createRedactor().redact(text);
    expect(masked).toContain(MASK);
    expect(masked).not.toContain(secret);
    if (text.startsWith('{')) expect(() => JSON.parse(masked) as unknown).not.toThrow();
  });

  it.each([
    'AKIAIOSFODNN7EXAMPLE was refused',
    '{"event":"session.live","role":"arn:aws:iam::123456789012:role/Wall","displays":2}',
    'https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/Ops',
    'The proxy http://proxy.test:3128 wants a user name and password (407): set them in network.proxy.',
    '{"event":"sign-in.done","session":3,"token":"none"}',
  ])('is not: %s', (text) => {
    expect(createRedactor().redact(text)).toBe(text);
  });

  it('is found in reasonable time in long nonsense', () => {
    const redactor = createRedactor();
    for (const piece of ['a.', 'https://signin', '-----BEGIN PRIVATE KEY-----', 'secretkey', '\\"', 'AKIA', '%25'])
      expect(redactor.redact(piece.repeat(100_000 / piece.length)).length).toBeGreaterThan(0);
  });
});

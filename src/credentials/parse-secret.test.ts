import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { parseSecret } from './parse-secret.ts';

const ID = 'AKIAIOSFODNN7EXAMPLE';
const KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const TOKEN = 'FwoGZXIvYXdzEXAMPLE==';
const WHEN = Date.UTC(2026, 10, 22, 12);
const lasting = { accessKeyId: ID, secretAccessKey: KEY };
const temporary = { ...lasting, sessionToken: TOKEN };

describe('a secret', () => {
  it.each<[string, string, object]>([
    ['two fields', `${ID},${KEY}`, lasting],
    ['three fields', `${ID},${KEY},${TOKEN}`, temporary],
    ['fields with whitespace', ` ${ID} ,\t${KEY} \r\n,${TOKEN}\n`, temporary],
    ['an empty third field', `${ID},${KEY},`, lasting],
    ['a byte order mark', `\uFEFF${ID},${KEY}`, lasting],
    ['JSON of STS', JSON.stringify({ AccessKeyId: ID, SecretAccessKey: KEY, SessionToken: TOKEN }), temporary],
    [
      'JSON of the command line',
      JSON.stringify({
        Credentials: { AccessKeyId: ID, SecretAccessKey: KEY, SessionToken: TOKEN, Expiration: '2026-11-22T12:00:00Z' },
        AssumedRoleUser: { Arn: 'arn:aws:sts::1:assumed-role/a/b' },
      }),
      { ...temporary, expiresAt: WHEN },
    ],
    [
      'a new access key',
      JSON.stringify({ AccessKey: { UserName: 'x', AccessKeyId: ID, SecretAccessKey: KEY } }),
      lasting,
    ],
    [
      'camel case',
      JSON.stringify({ accessKeyId: ID, secretAccessKey: KEY, expiresAt: WHEN }),
      { ...lasting, expiresAt: WHEN },
    ],
    [
      'environment names',
      JSON.stringify({ AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: KEY, AWS_SESSION_TOKEN: TOKEN }),
      temporary,
    ],
    ['Vault', JSON.stringify({ data: { access_key: ID, secret_key: KEY, security_token: null } }), lasting],
    [
      'container',
      JSON.stringify({ AccessKeyId: ID, SecretAccessKey: KEY, Token: TOKEN, Expiration: WHEN / 1000 }),
      { ...temporary, expiresAt: WHEN },
    ],
    [
      'an expiry nobody can read',
      JSON.stringify({ AccessKeyId: ID, SecretAccessKey: KEY, Expiration: 'soon' }),
      lasting,
    ],
  ])('is read: %s', (_name, secret, expected) => {
    expect(parseSecret(secret)).toEqual(expected);
  });

  it.each<[string, string]>([
    ['nothing', ' \n'],
    ['one field', KEY],
    ['four fields', `${ID},${KEY},${TOKEN},${TOKEN}`],
    ['an empty secret', `${ID},`],
    ['an empty id', `,${KEY}`],
    ['fields the wrong way round', `${KEY},${ID}`],
    ['a space inside', `${ID},${KEY} ${KEY}`],
    ['a control character inside', `${ID},${KEY}\u0000`],
    ['a password', 'hunter2 is my password'],
    ['broken JSON', `{"AccessKeyId":"${ID}","SecretAccessKey":"${KEY}`],
    ['JSON of something else', JSON.stringify({ username: ID, password: KEY })],
    ['JSON without a secret', JSON.stringify({ AccessKeyId: ID })],
    ['JSON with a number for a secret', JSON.stringify({ AccessKeyId: ID, SecretAccessKey: 5 })],
    ['JSON with a list for a token', JSON.stringify({ AccessKeyId: ID, SecretAccessKey: KEY, SessionToken: [TOKEN] })],
    ['JSON that is a list', JSON.stringify([ID, KEY])],
    ['HTML', `<html>${KEY}</html>`],
    ['too much', `${ID},${'x'.repeat(70_000)}`],
    ['deep JSON', `${'{"a":'.repeat(5000)}{}${'}'.repeat(5000)}`],
  ])('is refused without a word of it: %s', (_name, secret) => {
    let thrown: unknown;
    try {
      parseSecret(secret);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AppError);
    const error = thrown as AppError;
    expect(error.code).toBe('CREDENTIALS_UNREADABLE');
    expect(error.cause).toBeUndefined();
    for (const word of [KEY, ID, TOKEN, 'hunter2']) expect(error.message).not.toContain(word);
  });
});

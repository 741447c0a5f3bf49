import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';
import { SecretSearch } from './support/secret-search.ts';

const TOKEN = 'IQ+j/b3JpZ2luX2VjELn8wEaCXVz/LWVhc3QtMSJGMEQCIAa+7Kk5fzQ0n1==';
const ENTROPY = Array.from({ length: 20 }, () =>
  randomBytes(3_000).toString('base64').replace(/[+/=]/g, '').slice(0, 2_048),
).join('\n');
const search = new SecretSearch([
  { name: 'token', value: TOKEN },
  { name: 'entropy', value: ENTROPY },
  { name: 'password', value: 'hunter2hunter' },
]);

const junk = randomBytes(3_000);
const amid = (bytes: Buffer) => Buffer.concat([junk, Buffer.from('{"a":"'), bytes, Buffer.from('"}'), junk]);
const utf16 = (text: string, bigEndian = false) =>
  bigEndian ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text, 'utf16le');
const fragment = ENTROPY.slice(5_001, 5_001 + 64);

const PLANTED: readonly (readonly [string, string, Buffer])[] = [
  ['plain', 'token', Buffer.from(TOKEN)],
  ['a part of it', 'token', Buffer.from(TOKEN.slice(11, 36))],
  ['a short one', 'password', Buffer.from('hunter2hunter')],
  ['a fragment of 64 characters', 'entropy', Buffer.from(fragment)],
  ['a fragment over the end of a line', 'entropy', Buffer.from(ENTROPY.slice(2_048 - 32, 2_049 + 32))],
  ['percent-encoded', 'token', Buffer.from(encodeURIComponent(TOKEN))],
  ['percent-encoded twice', 'token', Buffer.from(encodeURIComponent(encodeURIComponent(TOKEN)))],
  [
    'percent-encoded in lower case',
    'token',
    Buffer.from(encodeURIComponent(TOKEN).replace(/%../g, (escape) => escape.toLowerCase())),
  ],
  ['in a JSON string', 'token', Buffer.from(TOKEN.replaceAll('/', '\\/').replaceAll('+', '\\u002b'))],
  ['base64, first alignment', 'token', Buffer.from(Buffer.from(TOKEN).toString('base64'))],
  ['base64, second alignment', 'token', Buffer.from(Buffer.from(`x${TOKEN}`).toString('base64'))],
  ['base64, third alignment', 'token', Buffer.from(Buffer.from(`xy${TOKEN}`).toString('base64'))],
  ['base64 after other characters of its alphabet', 'token', Buffer.from(`ab${Buffer.from(TOKEN).toString('base64')}`)],
  ['base64 for addresses', 'token', Buffer.from(Buffer.from(`>>>???${TOKEN}`).toString('base64url'))],
  ['hex', 'token', Buffer.from(Buffer.from(TOKEN).toString('hex'))],
  [
    'hex in upper case, after an odd digit',
    'token',
    Buffer.from(`F${Buffer.from(TOKEN).toString('hex').toUpperCase()}`),
  ],
  ['UTF-16', 'token', utf16(TOKEN)],
  ['UTF-16 with the other byte first', 'token', utf16(TOKEN, true)],
  ['gzip', 'token', gzipSync(`{"token":"${TOKEN}"}`)],
  ['gzip, cut off', 'entropy', gzipSync(ENTROPY).subarray(0, 9_000)],
  ['zlib', 'token', deflateSync(`{"token":"${TOKEN}"}`)],
  ['base64 in gzip', 'token', gzipSync(Buffer.from(TOKEN).toString('base64'))],
  ['gzip in base64', 'token', Buffer.from(gzipSync(TOKEN).toString('base64'))],
  ['percent-encoded in base64 in UTF-16', 'token', utf16(Buffer.from(encodeURIComponent(TOKEN)).toString('base64'))],
  ['entropy in hex', 'entropy', Buffer.from(Buffer.from(fragment).toString('hex'))],
  ['entropy in base64', 'entropy', Buffer.from(Buffer.from(`x${fragment}`).toString('base64'))],
];

test('the search for secrets finds every form of one', () => {
  for (const [form, name, bytes] of PLANTED) {
    const found = search.inBytes(amid(bytes), 'here').map(({ secret }) => secret);
    expect.soft(found, form).toContain(name);
  }
});

// eslint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures are wanted
test('the search for secrets finds one in a file that is compressed as a whole, and in the name of a file', ({}, testInfo) => {
  const folder = testInfo.outputPath('planted');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  writeFileSync(join(folder, 'deep', 'brotli'), brotliCompressSync(`{"token":"${TOKEN}"}`));
  writeFileSync(join(folder, 'deep', 'deflate'), deflateRawSync(`{"token":"${TOKEN}"}`));
  writeFileSync(join(folder, encodeURIComponent(TOKEN)), '');
  writeFileSync(join(folder, 'harmless'), junk);
  const { files, findings } = search.inFolder(folder);
  expect(files).toBe(4);
  expect(new Set(findings.map(({ where }) => where.split(' ')[0]))).toEqual(
    new Set(['deep/brotli', 'deep/deflate', 'name']),
  );
});

test('the search for secrets finds nothing where there is nothing', () => {
  const others = randomBytes(60_000);
  for (const bytes of [
    others,
    Buffer.from(others.toString('base64')),
    gzipSync(others.toString('hex')),
    Buffer.from(TOKEN.slice(0, 15)),
  ]) {
    expect(search.inBytes(amid(bytes), 'here')).toEqual([]);
  }
});

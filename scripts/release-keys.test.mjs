import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readReleaseKeys } from './release-keys.mjs';

let folder = '';
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'vigil-release-keys-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** @param {string} text */
async function read(text) {
  const path = join(folder, 'keys.pem');
  await writeFile(path, text);
  return readReleaseKeys({ VIGIL_RELEASE_KEYS: path });
}

/** @param {import('node:crypto').KeyObject} key */
const pem = (key) => key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString();
const [one, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];

it('a build without keys of a release trusts none', () => {
  expect(readReleaseKeys({})).toBe('');
  expect(readReleaseKeys({ VIGIL_RELEASE_KEYS: '' })).toBe('');
});

it('a build takes all public keys of a file, and nothing else that stands in it', async () => {
  const both = pem(one.publicKey) + pem(other.publicKey);
  expect(await read(`of 2026\r\n${both.replaceAll('\n', '\r\n')}the end`)).toBe(both);
});

const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
it.each([
  ['holds no key', ''],
  ['holds a secret key', pem(one.privateKey)],
  ['holds a secret key among others', pem(other.publicKey) + pem(one.privateKey)],
  ['is cut off', pem(one.publicKey).slice(0, 60)],
  ['holds a damaged key', pem(one.publicKey).replace('MC', 'MD')],
  ['holds another kind of key', pem(elliptic)],
])('a build ends where the file %s', async (_, text) => {
  await expect(read(text)).rejects.toThrow(/^VIGIL_RELEASE_KEYS: .*keys\.pem holds .*\.$/);
});

it('a build ends where there is no file', () => {
  expect(() => readReleaseKeys({ VIGIL_RELEASE_KEYS: join(folder, 'nowhere') })).toThrow(/nowhere/);
});

import { describe, expect, it } from 'vitest';
import { type Manifest, flawOfPath, readManifest, resolveLink } from './manifest.ts';

const SHA = 'ab'.repeat(32);
const MANIFEST: Manifest = {
  format: 1,
  version: '1.2.3',
  platform: 'linux-x64',
  executable: 'vigil-wall',
  files: [
    { path: 'vigil-wall', size: 3, sha256: SHA, executable: true },
    { path: 'resources/app.asar', size: 0, sha256: SHA },
  ],
  links: [],
};
const read = (changes: object) => () => readManifest(JSON.stringify({ ...MANIFEST, ...changes }));
const file = (path: string) => ({ path, size: 1, sha256: SHA });

describe('a manifest', () => {
  it('is read as it was written', () => {
    expect(readManifest(JSON.stringify(MANIFEST))).toEqual(MANIFEST);
  });

  it('cut at any byte is refused', () => {
    const text = JSON.stringify(MANIFEST);
    for (let length = 0; length < text.length; length++) {
      expect(() => readManifest(text.slice(0, length))).toThrow(/is not one that this supervisor understands/);
    }
  });

  it.each<[string, object]>([
    ['of another format', { format: 2 }],
    ['with a field that is unknown', { extra: 1 }],
    ['without a version number', { version: '../../etc' }],
    ['without a platform', { platform: 'linux' }],
    ['whose executable is not among the files', { executable: 'other' }],
    ['whose executable may not be run', { executable: 'resources/app.asar' }],
    ['without files', { files: [] }],
    ['with a file of negative size', { files: [...MANIFEST.files, { ...file('x'), size: -1 }] }],
    ['with a wrong hash', { files: [...MANIFEST.files, { ...file('x'), sha256: 'AB'.repeat(32) }] }],
    ['with a file twice', { files: [...MANIFEST.files, file('resources/app.asar')] }],
    ['with files that Windows takes for one', { files: [...MANIFEST.files, file('Resources/APP.asar')] }],
    ['with a file in a file', { files: [...MANIFEST.files, file('vigil-wall/x')] }],
    ['that names itself', { files: [...MANIFEST.files, file('manifest.json')] }],
    ['with a path that leaves the folder', { files: [...MANIFEST.files, file('../x')] }],
    ['with a link that leaves the folder', { links: [{ path: 'a', target: '../b' }] }],
    ['with a file below a link', { links: [{ path: 'resources', target: 'b' }] }],
    ['with an absolute link', { links: [{ path: 'a', target: '/etc/passwd' }] }],
  ])('%s is refused', (_, changes) => {
    expect(read(changes)).toThrow(expect.objectContaining({ code: 'SUPERVISE_MANIFEST_INVALID' }));
  });

  it('has links that stay in the folder', () => {
    const links = [{ path: 'a/b', target: '../resources' }];
    expect(read({ links })().links).toEqual(links);
  });
});

it.each([
  '',
  '/etc/passwd',
  'a//b',
  'a/',
  './a',
  'a/../b',
  '..',
  'C:/x',
  'a\\b',
  'a:stream',
  'nul',
  'CON.txt',
  'a/com1/b',
  'a. ',
  'a.',
  'a\nb',
  'a\u0000',
  'x'.repeat(501),
])('the path %j is not taken', (path) => {
  expect(flawOfPath(path)).toBeDefined();
});

it.each(['a', 'a/b c/d.e', '.hidden', 'locales/zh-CN.pak', 'Vigil.app/Contents/MacOS/Vigil', 'ü'])(
  'the path %j is taken',
  (path) => {
    expect(flawOfPath(path)).toBeUndefined();
  },
);

it.each([
  ['a', 'b', 'b'],
  ['x/a', '../b/./c', 'b/c'],
  ['x/a', '..', ''],
  ['x/a', '../..', undefined],
  ['a', 'C:x', undefined],
  ['a', '..\\b', undefined],
])('a link at %s to %s leads to %s', (path, target, to) => {
  expect(resolveLink(path, target)).toBe(to);
});

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileStore } from '../core/ports.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { directoryKeySource } from './directory.ts';
import type { KeySet, KeySource } from './key-set.ts';
import { entropyFile, otherEntropyFile, publicKeyFile } from './testing/keys.ts';

/** Files in memory; the stamp counts the writes. `onRead` runs before each read, so that a test can write meanwhile. */
function memoryStore(initial: Record<string, Uint8Array>) {
  const files = new Map(Object.entries(initial).map(([path, bytes]) => [path, { bytes, writes: 1 }]));
  const reads: string[] = [];
  let onRead: (path: string) => void = () => undefined;
  const store: FileStore = {
    read: (path) => {
      reads.push(path);
      onRead(path);
      return Promise.resolve(files.get(path)?.bytes);
    },
    stamp: (path) => Promise.resolve(files.get(path)?.writes.toString()),
  };
  return {
    store,
    reads,
    write: (path: string, bytes: Uint8Array) => files.set(path, { bytes, writes: (files.get(path)?.writes ?? 0) + 1 }),
    onRead: (action: (path: string) => void) => (onRead = action),
  };
}

const PAIR = { '/keys/info2048.bin': entropyFile, '/keys/public.pem': publicKeyFile };
const source = (store: FileStore): KeySource => directoryKeySource({ files: store, directory: '/keys' });

async function setOf(fetching: Promise<KeySet | 'unchanged'>): Promise<KeySet> {
  const set = await fetching;
  if (set === 'unchanged') throw new Error('unchanged');
  return set;
}

describe('directoryKeySource', () => {
  it('reads the pair once, and then only looks at its stamps', async () => {
    const { store, reads, write } = memoryStore(PAIR);
    const set = await setOf(source(store).fetch());
    expect(set.entropy).toBe(new TextDecoder().decode(entropyFile));
    expect(set.publicKeyPem).toMatch(/^ssh-rsa AAAA\S+$/);
    expect(set.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(await source(store).fetch(set)).toBe('unchanged');
    expect(reads).toHaveLength(2);
    write('/keys/info2048.bin', otherEntropyFile);
    const next = await setOf(source(store).fetch(set));
    expect(next.fingerprint).not.toBe(set.fingerprint);
    expect(reads).toHaveLength(4);
    expect(await setOf(source(store).fetch())).toEqual(next);
  });

  it('looks in build/ too, and prefers a whole pair over half of one', async () => {
    const { store, reads } = memoryStore({
      '/keys/public.pem': publicKeyFile,
      '/keys/build/info2048.bin': entropyFile,
      '/keys/build/public.pem': publicKeyFile,
    });
    await setOf(directoryKeySource({ files: store, directory: '/keys//' }).fetch());
    expect(reads).toEqual(['/keys/build/info2048.bin', '/keys/build/public.pem']);
  });

  it('reads a pair again that was written while it was read', async () => {
    const { store, reads, write, onRead } = memoryStore(PAIR);
    let written = false;
    onRead(() => {
      if (!written) write('/keys/info2048.bin', otherEntropyFile);
      written = true;
    });
    const set = await setOf(source(store).fetch());
    expect(set.entropy).toBe(new TextDecoder().decode(otherEntropyFile));
    expect(reads).toHaveLength(4);
  });

  it('reads a half-written file again', async () => {
    const { store, reads, write, onRead } = memoryStore({
      ...PAIR,
      '/keys/info2048.bin': entropyFile.subarray(0, 9999),
    });
    onRead(() => {
      if (reads.length === 3) write('/keys/info2048.bin', entropyFile);
    });
    // The write happens during the second reading, whose stamps then differ: that is reported, and the next try is good.
    await expect(source(store).fetch()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
    await expect(setOf(source(store).fetch())).resolves.toBeDefined();
  });

  it('gives up on files that never rest', async () => {
    const { store, write, onRead } = memoryStore(PAIR);
    onRead(() => write('/keys/public.pem', publicKeyFile));
    await expect(source(store).fetch()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });

  it.each([
    ['no file at all', {}, 'KEYS_NOT_FOUND'],
    ['one of the two', { '/keys/info2048.bin': entropyFile }, 'KEYS_NOT_FOUND'],
    [
      'halves in two places',
      { '/keys/info2048.bin': entropyFile, '/keys/build/public.pem': publicKeyFile },
      'KEYS_NOT_FOUND',
    ],
    ['an empty key', { ...PAIR, '/keys/public.pem': new Uint8Array() }, 'KEYS_INVALID'],
    ['a key that is no text', { ...PAIR, '/keys/public.pem': new Uint8Array([0xff, 0xfe, 0x00]) }, 'KEYS_INVALID'],
    ['a cut-off entropy file', { ...PAIR, '/keys/info2048.bin': entropyFile.subarray(1) }, 'KEYS_INVALID'],
    ['the files swapped', { '/keys/info2048.bin': publicKeyFile, '/keys/public.pem': entropyFile }, 'KEYS_INVALID'],
  ])('refuses %s', async (_, files, code) => {
    await expect(source(memoryStore(files).store).fetch()).rejects.toMatchObject({ code });
  });

  it('says so when the disk refuses', async () => {
    const refuses = () => Promise.reject(new Error('EACCES'));
    await expect(source({ read: refuses, stamp: refuses }).fetch()).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringContaining('/keys/') as string,
    });
    await expect(source({ ...memoryStore(PAIR).store, read: refuses }).fetch()).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
    });
  });
});

describe('directoryKeySource on a real disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vigil-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('sees a rotation', async () => {
    await mkdir(join(folder, 'build'));
    await writeFile(join(folder, 'build', 'info2048.bin'), entropyFile);
    await writeFile(join(folder, 'build', 'public.pem'), publicKeyFile);
    const keys = directoryKeySource({ files: createNodeFileStore(), directory: folder });
    const set = await setOf(keys.fetch());
    expect(await keys.fetch(set)).toBe('unchanged');
    await rm(join(folder, 'build', 'info2048.bin'));
    await writeFile(join(folder, 'build', 'info2048.bin'), otherEntropyFile);
    expect((await setOf(keys.fetch(set))).fingerprint).not.toBe(set.fingerprint);
  });

  it.skipIf(process.platform === 'win32')('does not wait for a file that is a pipe', async () => {
    await writeFile(join(folder, 'info2048.bin'), entropyFile);
    execFileSync('mkfifo', [join(folder, 'public.pem')]);
    const keys = directoryKeySource({ files: createNodeFileStore(), directory: folder });
    await expect(keys.fetch()).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringContaining('pipe') as string,
    });
  });

  it('does not read a file without end', async () => {
    await writeFile(join(folder, 'info2048.bin'), entropyFile);
    await writeFile(join(folder, 'public.pem'), '');
    await truncate(join(folder, 'public.pem'), 2 ** 40);
    const keys = directoryKeySource({ files: createNodeFileStore(), directory: folder });
    await expect(keys.fetch()).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringContaining('larger than 8 MiB') as string,
    });
  });

  it('says so when a file is a folder', async () => {
    await mkdir(join(folder, 'info2048.bin'));
    await mkdir(join(folder, 'public.pem'));
    const keys = directoryKeySource({ files: createNodeFileStore(), directory: folder });
    await expect(keys.fetch()).rejects.toMatchObject({ code: 'KEYS_UNREADABLE' });
  });
});

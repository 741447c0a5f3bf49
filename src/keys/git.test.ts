import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fetch } from '../core/ports.ts';
import { createNodeFetch } from '../node/http.ts';
import { gitPlace } from '../server/rotation/places/git-place.ts';
import { gitSource } from './git.ts';
import { KEY_SET_V1, type KeySet, type SetForm, type VersionedSet } from './key-set.ts';
import { gitServer, type GitServer } from './testing/git-server.ts';
import { answer, entropyFile, publicKeyFile, recordingFetch } from './testing/keys.ts';

const TOKEN = 'a-token-of-the-test';
let folder: string;
let server: GitServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-git-'));
  server = await gitServer(folder, TOKEN);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A form of one small file, where it does not matter what is in it. */
interface Note extends VersionedSet {
  readonly text: string;
}
const NOTE: SetForm<Note> = {
  files: ['note'],
  make: ([file = new Uint8Array()], version) => {
    const text = new TextDecoder().decode(file);
    return Promise.resolve({ text, version, fingerprint: text });
  },
};
const note = (text: string) => new Map([['note', new TextEncoder().encode(text)]]);
const setOf = (entropy: Uint8Array) =>
  new Map([
    ['info2048.bin', entropy],
    ['public.pem', publicKeyFile],
  ]);
const where = () => ({
  fetch: createNodeFetch(),
  url: server.url,
  branch: 'main',
  token: TOKEN,
  timeoutMs: 20_000,
});
const place = (options: { token?: string; folder?: string; branch?: string; fetch?: Fetch } = {}) =>
  gitPlace({
    fetch: createNodeFetch(),
    url: server.url,
    branch: 'main',
    timeoutMs: 20_000,
    ...options,
    token: () => Promise.resolve(options.token ?? TOKEN),
  });
const source = (
  options: { token?: string | undefined; folder?: string; branch?: string; url?: string; fetch?: Fetch } = {},
) => gitSource({ ...where(), ...options }, KEY_SET_V1);

describe('a real git repository over HTTP', () => {
  it('has no keys at first, and then what was published, seen in one exchange', async () => {
    await expect(source().fetch()).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
    await place().publish(setOf(entropyFile));
    const { fetch, requests } = recordingFetch(createNodeFetch());
    const client = source({ fetch });
    const set = (await client.fetch()) as KeySet;
    expect(set.entropy === new TextDecoder().decode(entropyFile)).toBe(true);
    expect(requests).toHaveLength(3);
    expect(await client.fetch(set)).toBe('unchanged');
    expect(requests).toHaveLength(4);
  });

  it('gets one commit for one set, however often it is published, upon what was there', async () => {
    const branch = 'notes';
    await place({ branch }).publish(note('0'));
    const one = place({ branch, folder: 'walls/lobby' });
    expect(await one.holds(note('1'))).toBe(false);
    await one.publish(note('1'));
    await one.publish(note('1'));
    expect(await one.holds(note('1'))).toBe(true);
    expect((await server.git('rev-list', '--count', branch)).trim()).toBe('2');
    const paths = (await server.git('ls-tree', '-r', '--name-only', branch)).trim().split('\n');
    expect(paths).toEqual(['note', 'walls/lobby/note']);
    const client = gitSource({ ...where(), branch, folder: '/walls/lobby/' }, NOTE);
    const set = (await client.fetch()) as Note;
    expect(set.text).toBe('1');
    expect(await client.fetch(set)).toBe('unchanged');
    await one.publish(note('2'));
    expect(((await client.fetch(set)) as Note).text).toBe('2');
    await server.git('fsck', '--strict');
  });

  it('is not pushed to twice when the answer to a push was lost', async () => {
    const inner = createNodeFetch();
    let isLost = true;
    const losing: Fetch = async (request) => {
      const given = await inner(request);
      if (isLost && request.url.endsWith('/git-receive-pack')) {
        isLost = false;
        throw new Error('the answer got lost');
      }
      return given;
    };
    const one = place({ branch: 'lost', fetch: losing });
    await expect(one.publish(note('1'))).rejects.toMatchObject({ code: 'PUBLISH_FAILED' });
    await one.publish(note('1'));
    expect((await server.git('rev-list', '--count', 'lost')).trim()).toBe('1');
  });

  it('refuses a push over what somebody else has pushed meanwhile, and takes the next one', async () => {
    const branch = 'raced';
    const inner = createNodeFetch();
    let isFirst = true;
    const racing: Fetch = async (request) => {
      if (isFirst && request.url.endsWith('/git-receive-pack')) {
        isFirst = false;
        await place({ branch }).publish(note('theirs'));
      }
      return inner(request);
    };
    await place({ branch }).publish(note('0'));
    const one = place({ branch, fetch: racing });
    await expect(one.publish(note('ours'))).rejects.toMatchObject({ code: 'PUBLISH_FAILED' });
    await one.publish(note('ours'));
    expect((await server.git('show', `${branch}:note`)).trim()).toBe('ours');
    expect((await server.git('rev-list', '--count', branch)).trim()).toBe('3');
  });

  it('says what is wrong', async () => {
    await expect(source({ token: undefined }).fetch()).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    await expect(source({ token: 'wrong' }).fetch()).rejects.toMatchObject({ code: 'KEYS_REFUSED' });
    await expect(source({ branch: 'nowhere' }).fetch()).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
    await expect(source({ folder: 'empty' }).fetch()).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
    await expect(source({ url: `${server.url}-other` }).fetch()).rejects.toMatchObject({ code: 'KEYS_NOT_FOUND' });
    await expect(place({ token: 'wrong' }).publish(setOf(entropyFile))).rejects.toMatchObject({
      code: 'PUBLISH_REFUSED',
    });
    for (const [status, code] of [
      [200, 'KEYS_UNREADABLE'],
      [302, 'KEYS_UNREADABLE'],
      [429, 'KEYS_UNAVAILABLE'],
      [503, 'KEYS_UNAVAILABLE'],
    ] as const) {
      const fetch: Fetch = () => Promise.resolve(answer(status, '<html>'));
      await expect(source({ fetch }).fetch(), String(status)).rejects.toMatchObject({ code });
    }
    expect(() => source({ url: 'http://git.example.com/x' })).toThrow(/https address/);
    expect(() => source({ url: 'ssh://git@example.com/x' })).toThrow(/https address/);
  });
});

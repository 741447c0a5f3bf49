import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRing } from '../../server/rotation/ring.ts';
import { openVault } from '../../server/rotation/open-vault.ts';
import { createNodeFetch } from '../../node/http.ts';
import { openServerSeal } from '../server-seal.ts';
import { keysInit } from './keys.ts';
import { readOptions, runServer } from './serve.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-serve-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the options of vigil serve', () => {
  it('take addresses in every form, and refuse what is none', async () => {
    const hostOf = async (listen: string) => {
      const { host, port } = await readOptions({ listen });
      return `${host} ${String(port)}`;
    };
    expect(await hostOf('127.0.0.1:8080')).toBe('127.0.0.1 8080');
    expect(await hostOf('[::1]:0')).toBe('::1 0');
    expect(await hostOf(':443')).toBe(':: 443');
    for (const listen of ['8080', '127.0.0.1', 'a b:1', '127.0.0.1:70000', '127.0.0.1:x']) {
      await expect(readOptions({ listen })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  it('refuse half a certificate, unknown protocols, odd times and missing files, each with its sentence', async () => {
    await expect(readOptions({ tlsCert: 'a.pem' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readOptions({ protocols: 'v3' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readOptions({ rotateEvery: 'weekly' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(readOptions({ stores: join(folder, 'absent') })).rejects.toMatchObject({
      code: 'SETTINGS_UNREADABLE',
    });
    const short = join(folder, 'token');
    await writeFile(short, 'short', { mode: 0o600 });
    await expect(readOptions({ metricsTokenFile: short })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    expect(await readOptions({ rotateEvery: '7d' })).toMatchObject({ rotateEveryMs: 604_800_000 });
  });
});

describe('vigil serve', () => {
  it('rotates its keys by itself when they are old enough, and goes on serving', async () => {
    const data = join(folder, 'data');
    await keysInit({ data, serverId: 'acme', root: join(folder, 'root.key'), protocols: 'v2' });
    // The first look comes with the start, the second one a minute later.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const server = await runServer(data, await readOptions({ listen: '127.0.0.1:0', rotateEvery: '1s' }));
    try {
      const sealer = await openServerSeal({ folder: data, fetch: createNodeFetch({ proxy: 'none' }) });
      const vault = await openVault({ folder: data }, sealer);
      const newest = async () => Math.max(...(await readRing(vault)).ring.generations.map((one) => one.generation));
      await expect.poll(newest, { timeout: 60_000, interval: 100 }).toBe(2);
      const answer = await fetch(`${server.url}/healthz`);
      expect(answer.status).toBe(200);
    } finally {
      await server.stop();
    }
  });
});

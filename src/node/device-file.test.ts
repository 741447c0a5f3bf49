import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeviceFile } from './device-file.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-device-'));
  path = join(folder, 'own', 'device.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) => new TextDecoder().decode(content);
const isRoot = process.getuid?.() === 0;

describe('a device file', () => {
  it('holds what was written last, for its owner alone, and nothing is left beside it', async () => {
    const store = createDeviceFile({ path });
    expect(await store.read()).toBeUndefined();
    const release = await store.lock();
    await store.write(bytes('one'));
    await store.write(bytes('two'));
    await release?.();
    expect(text(await createDeviceFile({ path }).read())).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'own'))).toEqual(['device.json']);
  });

  it('is refused when others may read it, when it is none, or far too long', async () => {
    const store = createDeviceFile({ path });
    await mkdir(join(folder, 'own'));
    await writeFile(path, 'x', { mode: 0o644 });
    await chmod(path, 0o644);
    await expect(store.read()).rejects.toMatchObject({ code: 'DEVICE_UNREADABLE' });
    await writeFile(path, 'x'.repeat(70_000));
    await chmod(path, 0o600);
    await expect(store.read()).rejects.toMatchObject({ code: 'DEVICE_UNREADABLE' });
    await rm(path);
    await mkdir(path);
    await expect(store.read()).rejects.toMatchObject({ code: 'DEVICE_UNREADABLE' });
  });

  it('says what to do where it cannot be written', async () => {
    await writeFile(join(folder, 'own'), 'a file where a folder should be');
    const store = createDeviceFile({ path });
    expect(await store.lock()).toBeUndefined();
    await expect(store.write(bytes('x'))).rejects.toMatchObject({ code: 'DEVICE_STEP_UNWRITABLE' });
  });

  it.skipIf(isRoot)('says so where the folder may not be written to', async () => {
    await mkdir(join(folder, 'own'), { mode: 0o500 });
    expect(await createDeviceFile({ path }).lock()).toBeUndefined();
  });

  it('is sealed by what protects it, and unreadable without', async () => {
    const flip = (content: Uint8Array) => content.map((byte) => byte ^ 0x55);
    const sealed = createDeviceFile({ path, protection: { seal: flip, open: flip } });
    const release = await sealed.lock();
    await sealed.write(bytes('secret'));
    await release?.();
    expect(text(await sealed.read())).toBe('secret');
    expect(text(await createDeviceFile({ path }).read())).not.toContain('secret');
    const other = createDeviceFile({
      path,
      protection: {
        seal: flip,
        open: () => {
          throw new Error('another account');
        },
      },
    });
    await expect(other.read()).rejects.toMatchObject({ code: 'DEVICE_UNREADABLE' });
  });

  it('is had by one at a time, each after the other', async () => {
    const stores = Array.from({ length: 6 }, () => createDeviceFile({ path }));
    let inside = 0;
    let most = 0;
    await Promise.all(
      stores.map(async (store) => {
        for (let i = 0; i < 5; i++) {
          const release = await store.lock();
          inside += 1;
          most = Math.max(most, inside);
          const before = Number(text(await store.read()) || '0');
          await store.write(bytes(String(before + 1)));
          inside -= 1;
          await release?.();
        }
      }),
    );
    expect(most).toBe(1);
    expect(text(await createDeviceFile({ path }).read())).toBe('30');
  });

  it('tells who waits too long', async () => {
    const release = await createDeviceFile({ path }).lock();
    const other = createDeviceFile({ path, patienceMs: 50 });
    await expect(other.lock()).rejects.toMatchObject({ code: 'DEVICE_STEP_UNWRITABLE' });
    await release?.();
    const again = await other.lock();
    await again?.();
  });

  it('is free again when its holder was killed, and not before', async () => {
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(createDeviceFile({ path, patienceMs: 300 }).lock()).rejects.toMatchObject({
      code: 'DEVICE_STEP_UNWRITABLE',
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const release = await createDeviceFile({ path }).lock();
    await release?.();
    expect(await readdir(join(folder, 'own'))).toEqual([]);
  });

  it('is free again after an earlier process of the same number', async () => {
    await mkdir(join(folder, 'own'));
    await writeFile(join(folder, 'own', '.device.json.00.claim'), `${process.pid} ${hostname()}\n`);
    const release = await createDeviceFile({ path, patienceMs: 1000 }).lock();
    await release?.();
  });

  it('is not written by a holder whose claim was taken away', async () => {
    const store = createDeviceFile({ path });
    const release = await store.lock();
    await store.write(bytes('one'));
    for (const name of await readdir(join(folder, 'own'))) {
      if (name.endsWith('.claim')) await rm(join(folder, 'own', name));
    }
    await expect(store.write(bytes('two'))).rejects.toMatchObject({ code: 'DEVICE_STEP_UNWRITABLE' });
    await release?.();
    expect(text(await store.read())).toBe('one');
  });

  it('is not found behind a link that leads nowhere', async () => {
    await mkdir(join(folder, 'own'));
    await symlink(join(folder, 'nowhere'), path);
    expect(await createDeviceFile({ path }).read()).toBeUndefined();
  });
});

/** A program that takes the file and never lets go: a claim as this module writes it, by a process of its own. */
const HOLDER = `
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
const path = process.argv[1];
mkdirSync(dirname(path), { recursive: true });
writeFileSync(join(dirname(path), '.device.json.aa.claim'), process.pid + ' ' + hostname() + '\\n');
console.log('held');
setInterval(() => undefined, 1000);
`;

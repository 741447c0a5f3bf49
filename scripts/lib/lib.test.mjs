import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extractTgz, extractZip } from './archives.mjs';
import { cacheFolder, fillFolder } from './cache.mjs';
import { withLock } from './lock.mjs';
import { npmCommand } from './npm.mjs';
import { digestOf, isInstalled, isStamped, stamp } from './stamps.mjs';

let folder = '';
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'vigil-test-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

// Above any process id that a system gives out.
const NOBODY = 2 ** 30;

describe('cacheFolder', () => {
  it('follows the custom of each system', () => {
    expect(cacheFolder({ platform: 'linux', env: {}, home: '/home/a' })).toBe('/home/a/.cache/vigil');
    expect(cacheFolder({ platform: 'linux', env: { XDG_CACHE_HOME: '/c' }, home: '/home/a' })).toBe('/c/vigil');
    expect(cacheFolder({ platform: 'linux', env: { XDG_CACHE_HOME: 'c' }, home: '/home/a' })).toBe(
      '/home/a/.cache/vigil',
    );
    expect(cacheFolder({ platform: 'darwin', env: {}, home: '/Users/a' })).toBe('/Users/a/Library/Caches/vigil');
    expect(cacheFolder({ platform: 'win32', env: { LOCALAPPDATA: '/l' }, home: '/u' })).toBe(join('/l/vigil/Cache'));
  });
});

describe('fillFolder', () => {
  const write = (text) => async (temporary) => writeFile(join(temporary, 'file'), text);

  it('lets the first of two win, and leaves nothing else behind', async () => {
    const target = join(folder, 'cache', 'thing');
    await Promise.all([fillFolder(target, write('a')), fillFolder(target, write('b'))]);
    expect(['a', 'b']).toContain(await readFile(join(target, 'file'), 'utf8'));
    expect(await readdir(join(folder, 'cache'))).toEqual(['thing']);
  });

  it('leaves nothing when filling fails, and clears up after the dead', async () => {
    const target = join(folder, 'thing');
    await mkdir(join(folder, `.partial-${NOBODY}-x`));
    const failing = fillFolder(target, () => Promise.reject(new Error('disk full')));
    await expect(failing).rejects.toThrow('disk full');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('withLock', () => {
  it('lets one in at a time', async () => {
    const file = join(folder, 'lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };
    await Promise.all([withLock(file, work), withLock(file, work), withLock(file, work)]);
    expect(most).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  it('takes over from a process that is no more, and from one long silent', async () => {
    const file = join(folder, 'lock');
    await writeFile(file, String(NOBODY));
    expect(await withLock(file, async () => 'in')).toBe('in');
    await writeFile(file, String(process.ppid));
    await utimes(file, new Date(0), new Date(0));
    expect(await withLock(file, async () => 'in')).toBe('in');
  });

  it('is given back when the work fails', async () => {
    const file = join(folder, 'lock');
    await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(file)).toBe(false);
  });
});

describe('stamps', () => {
  it('change with a content, a name, and nothing else', async () => {
    await mkdir(join(folder, 'src'));
    await writeFile(join(folder, 'src', 'a.ts'), 'one');
    const digest = () => digestOf(folder, ['src', 'absent.json'], (path) => !path.endsWith('.test.ts'));
    const first = await digest();
    await writeFile(join(folder, 'src', 'a.test.ts'), 'a test');
    expect(await digest()).toBe(first);
    await writeFile(join(folder, 'src', 'a.ts'), 'two');
    const second = await digest();
    expect(second).not.toBe(first);
    await rm(join(folder, 'src', 'a.ts'));
    await writeFile(join(folder, 'src', 'b.ts'), 'two');
    expect(await digest()).not.toBe(second);
    await stamp(join(folder, 'dist', '.stamp'), second);
    expect(await isStamped(join(folder, 'dist', '.stamp'), second)).toBe(true);
    expect(await isStamped(join(folder, 'dist', '.stamp'), first)).toBe(false);
  });

  it('see whether node_modules holds what the lock file asks for', async () => {
    const asked = {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', optional: true },
    };
    await mkdir(join(folder, 'node_modules', 'a'), { recursive: true });
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ packages: asked }));
    expect(await isInstalled(folder)).toBe(false);
    const note = (version) =>
      writeFile(
        join(folder, 'node_modules', '.package-lock.json'),
        JSON.stringify({ packages: { 'node_modules/a': { version } } }),
      );
    await note('1.0.0');
    expect(await isInstalled(folder)).toBe(false);
    await writeFile(join(folder, 'node_modules', 'a', 'package.json'), '{}');
    expect(await isInstalled(folder)).toBe(true);
    await note('0.9.0');
    expect(await isInstalled(folder)).toBe(false);
  });
});

describe('npmCommand', () => {
  it('uses the npm that started us, on the Node that npm runs on', async () => {
    const script = join(folder, 'npm-cli.js');
    await writeFile(script, '');
    const env = { npm_execpath: script, npm_node_execpath: '/usr/bin/node' };
    expect(npmCommand(['ci'], { env })).toEqual({ command: '/usr/bin/node', args: [script, 'ci'], shell: false });
  });

  it('calls it by name otherwise, through the shell on Windows only', () => {
    expect(npmCommand(['ci'], { env: {}, platform: 'linux' })).toEqual({ command: 'npm', args: ['ci'], shell: false });
    const windows = npmCommand(['pack', 'C:\\My Files'], { env: {}, platform: 'win32' });
    expect(windows).toEqual({ command: 'npm.cmd', args: ['pack', '"C:\\My Files"'], shell: true });
    // Another package manager's script would not know npm's commands.
    const yarn = npmCommand(['ci'], { env: { npm_execpath: '/x/yarn.js' }, platform: 'linux' });
    expect(yarn.command).toBe('npm');
  });
});

describe('archives', () => {
  /** One file in the ustar format. */
  const tar = (name, content) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
  };
  const integrity = (data) => `sha512-${createHash('sha512').update(data).digest('base64')}`;

  it('unpacks chosen members of a tgz and checks the digest of all of it', async () => {
    const big = Buffer.alloc(3_000_001, 'vigil');
    const data = gzipSync(
      Buffer.concat([
        tar('package/a', Buffer.from('A')),
        tar('package/b', big),
        tar('package/empty', Buffer.alloc(0)),
        Buffer.alloc(1024),
      ]),
    );
    const file = join(folder, 'x.tgz');
    await writeFile(file, data);
    const target = (name) => (name === 'package/a' ? undefined : join(folder, 'out', name));
    await extractTgz(file, integrity(data), target);
    expect((await readFile(join(folder, 'out/package/b'))).equals(big)).toBe(true);
    expect((await readdir(join(folder, 'out/package'))).sort()).toEqual(['b', 'empty']);
    await expect(extractTgz(file, integrity(Buffer.from('other')), target)).rejects.toThrow(/integrity/);
    const cut = data.subarray(0, data.length - 100);
    await writeFile(file, cut);
    await expect(extractTgz(file, integrity(cut), target)).rejects.toThrow();
  });

  /** A zip of deflated files. */
  const zip = (files) => {
    const locals = [];
    const directory = [];
    let offset = 0;
    for (const [name, content] of Object.entries(files)) {
      const packed = deflateRawSync(content);
      const local = Buffer.alloc(30);
      local.write('PK\x03\x04', 0, 'latin1');
      local.writeUInt16LE(name.length, 26);
      const entry = Buffer.alloc(46);
      entry.write('PK\x01\x02', 0, 'latin1');
      entry.writeUInt16LE(8, 10);
      entry.writeUInt32LE(packed.length, 20);
      entry.writeUInt32LE(content.length, 24);
      entry.writeUInt16LE(name.length, 28);
      entry.writeUInt32LE((0o100755 << 16) >>> 0, 38);
      entry.writeUInt32LE(offset, 42);
      locals.push(local, Buffer.from(name), packed);
      directory.push(entry, Buffer.from(name));
      offset += 30 + name.length + packed.length;
    }
    const end = Buffer.alloc(22);
    end.write('PK\x05\x06', 0, 'latin1');
    end.writeUInt16LE(Object.keys(files).length, 10);
    end.writeUInt32LE(Buffer.concat(directory).length, 12);
    end.writeUInt32LE(offset, 16);
    return Buffer.concat([...locals, ...directory, end]);
  };

  it('unpacks chosen entries of a zip, executable bits kept', async () => {
    const file = join(folder, 'x.zip');
    await writeFile(file, zip({ 'App/app': Buffer.from('run me'), 'App/other': Buffer.from('no') }));
    const count = await extractZip(file, (name) => (name === 'App/app' ? join(folder, 'app') : undefined));
    expect(count).toBe(1);
    expect(await readFile(join(folder, 'app'), 'utf8')).toBe('run me');
  });

  it('refuses a name that climbs out', async () => {
    const file = join(folder, 'x.zip');
    await writeFile(file, zip({ '../evil': Buffer.from('x') }));
    await expect(extractZip(file, (name) => join(folder, name))).rejects.toThrow(/unsafe/);
  });
});

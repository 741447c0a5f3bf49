import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { type IntakeRules, takeIn } from './intake.ts';
import { makeManifest } from './make-manifest.ts';
import { readPointer, writePointer } from './root.ts';
import { PLATFORM, type Stage, createStage, flip, runScript } from './testing/stage.ts';

let stage: Stage;
let refusals: unknown[] = [];
beforeEach(async () => {
  stage = await createStage();
  refusals = [];
});
afterEach(() => stage.close());

const take = (name: string, rules: Partial<IntakeRules> = {}) =>
  takeIn(stage.root, name, {
    keys: [stage.publicKey],
    platform: PLATFORM,
    current: '1.0.0',
    allowDowngrade: false,
    isInUse: () => false,
    ...rules,
  });

function catalogue(): Catalogue {
  return createCatalogue({
    root: stage.root,
    keys: [stage.publicKey],
    platform: PLATFORM,
    allowDowngrade: false,
    logger: { log: (_level, event, fields) => void refusals.push([event, fields?.['error']]) },
    now: () => 0,
  });
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

it('takes a version whole, with the right to run what is to run', async () => {
  await stage.drop('1.1.0');
  const taken = await take('1.1.0');
  const at = join(stage.root.versions, '1.1.0');
  expect((await stat(join(at, 'wall'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(at, 'resources', 'ballast'))).mode & 0o777).toBe(0o644);
  expect(await readdir(stage.root.versions)).toEqual(['1.1.0']);
  const all = catalogue();
  expect(await all.look()).toEqual([{ id: '1.1.0', kind: 'version', version: '1.1.0', digest: taken.digest }]);
  expect(await all.verify('1.1.0', true)).toBe(true);
  expect(all.executable('1.1.0')).toBe(join(at, 'wall'));
  await taken.discard();
  expect(await readdir(stage.root.incoming)).toEqual([]);
});

it('keeps links that stay in the folder, and refuses those that leave it over another', async () => {
  const { privateKey: key } = stage;
  const at = await stage.make('1.1.0');
  await symlink('resources/ballast', join(at, 'link'));
  await makeManifest({ folder: at, version: '1.1.0', platform: PLATFORM, executable: 'wall', key });
  await rename(at, join(stage.root.incoming, 'a'));
  await take('a');
  expect((await stat(join(stage.root.versions, '1.1.0', 'link'))).size).toBe(3_000);

  // Each of the two stays in the folder by its words; together they do not.
  const sly = await stage.make('1.2.0');
  await mkdir(join(sly, 'a', 'b'), { recursive: true });
  await symlink('..', join(sly, 'a', 'b', 'up'));
  await symlink('a/b/up/../../..', join(sly, 'out'));
  await expect(
    makeManifest({ folder: sly, version: '1.2.0', platform: PLATFORM, executable: 'wall', key }).then(async () => {
      await rename(sly, join(stage.root.incoming, 'b'));
      await take('b');
    }),
  ).rejects.toThrow();
});

it('trusts any of several keys, while one takes the place of another', async () => {
  await stage.drop('1.1.0');
  const { publicKey } = generateKeyPairSync('ed25519');
  await expect(take('1.1.0', { keys: [publicKey] })).rejects.toThrow(code('SUPERVISE_SIGNATURE_WRONG'));
  expect((await take('1.1.0', { keys: [publicKey, stage.publicKey] })).version).toBe('1.1.0');
});

describe('what is not what was signed', () => {
  const inBallast = (at: string) => join(at, 'resources', 'ballast');
  const cases: [string, string, (folder: string) => Promise<unknown>][] = [
    ['a changed executable', 'SUPERVISE_FILES_CHANGED', (at) => flip(join(at, 'wall'))],
    ['another changed file', 'SUPERVISE_FILES_CHANGED', (at) => flip(inBallast(at))],
    ['a changed manifest', 'SUPERVISE_SIGNATURE_WRONG', (at) => flip(join(at, 'manifest.json'))],
    ['a changed signature', 'SUPERVISE_SIGNATURE_WRONG', (at) => flip(join(at, 'manifest.json.sig'))],
    ['a longer signature', 'SUPERVISE_SIGNATURE_WRONG', (at) => appendFile(join(at, 'manifest.json.sig'), 'AAAA')],
    ['a file too many', 'SUPERVISE_FILES_CHANGED', (at) => writeFile(join(at, 'resources', 'extra.mjs'), '')],
    ['a folder too many', 'SUPERVISE_FILES_CHANGED', (at) => mkdir(join(at, 'extra'))],
    ['a file too few', 'SUPERVISE_FILES_INCOMPLETE', (at) => rm(inBallast(at))],
    ['a file cut off', 'SUPERVISE_FILES_INCOMPLETE', (at) => truncate(inBallast(at), 2_999)],
    ['a longer file', 'SUPERVISE_FILES_CHANGED', (at) => appendFile(inBallast(at), 'x')],
    ['no manifest', 'SUPERVISE_FILES_INCOMPLETE', (at) => rm(join(at, 'manifest.json'))],
    ['no signature', 'SUPERVISE_FILES_INCOMPLETE', (at) => rm(join(at, 'manifest.json.sig'))],
    ['a manifest that is a folder', 'SUPERVISE_MANIFEST_INVALID', (at) => replaced(join(at, 'manifest.json'), mkdir)],
    [
      'a manifest that is a link',
      'SUPERVISE_MANIFEST_INVALID',
      (at) => replaced(join(at, 'manifest.json'), (path) => symlink('wall', path)),
    ],
    [
      'a file that is a link',
      'SUPERVISE_FILES_CHANGED',
      (at) => replaced(inBallast(at), (path) => symlink('/dev/zero', path)),
    ],
    ['a file that is a folder', 'SUPERVISE_FILES_CHANGED', (at) => replaced(inBallast(at), mkdir)],
    ['a link too many', 'SUPERVISE_FILES_CHANGED', (at) => symlink('/etc/passwd', join(at, 'passwd'))],
  ];
  async function replaced(path: string, by: (path: string) => Promise<unknown>): Promise<void> {
    await rm(path);
    await by(path);
  }

  it.each(cases)('is refused on its way in: %s', async (_, expected, spoil) => {
    await spoil(await stage.drop('1.1.0'));
    await expect(take('1.1.0')).rejects.toThrow(code(expected));
    expect(await readdir(stage.root.versions)).toEqual([]);
    expect(await readdir(stage.root.incoming)).toEqual(['1.1.0']);
  });

  it.each(cases)('is refused when it is there: %s', async (_, expected, spoil) => {
    await spoil(await stage.install('1.1.0'));
    const all = catalogue();
    const isListed = (await all.look()).length === 1;
    if (isListed) expect(await all.verify('1.1.0', true)).toBe(false);
    expect(refusals).toEqual([['version.not-taken', code(expected)]]);
    // It is not looked at again before something changes.
    expect(await all.look()).toEqual([]);
    expect(refusals).toHaveLength(1);
  });

  it('is found quickly in the executable and in the manifest; elsewhere only by reading all', async () => {
    const at = await stage.install('1.1.0');
    const all = catalogue();
    await all.look();
    await flip(inBallast(at));
    expect(await all.verify('1.1.0', false)).toBe(true);
    expect(await all.verify('1.1.0', true)).toBe(false);
    await flip(inBallast(at));
    await all.look();
    expect(await all.verify('1.1.0', true)).toBe(true);
    await flip(join(at, 'wall'));
    expect(await all.verify('1.1.0', false)).toBe(false);
  });

  it('is refused for another platform, under another number, with the number of what runs, and as a downgrade', async () => {
    await stage.drop('1.1.0', {}, { platform: 'plan9-mips' });
    await expect(take('1.1.0')).rejects.toThrow(code('SUPERVISE_PLATFORM_WRONG'));
    await cp(await stage.make('1.1.0'), join(stage.root.versions, '9.9.9'), { recursive: true });
    expect(await catalogue().look()).toEqual([]);
    expect(refusals).toEqual([['version.not-taken', code('SUPERVISE_MANIFEST_INVALID')]]);
    await stage.drop('1.0.0');
    await expect(take('1.0.0', { isInUse: () => true })).rejects.toThrow(code('SUPERVISE_VERSION_TAKEN'));
    await stage.drop('0.9.0');
    await expect(take('0.9.0')).rejects.toThrow(code('SUPERVISE_DOWNGRADE'));
    expect((await take('0.9.0', { allowDowngrade: true })).version).toBe('0.9.0');
  });
});

it('changes nothing when it is there already', async () => {
  await stage.install('1.1.0');
  const before = await stat(join(stage.root.versions, '1.1.0', 'wall'));
  await cp(join(stage.root.versions, '1.1.0'), join(stage.root.incoming, 'x'), { recursive: true });
  await take('x', { isInUse: () => true });
  expect((await stat(join(stage.root.versions, '1.1.0', 'wall'))).ino).toBe(before.ino);
});

it('takes the place of a damaged one', async () => {
  const at = await stage.install('1.1.0');
  await cp(at, join(stage.root.incoming, 'x'), { recursive: true });
  await flip(join(at, 'wall'));
  await take('x');
  const all = catalogue();
  await all.look();
  expect(await all.verify('1.1.0', true)).toBe(true);
});

it.runIf(process.getuid?.() !== 0)('says what the disk says when it cannot be written', async () => {
  await stage.drop('1.1.0');
  await chmod(stage.root.versions, 0o555);
  await expect(take('1.1.0')).rejects.toThrow(/EACCES/);
});

describe('killed', () => {
  let key = '';
  beforeEach(async () => {
    key = stage.file('release.pub');
    await writeFile(key, stage.publicKey.export({ type: 'spki', format: 'pem' }));
  });

  /** Runs until step number `at`; the files that were not yet safe on the disk are lost, as in a power cut. */
  async function killAt(at: number, ...what: readonly string[]): Promise<{ steps: string[]; killed: boolean }> {
    const child = runScript('step.ts', [stage.root.folder, key, String(at), ...what], {});
    if (child.stdout === null || child.stderr === null) throw new Error('no streams');
    const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect(complaint.replaceAll(/\(node:.*\n|\(Use .*\n/g, '')).toBe('');
    const steps = output.split('\n').filter((line) => line !== '');
    for (const step of steps) {
      const path = step.replace(/^draft /, '');
      if (path !== step && !steps.includes(`sync ${path}`)) await truncate(path, 0).catch(() => undefined);
    }
    return { steps, killed: child.signalCode === 'SIGKILL' };
  }

  it('at any step of taking a version in, it leaves no half of one, and the next one takes it', async () => {
    const made = await stage.make('1.1.0');
    let at = 1;
    for (; ; at++) {
      await rm(stage.root.versions, { recursive: true });
      await mkdir(stage.root.versions);
      // Something damaged to take the place of, every other time.
      if (at % 2 === 0) await mkdir(join(stage.root.versions, '1.1.0'));
      await rm(stage.root.incoming, { recursive: true });
      await cp(made, join(stage.root.incoming, 'new'), { recursive: true });
      const { killed } = await killAt(at, 'take', 'new');
      const all = catalogue();
      for (const { version } of await all.look()) expect(await all.verify(version, true)).toBe(true);
      if (!killed) break;
      // Either it is still there to be taken, or it has been.
      if ((await readdir(join(stage.root.incoming, 'new'))).includes('manifest.json'))
        await (await take('new')).discard();
      await all.prune(() => true);
      expect(await readdir(stage.root.versions)).toEqual(['1.1.0']);
      expect((await all.look()).length).toBe(1);
      expect(await all.verify('1.1.0', true)).toBe(true);
    }
    expect(at).toBeGreaterThan(15);
  });

  it('at any step of moving the pointer, it leaves the old one or the new', async () => {
    await writePointer(stage.root, '1.0.0');
    let at = 1;
    for (; ; at++) {
      const { killed, steps } = await killAt(at, 'point', '1.1.0');
      const isDone = steps.some((step) => step.startsWith('rename '));
      if (!killed) break;
      expect(await readPointer(stage.root)).toBe(isDone ? '1.1.0' : '1.0.0');
      await writePointer(stage.root, '1.0.0');
    }
    expect(await readPointer(stage.root)).toBe('1.1.0');
    expect(at).toBeGreaterThan(4);
  });
});

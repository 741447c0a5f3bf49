/** The command as it is built for a release: with the release's key in it, or without any. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildCommand } from '../../../scripts/build.mjs';
import { type Stage, createStage, flip, pinnedNode } from '../supervise/testing/stage.ts';

// Generous: processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const release = generateKeyPairSync('ed25519');
const foreign = generateKeyPairSync('ed25519');
const signed = { key: release.privateKey };
let built: string;
let stage: Stage;
const children: ChildProcess[] = [];

const pem = (key: typeof release.publicKey): string => key.export({ type: 'spki', format: 'pem' }).toString();

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'vigil-built-'));
  for (const [name, keys] of [
    ['with-key', pem(release.publicKey)],
    ['without-key', ''],
  ] as const) {
    await mkdir(join(built, name));
    await copyFile(fileURLToPath(new URL('../../../package.json', import.meta.url)), join(built, name, 'package.json'));
    await buildCommand(join(built, name, 'dist', 'cli'), keys);
  }
});
afterAll(() => rm(built, { recursive: true, force: true }));
beforeEach(async () => {
  stage = await createStage();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await stage.close();
});

type Build = 'with-key' | 'without-key';

function supervise(build: Build, ...args: readonly string[]) {
  const command = join(built, build, 'dist', 'cli', 'main.js');
  const child = spawn(pinnedNode, [command, 'supervise', '--root', stage.root.folder, ...args], {
    cwd: stage.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: stage.folder, FAKE_WALL_FOLDER: stage.folder },
  });
  children.push(child);
  return { child, stdout: text(child.stdout), stderr: text(child.stderr) };
}

async function end({ child, stdout }: ReturnType<typeof supervise>) {
  child.kill('SIGTERM');
  await once(child, 'exit');
  const lines = (await stdout).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>> & { event: string });
}

async function keyFile(key: typeof release.publicKey): Promise<string> {
  await writeFile(stage.file('release.pub'), pem(key));
  return stage.file('release.pub');
}

const started = async (): Promise<string[]> => [
  ...new Set((await stage.ledger()).filter(({ what }) => what.startsWith('start')).map(({ version }) => version)),
];

describe('a build with a key in it', () => {
  it('runs the good version, leaves the one that ends, and starts none that is tampered with, cut off or foreign', async () => {
    await stage.install('1.0.0', {}, signed);
    await stage.install('1.1.0', { exit: 70 }, signed);
    await flip(join(await stage.install('1.2.0', {}, signed), 'resources', 'ballast'));
    await flip(join(await stage.install('1.3.0', {}, signed), 'manifest.json'));
    await truncate(join(await stage.install('1.4.0', {}, signed), 'resources', 'ballast'), 2_000);
    await truncate(join(await stage.install('1.5.0', {}, signed), 'manifest.json.sig'), 40);
    await stage.install('1.6.0', {}, { key: foreign.privateKey });
    const supervisor = supervise('with-key');
    await stage.isLive('1.0.0');
    await vi.waitFor(async () => expect(await stage.pointer()).toBe('1.0.0'), { timeout: 110_000 });
    const logged = await end(supervisor);
    expect(await started()).toEqual(['1.1.0', '1.0.0']);
    const refused = logged
      .filter(({ event }) => event === 'version.not-taken')
      .map(({ folder, error }) => [String(folder).slice(-5), (error as { code: string }).code]);
    expect(Object.fromEntries(refused)).toEqual({
      '1.2.0': 'SUPERVISE_FILES_CHANGED',
      '1.3.0': 'SUPERVISE_SIGNATURE_WRONG',
      '1.4.0': 'SUPERVISE_FILES_INCOMPLETE',
      '1.5.0': 'SUPERVISE_SIGNATURE_WRONG',
      '1.6.0': 'SUPERVISE_SIGNATURE_WRONG',
    });
    expect(logged.find(({ event }) => event === 'keys.trusted')).toMatchObject({ from: 'this build' });
  });

  it('trusts a key that is named in its place, and that one alone', async () => {
    await stage.install('1.0.0', {}, { key: foreign.privateKey });
    await stage.install('1.1.0', {}, signed);
    const supervisor = supervise('with-key', '--public-key', await keyFile(foreign.publicKey));
    await stage.isLive('1.0.0');
    const logged = await end(supervisor);
    expect(await started()).toEqual(['1.0.0']);
    expect(logged.find(({ event }) => event === 'keys.trusted')).toMatchObject({ from: '--public-key' });
  });
});

describe('a build without a key', () => {
  it.each(['versions', 'incoming'] as const)('refuses what lies in %s/, until a key is named', async (where) => {
    await (where === 'versions' ? stage.install('1.0.0', {}, signed) : stage.drop('1.0.0', {}, signed));
    const { child, stderr } = supervise('without-key');
    await once(child, 'exit');
    expect(child.exitCode).toBe(2);
    expect(await stderr).toMatch(/^vigil: SUPERVISE_KEY_INVALID: There are versions in .*--public-key\.\n$/);
    expect(await started()).toEqual([]);
    supervise('without-key', '--public-key', await keyFile(release.publicKey));
    await stage.isLive('1.0.0');
  });

  it('runs the wall beside it, and says that the versions are not trusted', async () => {
    await stage.install('9.9.9', {}, signed);
    // The name that a wall is installed under, in a folder above the command.
    const made = await stage.make('0.0.1');
    const beside = join(built, 'without-key', 'vigil-wall');
    await writeFile(beside, `#!/bin/sh\nexec "${join(made, 'wall')}" "$@"\n`);
    await chmod(beside, 0o755);
    try {
      const supervisor = supervise('without-key');
      await stage.isLive('0.0.1');
      const logged = await end(supervisor);
      expect(logged.find(({ event }) => event === 'versions.not-trusted')).toMatchObject({
        level: 'error',
        error: { code: 'SUPERVISE_KEY_INVALID' },
      });
      expect(await started()).toEqual(['0.0.1']);
    } finally {
      await rm(beside);
    }
  });

  it('takes no key that everybody may exchange', async () => {
    await stage.install('1.0.0', {}, signed);
    const key = await keyFile(release.publicKey);
    await chmod(key, 0o666);
    const { child, stderr } = supervise('without-key', '--public-key', key);
    await once(child, 'exit');
    expect(await stderr).toMatch(
      /^vigil: SUPERVISE_KEY_INVALID: .* may be written to by everybody on this machine\.\n$/,
    );
    expect(await started()).toEqual([]);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { COMPILED_ONCE, type Stage, createStage, flip, pinnedNode } from '../supervise/testing/stage.ts';
import { manifest } from './manifest.ts';
import { supervise } from './supervise.ts';

const source = fileURLToPath(new URL('../main.ts', import.meta.url));

// Generous: processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

/** A folder of versions, and the commands that a test runs there. */
class Scene {
  readonly stage: Stage;
  readonly #children: ChildProcess[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
  }

  readonly begin = (args: readonly string[]) => {
    const { folder } = this.stage;
    const child = spawn(pinnedNode, [source, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, FAKE_WALL_FOLDER: folder, ...COMPILED_ONCE },
    });
    this.#children.push(child);
    return child;
  };

  readonly vigil = async (...args: readonly string[]) => {
    const child = this.begin(args);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { status: child.exitCode, stdout, stderr };
  };

  readonly publicKeyFile = async (): Promise<string> => {
    const path = this.stage.file('release.pub');
    await writeFile(path, this.stage.publicKey.export({ type: 'spki', format: 'pem' }));
    return path;
  };

  readonly starts = async () => (await this.stage.ledger()).filter(({ what }) => what.startsWith('start'));

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.stage.close();
  }
}

/** Each test has a scene of its own, so they can run beside each other: most of their time is waiting for processes. */
const it = test.extend<{ scene: Scene }>({
  // eslint-disable-next-line no-empty-pattern -- vitest reads from the pattern which fixtures are wanted
  scene: async ({}, use) => {
    const scene = new Scene(await createStage());
    await use(scene);
    await scene.close();
  },
});

describe.concurrent('vigil supervise', () => {
  it('keeps a command running and tells of it in JSON lines; SIGTERM ends both', async ({
    scene: { stage, begin, starts },
  }) => {
    const made = await stage.make('0.0.1');
    const child = begin(['supervise', '--root', stage.root.folder, '--', join(made, 'wall'), '--config', 'wall.yml']);
    const output = text(child.stdout);
    process.kill(await stage.isLive('0.0.1'), 'SIGKILL');
    await vi.waitFor(async () => expect(await starts()).toHaveLength(2), { timeout: 110_000 });
    await stage.isLive('0.0.1');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect((await stage.ledger()).at(-1)?.what).toBe('end 0');
    const events = (await output)
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual(expect.arrayContaining(['supervisor.start', 'wall.start', 'wall.live', 'wall.ended']));
  });

  it('runs signed versions, and ends with the wall that the operator quits', async ({
    scene: { stage, begin, publicKeyFile },
  }) => {
    await stage.install('1.0.0');
    const child = begin(['supervise', '--root', stage.root.folder, '--public-key', await publicKeyFile()]);
    child.stdout.resume();
    await stage.isLive('1.0.0');
    await writeFile(stage.file('quit'), '');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('goes on when nobody reads what it says', async ({ scene: { stage, begin, starts } }) => {
    const made = await stage.make('0.0.1', { say: 'word\n' });
    const child = begin(['supervise', '--root', stage.root.folder, '--', join(made, 'wall')]);
    child.stdout.destroy();
    child.stderr.destroy();
    for (let i = 1; i < 4; i++) {
      process.kill(await stage.isLive('0.0.1'), 'SIGKILL');
      await vi.waitFor(async () => expect((await starts()).length).toBeGreaterThan(i), { timeout: 110_000 });
    }
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('is alone with its folder', async ({ scene: { stage, begin, vigil } }) => {
    const made = await stage.make('0.0.1');
    const args = ['supervise', '--root', stage.root.folder, '--', join(made, 'wall')];
    begin(args).stdout.resume();
    await stage.isLive('0.0.1');
    const second = await vigil(...args);
    expect(second).toMatchObject({ status: 1, stdout: '' });
    expect(second.stderr).toMatch(/^vigil: SUPERVISE_RUNNING: Another supervisor \(process \d+\) [^\n]+\.\n$/);
  });

  it.for<[string, string, Record<string, unknown>, string[]]>([
    ['there is nothing to run', 'SUPERVISE_NOTHING_TO_RUN', {}, []],
    ['the key is missing', 'SUPERVISE_KEY_INVALID', { publicKey: 'nowhere.pub' }, []],
    ['the time of the trial is none', 'USAGE', { trial: 'soon' }, []],
    ['the time of the trial is too short', 'USAGE', { trial: '1' }, []],
    ['the folder has no name', 'USAGE', { root: '' }, []],
    ['flags for the wall are given to the supervisor', 'USAGE', { config: 'wall.yml' }, ['wall']],
  ])('does not begin where %s', async ([, code, options, command], { scene: { stage } }) => {
    const root = stage.file('empty');
    await expect(supervise({ root, ...options }, command, '1.0.0')).rejects.toMatchObject({ code });
    expect(await readdir(stage.folder)).toEqual([]);
  });

  it('says what is wrong in one line', async ({ scene: { stage, vigil } }) => {
    const run = await vigil('supervise', '--root', stage.file('empty'));
    expect(run.stderr).toMatch(/^vigil: SUPERVISE_NOTHING_TO_RUN: [^\n]+\.\n$/);
    expect(run).toMatchObject({ status: 2, stdout: '' });
  });

  it('does not start versions without a key', async ({ scene: { stage, starts } }) => {
    await stage.install('1.0.0');
    const begun = supervise({ root: stage.root.folder }, [], '1.0.0');
    await expect(begun).rejects.toThrow(/^There are versions .* no key/);
    expect(await starts()).toEqual([]);
  });

  it('takes no other key than Ed25519', async ({ scene: { stage } }) => {
    await writeFile(
      stage.file('odd.pub'),
      '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----\n',
    );
    const begun = supervise({ root: stage.root.folder, publicKey: stage.file('odd.pub') }, [], '1.0.0');
    await expect(begun).rejects.toMatchObject({ code: 'SUPERVISE_KEY_INVALID' });
  });

  it('says that its folder cannot be used where a file is in the way', async ({ scene: { stage, vigil } }) => {
    await writeFile(stage.file('file'), '');
    const run = await vigil('supervise', '--root', stage.file('file'), '--', 'wall');
    expect(run.stderr).toContain('SUPERVISE_FOLDER_UNUSABLE');
    expect(run.status).toBe(2);
  });
});

describe.concurrent('vigil manifest', () => {
  it('makes keys, signs a version that a supervisor takes, and finds out who changed it', async ({
    scene: { stage, begin, vigil },
  }) => {
    const program = stage.file('program');
    await cp(await stage.make('0.0.1'), program, { recursive: true });
    const key = stage.file('release.pem');
    expect(await vigil('manifest', '--new-key', key)).toMatchObject({ status: 0, stderr: '' });
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(`${key}.pub`, 'utf8')).toContain('BEGIN PUBLIC KEY');

    const sign = ['manifest', program, '--sign-with', key, '--release', '0.0.1', '--executable', 'wall'];
    expect((await vigil(...sign)).stdout).toMatch(/^Version 0\.0\.1 for \S+ is signed: 4 files\.\n$/);
    const verify = ['manifest', program, '--public-key', `${key}.pub`];
    expect((await vigil(...verify)).stdout).toMatch(/^Version 0\.0\.1 for \S+ is whole: 4 files\.\n$/);
    await mkdir(stage.root.versions, { recursive: true });
    await cp(program, join(stage.root.versions, '0.0.1'), { recursive: true });
    begin(['supervise', '--root', stage.root.folder, '--public-key', `${key}.pub`]).stdout.resume();
    await stage.isLive('0.0.1');

    await flip(join(program, 'resources', 'ballast'));
    expect(await vigil(...verify)).toMatchObject({ status: 1, stdout: '' });
    expect((await vigil('manifest', '--new-key', key)).stderr).toContain('is there already');
  });

  it.for<[string, Record<string, string>, string | undefined, string]>([
    ['without a folder', {}, undefined, 'USAGE'],
    ['for a folder that is not there', { signWith: 'KEY' }, 'nowhere', 'USAGE'],
    ['without a key', {}, '.', 'USAGE'],
    ['with both keys', { signWith: 'KEY', publicKey: 'KEY' }, '.', 'USAGE'],
    ['without a version', { signWith: 'KEY' }, '.', 'USAGE'],
    ['with a version that is none', { signWith: 'KEY', release: '1.2' }, '.', 'USAGE'],
    ['without an executable', { signWith: 'KEY', release: '1.2.3' }, '.', 'USAGE'],
    ['without a name', { signWith: '' }, '.', 'USAGE'],
    [
      'with a key that is not there',
      { signWith: 'KEY', release: '1.2.3', executable: 'w' },
      '.',
      'SUPERVISE_KEY_INVALID',
    ],
  ])('is refused %s', async ([, options, folder, code]) => {
    await expect(manifest(options, folder)).rejects.toMatchObject({ code });
  });

  it('is refused for a folder whose program is not in it', async ({ scene: { stage } }) => {
    const key = stage.file('release.pem');
    await manifest({ newKey: key }, undefined);
    const at = await stage.make('1.0.0');
    const made = manifest({ signWith: key, release: '1.0.0', executable: 'elsewhere' }, at);
    await expect(made).rejects.toMatchObject({ code: 'SUPERVISE_MANIFEST_INVALID' });
  });
});

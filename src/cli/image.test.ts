/** What the image holds, run as it is there: exactly the files that the Dockerfile's last stage copies, and no package. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { buildCommand } from '../../scripts/build.mjs';
import { pinnedNode } from './supervise/testing/stage.ts';

// Generous: it is bundled first.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let image: string;

/** What the last stage copies: where from, below the project, and where to. */
async function copied(): Promise<readonly (readonly [from: string, to: string])[]> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  return [...last.matchAll(/^COPY (?:--from=build \/build\/)?(\S+) (\S+)$/gm)].map(
    ([, from = '', to = '']) => [from, to] as const,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-image-'));
  image = join(folder, 'opt', 'vigil');
  for (const [from, to] of await copied()) {
    await mkdir(dirname(join(image, to)), { recursive: true });
    // Built for the test, whatever lies in the project.
    if (from === 'dist/cli') await buildCommand(join(image, to), '');
    else await cp(join(root, from), join(image, to), { recursive: true });
  }
});
afterAll(() => rm(folder, { recursive: true }));

function start(...args: readonly string[]) {
  return spawn(pinnedNode, [join(image, 'bin', 'vigil'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { HOME: folder },
  });
}

async function vigil(...args: readonly string[]) {
  const child = start(...args);
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: end[0] as unknown, stdout, stderr };
}

it('copies what it names', async () => {
  expect((await copied()).map(([, to]) => to)).toEqual(['package.json', 'dist/cli', 'bin']);
});

it('tells its version', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(await vigil('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it("keeps a server's state by its own thread", async () => {
  const data = join(folder, 'data');
  const made = await vigil('keys', 'init', '--data', data, '--server-id', 'image', '--root', join(folder, 'root.pem'));
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const invited = await vigil('devices', 'invite', '--data', data, '--name', 'lobby', '--allow', 'file:wall');
  expect(invited).toMatchObject({ code: 0 });
  expect((await vigil('devices', 'list', '--data', data)).stdout).toContain('lobby');
  expect(await vigil('audit', 'verify', '--data', data)).toMatchObject({ code: 0 });
});

it('serves, and stops in order', async () => {
  expect(await vigil('serve', '--help')).toMatchObject({ code: 0, stderr: '' });
  const data = join(folder, 'served');
  expect(
    await vigil('keys', 'init', '--data', data, '--server-id', 'image', '--root', join(folder, 'root-2.pem')),
  ).toMatchObject({ code: 0 });
  const child = start('serve', '--data', data, '--listen', '127.0.0.1:0');
  const closed = once(child, 'close');
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.resume();
  const url = await vi.waitFor(() => /http:\S+/.exec(said)?.[0] ?? Promise.reject(new Error(said)), {
    timeout: 60_000,
  });
  const healthy = await fetch(`${url}/healthz`);
  expect([healthy.status, await healthy.json()]).toEqual([200, { status: 'ok' }]);
  child.kill('SIGTERM');
  expect(await closed).toEqual([0, null]);
});

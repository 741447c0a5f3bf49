import { mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HealthFile } from '../../core/health/supervised.ts';
import { wallStatus } from '../../core/health/testing/statuses.ts';
import { startSupervisedHealth } from './supervised.ts';
import type { HealthServer } from './health-server.ts';

let folder = '';
let file = '';
const servers: HealthServer[] = [];
const events: string[] = [];
const secrets: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-health-'));
  file = join(folder, 'health.json');
  events.length = 0;
  secrets.length = 0;
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true });
});

async function start(path = file): Promise<HealthServer> {
  const server = await startSupervisedHealth({
    file: path,
    status: () => wallStatus(),
    logger: { log: (_level, event) => void events.push(event) },
    redact: (text) => text,
    onSecret: (secret) => void secrets.push(secret),
  });
  servers.push(server);
  return server;
}

const told = async () => JSON.parse(await readFile(file, 'utf8')) as HealthFile;

it('tells where and how to ask, to its owner alone', async () => {
  const server = await start();
  const { pid, port, token } = await told();
  expect([pid, port]).toEqual([process.pid, server.port]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['health.json']);
  const address = `http://127.0.0.1:${port}/healthz`;
  expect((await fetch(address)).status).toBe(401);
  expect((await fetch(address, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
});

it('takes a new token each time, and has it masked', async () => {
  await start();
  const first = (await told()).token;
  await start();
  const second = (await told()).token;
  expect(second).not.toBe(first);
  expect(Buffer.from(second, 'base64url')).toHaveLength(32);
  expect(secrets).toEqual([first, second]);
});

it('leaves no file behind, but for that of the next wall', async () => {
  const first = await start();
  const second = await start();
  await first.close();
  expect((await told()).port).toBe(second.port);
  await second.close();
  expect(await readdir(folder)).toEqual([]);
});

it('replaces what lies there without writing through it', async () => {
  const elsewhere = join(folder, 'elsewhere');
  await writeFile(elsewhere, 'untouched');
  await symlink(elsewhere, file);
  await start();
  expect(await readFile(elsewhere, 'utf8')).toBe('untouched');
  expect((await told()).pid).toBe(process.pid);
});

it('goes on when the file cannot be written', async () => {
  const server = await start(join(folder, 'missing', 'health.json'));
  expect(events).toContain('health.file-not-written');
  expect(server.port).toBeGreaterThan(0);
});

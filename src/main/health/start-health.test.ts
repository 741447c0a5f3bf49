import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HEALTH_FILE_VARIABLE, type HealthFile } from '../../core/health/supervised.ts';
import { wallStatus } from '../../core/health/testing/statuses.ts';
import { createRedactor } from '../../node/redact.ts';
import { type RunningHealth, type StartHealthOptions, startHealth } from './start-health.ts';

let folder = '';
let running: RunningHealth | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-start-health-'));
  vi.stubEnv(HEALTH_FILE_VARIABLE, '');
});
afterEach(async () => {
  await running?.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function start(settings: StartHealthOptions['settings']) {
  const events: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const logger: StartHealthOptions['logger'] = {
    log: (_level, event, fields = {}) => void events.push({ event, fields }),
  };
  const redactor = createRedactor();
  running = await startHealth({ settings, status: () => wallStatus(), logger, redactor });
  return { events, redactor };
}

it('serves nothing where nothing asks for it', async () => {
  const { events } = await start({ host: '127.0.0.1' });
  expect([events, running?.ports()]).toEqual([[], []]);
});

it('serves the port of the settings', async () => {
  const { events } = await start({ host: '127.0.0.1', port: 0 });
  const [port = 0] = running?.ports() ?? [];
  expect(events[0]).toMatchObject({ event: 'health.listening', fields: { port } });
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

it('tells the supervisor, also when the settings cannot be followed, and masks the token', async () => {
  const file = join(folder, 'health.json');
  vi.stubEnv(HEALTH_FILE_VARIABLE, file);
  const { events, redactor } = await start({ host: '0.0.0.0', port: 0 });
  expect(events.map(({ event }) => event)).toEqual(['health.not-started', 'health.listening']);
  const { port, token } = JSON.parse(await readFile(file, 'utf8')) as HealthFile;
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`http://127.0.0.1:${port}/state`, { headers })).status).toBe(200);
  expect(redactor.redact(`it is ${token}.`)).toBe('it is [redacted].');
  expect(running?.ports()).toEqual([port]);
  await running?.close();
  expect(running?.ports()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

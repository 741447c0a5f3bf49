import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser, loginUrl, signinToken, startStage } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

let stage: Stage;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'standin-'));
  stage = await startStage({ keysDir: dir });
});
afterAll(async () => {
  await stage.stop();
  await rm(dir, { recursive: true });
});
afterEach(() => stage.control.heal());

const ask = (): Promise<Response> => fetch(`${stage.urls.autoid}/verify`, { method: 'POST', body: '{}' });

describe('faults', () => {
  it('down refuses connections, and heal brings the same address back', async () => {
    await stage.control.fail('autoid', { kind: 'down' });
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await stage.control.heal('autoid');
    expect((await ask()).status).toBe(502);
  });

  it('reset and hang give no answer', async () => {
    await stage.control.fail('autoid', { kind: 'reset' });
    await expect(ask()).rejects.toThrow();
    await stage.control.fail('autoid', { kind: 'hang' });
    const abort = new AbortController();
    const hanging = fetch(`${stage.urls.autoid}/verify`, { method: 'POST', signal: abort.signal });
    const before = stage.control.requests().length;
    while (stage.control.requests().length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await expect(hanging).rejects.toThrow(/abort/);
    expect(stage.control.requests().at(-1)).toMatchObject({ service: 'autoid', action: 'fault:hang', status: 0 });
  });

  it('status, not-json and cut-off give bad answers', async () => {
    await stage.control.fail('autoid', { kind: 'status', status: 503 });
    expect((await ask()).status).toBe(503);
    await stage.control.fail('autoid', { kind: 'not-json' });
    const page = await ask();
    expect(page.status).toBe(201);
    await expect(page.json()).rejects.toThrow();
    await stage.control.fail('autoid', { kind: 'cut-off' });
    const cut = await ask();
    await expect(cut.text()).rejects.toThrow();
  });

  it('huge never ends by itself', async () => {
    await stage.control.fail('autoid', { kind: 'huge' });
    const reader = (await ask()).body?.getReader();
    let length = 0;
    while (length < 20_000_000) length += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
  });

  it('slow delays, and a fault can be for a number of requests only', async () => {
    await stage.control.fail('autoid', { kind: 'slow', ms: 1 });
    expect((await ask()).status).toBe(502);
    await stage.control.fail('autoid', { kind: 'status', status: 500 }, 2);
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([500, 500, 502]);
    stage.control.addLatency(1);
    expect((await ask()).status).toBe(502);
    stage.control.addLatency(0);
  });
});

describe('the control over HTTP', () => {
  const call = async (
    name: string,
    input: unknown = {},
    token = stage.controlApi.token,
  ): Promise<{ status: number; body: unknown }> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${stage.controlApi.url}/${name}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(input),
    });
    return { status: response.status, body: await response.json() };
  };

  it('needs its token and a name that it knows', async () => {
    expect((await call('liveSessions', {}, 'wrong')).status).toBe(401);
    expect((await call('toString')).status).toBe(404);
    expect((await call('fail', { service: 'nothing', fault: { kind: 'down' } })).status).toBe(400);
    expect((await call('setSecret', { name: 1 })).status).toBe(400);
  });

  it('does what the control does', async () => {
    const browser = new Browser();
    await browser.open(loginUrl(stage, await signinToken(stage)));
    expect((await call('liveSessions')).body).toEqual({ live: 1 });
    expect((await call('endSessionsNow')).body).toEqual({ ended: 1 });
    await call('fail', { service: 'sts', fault: { kind: 'status', status: 418 } });
    expect((await fetch(stage.urls.sts)).status).toBe(418);
    await call('heal');
    expect((await fetch(stage.urls.sts)).status).toBe(400);
    expect((await call('setSecret', { name: 'a', value: 'b' })).body).toHaveProperty('versionId');
    expect((await call('requests')).body).toEqual(stage.control.requests());
  });

  it('publishes the client half of new keys only when told to', async () => {
    const published = (): Promise<string> => readFile(join(dir, 'public.pem'), 'utf8');
    const first = await published();
    expect(first).toBe(stage.keys().publicKey);
    await call('rotateKeys');
    expect(await published()).toBe(first);
    expect(stage.keys().publicKey).not.toBe(first);
    await call('publishKeys');
    expect(await published()).toBe(stage.keys().publicKey);
    expect((await readdir(dir)).sort()).toEqual(['info2048.bin', 'public.pem']);
    const text = await readFile(join(dir, 'info2048.bin'), 'latin1');
    expect(text).toMatch(/^(?:[A-Za-z0-9]{2048}\n){2048}$/);
  });
});

it('runs as a program and ends when stdin does', async () => {
  const main = new URL('./main.ts', import.meta.url).pathname;
  const node = new URL('../../node_modules/.bin/node', import.meta.url).pathname;
  const child = spawn(node, [main, '--keys-dir', join(dir, 'program'), '--stdin-end', '--session-seconds', '60'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let line = '';
  for await (line of createInterface({ input: child.stdout })) break;
  const { env, control } = JSON.parse(line) as { env: Record<string, string>; control: { url: string; token: string } };
  expect(env['VISIT_URL']).toMatch(
    /^http:\/\/console\.localhost:\d+\/cloudwatch\/home\?region=eu-west-1#dashboards:name=Operations$/,
  );
  expect((await readdir(env['AUTO_ID_KEYS_DIR'] ?? '')).sort()).toEqual(['info2048.bin', 'public.pem']);
  const headers = { authorization: `Bearer ${control.token}` };
  expect((await fetch(`${control.url}/requests`, { method: 'POST', headers })).status).toBe(200);
  child.stdin.end();
  expect(await ended).toBe(0);
});

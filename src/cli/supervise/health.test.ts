import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Where, askWall, readWhere } from './health.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0)) await one();
});

async function wall(listener: RequestListener): Promise<Where> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { pid: 1, port: (server.address() as AddressInfo).port, token: 'a-token' };
}

const answering = (status: number, body: unknown, state: unknown = {}) =>
  wall((request, response) => {
    response.writeHead(request.url === '/healthz' ? status : 200);
    response.end(typeof body === 'string' ? body : JSON.stringify(request.url === '/healthz' ? body : state));
  });

const night = { ok: true, showing: 0 };
const signedIn = { sessions: [{ phase: 'waiting' }, { phase: 'renewing' }] };
const signedOut = { sessions: [{ phase: 'signing-in' }] };
const ill = (failure?: string) => ({ ok: false, code: 'NO_PICTURE', reason: 'Surface main shows none.', failure });

describe('a wall that is asked', () => {
  it.each<[string, number, unknown, unknown, object]>([
    ['shows its dashboards', 200, { ok: true, showing: 2 }, {}, { kind: 'live' }],
    ['tells no more than 200', 200, 'fine', {}, { kind: 'live' }],
    ['is black by night, signed in', 200, night, signedIn, { kind: 'live' }],
    ['is black by night, signed out', 200, night, signedOut, { kind: 'resting' }],
    ['is black by night, and tells no state', 200, night, 'none', { kind: 'resting' }],
    ['shows none', 503, ill(), {}, { kind: 'ill', reason: 'Surface main shows none.', elsewhere: false }],
    [
      'has no network',
      503,
      ill('NETWORK_DNS'),
      {},
      { kind: 'ill', reason: 'Surface main shows none.', elsewhere: true },
    ],
    ['has no server', 503, ill('SERVER_UNAVAILABLE'), {}, { kind: 'ill', elsewhere: true }],
    ['is refused by its server', 503, ill('SERVER_REFUSED'), {}, { kind: 'ill', elsewhere: false }],
    ['gives no reason', 401, '', {}, { kind: 'ill', reason: 'It answered with status 401.', elsewhere: false }],
  ])('and %s', async (_, status, body, state, expected) => {
    expect(await askWall(await answering(status, body, state), 20_000)).toMatchObject(expected);
  });

  it('is asked with its token, under a name of this machine', async () => {
    const seen: unknown[] = [];
    const where = await wall(({ headers, url }, response) => {
      seen.push([url, headers.authorization, headers.host]);
      response.end('{}');
    });
    await askWall(where, 20_000);
    expect(seen).toEqual([['/healthz', 'Bearer a-token', `127.0.0.1:${where.port}`]]);
  });

  it.each<[string, RequestListener]>([
    ['says nothing', () => undefined],
    ['never ends', (_, response) => void response.write('{')],
    [
      'says too much',
      (_, response) => {
        const more = (): void => void response.write('x'.repeat(100_000), () => setImmediate(more));
        more();
      },
    ],
    ['hangs up', (request) => void request.socket.destroy()],
    [
      'hangs up in the middle',
      (_, response) => void response.writeHead(200, { 'content-length': '9' }).write('{', () => response.destroy()),
    ],
  ])('and %s is silent', async (_, listener) => {
    expect(await askWall(await wall(listener), 300)).toEqual({ kind: 'silent' });
  });

  it('and is not there is silent', async () => {
    const where = await wall(() => undefined);
    for (const one of undo.splice(0)) await one();
    expect(await askWall(where, 20_000)).toEqual({ kind: 'silent' });
  });
});

describe('the file that says where to ask', () => {
  it.each([
    '',
    '{"pid":1,"port":1',
    '{"pid":1,"port":70000,"token":"x"}',
    '{"pid":1,"port":80,"token":"a\\nb"}',
    '{"pid":0,"port":80,"token":"x"}',
    'x'.repeat(5_000),
  ])('is not one when it holds %j', async (content) => {
    const folder = await mkdtemp(join(tmpdir(), 'vigil-where-'));
    undo.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'health.json'), content);
    expect(await readWhere(join(folder, 'health.json'))).toBeUndefined();
    expect(await readWhere(join(folder, 'nowhere'))).toBeUndefined();
  });
});

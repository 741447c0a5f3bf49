import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { judgeHealth, type WallStatus } from '../../core/health/status.ts';
import { AT, LIVE, SHOWING, wallStatus } from '../../core/health/testing/statuses.ts';
import { createRedactor } from '../../node/redact.ts';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './health-server.ts';

/** Waits for as long as a slow machine may need. */
const until = (holds: () => unknown) => vi.waitFor(holds, { timeout: 30_000, interval: 10 });

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface Started {
  readonly server: HealthServer;
  readonly events: { event: string; fields: unknown }[];
}

async function start(options: Partial<HealthServerOptions> = {}): Promise<Started> {
  const events: Started['events'] = [];
  const server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    status: () => wallStatus(),
    logger: { log: (_level, event, fields) => void events.push({ event, fields }) },
    redact: (text) => text,
    ...options,
  });
  open.push(() => server.close());
  return { server, events };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(
  port: number | undefined,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
) {
  return new Promise<Reply>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    sent.on('error', reject).end();
  });
}

/** Resolves when a connection is gone, in whatever way. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket
      .on('error', () => undefined)
      .once('close', () => {
        resolve();
      });
  });
}

/** What comes back on a connection until it is closed. */
async function raw(port: number | undefined, text: string): Promise<string> {
  const socket = connect(port ?? 0, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  if (text !== '') socket.write(text);
  await gone(socket);
  return answer;
}

describe('healthz', () => {
  it('is 200 on a wall that is well', async () => {
    const { server } = await start();
    const { status, body, headers } = await ask(server.port, '/healthz');
    expect([status, JSON.parse(body)]).toEqual([200, { ok: true, showing: 1 }]);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', connection: 'close' });
  });

  it('is 503 with the reason on one that is not, and says so anew each time', async () => {
    let status: WallStatus = wallStatus({ surfaces: [{ ...SHOWING, state: 'dark' }] });
    const { server } = await start({ status: () => status });
    const ill = await ask(server.port, '/healthz');
    expect(ill.status).toBe(503);
    expect(JSON.parse(ill.body)).toEqual(judgeHealth(status, AT));
    status = wallStatus();
    expect((await ask(server.port, '/healthz')).status).toBe(200);
  });

  it('answers HEAD with the headers alone', async () => {
    const { server } = await start();
    const { status, body, headers } = await ask(server.port, '/healthz', { method: 'HEAD' });
    expect([status, body]).toEqual([200, '']);
    expect(Number(headers['content-length'])).toBeGreaterThan(2);
  });

  it('is 500 when the state cannot be told, and the reason is in the log alone', async () => {
    const status = () => {
      throw new Error('what is inside');
    };
    const { server, events } = await start({ status });
    const reply = await ask(server.port, '/healthz');
    expect(reply.status).toBe(500);
    expect(reply.body).not.toContain('inside');
    expect(events.map(({ event }) => event)).toContain('health.failed');
  });
});

it('tells the whole state as JSON', async () => {
  const { server } = await start();
  const { status, body, headers } = await ask(server.port, '/state');
  expect(status).toBe(200);
  expect(headers['content-type']).toContain('application/json');
  expect(JSON.parse(body)).toEqual({ ...wallStatus(), health: { ok: true, showing: 1 } });
});

it.each<[string, { method?: string; headers?: Record<string, string> }, number]>([
  ['/', {}, 404],
  ['/healthz', { method: 'POST' }, 405],
  ['/state', { headers: { host: 'example.com' } }, 403],
  ['/state', { headers: { origin: 'https://example.com' } }, 403],
  ['/metrics', { headers: { 'sec-fetch-site': 'cross-site' } }, 403],
])('answers %s asked with %j by %i', async (path, options, status) => {
  const { server } = await start();
  const reply = await ask(server.port, path, options);
  expect(reply.status).toBe(status);
  expect(reply.body).not.toContain('orders');
});

describe('the token', () => {
  it('is asked for on loopback too, where there is one', async () => {
    const { server } = await start({ token: 'a-long-token' });
    const none = await ask(server.port, '/state');
    expect([none.status, none.headers['www-authenticate']]).toEqual([401, 'Bearer realm="vigil"']);
    expect((await ask(server.port, '/state', { headers: { authorization: 'Bearer a-long-token' } })).status).toBe(200);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'wall.example', ''])('must be there to listen on %j', async (host) => {
    await expect(start({ host })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    await expect(start({ host: '127.0.0.1', token: '' })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });

  it('opens other addresses, by any name', async () => {
    const { server } = await start({ host: '0.0.0.0', token: 'a-long-token' });
    const headers = { host: 'wall-7.example', authorization: 'Bearer a-long-token' };
    expect((await ask(server.port, '/healthz', { headers })).status).toBe(200);
    expect((await ask(server.port, '/healthz', { headers: { host: 'wall-7.example' } })).status).toBe(401);
  });
});

describe('a port that is taken', () => {
  it('is told and tried again until it is free', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const heard: number[] = [];
    const { server, events } = await start({ port, retryMs: 5, onListening: (on) => void heard.push(on) });
    expect(server.port).toBeUndefined();
    expect(events[0]).toMatchObject({ event: 'health.not-listening', fields: { port, host: '127.0.0.1' } });
    await new Promise((resolve) => other.close(resolve));
    await until(() => {
      expect(heard).toEqual([port]);
    });
    expect((await ask(server.port, '/healthz')).status).toBe(200);
  });

  it('is let go of when the server is closed', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    open.push(() => new Promise((resolve) => other.close(resolve)));
    const { server, events } = await start({ port: (other.address() as AddressInfo).port, retryMs: 1 });
    await server.close();
    const before = events.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(events.length).toBe(before);
  });
});

describe('a client that is up to no good', () => {
  const limits = { requestMs: 50, idleMs: 200 };

  it.each([
    ['says nothing', ''],
    ['never ends its headers', 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n'],
    ['never ends its body', 'POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nab'],
    [
      'asks for another protocol',
      'GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
  ])('and %s is let go of', async (_, text) => {
    const { server } = await start({ limits });
    // The test ends because the server closes the connection, and not otherwise.
    const answer = await raw(server.port, text);
    expect(answer).not.toMatch(/keep-alive/i);
    expect((await ask(server.port, '/healthz')).status).toBe(200);
  });

  it('and sends endless headers is refused', async () => {
    const { server } = await start();
    const answer = await raw(
      server.port,
      `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${'a'.repeat(10_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('and sends two requests gets one answer', async () => {
    const { server } = await start();
    const one = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    const answer = await raw(server.port, one + one);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  });

  it('and names no host, or another one, gets nothing', async () => {
    const { server } = await start();
    expect(await raw(server.port, 'GET /state HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await raw(server.port, 'GET /state HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('and sends its headers letter by letter is let go of', async () => {
    const { server } = await start({ limits: { requestMs: 50, idleMs: 600_000 } });
    const socket = connect(server.port ?? 0, '127.0.0.1').resume();
    socket.write('GET /healthz HTTP/1.1\r\nX-A: ');
    const drip = setInterval(() => socket.write('a'), 5);
    await gone(socket);
    clearInterval(drip);
  });

  it('and never reads its answer is let go of', async () => {
    const surfaces = Array.from({ length: 60_000 }, (_, i) => ({ ...SHOWING, name: `surface-${i}` }));
    let calls = 0;
    // More than fits on the way, for the first who asks.
    const status = () => (calls++ === 0 ? wallStatus({ surfaces }) : wallStatus());
    const { server } = await start({ limits: { ...limits, connections: 1 }, status });
    const socket = connect(server.port ?? 0, '127.0.0.1').on('error', () => undefined);
    open.push(() => gone(socket.destroy()));
    socket.pause().write('GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await once(socket, 'connect');
    await until(async () => {
      expect((await ask(server.port, '/healthz')).status).toBe(200);
    });
  });

  it('and holds every connection keeps others out, and no one after it has gone', async () => {
    const { server } = await start({ limits: { requestMs: 600_000, idleMs: 600_000, connections: 3 } });
    const held = Array.from({ length: 3 }, () => connect(server.port ?? 0, '127.0.0.1').on('error', () => undefined));
    await expect(ask(server.port, '/healthz')).rejects.toThrow();
    for (const socket of held) socket.destroy();
    await until(async () => {
      expect((await ask(server.port, '/healthz')).status).toBe(200);
    });
  });
});

it('ends every connection when it is closed', async () => {
  const { server } = await start();
  const waiting = raw(server.port, 'GET /healthz HTTP/1.1\r\n');
  await until(async () => {
    expect((await ask(server.port, '/healthz')).status).toBe(200);
  });
  await server.close();
  await waiting;
  expect(server.port).toBeUndefined();
});

it('tells no secret on any page, wherever it stands', async () => {
  const redactor = createRedactor();
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
  redactor.add(secret);
  const token = `IQoJb3JpZ2luX2VjE${'Abc123/+'.repeat(12)}==`;
  const sentence = `It failed with ${secret} at https://eu-west-1.signin.aws.amazon.com/federation?SigninToken=${secret} and "${token}".`;
  const failure = { code: 'INTERNAL', sentence } as const;
  const surface = { ...SHOWING, name: `left ${secret}`, dashboard: secret, state: 'dark' as const };
  const { server } = await start({
    redact: (text) => redactor.redact(text),
    status: () =>
      wallStatus({
        sessions: [{ ...LIVE, failure, failuresByCode: { [secret]: 1 } }],
        surfaces: [{ ...surface, alarm: { ringing: true, names: [secret], failure } }],
        memoryBytes: { [secret]: 1 },
        faults: { [secret]: 1 },
      }),
  });
  for (const path of ['/healthz', '/state', '/metrics']) {
    const { body } = await ask(server.port, path);
    expect(body).toContain('[redacted]');
    expect(body).not.toContain(secret);
    expect(body).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(body).not.toContain(token);
    if (path !== '/metrics') expect(() => JSON.parse(body) as unknown).not.toThrow();
  }
});

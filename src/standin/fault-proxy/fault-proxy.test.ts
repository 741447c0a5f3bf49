import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../certificate.ts';
import { type Fault, type FaultProxy, type FaultProxyOptions, startFaultProxy, targetsOf } from './index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A slow machine is no failure. */
const poll = <T>(look: () => T, interval = 20) => expect.poll(look, { timeout: 30_000, interval });

const ca = makeCertificate({ name: 'CA', ca: true });
const own = makeCertificate({ name: 'own', hosts: ['127.0.0.1'], issuer: ca });

async function listening(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket.on('error', () => undefined)));
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** A service that gives back what it is sent, over plain sockets. */
const echo = () => listening(net.createServer((socket) => socket.pipe(socket)));
const web = (secure = false) => {
  const answer: http.RequestListener = (request, response) => response.end(`real ${request.url ?? ''}`);
  return listening(secure ? https.createServer(own, answer) : http.createServer(answer));
};

async function before(
  ports: Readonly<Record<string, number>>,
  options: Partial<FaultProxyOptions> = {},
): Promise<FaultProxy> {
  const targets = Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, { hosts: [`${name}.test`], port }]),
  );
  const proxy = await startFaultProxy({ targets, ...options });
  cleanups.push(() => proxy.stop());
  return proxy;
}

function portOf(proxy: FaultProxy, target: string): number {
  return Number(proxy.relays[target]?.split(':')[1]);
}

/** A client that keeps what it gets, and how it ended. */
function client(proxy: FaultProxy, target: string) {
  const socket = net.connect(portOf(proxy, target), '127.0.0.1');
  let got = '';
  let ended = '';
  socket.on('data', (bytes) => (got += bytes.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? 'error'));
  socket.on('close', () => (ended ||= 'closed'));
  cleanups.push(() => socket.destroy());
  return { socket, got: () => got, ended: () => ended };
}

interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function ask(proxy: FaultProxy, target: string, options: https.RequestOptions & { secure?: boolean } = {}) {
  const { secure = false, ...rest } = options;
  return new Promise<Answered>((resolve, reject) => {
    const send = secure ? https.request : http.request;
    const address = { host: '127.0.0.1', port: portOf(proxy, target), path: '/a?secret=b', agent: false as const };
    const request = send({ ...address, ...rest }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => (body += bytes.toString()));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    request.on('error', reject).end();
  });
}

const happened = (proxy: FaultProxy, target: string) =>
  proxy.control
    .events()
    .filter((event) => event.target === target)
    .map(({ what }) => what);

describe('without a fault', () => {
  it('everything passes both ways, half-closed ends and large answers included', async () => {
    const proxy = await before({ a: await echo() });
    const { socket, got, ended } = client(proxy, 'a');
    const text = 'x'.repeat(3_000_000);
    socket.end(text);
    await poll(ended).toBe('closed');
    expect(got() === text).toBe(true);
    await poll(() => proxy.control.connections()).toBe(0);
    expect(happened(proxy, 'a')).toEqual(['connected', 'closed']);
  });

  it('a slow reader makes the sender wait', async () => {
    let sent = 0;
    const port = await listening(
      net.createServer((socket) => {
        const block = Buffer.alloc(1 << 16);
        const pour = () => {
          while (!socket.destroyed && sent < 1 << 28 && socket.write(block)) sent += block.length;
        };
        socket.on('drain', pour);
        pour();
      }),
    );
    const proxy = await before({ a: port });
    const { socket } = client(proxy, 'a');
    socket.pause();
    await once(socket, 'connect');
    let last = -1;
    await poll(() => {
      const stands = sent > 0 && sent === last;
      last = sent;
      return stands;
    }, 100).toBe(true);
    expect(sent).toBeLessThan(1 << 26);
  });

  it('a service that is down is a connection that is reset, and the log says why', async () => {
    const port = await listening(net.createServer());
    const proxy = await before({ a: port });
    await Promise.all(cleanups.splice(0, 1).map((cleanup) => cleanup()));
    const { ended } = client(proxy, 'a');
    await poll(ended).toBe('ECONNRESET');
    expect(proxy.control.events().find(({ what }) => what === 'target-failed')?.detail).toBe('ECONNREFUSED');
  });
});

describe('dropped connections', () => {
  it('refuse: nobody listens, what is open is reset, and the others do not notice', async () => {
    const proxy = await before({ a: await echo(), b: await echo() });
    const [open, other] = [client(proxy, 'a'), client(proxy, 'b')];
    open.socket.write('1');
    other.socket.write('1');
    await poll(() => open.got() + other.got()).toBe('11');
    await proxy.control.on('cable', { kind: 'refuse', only: ['a'] });
    await poll(open.ended).toBe('ECONNRESET');
    await poll(client(proxy, 'a').ended).toBe('ECONNREFUSED');
    other.socket.write('2');
    await poll(other.got).toBe('12');

    await proxy.control.off('cable');
    const again = client(proxy, 'a');
    again.socket.write('3');
    await poll(again.got).toBe('3');
  });

  it('reset: connections come about and are reset', async () => {
    const proxy = await before({ a: await echo() });
    await proxy.control.on('x', { kind: 'reset' });
    await poll(client(proxy, 'a').ended).toBe('ECONNRESET');
  });

  it('black-hole: nothing passes while it lasts, new and old connections go on after it', async () => {
    const proxy = await before({ a: await echo(), b: await echo() });
    const open = client(proxy, 'a');
    open.socket.write('1');
    await poll(open.got).toBe('1');
    await proxy.control.on('hole', { kind: 'black-hole', only: ['a'] });
    const fresh = client(proxy, 'a');
    open.socket.write('2');
    fresh.socket.write('3');
    // What passes elsewhere, there and back several times, would have passed here.
    const other = client(proxy, 'b');
    for (const text of ['x', 'xx', 'xxx']) {
      other.socket.write('x');
      await poll(other.got).toBe(text);
    }
    expect([open.got(), fresh.got()]).toEqual(['1', '']);
    await proxy.control.off();
    await poll(() => [open.got(), fresh.got()]).toEqual(['12', '3']);
  });

  it('black-hole: a service that dies meanwhile, and a client that leaves, are told of afterwards', async () => {
    const sockets: net.Socket[] = [];
    const port = await listening(net.createServer((socket) => sockets.push(socket)));
    const proxy = await before({ a: port });
    await proxy.control.on('hole', { kind: 'black-hole' });
    const [stays, leaves] = [client(proxy, 'a'), client(proxy, 'a')];
    await poll(() => sockets.length).toBe(2);
    leaves.socket.destroy();
    sockets[0]?.resetAndDestroy();
    await poll(() => sockets[0]?.closed).toBe(true);
    expect(stays.ended()).toBe('');
    expect(proxy.control.connections('a')).toBe(2);
    await proxy.control.off();
    await poll(stays.ended).toBe('ECONNRESET');
    await poll(() => sockets[1]?.readableEnded).toBe(true);
  });
});

describe('slow and cut connections', () => {
  it('cut: the allowance arrives, and no more; each connection has its own', async () => {
    const proxy = await before({ a: await echo() });
    const open = client(proxy, 'a');
    open.socket.write('12345');
    await poll(open.got).toBe('12345');
    await proxy.control.on('x', { kind: 'cut', afterBytes: 3 });
    open.socket.write('6789');
    const fresh = client(proxy, 'a');
    fresh.socket.write('abcdef');
    await poll(() => [open.ended(), fresh.ended()].every(Boolean)).toBe(true);
    expect([open.got(), fresh.got()]).toEqual(['12345678', 'abc']);
    expect(happened(proxy, 'a').filter((what) => what === 'cut')).toHaveLength(2);
  });

  it('throttle and latency: what waits inside comes when they end, whole and in order', async () => {
    const proxy = await before({ a: await echo() });
    await proxy.control.on('far', { kind: 'latency', ms: 3_600_000, jitterMs: 1000 });
    const { socket, got } = client(proxy, 'a');
    const text = Array.from({ length: 20_000 }, (_, i) => String(i)).join(' ');
    socket.write(text);
    await proxy.control.on('thin', { kind: 'throttle', bytesPerSecond: 1000 });
    await proxy.control.off('far');
    await poll(() => got().length).toBeGreaterThan(0);
    expect(got().length).toBeLessThan(text.length);
    await proxy.control.off('thin');
    await poll(() => got() === text).toBe(true);
  });
});

describe('answers in the place of a service', () => {
  it('answer: status and Retry-After, on open connections never, and the service again when it ends', async () => {
    const proxy = await before({ a: await web() });
    const agent = new http.Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    expect(await ask(proxy, 'a', { agent })).toMatchObject({ status: 200, body: 'real /a?secret=b' });
    await proxy.control.on('x', { kind: 'answer', status: 429, retryAfterSeconds: 7 });
    await poll(() => proxy.control.connections()).toBe(0);
    expect(await ask(proxy, 'a')).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    // A request's query may be a secret.
    expect(proxy.control.events().find(({ what }) => what === 'answered')?.detail).toBe('GET /a 429');
    await proxy.control.off();
    expect(await ask(proxy, 'a', { agent })).toMatchObject({ status: 200 });
  });

  it('answer: over TLS with the certificate of the services, else reset', async () => {
    const port = await web(true);
    const [knows, knowsNot] = [await before({ a: port }, { tls: own }), await before({ a: port })];
    const trusting = { secure: true, ca: ca.cert };
    expect(await ask(knows, 'a', trusting)).toMatchObject({ status: 200 });
    for (const proxy of [knows, knowsNot]) await proxy.control.on('x', { kind: 'answer', status: 503 });
    expect(await ask(knows, 'a', trusting)).toMatchObject({ status: 503 });
    await expect(ask(knowsNot, 'a', trusting)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('captive: a page or a redirect, and the certificate of the portal', async () => {
    const proxy = await before({ a: await web(), b: await web(true) });
    await proxy.control.on('guest', { kind: 'captive', answer: 'page' });
    const page = await ask(proxy, 'a');
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html' } });
    expect(page.body).toContain('Guest network');
    await expect(ask(proxy, 'b', { secure: true, ca: ca.cert })).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    await poll(() => happened(proxy, 'b')).toContain('tls-refused');
    expect(await ask(proxy, 'b', { secure: true, rejectUnauthorized: false })).toMatchObject({ body: page.body });

    await proxy.control.on('guest', { kind: 'captive', answer: 'redirect' });
    const redirect = await ask(proxy, 'a');
    expect(redirect).toMatchObject({ status: 302, headers: { location: 'http://portal.guest.test/welcome' } });
  });

  it('certificate: who refuses it gets nothing, who takes it gets the service; without TLS it passes', async () => {
    const other = makeCertificate({ name: 'other', hosts: ['other.test'], issuer: ca });
    const proxy = await before({ a: await web(true), b: await web() });
    await proxy.control.on('x', { kind: 'certificate', key: other.key, cert: other.cert });
    await expect(ask(proxy, 'a', { secure: true, ca: ca.cert })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    const taken = await ask(proxy, 'a', { secure: true, ca: ca.cert, servername: 'other.test' });
    expect(taken.body).toBe('real /a?secret=b');
    expect(await ask(proxy, 'b')).toMatchObject({ body: 'real /a?secret=b' });
    await poll(() => proxy.control.connections()).toBe(0);
    expect(JSON.stringify(proxy.control.faults())).not.toContain('PRIVATE KEY');
  });

  it('TLS passes untouched otherwise', async () => {
    const proxy = await before({ a: await web(true) });
    await proxy.control.on('x', { kind: 'latency', ms: 1 });
    const socket = tls.connect({ host: '127.0.0.1', port: portOf(proxy, 'a'), ca: ca.cert });
    cleanups.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().subject.CN).toBe('own');
  });
});

describe('the control', () => {
  it.each([
    [{ kind: 'flood' }, /kind is one of refuse/],
    [{ kind: 'latency' }, /wrong ms/],
    [{ kind: 'throttle', bytesPerSecond: 0 }, /wrong bytesPerSecond/],
    [{ kind: 'answer', status: 99 }, /wrong status/],
    [{ kind: 'reset', many: 1 }, /wrong many/],
    [{ kind: 'reset', only: ['b'] }, /only lists targets: a/],
    [{ kind: 'dns' }, /hosts file/],
  ])('refuses %j', async (fault, complaint) => {
    const proxy = await before({ a: await echo() });
    await expect(proxy.control.on('x', fault as Fault)).rejects.toThrow(complaint);
    expect(proxy.control.faults()).toEqual({});
  });

  it('is there over HTTP, for who has the token', async () => {
    const proxy = await before({ a: await echo() });
    const call = async (name: string, input: unknown, token = proxy.controlApi.token) => {
      const response = await fetch(`${proxy.controlApi.url}/${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(input),
      });
      return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
    };
    expect((await call('on', { name: 'x', fault: { kind: 'refuse' } }, 'wrong')).status).toBe(401);
    expect((await call('nothing', {})).status).toBe(404);
    expect((await call('on', { name: 'x', fault: { kind: 'nothing' } })).status).toBe(400);
    expect((await call('on', { name: 'x', fault: { kind: 'refuse' } })).status).toBe(200);
    await poll(client(proxy, 'a').ended).toBe('ECONNREFUSED');
    expect((await call('faults', {})).answer).toEqual({ x: { kind: 'refuse' } });
    expect((await call('off', {})).status).toBe(200);
    expect((await call('events', { after: 1 })).answer).toMatchObject([{ what: 'fault-off', detail: 'x: refuse' }]);
    expect((await call('connections', {})).answer).toEqual({ open: 0 });
  });

  it('keeps a hosts file, without the names that are not to be found', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fault-proxy-'));
    cleanups.push(() => {
      rmSync(folder, { recursive: true });
    });
    const hostsFile = join(folder, 'hosts');
    const proxy = await before({ a: await echo(), b: await echo() }, { hostsFile });
    expect(readFileSync(hostsFile, 'utf8')).toBe('127.0.0.1 localhost\n127.0.0.1 a.test\n127.0.0.1 b.test\n');
    await proxy.control.on('x', { kind: 'dns', only: ['a'] });
    expect(readFileSync(hostsFile, 'utf8')).toBe('127.0.0.1 localhost\n127.0.0.1 b.test\n');
    expect(proxy.flags.join()).toContain(`MAP a.test:`);
  });

  it('knows the services of a stand-in and leads a browser to them', async () => {
    const [federation, site] = [await echo(), await echo()];
    const at = (port: number) => `http://127.0.0.1:${String(port)}`;
    const names = ['autoid', 'sts', 'secretsmanager', 's3', 'cloudwatch', 'iam', 'kms', 'vault'] as const;
    const others = Object.fromEntries(await Promise.all(names.map(async (name) => [name, at(await echo())] as const)));
    const targets = targetsOf({
      ...(others as Record<(typeof names)[number], string>),
      federation: `${at(federation)}/federation`,
      console: `http://console.localhost:${String(site)}`,
    });
    const proxy = await startFaultProxy({ targets });
    cleanups.push(() => proxy.stop());
    const rules = proxy.flags[0]?.replace('--host-resolver-rules=', '').split(',');
    expect(rules).toContain(`MAP *.signin.localhost:${String(federation)} ${String(proxy.relays['signin'])}`);
    expect(rules).toContain(`MAP 127.0.0.1:${String(federation)} ${String(proxy.relays['federation'])}`);
    expect(rules).toContain(`MAP console.localhost:${String(site)} ${String(proxy.relays['console'])}`);
    expect(Object.keys(proxy.relays)).toHaveLength(11);
  });
});

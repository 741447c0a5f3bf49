import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exchanges } from '../autoid/testing/vectors.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { listen, type Listening, type ListenOptions } from './http.ts';
import { parseRanges } from './limits/addresses.ts';
import { createWorld, enrolled, type World } from './testing/world.ts';
import { watchPair } from './tls.ts';

const files = createNodeFileStore();
const open: Listening[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop(0);
});

async function serve(world: World, more: Partial<ListenOptions> = {}): Promise<Listening> {
  const listening = await listen({
    ...{ app: world.app, host: '127.0.0.1', port: 0, trustedProxies: [], files },
    logger: { log: () => undefined },
    ...more,
  });
  open.push(listening);
  return listening;
}

/** What comes back for these bytes until the server closes, without the date. */
async function raw(url: string, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  for (const part of parts) socket.write(part);
  await new Promise((resolve) => socket.once('close', resolve).once('error', resolve));
  return text.replace(/^Date: .*\r\n/m, '');
}

const post = (body: string, headers = 'content-type: application/json\r\n', path = '/verify'): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('the server on a port', () => {
  it('answers both protocols', async () => {
    const world = await createWorld();
    const { url } = await serve(world);
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const v1 = await fetch(`${url}/Stage/verify`, {
      method: 'POST',
      headers,
      body: JSON.stringify(exchanges[0]?.request),
    });
    expect(v1.status).toBe(201);
    const device = await enrolled(world);
    const sealed = await device.seal();
    const v2 = await fetch(`${url}/v2/credentials`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: sealed.body },
    });
    const reply = await sealed.openReply({ status: v2.status, body: new Uint8Array(await v2.arrayBuffer()) });
    expect(reply?.code).toBe('ok');
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(world.store.issued[0]?.address).toBe('127.0.0.1');
  });

  it('takes a body in chunks, and refuses one that is too long', async () => {
    const { url } = await serve(await createWorld());
    const send = (body: string) =>
      fetch(`${url}/verify`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
        body: new Blob([body]).stream(),
        duplex: 'half',
      } as RequestInit);
    const good = JSON.stringify(exchanges[0]?.request);
    expect((await send(good)).status).toBe(201);
    expect((await send(good + ' '.repeat(60_000))).status).toBe(201);
    expect((await send(good + ' '.repeat(70_000))).status).toBe(404);
  });

  it('refuses whatever comes with the very same bytes', async () => {
    const { url } = await serve(await createWorld(), { limits: { headersMs: 100, requestMs: 100, checkEveryMs: 20 } });
    const good = JSON.stringify(exchanges[0]?.request);
    const looks = await Promise.all([
      raw(url, post('{}')),
      raw(url, post(good, 'content-type: text/plain\r\n')),
      raw(url, post(good, 'content-type: application/json\r\n', '/nowhere')),
      raw(url, post('x'.repeat(70_000))),
      raw(url, 'GET /verify HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'GET / HTTP/1.1\r\n\r\n'),
      raw(url, 'GET / HTTP/1.0\r\n\r\n'),
      raw(url, 'TRACE /verify HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'GET /verify HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      raw(url, 'GET / HTTP/1.1\r\nhost: x\r\nexpect: nonsense\r\n\r\n'),
      raw(url, 'GET / HTTP/1.1\r\nhost: a b/\\\r\n\r\n'),
      raw(url, 'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'GET //x:y@z/%zz/..%2f HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'BREW / HTTP/1.1\r\nhost: x\r\n\r\n'),
      raw(url, 'nonsense\r\n\r\n'),
      raw(
        url,
        Uint8Array.from({ length: 100 }, (_, i) => 255 - i),
      ),
      raw(url, `GET / HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`),
      raw(url, 'POST /verify HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n'),
      raw(url, 'POST /verify HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n'),
      raw(url, 'POST /verify HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
      // Too slow: the headers never end, the body never comes.
      raw(url, 'GET / HTTP/1.1\r\nhost:'),
      raw(url, 'POST /verify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'),
    ]);
    for (const look of looks) expect(look).toBe(looks[0]);
    expect(looks[0]).toMatch(/^HTTP\/1.1 404 Not Found\r\n[^]*\r\n\r\n\{"message":"not found"\}$/);
  });

  it('believes a trusted proxy, and nobody else, who asks', async () => {
    const world = await createWorld();
    const send = async (listening: Listening, forwarded: string): Promise<void> => {
      await fetch(`${listening.url}/verify`, {
        ...{ method: 'POST', body: '{}' },
        headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
      });
    };
    await send(await serve(world), '203.0.113.9');
    await send(await serve(world, { trustedProxies: parseRanges(['127.0.0.0/8']) }), '1.1.1.1, 203.0.113.9');
    expect(world.events.map(({ address }) => address)).toEqual(['127.0.0.1', '203.0.113.9']);
  });

  it('shows what it counts to this machine and to whoever has the token', async () => {
    const world = await createWorld({ metricsToken: 'a-token-for-metrics' });
    const { url } = await serve(world);
    await fetch(`${url}/verify`, { method: 'POST' });
    const metrics = await fetch(`${url}/metrics`);
    expect(await metrics.text()).toContain('vigil_requests_total{path="/verify",reason="form"} 1');
    const from = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.9', ...headers } })).status;
    expect(await from({})).toBe(404);
    expect(await from({ authorization: 'Bearer a-token-for-metricx' })).toBe(404);
    expect(await from({ authorization: 'Bearer a-token-for-metrics' })).toBe(200);
  });

  it('takes no more requests of one connection at once than a client sends', async () => {
    const world = await createWorld();
    let begun = 0;
    world.store.issue = () => {
      begun++;
      return new Promise(() => undefined);
    };
    const { url } = await serve(world, { limits: { pipelined: 3 } });
    const body = JSON.stringify(exchanges[0]?.request);
    expect(await raw(url, post(body).repeat(3), post(body))).toBe('');
    await expect.poll(() => begun).toBe(3);
  });

  it('answers what is under way when it stops, and takes nothing new', async () => {
    const world = await createWorld();
    let begun = (): void => undefined;
    let finish = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const wait = new Promise<void>((resolve) => (finish = resolve));
    const issue = world.store.issue.bind(world.store);
    world.store.issue = async (request) => {
      begun();
      await wait;
      return issue(request);
    };
    const listening = await serve(world);
    const { url } = listening;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(exchanges[0]?.request);
    const answer = fetch(`${url}/verify`, { method: 'POST', headers, body });
    await beginning;
    const stopped = listening.stop(60_000);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    finish();
    expect((await answer).status).toBe(201);
    await stopped;
  });

  it('says that an address is in use', async () => {
    const world = await createWorld();
    const { url } = await serve(world);
    const second = serve(world, { port: Number(new URL(url).port) });
    await expect(second).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining('is in use') as string,
    });
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-tls-'));
  const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  const make = (name: string): void => {
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const out = ['-keyout', `${tls.keyFile}.new`, '-out', `${tls.certFile}.new`, '-subj', `/CN=${name}`];
    execFileSync('openssl', [...args, ...out], { stdio: 'ignore' });
  };
  const put = (...which: readonly string[]): void => {
    for (const file of which) renameSync(`${file}.new`, file);
  };
  const nameOf = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(url);
      const socket: TLSSocket = tlsConnect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });
  beforeAll(() => {
    make('first');
    put(tls.certFile, tls.keyFile);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('serves by certificate files', async () => {
    const { url } = await serve(await createWorld(), { tls });
    expect(url).toMatch(/^https:/);
    expect(await nameOf(url)).toBe('first');
    const status = await new Promise((resolve, reject) => {
      get(`${url}/healthz`, { rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(200);
  });

  it('lets go of who begins no handshake, or another than TLS', async () => {
    const { url } = await serve(await createWorld(), { tls, limits: { headersMs: 50 } });
    expect(await raw(url)).toBe('');
    expect(await raw(url, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
  });

  it('takes a renewed pair up, and keeps the old one while there is half of one', async () => {
    const events: string[] = [];
    const contexts: string[] = [];
    const logger = { log: (_level: string, event: string) => void events.push(event) };
    const server = { setSecureContext: ({ cert }: { cert?: unknown }) => void contexts.push(String(cert)) };
    const watch = watchPair(server, tls, files, logger, 5);
    await expect.poll(() => contexts.length).toBe(1);
    make('second');
    put(tls.certFile);
    await expect.poll(() => events).toEqual(['server.certificate-unusable']);
    expect(contexts).toHaveLength(1);
    put(tls.keyFile);
    await expect.poll(() => events).toEqual(['server.certificate-unusable', 'server.certificate-renewed']);
    watch.stop();
  });

  it('is refused without its files, or with others', async () => {
    const world = await createWorld();
    await expect(serve(world, { tls: { ...tls, keyFile: 'absent' } })).rejects.toMatchObject({
      code: 'SETTINGS_UNREADABLE',
    });
    writeFileSync(join(folder, 'garbage'), 'garbage');
    const garbage = { ...tls, certFile: join(folder, 'garbage') };
    await expect(serve(world, { tls: garbage })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });
});

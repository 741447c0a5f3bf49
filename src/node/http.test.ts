import * as http from 'node:http';
import * as https from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { HttpRequest } from '../core/ports.ts';
import { createNodeFetch, type NodeFetchOptions } from './http.ts';
import { makeCertificate } from '../standin/certificate.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listening(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

async function serve(handler: http.RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listening(http.createServer(handler))}`;
}

/** A server that sends bytes as they are and hangs up. */
async function serveBytes(text: string): Promise<string> {
  const server = net.createServer((socket) => {
    socket.once('data', () => socket.end(text));
  });
  return `http://127.0.0.1:${await listening(server)}`;
}

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url, timeoutMs: 30_000, maxBytes: 100_000, ...more };
}

async function failure(request: HttpRequest, options: NodeFetchOptions = {}): Promise<AppError> {
  const result = await createNodeFetch(options)(request).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(result).toBeInstanceOf(AppError);
  return result as AppError;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('an answer', () => {
  it('comes with status, lower-case headers and body; the request arrives as given', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers['x-a'] as string} ${body}`);
        response.writeHead(418, { 'X-Answer': 'Yes' }).end('short');
      });
    });
    const fetch = createNodeFetch();
    const body = new Uint8Array(Buffer.from('..bytes..')).subarray(2, 7);
    const answer = await fetch(
      get(`${url}/a?b=c`, { method: 'POST', headers: { 'X-A': 'o\r\nX-Evil: 1k\u2603' }, body }),
    );
    expect(answer).toMatchObject({ status: 418, headers: { 'x-answer': 'Yes' } });
    expect(text(answer.body)).toBe('short');
    await fetch(get(url, { method: 'POST', headers: { 'x-a': 't' }, body: 'text' }));
    expect(seen).toEqual(['POST /a?b=c oX-Evil: 1k? bytes', 'POST / t text']);
  });

  it('is not followed when it redirects', async () => {
    const url = await serve((_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
    expect(await createNodeFetch()(get(url))).toMatchObject({
      status: 302,
      headers: { location: 'http://127.0.0.1:1/' },
    });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('is decoded from %s', async (encoding, compress) => {
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(compress('hello')),
    );
    const answer = await createNodeFetch()(get(url));
    expect(text(answer.body)).toBe('hello');
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  it('to HEAD, and 204 and 304, has no body whatever its headers say', async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 200 : Number(request.url?.slice(1)), { 'content-length': '500' });
      response.end();
    });
    const fetch = createNodeFetch();
    expect((await fetch(get(url, { method: 'HEAD', maxBytes: 10 }))).body).toHaveLength(0);
    expect((await fetch(get(`${url}/304`, { maxBytes: 10 }))).status).toBe(304);
    expect((await fetch(get(`${url}/204`, { maxBytes: 10 }))).status).toBe(204);
  });

  it('comes from *.localhost without any name server', async () => {
    const url = await serve((request, response) => response.end(request.headers.host));
    const port = new URL(url).port;
    const answer = await createNodeFetch()(get(`http://signin.console.localhost:${port}/`));
    expect(text(answer.body)).toBe(`signin.console.localhost:${port}`);
  });
});

describe('an answer that is too large is dropped at once', () => {
  it('when its length says so', async () => {
    const url = await serve((_request, response) => response.writeHead(200, { 'content-length': '100001' }).write('x'));
    expect(await failure(get(url))).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  });

  it.each(['plain', 'gzip'])('when it never ends (%s)', async (kind) => {
    let closed = false;
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    const url = await serve((request, response) => {
      request.socket.on('close', () => (closed = true));
      if (kind === 'gzip') response.writeHead(200, { 'content-encoding': 'gzip' });
      const more = (): void => {
        while (!closed && response.write(kind === 'gzip' ? bomb : 'x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(get(`${url}/secret?x=y`))).toMatchObject({
      code: 'ANSWER_TOO_LARGE',
      message: `${url} answered with more than 100000 bytes.`,
    });
    await expect.poll(() => closed).toBe(true);
  });

  it('but not when it is exactly as large as allowed', async () => {
    const url = await serve((_request, response) => response.end('x'.repeat(100_000)));
    expect((await createNodeFetch()(get(url))).body).toHaveLength(100_000);
  });
});

describe('an answer that is cut off or nonsense is NETWORK_INTERRUPTED', () => {
  it.each([
    ['shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['in the middle of its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf'],
    ['without its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['in its headers', 'HTTP/1.1 200 OK\r\nConte'],
    ['before anything', ''],
    ['not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('%s', async (_name, bytes) => {
    const url = await serveBytes(bytes);
    const error = await failure(get(`${url}/path?secret=1`));
    expect(error.code).toBe('NETWORK_INTERRUPTED');
    expect(error.message).toContain(url);
    expect(`${error.message}${String(error.cause)}`).not.toMatch(/path|secret/);
  });

  it.each(['gzip', 'br'])('%s of which the end is missing', async (encoding) => {
    const whole = encoding === 'gzip' ? gzipSync('hello '.repeat(1000)) : brotliCompressSync('hello '.repeat(1000));
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(whole.subarray(0, whole.length - 9)),
    );
    expect((await failure(get(url))).code).toBe('NETWORK_INTERRUPTED');
  });

  it('gzip that is none', async () => {
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('hello'),
    );
    expect((await failure(get(url))).code).toBe('NETWORK_INTERRUPTED');
  });
});

describe('a failure to reach a server', () => {
  it('is NETWORK_REFUSED when nobody listens', async () => {
    const server = net.createServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(get(`http://127.0.0.1:${port}/path?token=1`));
    expect(error.code).toBe('NETWORK_REFUSED');
    expect(error.message).toMatch(new RegExp(`^http://127.0.0.1:${port} refused`));
  });

  it('is NETWORK_DNS when the name does not exist', async () => {
    expect((await failure(get('http://nowhere.invalid/'))).code).toBe('NETWORK_DNS');
  });

  it.each(['at once', 'in the body'])('is NETWORK_TIMEOUT when the answer stops %s', async (where) => {
    let closed = false;
    const url = await serve((request, response) => {
      request.socket.on('close', () => (closed = true));
      if (where === 'in the body') response.writeHead(200, { 'content-length': '10' }).write('half');
    });
    const error = await failure(get(`${url}/path`, { timeoutMs: 50 }));
    expect(error).toMatchObject({ code: 'NETWORK_TIMEOUT', message: `${url} did not answer in full within 50 ms.` });
    await expect.poll(() => closed).toBe(true);
  });

  it.each(['ftp://x.test/', 'not a url', 'https://user:secret@x.test/'])('is SETTINGS_INVALID for %s', async (url) => {
    const error = await failure(get(url));
    expect(error.code).toBe('SETTINGS_INVALID');
    expect(error.message).not.toContain('secret');
  });
});

describe('TLS', () => {
  const ca = makeCertificate({ name: 'Our CA', ca: true });
  const good = makeCertificate({ name: 'wall', hosts: ['wall.localhost', '127.0.0.1'], issuer: ca });

  async function secure(certificate: { cert: string; key: string }): Promise<string> {
    const server = https.createServer({ cert: certificate.cert, key: certificate.key }, (_r, response) =>
      response.end('ok'),
    );
    return `https://127.0.0.1:${await listening(server)}`;
  }

  it('trusts a private CA beside the built-in ones, from text or file', async () => {
    const url = await secure(good);
    expect(text((await createNodeFetch({ ca: ca.cert })(get(url))).body)).toBe('ok');
    const folder = mkdtempSync(join(tmpdir(), 'vigil-ca-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, `Some words.\n${makeCertificate({ name: 'Another CA', ca: true }).cert}${ca.cert}`);
    expect(text((await createNodeFetch({ caFile })(get(url))).body)).toBe('ok');
  });

  it.each([
    ['a CA nobody knows', () => good, {}, /not trusted here.*network\.caFile/],
    ['itself', () => makeCertificate({ name: 'x', hosts: ['127.0.0.1'] }), {}, /self-signed.*network\.caFile/],
    [
      'our CA, but has expired',
      () => makeCertificate({ name: 'x', hosts: ['127.0.0.1'], issuer: ca, from: 1e12, to: 1.1e12 }),
      { ca: ca.cert },
      /expired/,
    ],
    [
      'our CA, but begins tomorrow',
      () =>
        makeCertificate({ name: 'x', hosts: ['127.0.0.1'], issuer: ca, from: Date.now() + 1e8, to: Date.now() + 2e8 }),
      { ca: ca.cert },
      /not valid yet.*clock/,
    ],
    [
      'our CA, for another host',
      () => makeCertificate({ name: 'x', hosts: ['other.test'], issuer: ca }),
      { ca: ca.cert },
      /another host/,
    ],
  ])('refuses a certificate signed by %s', async (_name, certificate, options, sentence) => {
    const error = await failure(get(`${await secure(certificate())}/path`), options);
    expect(error.code).toBe('NETWORK_TLS');
    expect(error.message).toMatch(sentence);
    expect(error.message).not.toContain('/path');
  });

  it('says so when a server speaks none', async () => {
    const url = await serve((_request, response) => response.end());
    expect((await failure(get(url.replace('http', 'https')))).code).toBe('NETWORK_TLS');
  });

  it.each([
    ['no certificate', { ca: 'hello' }, 'SETTINGS_INVALID'],
    ['a damaged one', { ca: ca.cert.replace(/\n.{60}/, '\nAAAA') }, 'SETTINGS_INVALID'],
    ['no file', { caFile: '/nowhere/ca.pem' }, 'SETTINGS_UNREADABLE'],
    ['a folder', { caFile: tmpdir() }, 'SETTINGS_UNREADABLE'],
  ])('refuses %s as CA', (_name, options, code) => {
    expect(() => createNodeFetch(options)).toThrow(expect.objectContaining({ code }) as Error);
  });

  /** A forwarding proxy that wants a password. Names below .test lead to this machine, so that loopback stays out of it. */
  async function proxy(behaviour: 'works' | 'hangs' | 'forbids' | 'drops' = 'works'): Promise<{
    port: number;
    seen: string[];
    open: Set<net.Socket>;
  }> {
    const seen: string[] = [];
    const open = new Set<net.Socket>();
    const allowed = `Basic ${Buffer.from('joe:p@ss word').toString('base64')}`;
    const server = http.createServer((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
      if (request.headers['proxy-authorization'] !== allowed) {
        response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
        return;
      }
      const { port, pathname } = new URL(request.url ?? '');
      http.get({ host: '127.0.0.1', port, path: pathname }, (answer) => answer.pipe(response));
    });
    server.on('connection', (socket: net.Socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
      seen.push(`CONNECT ${request.url ?? ''}`);
      if (behaviour === 'hangs') {
        socket.on('end', () => socket.end()).resume();
        return;
      }
      if (behaviour === 'drops') socket.destroy();
      else if (behaviour === 'forbids') socket.end('HTTP/1.1 403 Forbidden\r\n\r\n<html>no</html>');
      else if (request.headers['proxy-authorization'] !== allowed)
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      else {
        const target = net.connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          target.pipe(socket).pipe(target);
        });
        target.on('error', () => socket.destroy());
      }
    });
    return { port: await listening(server), seen, open };
  }

  describe('through a proxy', () => {
    const wall = makeCertificate({ name: 'wall', hosts: ['wall.test'], issuer: ca });
    const login = 'joe:p%40ss%20word';

    it('reaches https by CONNECT and http by asking for the whole address, with its password', async () => {
      const { port, seen } = await proxy();
      const fetch = createNodeFetch({ ca: ca.cert, proxy: `http://${login}@127.0.0.1:${port}` });
      const inTls = new URL(await secure(wall)).port;
      const plain = new URL(await serve((request, response) => response.end(request.url))).port;
      expect(text((await fetch(get(`https://wall.test:${inTls}/a`))).body)).toBe('ok');
      expect(text((await fetch(get(`http://wall.test:${plain}/b`))).body)).toBe('/b');
      expect(seen).toEqual([`CONNECT wall.test:${inTls}`, `GET http://wall.test:${plain}/b`]);
    });

    it('never reaches loopback, and takes the environment only when told to', async () => {
      const { port, seen } = await proxy();
      vi.stubEnv('http_proxy', `http://${login}@127.0.0.1:${port}`);
      vi.stubEnv('no_proxy', 'direct.invalid');
      const url = await serve((_request, response) => response.end('direct'));
      const named = `http://wall.test:${new URL(url).port}/`;
      expect(text((await createNodeFetch({ proxy: 'system' })(get(url))).body)).toBe('direct');
      expect(seen).toEqual([]);
      expect(text((await createNodeFetch({ proxy: 'system' })(get(named))).body)).toBe('direct');
      expect(seen).toHaveLength(1);
      expect((await failure(get('http://direct.invalid/'), { proxy: 'system' })).code).toBe('NETWORK_DNS');
      expect((await failure(get('http://nowhere.invalid/'))).code).toBe('NETWORK_DNS');
      expect(seen).toHaveLength(1);
    });

    it.each(['http', 'https'])('says that it wants a password (%s)', async (scheme) => {
      const { port } = await proxy();
      const error = await failure(get(`${scheme}://wall.test:9/path`), { proxy: `http://joe:wrong@127.0.0.1:${port}` });
      expect(error).toMatchObject({ code: 'NETWORK_PROXY' });
      expect(error.message).toMatch(/^The proxy http:\/\/127.0.0.1:\d+ wants a user name and password \(407\)/);
      expect(error.message).not.toMatch(/joe|wrong|path/);
    });

    it('tells a refusal, a broken connection and an absent proxy from the target', async () => {
      for (const behaviour of ['forbids', 'drops'] as const) {
        const { port } = await proxy(behaviour);
        const error = await failure(get('https://wall.test/path'), { proxy: `http://127.0.0.1:${port}` });
        expect(error.code).toBe('NETWORK_PROXY');
        expect(error.message).toContain(behaviour === 'forbids' ? '(403)' : 'broke off');
      }
      for (const target of ['https://wall.test', 'http://wall.test']) {
        for (const absent of ['http://127.0.0.1:1', 'socks5://127.0.0.1:1'])
          expect(await failure(get(target), { proxy: absent })).toMatchObject({
            code: 'NETWORK_PROXY',
            message: expect.stringContaining(`The proxy ${absent} does not work`) as string,
          });
      }
    });

    it('names the target for what is wrong behind the proxy', async () => {
      const { port } = await proxy();
      const target = new URL(await secure(wall)).port;
      const error = await failure(get(`https://wall.test:${target}/`), { proxy: `http://${login}@127.0.0.1:${port}` });
      expect(error.code).toBe('NETWORK_TLS');
      expect(error.message).toContain(`https://wall.test:${target}`);
    });

    it('gives up a proxy that says nothing, and closes the connection to it', async () => {
      const { port, seen, open } = await proxy('hangs');
      const call = failure(get('https://wall.test/'), { proxy: `http://127.0.0.1:${port}` });
      const short = failure(get('https://wall.test/', { timeoutMs: 300 }), { proxy: `http://127.0.0.1:${port}` });
      await expect.poll(() => seen.length).toBe(2);
      expect(await short).toMatchObject({ code: 'NETWORK_TIMEOUT' });
      await expect.poll(() => open.size).toBe(1);
      for (const socket of open) socket.destroy();
      expect(await call).toMatchObject({ code: 'NETWORK_PROXY' });
    });

    it.each(['proxy.test:3128', 'ftp://proxy.test', 'http://', 'http://joe:%zz@proxy.test', 'pac+http://x.test/p.pac'])(
      'refuses the setting %s',
      (setting) => {
        expect(() => createNodeFetch({ proxy: setting })).toThrow(
          expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error,
        );
      },
    );

    it('says of a PAC file who reads it', () => {
      expect(() => createNodeFetch({ proxy: 'pac+http://joe:secret@x.test/p.pac' })).toThrow(
        /a PAC file, which only the wall reads: name the proxy itself in VIGIL_PROXY/,
      );
    });
  });
});

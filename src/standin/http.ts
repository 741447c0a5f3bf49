/** One HTTP(S) listener per service, with switchable faults. Handlers see whole requests and give whole answers. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, ServiceName } from './types.ts';
import type { SignedRequest } from './sigv4.ts';
import type { World } from './world.ts';

export interface Request extends SignedRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The Host header, lower case: name and port. */
  readonly host: string;
  readonly cookies: ReadonlyMap<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** For the request log: what was asked for, and about what. Never a secret. */
  readonly action: string;
  readonly detail?: string;
  /** Misbehave so in place of answering; `status` is then what the log says. */
  readonly instead?: Fault;
  /** Wait before answering, in ms. */
  readonly delayMs?: number;
  /** The answer has a body that never ends. */
  readonly endless?: boolean;
}

export type Handler = (request: Request) => Answer | Promise<Answer>;

export interface Listener {
  readonly port: number;
  setFault(fault: Fault | undefined, times: number): Promise<void>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1 << 20;
/** A demo may run for days: beyond this the older half of the log is forgotten. */
const MAX_RECORDS = 20_000;

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readCookies(header: string | undefined): Map<string, string> {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim().split('='));
  return new Map(pairs.map(([name = '', ...value]) => [name, value.join('=')]));
}

function toRequest(incoming: IncomingMessage, body: Buffer): Request {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : (value ?? ''),
    ]),
  );
  const target = incoming.url ?? '/';
  const [path = '/', query = ''] = target.split(/\?(.*)/s);
  return {
    method: incoming.method ?? 'GET',
    target,
    path,
    query: new URLSearchParams(query),
    headers,
    host: (headers['host'] ?? '').toLowerCase(),
    cookies: readCookies(headers['cookie']),
    body,
  };
}

/** Misbehaves as told. Returns the status that was sent, 0 for none that a client could use. */
async function misbehave(fault: Fault, response: ServerResponse, successStatus: number): Promise<number> {
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, { 'content-type': 'text/html', 'content-length': 33 });
      response.end('<html><body>failed</body></html>\n');
      return fault.status;
    case 'not-json':
      response.writeHead(successStatus, { 'content-type': 'text/html; charset=utf-8' });
      response.end('<!doctype html><title>Welcome to the guest network</title><p>Please accept our terms.');
      return successStatus;
    case 'cut-off':
      response.writeHead(successStatus, { 'content-type': 'application/json', 'content-length': 4096 });
      response.write('{"message":"61', () => response.socket?.destroy());
      return 0;
    case 'huge': {
      response.writeHead(successStatus, { 'content-type': 'application/json' });
      response.write('{"message":"');
      const block = Buffer.alloc(1 << 16, '6');
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      while (!closed.signal.aborted) {
        if (response.write(block)) await delay(0);
        else await once(response, 'drain', { signal: closed.signal }).catch(() => undefined);
      }
      return 0;
    }
    case 'hang':
      await new Promise<void>((resolve) => response.once('close', resolve));
      return 0;
    case 'reset':
      response.socket?.resetAndDestroy();
      return 0;
    default:
      response.socket?.destroy();
      return 0;
  }
}

/** Listens on 127.0.0.1. `successStatus` is what the service answers when all is well, for faults that imitate success. */
export async function listen(
  world: World,
  service: ServiceName,
  handler: Handler,
  options: { port: number; successStatus?: number; tls?: { key: string; cert: string } | undefined },
): Promise<Listener> {
  const sockets = new Set<Socket>();
  const successStatus = options.successStatus ?? 200;
  let fault: Fault | undefined;
  let faultsLeft = Infinity;
  function record(request: { method: string }, answer: { action: string; status: number; detail?: string }): void {
    world.requestCount++;
    if (world.requests.length >= MAX_RECORDS) world.requests.splice(0, MAX_RECORDS / 2);
    const { action, status, detail } = answer;
    const entry = { order: world.requestCount, at: world.now(), service, method: request.method, action, status };
    world.requests.push(detail === undefined ? entry : { ...entry, detail });
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.sendDate = false; // the stand-in's own clock is sent instead: SDKs correct their skew from it
    response.setHeader('date', new Date(world.now()).toUTCString());
    const body = await readBody(incoming);
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const request = toRequest(incoming, body);
    const current = fault;
    if (current !== undefined && --faultsLeft <= 0) fault = undefined;
    if (current !== undefined && current.kind !== 'slow') {
      // Hangs and endless bodies are logged when they begin: a test may look while they last.
      const status = current.kind === 'status' ? current.status : current.kind === 'not-json' ? successStatus : 0;
      record(request, { action: `fault:${current.kind}`, status });
      await misbehave(current, response, successStatus);
      return;
    }
    await delay((current?.kind === 'slow' ? current.ms : 0) + world.latencyMs);
    let answer: Answer;
    try {
      answer = await handler(request);
    } catch (error) {
      answer = { status: 500, action: 'internal-error', detail: String(error), body: 'The stand-in failed.' };
    }
    const lateMs = world.latencyMs + (answer.delayMs ?? 0);
    if (lateMs > 0) await delay(lateMs);
    record(request, answer);
    if (answer.instead !== undefined) {
      await misbehave(answer.instead, response, successStatus);
      return;
    }
    const bytes = Buffer.from(answer.body ?? '');
    if (answer.endless === true) {
      response.writeHead(answer.status, answer.headers as Record<string, string | string[]>).flushHeaders();
      if (bytes.length > 0) response.write(bytes);
      return;
    }
    const length = answer.status === 304 || answer.status === 204 ? {} : { 'content-length': bytes.length };
    response.writeHead(answer.status, { ...length, ...(answer.headers as Record<string, string | string[]>) });
    response.end(request.method === 'HEAD' || answer.status === 304 ? undefined : bytes);
  }

  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    response.on('error', () => undefined);
    handle(incoming, response).catch(() => response.destroy());
  };

  let server: Server;
  async function open(port: number): Promise<number> {
    server = options.tls ? createHttpsServer(options.tls, onRequest) : createHttpServer(onRequest);
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }
  async function shut(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  const port = await open(options.port);
  return {
    port,
    async setFault(next, times) {
      fault = next;
      faultsLeft = times;
      if (next?.kind === 'down') await shut();
      else if (!server.listening) await open(port);
    },
    close: shut,
  };
}

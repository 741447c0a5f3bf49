import { createServer as createPlain, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { AppError } from '../core/errors.ts';
import type { FileStore, Logger } from '../core/ports.ts';
import { REFUSAL, type Caller } from './app.ts';
import { clientAddress, isLoopback, type parseRanges } from './limits/addresses.ts';
import { readPair, watchPair, type TlsFiles } from './tls.ts';

/** How long a client may take, in ms, and how many may be there. Whoever is slower, or comes later, is let go. */
export const HTTP_LIMITS = {
  headersMs: 10_000,
  requestMs: 20_000,
  /** Between two requests of one connection. */
  idleMs: 65_000,
  /** Without a byte in either direction. Longer than a credential store may take. */
  silenceMs: 60_000,
  checkEveryMs: 2_000,
  headerBytes: 16 * 1024,
  connections: 2_000,
  /** Requests of one connection under way: clients send one after the other, and Node takes as many as somebody pipelines. */
  pipelined: 16,
} as const;

/** How often what is idle is closed while the server stops, in ms. */
const SWEEP_MS = 50;

export interface ListenOptions {
  readonly app: Hono<{ Bindings: Caller }>;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly tls?: TlsFiles;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: ReturnType<typeof parseRanges>;
  readonly files: FileStore;
  readonly logger: Logger;
  readonly limits?: Partial<Record<keyof typeof HTTP_LIMITS, number>>;
}

export interface Listening {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Takes no more connections, lets what is under way be answered for at most so many ms, then ends it. Resolves when
   * all is over.
   */
  stop(withinMs: number): Promise<void>;
}

/**
 * The app on a port, with TLS or without. Everything that is no request for the app is refused with the very bytes of its
 * own refusal. Rejects with SETTINGS_INVALID where nothing can listen there, SETTINGS_UNREADABLE for certificate files.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { app, host, port, tls, trustedProxies, files, logger } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const serverOptions = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    maxHeaderSize: limits.headerBytes,
    // The app refuses in its own way.
    requireHostHeader: false,
  };
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, callerOf(incoming as IncomingMessage, trustedProxies)),
    // What is no request at all by the standard of Fetch, such as one with the method TRACE or without a sound Host.
    { hostname: 'localhost', errorHandler: () => app.request('/no-such-path') },
  );
  const underWay = new WeakMap<Socket, number>();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const count = (underWay.get(socket) ?? 0) + 1;
    if (count > limits.pipelined) {
      socket.destroy();
      return;
    }
    underWay.set(socket, count);
    response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
    void listener(request, response);
  };
  const server =
    tls === undefined
      ? createPlain(serverOptions, handle)
      : createSecure({ ...serverOptions, handshakeTimeout: limits.headersMs, ...(await readPair(tls, files)) }, handle);
  server.maxConnections = limits.connections;
  server.setTimeout(limits.silenceMs);
  refuseTheRest(server);

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${cause.code ?? cause.message})`;
      reject(
        new AppError('SETTINGS_INVALID', `The address ${host}:${port} ${why}: name another with --listen.`, { cause }),
      );
    });
    server.listen(port, host, resolve);
  });
  server.on('error', (error) => logger.log('error', 'server.socket', { error }));
  const watch = tls === undefined ? undefined : watchPair(server as SecureServer, tls, files, logger);
  const { port: bound } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  logger.log('info', 'server.listening', { url });

  return {
    url,
    async stop(withinMs) {
      watch?.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      const deadline = setTimeout(() => server.closeAllConnections(), withinMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(deadline);
    },
  };
}

/** Who asks. A request that says that it was forwarded is not from this machine, whoever brings it. */
function callerOf(incoming: IncomingMessage, trusted: ListenOptions['trustedProxies']): Caller {
  const peer = incoming.socket.remoteAddress;
  const { headers } = incoming;
  const forwarded = headers['x-forwarded-for'];
  const text = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  const isForwarded = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'].some((name) => name in headers);
  return { address: clientAddress(peer, text, trusted), isLocal: !isForwarded && isLoopback(peer) };
}

/** What never gets to the app: what is no HTTP, too long, too slow, or wants another protocol. */
function refuseTheRest(server: Server | SecureServer): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(refusalBytes(), () => socket.destroy());
  });
  // Before its handshake is over a connection takes no answer, and an end that waits for it would never come.
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  server.on('checkExpectation', (_request, response) => {
    response.socket?.end(refusalBytes());
  });
  for (const event of ['upgrade', 'connect'] as const) {
    server.on(event, (_request: IncomingMessage, socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(refusalBytes(), () => socket.destroy());
    });
  }
}

/** The refusal of the app as it goes over the line. */
function refusalBytes(): string {
  const { status, type, body } = REFUSAL;
  return [
    `HTTP/1.1 ${status} Not Found`,
    `content-type: ${type}`,
    'cache-control: no-store',
    'connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Date: ${new Date().toUTCString()}`,
    '',
    body,
  ].join('\r\n');
}

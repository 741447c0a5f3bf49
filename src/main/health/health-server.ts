import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../../core/errors.ts';
import { judgeHealth, type WallStatus } from '../../core/health/status.ts';
import type { Logger } from '../../core/ports.ts';
import { isLoopbackHost } from '../../core/settings/schema.ts';
import { type GuardRules, type HealthPath, judgeRequest } from './request-guard.ts';

export interface HealthLimits {
  /** Longest time for a request to arrive, in ms. */
  readonly requestMs: number;
  /** A connection on which nothing happens is closed after this, in ms. */
  readonly idleMs: number;
  readonly headerBytes: number;
  readonly connections: number;
}

const LIMITS: HealthLimits = { requestMs: 5_000, idleMs: 10_000, headerBytes: 8_192, connections: 32 };
const RETRY_MS = 30_000;

export interface HealthServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen on; one that is not loopback needs a token. */
  readonly host: string;
  /** Asked of everybody, on whatever address. */
  readonly token?: string;
  /** Taken anew for each answer. */
  readonly status: () => WallStatus;
  readonly logger: Logger;
  /** Masks secrets in what is answered. */
  readonly redact: (text: string) => string;
  /** Told whenever the server has begun to listen. */
  readonly onListening?: (port: number) => void;
  /** Time until a port that was taken is tried again, in ms. Default 30 s. */
  readonly retryMs?: number;
  readonly limits?: Partial<HealthLimits>;
}

export interface HealthServer {
  /** The port that it listens on; undefined as long as it cannot. */
  readonly port: number | undefined;
  /** Ends every connection. */
  close(): Promise<void>;
}

/**
 * Serves `/healthz`, `/metrics` and `/state`. Resolves after the first try to listen, whatever came of it: a port that is taken is
 * logged and tried again, for a wall without its health page is still a wall. Rejects with SETTINGS_INVALID for an address
 * that is not loopback without a token.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { logger, token, host } = options;
  const loopback = isLoopbackHost(host);
  if (token === '' || (!loopback && token === undefined)) {
    const sentence = `The health page on ${JSON.stringify(host.slice(0, 100))} needs a token: set one, or let it listen on 127.0.0.1.`;
    throw new AppError('SETTINGS_INVALID', sentence);
  }
  const rules: GuardRules = { loopback, ...(token === undefined ? {} : { token }) };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = judgeRequest(request, rules);
    if (typeof asked !== 'string') {
      send(response, asked.status, PLAIN, `${asked.sentence}\n`, asked.headers);
      return;
    }
    answerOf(asked, options).then(
      ({ status, type, body }) => {
        send(response, status, type, options.redact(body));
      },
      (error: unknown) => {
        logger.log('error', 'health.failed', { path: asked, error });
        send(response, 500, PLAIN, 'The state of the wall cannot be told; the log says why.\n');
      },
    );
  };

  let server: Server | undefined;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;
  const listen = async (): Promise<void> => {
    const next = serverOf(answer, { ...LIMITS, ...options.limits });
    try {
      await listening(next, options.port, host.replace(/^\[(.*)\]$/, '$1'));
    } catch (error) {
      const retryMs = options.retryMs ?? RETRY_MS;
      logger.log('warn', 'health.not-listening', { host, port: options.port, error, nextTryMs: retryMs });
      if (closed) return;
      retry = setTimeout(() => void listen(), retryMs).unref();
      return;
    }
    if (closed) {
      await stop(next);
      return;
    }
    // From here on an error is one of a connection that could not be taken; the server goes on.
    next.on('error', (error) => {
      logger.log('warn', 'health.error', { error });
    });
    server = next;
    const { port } = next.address() as AddressInfo;
    logger.log('info', 'health.listening', { host, port });
    options.onListening?.(port);
  };
  await listen();
  return {
    get port() {
      const address = server?.address();
      return typeof address === 'object' && address !== null ? address.port : undefined;
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      if (server !== undefined) await stop(server);
    },
  };
}

const PLAIN = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answerOf(path: HealthPath, { status }: HealthServerOptions): Promise<Answer> {
  const wall = status();
  if (path === '/metrics') {
    // Loaded by the first scrape: the library would cost start-up time on walls that nobody scrapes.
    const { METRICS_TYPE, metricsOf } = await import('./metrics.ts');
    return { status: 200, type: METRICS_TYPE, body: await metricsOf(wall) };
  }
  const health = judgeHealth(wall, wall.at);
  if (path === '/state') return { status: 200, type: JSON_TYPE, body: `${JSON.stringify({ ...wall, health })}\n` };
  return { status: health.ok ? 200 : 503, type: JSON_TYPE, body: `${JSON.stringify(health)}\n` };
}

/** One answer a connection: nothing is kept open for clients that come every few seconds, or never again. */
function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...headers,
  });
  response.end(body);
}

function serverOf(answer: (request: IncomingMessage, response: ServerResponse) => void, limits: HealthLimits): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1_000, limits.requestMs),
    },
    answer,
  );
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;
  server.unref();
  return server;
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

import { timingSafeEqual } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { blankRefusal } from '../autoid/v2/reply.ts';
import { toAppError } from '../core/errors.ts';
import type { Clock, Logger, Random } from '../core/ports.ts';
import type { Audit, AuditEvent } from './audit/audit.ts';
import type { Failures } from './limits/failures.ts';
import type { LiveKeys } from './live-keys.ts';
import type { Metrics } from './metrics.ts';
import { answerV1, type EndpointV1 } from './v1/endpoint.ts';
import type { OutcomeV2 } from './v2/endpoint.ts';

/** Longest body of a request, in bytes. */
export const LONGEST_BODY = 64 * 1024;

/** What the home that the app runs in knows of a request. */
export interface Caller {
  /** The client's address in its one spelling. */
  readonly address?: string | undefined;
  /** Whether it came from this machine itself, through no proxy. */
  readonly isLocal?: boolean;
}

/** What answers one message of protocol 2. */
export type AnswerV2 = (message: Uint8Array, address: string | undefined) => Promise<OutcomeV2>;

export interface AppOptions {
  readonly keys: LiveKeys;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly failures: Failures;
  readonly metrics: Metrics;
  /** Protocols that are not here are answered like any path that there is not. */
  readonly v1?: EndpointV1;
  readonly v2?: { readonly credentials: AnswerV2; readonly enrol: AnswerV2; readonly keySet: AnswerV2 };
  /** Whether keys and state can be used; for /healthz. */
  readonly isHealthy: () => Promise<boolean>;
  /** Opens /metrics to others than this machine. */
  readonly metricsToken?: string;
}

interface Answered {
  readonly response: Response;
  readonly reason: string;
  readonly untold?: AuditEvent | undefined;
}

type Env = { Bindings: Caller };
type Handler = (c: Context<Env>) => Promise<Response>;

/** The one refusal of protocol 1, and of every path that there is not. */
export const REFUSAL = { status: 404, type: 'application/json', body: '{"message":"not found"}' } as const;

/**
 * The auto-id server as one app for both homes. Its refusals say nothing: 404 with one body under protocol 1, whatever was
 * wrong with path, method, type, size or content; 404 with 512 bytes under protocol 2. Every refusal closes its connection,
 * since some have to.
 */
export function createApp(options: AppOptions): Hono<Env> {
  const { keys, audit, clock, random, logger, failures, metrics } = options;
  const app = new Hono<Env>();

  const refusalV1 = (): Response => respond(REFUSAL.status, REFUSAL.type, REFUSAL.body);
  const answerOf = ({ status, body }: OutcomeV2['reply']): Response =>
    respond(status, 'application/octet-stream', body);
  const refusalV2 = (): Response => answerOf(blankRefusal(random));

  /** Counts a failure of an address, tells it where there is room, and resolves when the refusal may be given. */
  async function failed(event: AuditEvent): Promise<void> {
    const { tell, untold, ready } = failures.failed(event.address);
    if (tell) {
      const detail = [event.detail, untold === 0 ? undefined : `${untold} before it were not told`];
      const text = detail.filter((part) => part !== undefined).join('; ');
      // A refusal waits for no disk.
      audit.append({ ...event, ...(text === '' ? {} : { detail: text }) }).catch(() => undefined);
    }
    await ready;
  }

  /** A path: its messages of the right form are answered by `answer`, all others and every failure by `refuse`. */
  function serve(
    path: string,
    type: string,
    refuse: () => Response,
    answer: (body: Uint8Array, address: string | undefined) => Promise<Answered>,
  ): void {
    const event = { event: path.includes('verify') ? 'verify-v1' : path.replace('/v2/', ''), allowed: false } as const;
    const handle: Handler = async (c) => {
      const began = clock.monotonic();
      const { address } = c.env;
      const done = (reason: string, response: Response): Response => {
        metrics.answered(path, reason, (clock.monotonic() - began) / 1000);
        return response;
      };
      const at = { ...event, ...(address === undefined ? {} : { address }) };
      const body = isOf(c, type) ? await bodyOf(c) : undefined;
      if (body === undefined) {
        await failed({ ...at, reason: 'form' });
        return done('form', refuse());
      }
      try {
        const { response, reason, untold } = await answer(body, address);
        if (untold !== undefined) await failed(untold);
        return done(reason, response);
      } catch (thrown) {
        const { code, message } = toAppError(thrown);
        logger.log('error', 'server.failed', { path, code, sentence: message, error: thrown });
        return done(code, refuse());
      }
    };
    app.all(path, handle);
  }

  const { v1, v2 } = options;
  if (v1 !== undefined) {
    for (const path of ['/verify', '/Stage/verify']) {
      serve(path, 'application/json', refusalV1, async (body, address) => {
        const outcome = await answerV1(v1, keys, body, address);
        if (outcome.allowed) return { response: respond(201, 'application/json', outcome.body), reason: 'ok' };
        return { response: refusalV1(), reason: outcome.reason, untold: outcome.untold };
      });
    }
  }
  for (const [name, answer] of Object.entries(
    v2 === undefined ? {} : { credentials: v2.credentials, enrol: v2.enrol, keyset: v2.keySet },
  )) {
    serve(`/v2/${name}`, 'application/octet-stream', refusalV2, async (body, address) => {
      const { reply, reason, untold } = await answer(body, address);
      return { response: answerOf(reply), reason, untold };
    });
  }

  app.get('/healthz', async () => {
    const healthy = await options.isHealthy().catch(() => false);
    return respond(healthy ? 200 : 503, 'application/json', JSON.stringify({ status: healthy ? 'ok' : 'failing' }));
  });
  app.get('/metrics', async (c) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const isOpen = c.env.isLocal === true || (given !== undefined && sameText(given, options.metricsToken));
    return isOpen ? respond(200, 'text/plain; version=0.0.4; charset=utf-8', await metrics.text()) : refusalV1();
  });
  app.notFound(() => refusalV1());
  app.onError((error) => {
    logger.log('error', 'server.failed', { error });
    return refusalV1();
  });
  return app;
}

function respond(status: number, type: string, body: string | Uint8Array<ArrayBuffer>): Response {
  const headers = { 'content-type': type, 'cache-control': 'no-store' };
  return new Response(body, { status, headers: status === 404 ? { ...headers, connection: 'close' } : headers });
}

function isOf(c: Context<Env>, type: string): boolean {
  const given = c.req.header('content-type') ?? '';
  return c.req.method === 'POST' && (given.split(';')[0] ?? '').trim().toLowerCase() === type;
}

/** The body, or undefined when it is too long, says that it is, or breaks off. */
async function bodyOf(c: Context<Env>): Promise<Uint8Array | undefined> {
  const length = c.req.header('content-length');
  try {
    if (length !== undefined && c.req.header('transfer-encoding') === undefined) {
      // The home reads no more than it says.
      return Number(length) <= LONGEST_BODY ? new Uint8Array(await c.req.arrayBuffer()) : undefined;
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of c.req.raw.body ?? []) {
      size += chunk.length;
      if (size > LONGEST_BODY) return undefined;
      chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
  } catch {
    return undefined;
  }
}

function sameText(given: string, expected: string | undefined): boolean {
  if (expected === undefined || expected === '') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

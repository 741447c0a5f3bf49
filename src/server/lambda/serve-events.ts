import { Hono } from 'hono';
import { handle } from 'hono/aws-lambda';
import { toAppError } from '../../core/errors.ts';
import { assembleServer, type AssembledServer } from '../assemble.ts';
import { FAILURE_LIMITS } from '../limits/failures.ts';
import { vaultKeySource } from '../rotation/key-source.ts';
import { dynamoDbTableId } from '../state/dynamodb.ts';
import { parseAllowRule } from '../stores/allow.ts';
import { parseStoresConfig } from '../stores/config.ts';
import { createStores } from '../stores/create-stores.ts';
import { forGateway, readEvent, refusalFor, type EventRequest, type GatewayResult } from './event.ts';
import { jsonOf, openLambdaHome, type LambdaPorts } from './home.ts';
import { watchRestore } from './restore-watch.ts';

/** How often a running instance looks for other keys, in ms. */
const KEYS_EVERY_MS = 5000;

interface Running {
  readonly server: AssembledServer;
  /** What a process of its own does by timers. */
  readonly beforeRequest: () => Promise<void>;
  /** Resolves when nothing is under way any more that an instance would be frozen in. */
  readonly afterRequest: () => Promise<void>;
}

/**
 * Answers events by the app. The server is made with the first event and kept; one that cannot be made refuses, and is
 * tried again with the next. Never rejects.
 */
export function createEventHandler(ports: LambdaPorts): (event: unknown) => Promise<GatewayResult> {
  const { logger, random } = ports;
  let starting: Promise<Running> | undefined;

  function running(): Promise<Running> {
    starting ??= start(ports).catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  }

  return async (given) => {
    const request = readEvent(given);
    if (request === undefined) {
      logger.log('warn', 'lambda.event-unknown');
      return refusalFor('/', random);
    }
    try {
      const { server, beforeRequest, afterRequest } = await running();
      await beforeRequest();
      const result = forGateway(await answer(server, request));
      await afterRequest();
      // Nothing of the app: the adapter could make no request of the event.
      return [400, 500].includes(result.statusCode) ? refusalFor(request.path, random) : result;
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      logger.log('error', 'server.failed', { path: request.path, code, sentence: message, error: thrown });
      const refusal = refusalFor(request.path, random);
      return request.path === '/healthz' ? { ...refusal, statusCode: 503 } : refusal;
    }
  };
}

async function answer({ app }: AssembledServer, { event, address }: EventRequest): Promise<GatewayResult> {
  const outer = new Hono();
  outer.all('*', (c) => app.fetch(c.req.raw, { address }));
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- its package of its own comes with Hono 5
  const adapted = handle(outer);
  return adapted(event as unknown as Parameters<typeof adapted>[0]);
}

async function start(ports: LambdaPorts): Promise<Running> {
  const { env, fetch, clock, random, logger } = ports;
  const { table, state, sealer, vault, audit } = openLambdaHome('server', ports);
  const protocols = new Set((env['VIGIL_PROTOCOLS'] ?? 'v2').split(','));
  const config = parseStoresConfig(jsonOf(env, 'VIGIL_SERVER_CONFIG', {}));
  const stores = await createStores({ config, env }, { fetch, clock, logger, audit });
  const allow = (env['VIGIL_V1_ALLOW'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseAllowRule);
  const restored = watchRestore({ state, clock, logger, tableId: () => dynamoDbTableId(table) });
  const server = await assembleServer({
    ...{ state, audit, sealer, random, logger },
    // An instance between two events is frozen, and its steady clock may be too.
    clock: { ...clock, monotonic: () => clock.now() },
    keySource: vaultKeySource({ vault, clock }),
    stores: [...stores.values()],
    ...(protocols.has('v1') ? { v1: { allow } } : {}),
    hasV2: protocols.has('v2'),
    quarantine: restored,
    // Whoever holds a refusal back here holds an instance, and pays for it.
    failureLimits: { ...FAILURE_LIMITS, held: { perAddress: 0, all: 0 } },
    keysEveryMs: 0,
  });
  let lookedAt = clock.now();
  return {
    server,
    async beforeRequest() {
      await restored.look();
      const now = clock.now();
      if (Math.abs(now - lookedAt) < KEYS_EVERY_MS) return;
      lookedAt = now;
      await server.keys.changedSince(server.keys.current());
    },
    afterRequest: () => audit.close(),
  };
}

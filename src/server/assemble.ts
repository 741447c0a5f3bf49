import type { Hono } from 'hono';
import { generateKeyPair } from '../autoid/v2/signatures.ts';
import type { Suite } from '../autoid/v2/suite.ts';
import type { Clock, Logger, Random } from '../core/ports.ts';
import { createApp, type Caller } from './app.ts';
import type { Audit } from './audit/audit.ts';
import type { AllowRule } from './devices/device.ts';
import { createFailures, FAILURE_LIMITS, type FailureLimits } from './limits/failures.ts';
import { createGate, type Admit } from './limits/gate.ts';
import { createTurns } from './limits/turns.ts';
import { createLiveKeys, type LiveKeys } from './live-keys.ts';
import { createMetrics } from './metrics.ts';
import type { ServerKeySource } from './rotation/generations.ts';
import type { Sealer } from './seal/sealer.ts';
import { NO_QUARANTINE, type Quarantine } from './state/quarantine.ts';
import type { StateStore } from './state/state-store.ts';
import type { CredentialStore } from './stores/credential-store.ts';
import { answerCredentials } from './v2/credentials.ts';
import type { EndpointV2 } from './v2/endpoint.ts';
import { answerEnrolment } from './v2/enrol.ts';
import { createKeySetEndpoint } from './v2/keyset.ts';
import { nativeSuite } from './v2/native-suite.ts';

/** Verifications under way at once: enough to keep the thread pool busy, few enough for the order of a line to matter. */
const WIDTH = 32;

export interface ServerParts {
  readonly state: StateStore;
  readonly audit: Audit;
  readonly keySource: ServerKeySource;
  readonly stores: readonly CredentialStore[];
  /** Opens the secrets of invites. */
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** With what clients of protocol 1 may have; without it there is no protocol 1. */
  readonly v1?: { readonly allow: readonly AllowRule[] };
  readonly hasV2: boolean;
  readonly quarantine?: Quarantine;
  readonly failureLimits?: FailureLimits;
  readonly metricsToken?: string;
  /** How often keys are looked at by themselves, in ms; 0 for never, where no timer may run. */
  readonly keysEveryMs?: number;
  readonly suite?: Suite;
}

export interface AssembledServer {
  readonly app: Hono<{ Bindings: Caller }>;
  readonly keys: LiveKeys;
  /** Lets go of refusals that are held back, and of timers; requests are still answered. */
  stop(): void;
}

/**
 * The server out of its parts, for both homes. A request enters by `app.fetch(request, caller)`. Rejects with KEYS_* when
 * there are no usable keys.
 */
export async function assembleServer(parts: ServerParts): Promise<AssembledServer> {
  const { state, audit, clock, random, logger, quarantine = NO_QUARANTINE, suite = nativeSuite } = parts;
  const everyMs = parts.keysEveryMs === undefined ? {} : { everyMs: parts.keysEveryMs };
  const keys = await createLiveKeys({ source: parts.keySource, suite, clock, random, logger, ...everyMs });
  const failures = createFailures(clock, parts.failureLimits ?? FAILURE_LIMITS);
  const gate = createGate(WIDTH);
  const admit: Admit = (address, work) => gate.run(failures.isNoisy(address), work);
  const stores = new Map(parts.stores.map((store) => [store.name, store]));
  const metrics = createMetrics(() => keys.isFresh());
  const endpoint: EndpointV2 = {
    ...{ suite, state, keys, stores, audit, clock, random, quarantine, admit },
    sealer: parts.sealer,
    turns: createTurns(),
    alert(reason, fields) {
      metrics.alert(reason);
      logger.log('error', 'server.alert', { reason, ...fields });
    },
  };
  const app = createApp({
    ...{ keys, audit, clock, random, logger, failures, metrics },
    ...(parts.v1 === undefined ? {} : { v1: { ...parts.v1, stores, audit, random, admit } }),
    ...(parts.hasV2
      ? {
          v2: {
            credentials: (message, address) => answerCredentials(endpoint, message, address),
            enrol: (message, address) => answerEnrolment(endpoint, message, address),
            keySet: createKeySetEndpoint(endpoint, await generateKeyPair('ed25519')),
          },
        }
      : {}),
    ...(parts.metricsToken === undefined ? {} : { metricsToken: parts.metricsToken }),
    async isHealthy() {
      await state.get('meta', 'health');
      return keys.isFresh();
    },
  });
  return {
    app,
    keys,
    stop() {
      keys.stop();
      quarantine.stop();
      failures.release();
    },
  };
}

import { randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import type { Clock, Fetch, Logger, Random } from '../../core/ports.ts';
import { anchorToLog } from '../audit/anchors.ts';
import { createStateAudit, type ClosableAudit } from '../audit/state-audit.ts';
import type { KeyVault } from '../rotation/vault.ts';
import { s3VaultFromEnv } from '../rotation/s3-vault.ts';
import { kmsKeys } from '../seal/kms-keys.ts';
import { createSealer, type Sealer } from '../seal/sealer.ts';
import { openDynamoDbState, type DynamoDbStateOptions } from '../state/dynamodb.ts';
import type { StateStore } from '../state/state-store.ts';
import { environmentCredentials } from '../stores/own-credentials.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LambdaPorts {
  readonly env: Environment;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** For each call of AWS, in ms: a function has little time, and a client tries again. */
const CALL_TIMEOUT_MS = 5000;

/** What both functions work with: the table, the bucket of keys, the KMS key, and a chain of audit lines of their own. */
export interface LambdaHome {
  readonly region: string;
  readonly table: DynamoDbStateOptions;
  readonly state: StateStore;
  readonly sealer: Sealer;
  readonly vault: KeyVault;
  readonly audit: ClosableAudit;
}

/**
 * Opens what the environment names: VIGIL_TABLE, VIGIL_KEY_BUCKET, VIGIL_KMS_KEY. Each instance has a chain of its own, named
 * after `what`, since many run at once; with every batch its head goes to the log, for no instance knows which call is
 * its last. Throws SETTINGS_MISSING.
 */
export function openLambdaHome(what: 'server' | 'rotation', ports: LambdaPorts): LambdaHome {
  const { env, fetch, clock, logger } = ports;
  const region = needed(env, 'AWS_REGION');
  const credentials = environmentCredentials(env);
  const at = (service: string): { readonly endpoint?: string } => {
    const endpoint = env[`AWS_ENDPOINT_URL_${service}`] ?? env['AWS_ENDPOINT_URL'] ?? '';
    return endpoint === '' ? {} : { endpoint };
  };
  const shared = { fetch, region, credentials, timeoutMs: CALL_TIMEOUT_MS };
  const table = { ...shared, ...at('DYNAMODB'), tableName: needed(env, 'VIGIL_TABLE') };
  const state = openDynamoDbState(table);
  const sealer = createSealer(kmsKeys({ ...shared, ...at('KMS'), keyId: needed(env, 'VIGIL_KMS_KEY') }));
  const day = new Date(clock.now()).toISOString().slice(0, 10);
  return {
    region,
    table,
    state,
    sealer,
    vault: s3VaultFromEnv(env, { fetch, clock, sealer }),
    audit: createStateAudit({
      ...{ state, clock, logger },
      stream: `lambda-${what}-${day}-${randomBytes(6).toString('hex')}`,
      anchor: anchorToLog(logger),
      anchorEveryMs: 0,
    }),
  };
}

/** A variable as JSON. Throws SETTINGS_INVALID. */
export function jsonOf(env: Environment, name: string, otherwise: unknown): unknown {
  const text = env[name] ?? '';
  if (text === '') return otherwise;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('SETTINGS_INVALID', `${name} is no JSON: correct it.`, { cause });
  }
}

function needed(env: Environment, name: string): string {
  const value = env[name] ?? '';
  if (value !== '') return value;
  throw new AppError('SETTINGS_MISSING', `Set ${name}, as template.yaml does.`);
}

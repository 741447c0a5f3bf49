/** Where a command finds the server it is about: a data folder on this machine, or a DynamoDB table. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, Logger, Random } from '../core/ports.ts';
import { createNodeClock } from '../node/clock.ts';
import { createNodeFetch } from '../node/http.ts';
import { createNodeRandom } from '../node/random.ts';
import { anchorToLog } from '../server/audit/anchors.ts';
import { createStateAudit, type ClosableAudit } from '../server/audit/state-audit.ts';
import { AUDIT_STREAM, STATE_FILE } from '../server/data-folder.ts';
import type { StateStore } from '../server/state/state-store.ts';
import { environmentCredentials } from '../server/stores/own-credentials.ts';

const CALL_TIMEOUT_MS = 20_000;

export interface ServerHome {
  readonly state: StateStore;
  readonly audit: ClosableAudit;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: Fetch;
  /** The data folder; undefined for a server on AWS. */
  readonly folder: string | undefined;
  /** Everything durable, the audit log's end anchored. */
  close(): Promise<void>;
}

const SILENT: Logger = { log: () => undefined };

/**
 * Opens the server's state as `--data` or `--table` (with `--region`) name it. Rejects with USAGE when neither or both are
 * given or the folder is none, SETTINGS_MISSING without a region, STATE_*.
 */
export async function openServerHome(
  options: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerHome> {
  const { data, table } = options;
  const clock = createNodeClock();
  const fetch = createNodeFetch({ proxy: 'system' });
  const { state, folder } =
    typeof data === 'string' && data !== '' && table === undefined
      ? await openFolder(resolve(data), clock)
      : typeof table === 'string' && table !== '' && data === undefined
        ? { state: await openTable(table, options['region'], env, fetch), folder: undefined }
        : fail('Name the server with --data DIR (its data folder) or --table NAME (its DynamoDB table).');
  const audit = createStateAudit({
    state,
    clock,
    logger: SILENT,
    stream: AUDIT_STREAM,
    // The server anchors what it finds at the end of the log; a command has no place of its own for that.
    anchor: anchorToLog(SILENT),
    anchorEveryMs: Infinity,
  });
  return {
    state,
    audit,
    clock,
    random: createNodeRandom(),
    fetch,
    folder,
    async close() {
      await audit.close();
      await state.close();
    },
  };
}

async function openFolder(folder: string, clock: Clock): Promise<{ state: StateStore; folder: string }> {
  const isFolder = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) fail(`There is no folder ${folder}: name the server's data folder, as vigil keys init made it.`);
  const { openSqliteState } = await import('../server/state/sqlite.ts');
  return { state: await openSqliteState({ file: join(folder, STATE_FILE), clock }), folder };
}

async function openTable(table: string, region: unknown, env: NodeJS.ProcessEnv, fetch: Fetch): Promise<StateStore> {
  const where = typeof region === 'string' && region !== '' ? region : (env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']);
  if (where === undefined || where === '') {
    throw new AppError('SETTINGS_MISSING', "Name the table's region with --region, or set AWS_REGION.");
  }
  const endpoint = env['AWS_ENDPOINT_URL_DYNAMODB'] ?? env['AWS_ENDPOINT_URL'];
  const { openDynamoDbState } = await import('../server/state/dynamodb.ts');
  return openDynamoDbState({
    fetch,
    tableName: table,
    region: where,
    ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }),
    credentials: environmentCredentials(env),
    timeoutMs: CALL_TIMEOUT_MS,
  });
}

function fail(sentence: string): never {
  throw new AppError('USAGE', sentence);
}

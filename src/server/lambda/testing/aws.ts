import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import type { HttpRequest } from '../../../core/ports.ts';
import { createNodeClock } from '../../../node/clock.ts';
import { createNodeRandom } from '../../../node/random.ts';
import { startStage, type Stage } from '../../../standin/testing/setup.ts';
import { openTestBucket, type TestBucket } from '../../testing/bucket.ts';
import type { LambdaPorts } from '../home.ts';

const REGION = 'eu-west-1';
const TABLE = 'vigil-state';

/** What a function did. */
export interface Watch {
  /** As policies name them: `dynamodb:GetItem`. */
  readonly actions: Set<string>;
  /** Variables of ours that it has read. */
  readonly variables: Set<string>;
}

export interface TestAccount {
  readonly stage: Stage;
  readonly bucket: TestBucket;
  /** The lines that the functions log. */
  readonly log: { readonly level: string; readonly event: string; readonly [field: string]: unknown }[];
  ports(changes?: Record<string, string>, watch?: Watch): LambdaPorts;
  /** Takes a backup; what it resolves to puts another table of that name, with what the backup holds, in its place. */
  backUp(): Promise<() => Promise<void>>;
  /** Moves the time of functions and clients. */
  advance(ms: number): void;
  stop(): Promise<void>;
}

/** An account with what template.yaml makes: a table (dynalite), a bucket (s3rver), a KMS key and secrets (the stand-in). */
export async function openTestAccount(secrets: Readonly<Record<string, string>>): Promise<TestAccount> {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-lambda-'));
  const bucket = await openTestBucket(folder);
  const stage = await startStage({
    users: [{ name: 'function', ...bucket.credentials, allow: ['*'] }],
    secrets: { ...secrets },
  });
  const dynamo = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => {
    dynamo.listen(0, '127.0.0.1', resolve);
  });
  const endpoint = `http://127.0.0.1:${String((dynamo.address() as AddressInfo).port)}`;
  const client = new DynamoDBClient({ region: REGION, endpoint, credentials: bucket.credentials });
  const createTable = () =>
    client.send(
      new CreateTableCommand({
        TableName: TABLE,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
      }),
    );
  await createTable();
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName: TABLE });
  const clock = createNodeClock();
  let offset = 0;
  const log: TestAccount['log'] = [];
  return {
    stage,
    bucket,
    log,
    ports: (changes = {}, watch) => ({
      env: watched(watch, {
        ...{ AWS_REGION: REGION, VIGIL_TABLE: TABLE, VIGIL_KEY_BUCKET: bucket.name },
        ...{ VIGIL_KMS_KEY: '11111111-2222-3333-4444-555555555555', VIGIL_PROTOCOLS: 'v1,v2' },
        VIGIL_SERVER_CONFIG: JSON.stringify({
          aws: { endpoints: { secretsmanager: stage.urls.secretsmanager } },
          secretsmanager: {},
        }),
        VIGIL_V1_ALLOW: 'secretsmanager:wall-dashboards, secretsmanager:with-token',
        AWS_ACCESS_KEY_ID: bucket.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: bucket.credentials.secretAccessKey,
        ...{ AWS_ENDPOINT_URL_DYNAMODB: endpoint, AWS_ENDPOINT_URL_S3: bucket.endpoint },
        AWS_ENDPOINT_URL_KMS: stage.urls.kms,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: stage.urls.secretsmanager,
        ...changes,
      }),
      fetch: (request) => {
        watch?.actions.add(actionOf(request));
        return bucket.fetch(request);
      },
      clock: {
        ...clock,
        now: () => clock.now() + offset,
        sleep: (ms) => {
          offset += ms;
          return Promise.resolve();
        },
      },
      random: createNodeRandom(),
      logger: { log: (level, event, fields = {}) => void log.push({ level, event, ...fields }) },
    }),
    async backUp() {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: TABLE }));
      return async () => {
        await client.send(new DeleteTableCommand({ TableName: TABLE }));
        await waitUntilTableNotExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName: TABLE });
        await createTable();
        await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName: TABLE });
        for (const Item of Items) await client.send(new PutItemCommand({ TableName: TABLE, Item }));
      };
    },
    advance: (ms) => void (offset += ms),
    async stop() {
      client.destroy();
      await new Promise((resolve) => {
        dynamo.close(resolve);
      });
      await stage.stop();
      await bucket.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function watched(watch: Watch | undefined, env: Readonly<Record<string, string>>): LambdaPorts['env'] {
  return new Proxy(env, {
    get(target, name) {
      if (String(name).startsWith('VIGIL_')) watch?.variables.add(String(name));
      return target[String(name)];
    },
  });
}

function actionOf({ method, url, headers = {} }: HttpRequest): string {
  const [service = '', action] = (headers['x-amz-target'] ?? '').split('.');
  if (action !== undefined) {
    const name = service.startsWith('DynamoDB_') ? 'dynamodb' : service === 'TrentService' ? 'kms' : service;
    return `${name}:${action}`;
  }
  if (method === 'GET') return new URL(url).searchParams.has('list-type') ? 's3:ListBucket' : 's3:GetObject';
  return method === 'PUT' ? 's3:PutObject' : 's3:DeleteObject';
}

import { randomUUID } from 'node:crypto';
import {
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { AppError } from '../../core/errors.ts';
import type { Fetch } from '../../core/ports.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../../keys/sdk-request-handler.ts';
import type { Item, Json, StateStore, Table } from './state-store.ts';

/** DynamoDB's own limit of an item is 400 KB; an answer of Query has at most 1 MB, and JSON around it. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/** Tries of one call. The SDK waits between them, with jitter. */
const MOST_ATTEMPTS = 3;

export interface DynamoDbStateOptions {
  readonly fetch: Fetch;
  /** A table with the string keys `pk` and `sk`, and `ttl` as its time-to-live attribute. */
  readonly tableName: string;
  readonly region: string;
  readonly endpoint?: string;
  /** Asked before each call; on Lambda they come from the environment of the function. */
  readonly credentials: () => Promise<{
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  }>;
  /** For each try, in ms. */
  readonly timeoutMs: number;
}

type Row = Record<string, AttributeValue>;

/**
 * The state in one DynamoDB table: `pk` is our table, `sk` the key, `doc` the document as JSON text, `v` its version, `w`
 * the mark of the write that made it, `ttl` when DynamoDB may drop it, in s. Reads are strongly consistent, and every
 * write touches one item on a condition (DynamoDB developer guide, "Condition expressions"). A write that was tried twice
 * and then finds its condition broken looks whether it was its own first try that did it.
 */
export function openDynamoDbState(options: DynamoDbStateOptions): StateStore {
  const { tableName: TableName } = options;
  const client = clientOf(options);
  const keyOf = (table: Table, key: string): Row => ({ pk: { S: table }, sk: { S: key } });

  async function row(table: Table, key: string): Promise<Row | undefined> {
    const answer = await reached(
      client.send(new GetItemCommand({ TableName, Key: keyOf(table, key), ConsistentRead: true })),
      TableName,
    );
    return answer.Item;
  }

  /** Whether a conditional write was made; false when its condition did not hold. */
  async function conditional(write: Promise<unknown>, wasOurs: () => Promise<boolean>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (nameOf(error) !== 'ConditionalCheckFailedException') throw unreachable(error, TableName);
      return attemptsOf(error) > 1 && (await wasOurs());
    }
  }

  return {
    async get(table, key) {
      const found = await row(table, key);
      return found === undefined ? undefined : itemOf(found, table);
    },
    put(table, key, value, ifVersion, { expiresAt } = {}) {
      const mark = randomUUID();
      const write = client.send(
        new PutItemCommand({
          TableName,
          Item: {
            ...keyOf(table, key),
            doc: { S: JSON.stringify(value) },
            v: { N: String(ifVersion + 1) },
            w: { S: mark },
            ...(expiresAt === undefined ? {} : { ttl: { N: String(Math.ceil(expiresAt / 1000)) } }),
          },
          ...conditionOf(ifVersion),
        }),
      );
      return conditional(write, async () => (await row(table, key))?.['w']?.S === mark);
    },
    remove(table, key, ifVersion) {
      const write = client.send(
        new DeleteItemCommand({ TableName, Key: keyOf(table, key), ...conditionOf(ifVersion) }),
      );
      return conditional(write, async () => (await row(table, key)) === undefined);
    },
    async list(table, limit, after) {
      const items: Item[] = [];
      let start = after === undefined ? undefined : keyOf(table, after);
      do {
        const answer = await reached(
          client.send(
            new QueryCommand({
              TableName,
              KeyConditionExpression: 'pk = :table',
              ExpressionAttributeValues: { ':table': { S: table } },
              ConsistentRead: true,
              Limit: limit - items.length,
              ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            }),
          ),
          TableName,
        );
        items.push(...(answer.Items ?? []).map((found) => itemOf(found, table)));
        start = answer.LastEvaluatedKey;
      } while (start !== undefined && items.length < limit);
      return items;
    },
    close() {
      client.destroy();
      return Promise.resolve();
    },
  };
}

/**
 * What DynamoDB calls this very table (DescribeTable, TableId): a table that was restored has another one, also where it has
 * the same name. Rejects with STATE_UNAVAILABLE.
 */
export async function dynamoDbTableId(options: DynamoDbStateOptions): Promise<string> {
  const { tableName: TableName } = options;
  const client = clientOf(options);
  try {
    const { Table } = await reached(client.send(new DescribeTableCommand({ TableName })), TableName);
    const id = Table?.TableId;
    if (id === undefined) throw unreachable(new Error('no TableId'), TableName);
    return id;
  } finally {
    client.destroy();
  }
}

function clientOf(options: DynamoDbStateOptions): DynamoDBClient {
  return new DynamoDBClient({
    ...SDK_CLIENT_OPTIONS,
    maxAttempts: MOST_ATTEMPTS,
    region: options.region,
    credentials: options.credentials,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    requestHandler: sdkRequestHandler(options.fetch, { timeoutMs: options.timeoutMs, maxBytes: LONGEST_ANSWER }),
  });
}

function conditionOf(ifVersion: number) {
  return ifVersion === 0
    ? { ConditionExpression: 'attribute_not_exists(sk)' }
    : { ConditionExpression: 'v = :seen', ExpressionAttributeValues: { ':seen': { N: String(ifVersion) } } };
}

function itemOf(row: Row, table: Table): Item {
  const key = row['sk']?.S;
  const version = Number(row['v']?.N);
  const text = row['doc']?.S;
  if (key !== undefined && text !== undefined && Number.isSafeInteger(version) && version > 0) {
    try {
      return { key, version, value: JSON.parse(text) as Json };
    } catch {
      // Told below.
    }
  }
  throw new AppError(
    'STATE_CORRUPT',
    `A document of the table ${table} in DynamoDB was not written by Vigil${key === undefined ? '' : ` (${key})`}: restore it from a backup.`,
  );
}

async function reached<T>(call: Promise<T>, tableName: string): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw unreachable(error, tableName);
  }
}

function unreachable(error: unknown, tableName: string): AppError {
  const name = nameOf(error);
  const sentence =
    name === 'ResourceNotFoundException'
      ? `There is no DynamoDB table ${tableName} in this region: check its name.`
      : /AccessDenied|UnrecognizedClient|ExpiredToken|InvalidSignature/.test(name)
        ? `DynamoDB does not let the server use the table ${tableName} (${name}): check the permissions of its role.`
        : `DynamoDB did not answer for the table ${tableName} (${error instanceof AppError ? error.code : name}).`;
  return new AppError('STATE_UNAVAILABLE', sentence, { cause: error });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

function attemptsOf(error: unknown): number {
  const metadata = (error as { $metadata?: { attempts?: number } }).$metadata;
  return metadata?.attempts ?? 1;
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fetch } from '../../core/ports.ts';
import { createNodeFetch } from '../../node/http.ts';
import { openDynamoDbState } from './dynamodb.ts';
import { stateStoreSuite } from './testing/suite.ts';

const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) };
const server = dynalite({ createTableMs: 0 });
let endpoint = '';

function stateOf(fetch: Fetch, tableName = 'vigil') {
  return openDynamoDbState({
    fetch,
    tableName,
    region: 'eu-central-1',
    endpoint,
    credentials: () => Promise.resolve(credentials),
    timeoutMs: 20_000,
  });
}

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const client = new DynamoDBClient({ region: 'eu-central-1', endpoint, credentials });
  await client.send(
    new CreateTableCommand({
      TableName: 'vigil',
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
  client.destroy();
});

afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

stateStoreSuite('DynamoDB', () => Promise.resolve(stateOf(createNodeFetch({ proxy: 'none' }))));

describe('state in DynamoDB', () => {
  it('takes a write whose first try went through without an answer for its own', async () => {
    const real = createNodeFetch({ proxy: 'none' });
    let lose = true;
    const losing: Fetch = async (request) => {
      const answer = await real(request);
      if (!lose || !String(request.headers?.['x-amz-target']).endsWith('PutItem')) return answer;
      lose = false;
      return { status: 500, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: new Uint8Array() };
    };
    const state = stateOf(losing);
    expect(await state.put('meta', 'lost-answer', { of: 'one' }, 0)).toBe(true);
    expect(lose).toBe(false);
    expect(await state.get('meta', 'lost-answer')).toEqual({ key: 'lost-answer', value: { of: 'one' }, version: 1 });
    expect(await state.put('meta', 'lost-answer', { of: 'two' }, 0)).toBe(false);
    await state.close();
  });

  it('says which table is missing, and that nobody answers', async () => {
    const state = stateOf(createNodeFetch({ proxy: 'none' }), 'absent');
    await expect(state.get('meta', 'x')).rejects.toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: 'There is no DynamoDB table absent in this region: check its name.',
    });
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => {
      closed.close(resolve);
    });
    const nobody = openDynamoDbState({
      fetch: createNodeFetch({ proxy: 'none' }),
      tableName: 'vigil',
      region: 'eu-central-1',
      endpoint: `http://127.0.0.1:${String(port)}`,
      credentials: () => Promise.resolve(credentials),
      timeoutMs: 5_000,
    });
    await expect(nobody.get('meta', 'x')).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    await expect(nobody.put('meta', 'x', 1, 0)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  });
});

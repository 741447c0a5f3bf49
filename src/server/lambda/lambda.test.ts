import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exchanges } from '../../autoid/testing/vectors.ts';
import { createDeviceClient, type DeviceClient } from '../../autoid/v2/client.ts';
import { enrolDevice } from '../../autoid/v2/enrol-device.ts';
import { generateKeyPair, softwareSigner } from '../../autoid/v2/signatures.ts';
import type { DeviceStore } from '../../core/ports.ts';
import { serverKeySource } from '../../keys/v2/server.ts';
import type { KeySetV2 } from '../../keys/v2/key-set-v2.ts';
import { readStreams, readStream } from '../audit/state-audit.ts';
import { linesOf, verifyStream, type Anchor } from '../audit/chain.ts';
import { createDevices } from '../devices/devices.ts';
import { initKeys } from '../rotation/init.ts';
import { vectorGeneration } from '../testing/world.ts';
import { nativeSuite } from '../v2/native-suite.ts';
import type { GatewayResult } from './event.ts';
import { openLambdaHome } from './home.ts';
import { createRotation } from './rotate-keys.ts';
import { createEventHandler } from './serve-events.ts';
import { actionsOf, variablesOf } from '../testing/template.ts';
import { openTestAccount, type TestAccount, type Watch } from './testing/aws.ts';
import { bodyOf, eventFor, recordedEvent, throughGateway } from './testing/gateway.ts';

const SECRET = 'AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const FROM = '203.0.113.24';
const VERIFY_EVENTS = ['rest-api-verify', 'http-api-payload-1', 'http-api-verify', 'http-api-stage'];
const BINARY_EVENTS = ['rest-api-custom-domain', 'http-api-credentials', 'function-url'];

/** Real ones take long to make. */
const makeV1 = (generation: number) => Promise.resolve({ ...vectorGeneration(), generation });

let account: TestAccount;
let handler: (event: unknown) => Promise<GatewayResult>;
beforeAll(async () => {
  account = await openTestAccount({ 'wall-dashboards': SECRET, other: 'not for walls' });
  const ports = account.ports();
  const { vault, state } = openLambdaHome('server', ports);
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  await initKeys({
    ...{ vault, clock: ports.clock, root, serverId: 'lambda-test', protocols: ['v1', 'v2'], makeV1 },
  });
  await state.close();
  await rotationOf()({ do: 'due' });
});
afterAll(() => account.stop());
beforeEach(() => {
  account.log.length = 0;
  handler = createEventHandler(account.ports());
});

const state = () => openLambdaHome('server', account.ports()).state;

function memoryStore(): DeviceStore {
  let document: Uint8Array | undefined;
  return {
    name: 'memory',
    read: () => Promise.resolve(document),
    write: (bytes) => {
      document = bytes;
      return Promise.resolve();
    },
    lock: () => Promise.resolve(() => Promise.resolve()),
  };
}

let invited = 0;
/** A device that enrolled through a gateway of this kind. */
async function device(kind: string, allow = ['secretsmanager:wall-dashboards']): Promise<DeviceClient> {
  const { clock, random, logger } = account.ports();
  const { sealer, ...home } = openLambdaHome('server', account.ports());
  const devices = createDevices({ state: home.state, clock, random });
  const name = `lobby-${invited++}`;
  const { code } = await devices.invite(
    { name, allow, networks: [`${FROM}/32`], ttlMs: 3600_000 },
    { suite: nativeSuite, sealer },
  );
  await home.state.close();
  const client = createDeviceClient({
    ...{ clock, random, logger, store: memoryStore(), timeoutMs: 20_000 },
    fetch: throughGateway(kind, (event) => handler(event)),
    endpoint: 'https://id.example.com',
  });
  await enrolDevice(client, { code, hint: 'test', replace: false });
  return client;
}

async function keysOf(client: DeviceClient): Promise<KeySetV2> {
  const set = await serverKeySource(client).fetch();
  if (set === 'unchanged') throw new Error('unchanged');
  return set;
}

const rotationOf = (changes: Record<string, string> = {}) => createRotation({ ...account.ports(changes), makeV1 });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const audited = () => account.log.filter(({ event }) => event === 'audit');

describe('recorded events of protocol 1', () => {
  it.each(VERIFY_EVENTS)('answers %s as the reference does, and tells from where it came', async (name) => {
    const result = await handler(recordedEvent(name));
    expect(result).toMatchObject({ statusCode: 201, isBase64Encoded: false });
    expect(JSON.parse(result.body)).toMatchObject(
      Object.fromEntries(Object.keys(exchanges[0]?.body as object).map((key) => [key, expect.any(String) as string])),
    );
    expect(audited()).toMatchObject([{ allowed: true, address: FROM, source: 'secretsmanager,wall-dashboards' }]);
    const names = Object.keys({ ...result.headers, ...result.multiValueHeaders });
    expect(names).toContain('content-type');
    expect(names).not.toContain('connection');
  });

  it('knows the path of reference clients on a stage that is in no address', async () => {
    const result = await handler({ ...recordedEvent('http-api-verify'), rawPath: '/Stage/verify' });
    expect(result.statusCode).toBe(201);
  });

  it.each(VERIFY_EVENTS)('refuses whatever is wrong with %s in one way', async (name) => {
    const event = recordedEvent(name);
    const { requestContext } = event;
    const http = (requestContext as { http?: object }).http;
    const asMethod = (method: string) =>
      http === undefined
        ? { ...event, httpMethod: method }
        : { ...event, requestContext: { ...requestContext, http: { ...http, method } } };
    const wrong: unknown[] = [
      { ...event, body: '{}' },
      { ...event, body: null },
      { ...event, body: 'x'.repeat(70_000) },
      { ...event, body: '%%%', isBase64Encoded: true },
      { ...event, rawPath: '/other', path: '/other' },
      { ...event, rawPath: '', path: '' },
      { ...event, headers: {}, multiValueHeaders: {} },
      ...['GET', 'HEAD', 'DELETE', 'TRACE', 'CONNECT', '\u0000'].map(asMethod),
    ];
    const seen = new Set<string>();
    for (const one of wrong) {
      const { statusCode, body, headers, multiValueHeaders } = await handler(one);
      const plain = Object.entries({ ...headers, ...multiValueHeaders }).map(([key, value]) => [key, String(value)]);
      // A HEAD has no body by its nature.
      seen.add(JSON.stringify([statusCode, body === '' ? '{"message":"not found"}' : body, plain.sort()]));
    }
    expect([...seen]).toHaveLength(1);
    expect([...seen][0]).toContain('404');
  });
});

describe('events that are none', () => {
  it.each([
    ['nothing', undefined],
    ['a text', 'hello'],
    ['an empty object', {}],
    [
      'an event of a load balancer',
      { requestContext: { elb: { targetGroupArn: 'arn' } }, httpMethod: 'GET', path: '/' },
    ],
    ['an event of a schedule', { do: 'rotate' }],
    ['one without an address', { ...recordedEvent('http-api-verify'), requestContext: { http: { method: 'POST' } } }],
  ])('refuses %s', async (_what, event) => {
    expect(await handler(event)).toMatchObject({ statusCode: 404, body: '{"message":"not found"}' });
  });
});

describe('protocol 2 through gateways', () => {
  it.each(BINARY_EVENTS)('enrols, gives keys and a secret by events like %s, in bytes', async (kind) => {
    const client = await device(kind);
    const keys = await keysOf(client);
    const granted = await client.request(keys, 'secretsmanager,wall-dashboards', '');
    expect(JSON.parse(text(granted.payload))).toEqual({ kind: 'secret', text: SECRET });
    expect(audited().map(({ what, reason, address }) => [what, reason, address])).toEqual(
      ['enrol', 'keyset', 'credentials'].map((what) => [what, 'ok', FROM]),
    );
    await expect(client.request(keys, 'secretsmanager,other', '')).rejects.toMatchObject({
      code: 'DEVICE_REFUSED',
    });
  });

  it.each(BINARY_EVENTS)('refuses bytes that are no message in 512 bytes, by events like %s', async (kind) => {
    for (const path of ['/v2/credentials', '/v2/enrol', '/v2/keyset']) {
      const result = await handler(eventFor(kind, path, new Uint8Array(200)));
      expect(result).toMatchObject({ statusCode: 404, isBase64Encoded: true });
      expect(bodyOf(result)).toHaveLength(512);
    }
  });

  it('takes the address from AWS alone, whatever headers say', async () => {
    const client = await device('http-api-credentials');
    const keys = await keysOf(client);
    const elsewhere = (event: unknown) => {
      const given = event as ReturnType<typeof recordedEvent>;
      const context = given.requestContext as { http: object };
      const headers = { ...(given['headers'] as object), 'x-forwarded-for': FROM, forwarded: `for=${FROM}` };
      return handler({
        ...given,
        headers,
        requestContext: { ...context, http: { ...context.http, sourceIp: '198.51.100.66' } },
      });
    };
    const moved = createDeviceClient({ ...client.options, fetch: throughGateway('http-api-credentials', elsewhere) });
    await expect(moved.request(keys, 'secretsmanager,wall-dashboards', '')).rejects.toMatchObject({
      code: 'DEVICE_REFUSED',
    });
    expect(audited().at(-1)).toMatchObject({ reason: 'network', address: '198.51.100.66' });
  });

  it('takes a rotation up within seconds, and serves the generation before for a day', async () => {
    const client = await device('function-url');
    const before = await keysOf(client);
    const rotate = rotationOf();
    expect(await rotate({ do: 'rotate' })).toEqual({ generation: before.generation + 1, pending: false });
    account.advance(5000);
    const after = await keysOf(client);
    expect(after.generation).toBe(before.generation + 1);
    for (const keys of [before, after]) {
      expect((await client.request(keys, 'secretsmanager,wall-dashboards', '')).currentGeneration).toBe(
        after.generation,
      );
    }
    expect(await rotate({ do: 'emergency' })).toEqual({ generation: before.generation + 2, pending: false });
    account.advance(5000);
    await expect(client.request(after, 'secretsmanager,wall-dashboards', '')).rejects.toMatchObject({
      code: 'SERVER_REFUSED',
    });
    const newest = await keysOf(client);
    expect((await client.request(newest, 'secretsmanager,wall-dashboards', '')).currentGeneration).toBe(
      before.generation + 2,
    );
  });

  it('lets every instance end its own chain of audit lines with an anchor in the log', async () => {
    const client = await device('http-api-credentials');
    const keys = await keysOf(client);
    await client.request(keys, 'secretsmanager,wall-dashboards', '');
    const anchors = account.log.filter(({ event }) => event === 'audit.anchor') as unknown as Anchor[];
    expect(anchors.length).toBeGreaterThan(0);
    const table = state();
    const streams = await readStreams(table);
    const own = anchors[0]?.stream ?? '';
    expect(streams).toContain(own);
    const batches = await readStream(table, own);
    expect(verifyStream(own, batches, anchors)).toMatchObject({ breaks: [], head: { seq: anchors.at(-1)?.seq } });
    expect(batches.flatMap(linesOf).map(({ event }) => event)).toEqual(['enrol', 'keyset', 'credentials']);
    // Without its end it does not fit what the log holds.
    expect(verifyStream(own, batches.slice(0, -1), anchors).breaks).toHaveLength(1);
    await table.close();
  });

  it('answers nothing for five minutes after the table was restored', async () => {
    const client = await device('http-api-credentials');
    const keys = await keysOf(client);
    const ask = () => client.request(keys, 'secretsmanager,wall-dashboards', '');
    await ask();
    await (
      await account.backUp()
    )();
    // The instance that runs finds out within a minute, a fresh one at once.
    account.advance(60_000);
    await expect(ask()).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE', retryAfterMs: 300_000 });
    account.advance(120_000);
    handler = createEventHandler(account.ports());
    await expect(ask()).rejects.toMatchObject({ code: 'SERVER_UNAVAILABLE', retryAfterMs: 180_000 });
    account.advance(180_000);
    await ask();
  });
});

describe('a server that cannot start', () => {
  it.each([
    ['no table', { VIGIL_TABLE: '' }],
    ['a table that is not there', { VIGIL_TABLE: 'absent' }],
    ['no bucket', { VIGIL_KEY_BUCKET: '' }],
    ['a KMS key that may not be used', { VIGIL_KMS_KEY: 'absent' }],
    ['settings that are none', { VIGIL_SERVER_CONFIG: '{' }],
    ['stores that are none', { VIGIL_SERVER_CONFIG: '{"sts":{}}' }],
    ['rules that are none', { VIGIL_V1_ALLOW: '!' }],
  ])('refuses as ever with %s, says why in the log, and is tried again', async (_what, changes) => {
    const broken = createEventHandler(account.ports(changes));
    expect(await broken(recordedEvent('http-api-verify'))).toMatchObject({
      statusCode: 404,
      body: '{"message":"not found"}',
    });
    const refusal = await broken(eventFor('function-url', '/v2/credentials', new Uint8Array(10)));
    expect(bodyOf(refusal)).toHaveLength(512);
    const failures = account.log.filter(({ event }) => event === 'server.failed');
    expect(failures).toHaveLength(2);
    expect(String(failures[0]?.['sentence'])).not.toBe('');
    expect(await broken({ ...recordedEvent('http-api-verify'), rawPath: '/healthz' })).toMatchObject({
      statusCode: 503,
    });
  });

  it('is healthy when it can', async () => {
    const event = recordedEvent('http-api-verify');
    const { http, ...context } = event.requestContext as { http: object };
    const get = { ...event, rawPath: '/healthz', requestContext: { ...context, http: { ...http, method: 'GET' } } };
    expect(await handler(get)).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' });
  });
});

describe('the rotation on AWS', () => {
  it('does as it is told, and nothing else', async () => {
    const rotate = rotationOf();
    for (const event of [undefined, {}, { do: 'destroy' }])
      await expect(rotate(event)).rejects.toMatchObject({ code: 'USAGE' });
    const before = await rotate({ do: 'due' });
    expect(await rotate({ do: 'due' })).toEqual(before);
    await expect(rotationOf({ VIGIL_ROTATE_EVERY_DAYS: 'x' })({ do: 'due' })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    });
  });

  it('makes a generation when the newest is as old as the template says, and not before', async () => {
    const weekly = rotationOf({ VIGIL_ROTATE_EVERY_DAYS: '7' });
    const before = await weekly({ do: 'rotate' });
    account.advance(7 * 86_400_000 - 60_000);
    expect(await weekly({ do: 'due' })).toEqual(before);
    account.advance(60_000);
    expect((await weekly({ do: 'due' })).generation).toBe(before.generation + 1);
    expect((await weekly({ do: 'due' })).generation).toBe(before.generation + 1);
  });

  it('fails where a place does not take the keys, so that AWS tries again', async () => {
    const places = {
      places: [
        { kind: 'npm', package: '@acme/keys', registry: 'http://127.0.0.1:9/', tokenVariable: 'VIGIL_PUBLISH_TOKEN' },
      ],
    };
    const rotate = rotationOf({
      VIGIL_PLACES: JSON.stringify(places),
      VIGIL_PUBLISH_TOKEN_SECRET: 'wall-dashboards',
    });
    await expect(rotate({ do: 'rotate' })).rejects.toMatchObject({ code: 'PUBLISH_FAILED' });
    // Nobody has got it, so it is waited with: the one before stays.
    const again = rotationOf();
    expect(await again({ do: 'due' })).toMatchObject({ pending: false });
  });
});

describe('what template.yaml gives the functions', () => {
  const watch = (): Watch => ({ actions: new Set(), variables: new Set() });
  const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

  it('is what the server does and reads', async () => {
    const seen = watch();
    handler = createEventHandler(account.ports({}, seen));
    expect((await handler(recordedEvent('http-api-verify'))).statusCode).toBe(201);
    const client = await device('http-api-credentials');
    await client.request(await keysOf(client), 'secretsmanager,wall-dashboards', '');
    // For stand-ins only.
    seen.variables.delete('VIGIL_FEDERATION_URL');
    expect(sorted(seen.variables)).toEqual(sorted(variablesOf('Server')));
    // Without s3:ListBucket S3 says of an object that is missing that it is forbidden; sts is the matter of its own test.
    expect(sorted([...seen.actions, 's3:ListBucket', 'sts:AssumeRole'])).toEqual(sorted(actionsOf('Server')));
  });

  it('is what the rotation does and reads', async () => {
    const seen = watch();
    const { name: bucket, endpoint } = account.bucket;
    const places = { places: [{ kind: 's3', bucket, prefix: 'published', region: 'eu-west-1', endpoint }] };
    const env = { VIGIL_PLACES: JSON.stringify(places), VIGIL_PUBLISH_TOKEN_SECRET: 'wall-dashboards' };
    const rotate = createRotation({ ...account.ports({ ...env, VIGIL_ROTATE_EVERY_DAYS: '7' }, seen), makeV1 });
    await rotate({ do: 'rotate' });
    expect(await account.bucket.object('published/keyset.bin')).toBeDefined();
    account.advance(86_400_000);
    await rotate({ do: 'due' });
    expect(sorted(seen.variables)).toEqual(sorted(variablesOf('Rotation')));
    expect(sorted(seen.actions)).toEqual(sorted(actionsOf('Rotation')));
  });
});

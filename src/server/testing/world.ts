/** A server in memory with one store, one device, and everything that a test wants to look at. */
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { toBase64Url } from '../../autoid/encoding.ts';
import { vectorText, exchanges } from '../../autoid/testing/vectors.ts';
import { signCertificate } from '../../autoid/v2/certificate.ts';
import { firstStep, stepToSend, type DeviceStep } from '../../autoid/v2/counter.ts';
import { createManifest } from '../../autoid/v2/keyset.ts';
import { hashStep } from '../../autoid/v2/layout.ts';
import { prepareKeys, sealRequest, type PreparedKeys, type SealedRequest } from '../../autoid/v2/request.ts';
import { generateKeyPair, softwareSigner, type Signer } from '../../autoid/v2/signatures.ts';
import type { Reply } from '../../autoid/v2/reply.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock, Random } from '../../core/ports.ts';
import type { Hono } from 'hono';
import { createNodeRandom } from '../../node/random.ts';
import type { Caller } from '../app.ts';
import { assembleServer, type AssembledServer, type ServerParts } from '../assemble.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { Device, DevicePolicy } from '../devices/device.ts';
import { asJson, deviceOf } from '../devices/document.ts';
import { FAILURE_LIMITS } from '../limits/failures.ts';
import type { GenerationV1, GenerationV2, ServerKeys } from '../rotation/generations.ts';
import type { Sealer } from '../seal/sealer.ts';
import { memoryState, type MemoryState } from '../state/testing/memory.ts';
import type { CredentialStore, Issued, IssueRequest } from '../stores/credential-store.ts';
import { nativeSuite } from '../v2/native-suite.ts';

export const random: Random = createNodeRandom();
export const SERVER_ID = 'test-server';

/** A clock that a test moves; sleeping ends when it is moved far enough. */
export function testClock(start = 1_800_000_000_000): Clock & { advance(ms: number): void; jump(ms: number): void } {
  let [wall, steady] = [start, 1000];
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  return {
    now: () => wall,
    monotonic: () => steady,
    sleep: (ms) => new Promise((wake) => sleepers.push({ until: steady + ms, wake })),
    advance(ms) {
      wall += ms;
      steady += ms;
      for (const { until, wake } of sleepers) if (until <= steady) wake();
      sleepers = sleepers.filter(({ until }) => until > steady);
    },
    jump(ms) {
      wall += ms;
    },
  };
}

let entropyV1: string | undefined;
/** The vectors' key set as a generation. */
export function vectorGeneration(): GenerationV1 {
  entropyV1 ??= gunzipSync(readFileSync(new URL('../../autoid/v1/vectors/info2048.bin.gz', import.meta.url))).toString(
    'latin1',
  );
  return {
    generation: 1,
    privateKeyPem: vectorText('private.pkcs8.pem'),
    publicKeyPem: vectorText('public.spki.pem'),
    entropy: entropyV1,
  };
}

/** A fresh generation of protocol 2. */
export async function newGenerationV2(root: Signer, generation: number, notAfter: number): Promise<GenerationV2> {
  const pair = await crypto.subtle.generateKey('X25519', true, ['deriveBits']);
  const privateKey = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).slice(-32);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const entropy = new Uint8Array(random.bytes(4096));
  const key = await softwareSigner(await generateKeyPair('ed25519'));
  const certificate = await signCertificate(root, { serverId: SERVER_ID, serial: 1, key, notAfter });
  const files = await createManifest(key, certificate, { generation, publicKey, entropy, notAfter });
  return { generation, privateKey, publicKey, entropy, notAfter, manifest: files.manifest, signature: files.signature };
}

/** The secrets of the vectors, with the versions that their requests name. */
export function vectorStore(): CredentialStore & { issued: IssueRequest[]; fail?: AppError } {
  const secrets = new Map(
    exchanges.flatMap(({ plain_request: { credential_source: source }, secret }) =>
      secret === null ? [] : [[source.split(',')[1] ?? '', secret] as const],
    ),
  );
  const store: CredentialStore & { issued: IssueRequest[]; fail?: AppError } = {
    name: 'secretsmanager',
    issued: [],
    issue(request): Promise<Issued> {
      store.issued.push(request);
      const text = secrets.get(request.source.id);
      if (store.fail !== undefined) return Promise.reject(store.fail);
      if (text === undefined) return Promise.reject(new AppError('STORE_NOT_FOUND', 'There is no such secret.'));
      return Promise.resolve({ kind: 'secret', text });
    },
  };
  return store;
}

/** Seals nothing; for tests of what is around it. */
export const plainSealer: Sealer = {
  description: 'nothing',
  seal: (purpose, plain) => Promise.resolve(new Uint8Array(Buffer.concat([Buffer.from(`${purpose}\0`), plain]))),
  open: (purpose, sealed) => Promise.resolve(new Uint8Array(sealed.subarray(purpose.length + 1))),
};

export interface World {
  readonly app: Hono<{ Bindings: Caller }>;
  readonly server: AssembledServer;
  readonly state: MemoryState;
  readonly clock: ReturnType<typeof testClock>;
  readonly store: ReturnType<typeof vectorStore>;
  readonly events: AuditEvent[];
  readonly alerts: unknown[];
  /** What the server reads; a test puts other keys there. */
  keys: ServerKeys;
  auditFails: boolean;
  post(path: string, body: Uint8Array | string, caller?: Caller, type?: string): Promise<Response>;
}

export async function createWorld(parts: Partial<ServerParts> = {}): Promise<World> {
  const clock = testClock();
  const root = await softwareSigner(await generateKeyPair('ed25519'));
  const notAfter = clock.now() + 90 * 86_400_000;
  const state = memoryState();
  const store = vectorStore();
  const events: AuditEvent[] = [];
  const alerts: unknown[] = [];
  const keys: ServerKeys = {
    serverId: SERVER_ID,
    root: root.publicKey,
    v1: [vectorGeneration()],
    v2: [await newGenerationV2(root, 1, notAfter)],
    version: '1',
  };
  const world = { state, clock, store, events, alerts, keys, auditFails: false };
  const server = await assembleServer({
    ...{ state, clock, random, stores: [store], sealer: plainSealer, hasV2: true, keysEveryMs: 0 },
    failureLimits: { ...FAILURE_LIMITS, holdMs: 0 },
    keySource: { read: () => Promise.resolve(world.keys) },
    logger: {
      log: (_level, event, fields) => {
        if (event === 'server.alert') alerts.push(fields);
        if (event === 'server.failed') throw new Error(`the server failed: ${JSON.stringify(fields)}`);
      },
    },
    v1: { allow: [{ source: 'secretsmanager,*' }] },
    audit: {
      append(event) {
        if (world.auditFails) return Promise.reject(new AppError('AUDIT_UNAVAILABLE', 'No.'));
        events.push(event);
        return Promise.resolve();
      },
    },
    ...parts,
  });
  return Object.assign(world, {
    server,
    app: server.app,
    post(path: string, body: Uint8Array | string, caller: Caller = { address: '192.0.2.1' }, type?: string) {
      const isBytes = typeof body !== 'string';
      const headers = { 'content-type': type ?? (isBytes ? 'application/octet-stream' : 'application/json') };
      const content = isBytes ? new Uint8Array(body) : body;
      return Promise.resolve(server.app.request(path, { method: 'POST', headers, body: content }, caller));
    },
  });
}

/** A device on both ends: enrolled in a world's state, with the step that it would send next. */
export interface TestDevice {
  readonly id: string;
  readonly signer: Signer;
  step: DeviceStep;
  document(): Promise<Device>;
  /** Seals a request on the device's step, or another one. */
  seal(options?: {
    readonly step?: DeviceStep;
    readonly timestamp?: number;
    readonly source?: string;
    readonly destination?: string;
    readonly keys?: PreparedKeys;
  }): Promise<SealedRequest>;
  /** Sends it, and does with the answer what a client does. */
  ask(request?: SealedRequest, caller?: Caller): Promise<{ status: number; reply: Reply | undefined }>;
}

export const freshX = (): Uint8Array<ArrayBuffer> => new Uint8Array(random.bytes(16));

export async function enrolled(
  world: World,
  options: {
    readonly name?: string;
    readonly policy?: Partial<DevicePolicy>;
    readonly algorithm?: 'ed25519' | 'p256';
  } = {},
): Promise<TestDevice> {
  const { state, clock } = world;
  const { name = 'lobby-1', policy = {}, algorithm = 'ed25519' } = options;
  const id = Buffer.from(random.bytes(16)).toString('hex');
  const signer = await softwareSigner(await generateKeyPair(algorithm));
  const x0 = freshX();
  const hx = await hashStep(nativeSuite, x0);
  const device: Device = {
    id,
    name,
    policy: { allow: [{ source: 'secretsmanager,wall-*' }], networks: [], requestsPerHour: 1000, ...policy },
    invitedAt: clock.now(),
    status: 'active',
    key: {
      ...{ algorithm, publicKey: toBase64Url(signer.publicKey), fingerprintHint: '', enrolledAt: clock.now() },
      ...{ hx0: hx, counter: { n: 0, hx }, nonces: [], window: { startsAt: clock.now(), count: 0 } },
    },
  };
  await state.put('device', id, asJson(device), 0);
  return testDevice(world, id, signer, firstStep(x0));
}

/** The client's end of a device that is in the state. */
export async function testDevice(world: World, id: string, signer: Signer, first: DeviceStep): Promise<TestDevice> {
  const { state, clock } = world;
  const keysOf = async (): Promise<PreparedKeys> => {
    const [current] = world.keys.v2;
    if (current === undefined) throw new Error('no generation');
    return prepareKeys(nativeSuite, { ...current, serverId: SERVER_ID });
  };
  const prepared = await keysOf();
  const self: TestDevice = {
    id,
    signer,
    step: first,
    async document() {
      const item = await state.get('device', id);
      if (item === undefined) throw new Error('no such device');
      return deviceOf(item);
    },
    seal({ step, timestamp = clock.now(), source = 'secretsmanager,wall-dashboards', destination = '', keys } = {}) {
      self.step = step ?? stepToSend(self.step, 0, freshX);
      const content = { deviceId: id, signer, timestamp, step: self.step, source, destination };
      return sealRequest(nativeSuite, keys ?? prepared, content, random);
    },
    async ask(request, caller) {
      const sealed = request ?? (await self.seal());
      const response = await world.post('/v2/credentials', sealed.body, caller);
      const reply = await sealed.openReply({
        status: response.status,
        body: new Uint8Array(await response.arrayBuffer()),
      });
      if (reply?.stepAccepted === true) self.step = { ...self.step, answered: true };
      return { status: response.status, reply };
    },
  };
  return self;
}

/** The state that the services share: who exists, which credentials and console sessions are live. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Accounts, accountOf } from './accounts.ts';
import type { KeySet } from './autoid-keys.ts';
import { ConsoleLog } from './console-log.ts';
import { Orders } from './misbehaviour.ts';
import type { DataFault, PageFault, PageTrick } from './misbehaviour.ts';
import type { OnSessionEnd, RequestRecord, RoleOptions, StandinOptions } from './types.ts';

/** Anything that can sign. `viaTemporary` marks a role assumed with temporary credentials (a chained one). */
export interface Credential {
  readonly kind: 'user' | 'assumed-role' | 'session' | 'federated-user';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  /** ms since the epoch; undefined for a user's own key. */
  readonly expiresAt: number | undefined;
  readonly arn: string;
  readonly userId: string;
  readonly roleArn: string | undefined;
  readonly viaTemporary: boolean;
  readonly allow: readonly string[];
}

export interface SecretVersion {
  readonly id: string;
  readonly value: string;
  readonly createdAt: number;
  /** Staging labels; each is at one version of a secret at most. */
  stages: readonly string[];
}

/** Versions, newest first. */
export type Secret = SecretVersion[];

/** A lasting key of a user, as IAM lists it. */
export interface UserKey {
  readonly userName: string;
  readonly credential: Credential;
  readonly createdAt: number;
  status: 'Active' | 'Inactive';
  /** New keys are known everywhere a little later; ms since the epoch. */
  worksFrom: number;
  lastUsedAt?: number;
}

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modifiedAt: number;
}

export interface SigninToken {
  readonly credential: Credential;
  readonly expiresAt: number;
  /** How long the console session lasts, in seconds; undefined: as long as the credentials. */
  readonly sessionDuration: number | undefined;
  used: boolean;
}

export interface ConsoleSession {
  readonly id: string;
  /** 1 for the first; names the session where its id, which is a secret, must not stand. */
  readonly number: number;
  readonly arn: string;
  readonly account: string;
  /** Name of the role, '' for a session without one. */
  readonly role: string;
  readonly issuer: string | undefined;
  readonly startedAt: number;
  expiresAt: number;
  revoked: boolean;
}

/** A code that carries a session from the sign-in host to the console's, once. */
export interface Ticket {
  readonly session: ConsoleSession;
  readonly expiresAt: number;
}

export interface World {
  readonly account: string;
  readonly accounts: Accounts;
  readonly regions: readonly string[];
  readonly now: () => number;
  readonly credentials: Map<string, Credential>;
  /** Lasting keys by their ids; their credentials are among `credentials` too. */
  readonly userKeys: Map<string, UserKey>;
  /** ARNs of users who have no key any more, by `ACCOUNT NAME`. */
  readonly users: Map<string, string>;
  /** How long a new key is unknown to all services but IAM, in ms. */
  newKeyDelayMs: number;
  readonly roles: Map<string, RoleOptions>;
  readonly deniedRoles: Set<string>;
  readonly secrets: Map<string, Secret>;
  readonly buckets: Map<string, Map<string, StoredObject>>;
  readonly signinTokens: Map<string, SigninToken>;
  readonly sessions: Map<string, ConsoleSession>;
  readonly tickets: Map<string, Ticket>;
  readonly requests: RequestRecord[];
  readonly singleUseTokens: boolean;
  readonly strictProofs: boolean;
  readonly pollMs: number;
  readonly failuresBeforeEnd: number;
  readonly dashboardPageSize: number;
  onSessionEnd: OnSessionEnd;
  sessionSeconds: number | undefined;
  keys: KeySet;
  latencyMs: number;
  requestCount: number;
  readonly consoleLog: ConsoleLog;
  readonly dataFaults: Orders<DataFault>;
  readonly pageFaults: Orders<PageFault>;
  readonly pageTricks: Orders<PageTrick>;
}

const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An id as AWS makes them: a four-letter prefix and 16 characters of base 32. */
export function makeId(prefix: string): string {
  return prefix + [...randomBytes(16)].map((byte) => ID_ALPHABET.charAt(byte % 32)).join('');
}

/** Makes a version of a secret AWSCURRENT; the one before becomes AWSPREVIOUS. Returns the version's id. */
export function putSecret(world: Pick<World, 'secrets' | 'now'>, name: string, value: string): string {
  const id = randomUUID();
  const versions = world.secrets.get(name) ?? [];
  const version: SecretVersion = { id, value, createdAt: world.now(), stages: [] };
  const all = [version, ...versions];
  world.secrets.set(name, all);
  moveStage(all, 'AWSCURRENT', version);
  return id;
}

/** Puts a label on one version and takes it off the others; AWSCURRENT leaves AWSPREVIOUS where it was. */
export function moveStage(versions: readonly SecretVersion[], stage: string, to: SecretVersion | undefined): void {
  const from = versions.find((one) => one.stages.includes(stage));
  if (from === to) return;
  if (from !== undefined) from.stages = from.stages.filter((one) => one !== stage);
  if (to !== undefined) to.stages = [...to.stages, stage];
  if (stage === 'AWSCURRENT' && from !== undefined && to !== undefined) {
    to.stages = to.stages.filter((one) => one !== 'AWSPREVIOUS');
    moveStage(versions, 'AWSPREVIOUS', from);
  }
}

export function putObject(
  world: Pick<World, 'buckets' | 'now'>,
  bucket: string,
  key: string,
  bytes: Uint8Array,
): string {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
  const objects = world.buckets.get(bucket) ?? new Map<string, StoredObject>();
  objects.set(key, { bytes: Buffer.from(bytes), etag, modifiedAt: world.now() });
  world.buckets.set(bucket, objects);
  return etag;
}

export function makeWorld(options: StandinOptions, keys: KeySet): World {
  const account = options.account ?? '111122223333';
  const regions = options.regions ?? ['eu-west-1'];
  const now = options.now ?? Date.now;
  const world: World = {
    account,
    accounts: new Accounts(regions, now),
    regions,
    now,
    credentials: new Map(),
    userKeys: new Map(),
    users: new Map(),
    newKeyDelayMs: 0,
    roles: new Map(Object.entries(options.roles ?? {})),
    deniedRoles: new Set(),
    secrets: new Map(),
    buckets: new Map(),
    signinTokens: new Map(),
    sessions: new Map(),
    tickets: new Map(),
    requests: [],
    singleUseTokens: options.singleUseTokens ?? false,
    strictProofs: options.strictProofs ?? true,
    pollMs: options.pollMs ?? 5000,
    failuresBeforeEnd: options.failuresBeforeEnd ?? 3,
    dashboardPageSize: options.dashboardPageSize ?? 1000,
    onSessionEnd: options.onSessionEnd ?? 'redirect',
    sessionSeconds: options.sessionSeconds,
    keys,
    latencyMs: 0,
    requestCount: 0,
    consoleLog: new ConsoleLog(),
    dataFaults: new Orders(),
    pageFaults: new Orders(),
    pageTricks: new Orders(),
  };
  world.accounts.add(account, {
    alias: options.accountAlias ?? 'harbour-operations',
    dashboards: options.dashboards ?? [{ name: 'Operations' }],
    alarms: options.alarms ?? [],
  });
  for (const [id, other] of Object.entries(options.accounts ?? {})) world.accounts.add(id, other);
  for (const user of options.users ?? []) {
    addUserKey(world, {
      userName: user.name,
      arn: `arn:aws:iam::${user.account ?? account}:user/${user.name}`,
      accessKeyId: user.accessKeyId,
      secretAccessKey: user.secretAccessKey,
      allow: user.allow ?? ['sts:*'],
    });
  }
  for (const { chained, ...given } of options.temporaryCredentials ?? []) {
    const session = /^arn:(aws[\w-]*):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(given.arn);
    const roleArn =
      session === null ? undefined : `arn:${session[1] ?? ''}:iam::${session[2] ?? ''}:role/${session[3] ?? ''}`;
    world.credentials.set(given.accessKeyId, {
      ...given,
      userId: makeId('AROA'),
      roleArn,
      viaTemporary: chained ?? false,
      allow: ['*'],
    });
  }
  for (const [name, value] of Object.entries(options.secrets ?? {})) putSecret(world, name, value);
  for (const [bucket, objects] of Object.entries(options.objects ?? {})) {
    world.buckets.set(bucket, new Map());
    for (const [key, bytes] of Object.entries(objects)) putObject(world, bucket, key, bytes);
  }
  return world;
}

interface NewUserKey {
  readonly userName: string;
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly allow: readonly string[];
}

/** Gives a user a lasting key. */
export function addUserKey(world: World, { userName, arn, allow, ...key }: NewUserKey): UserKey {
  const sibling = [...world.userKeys.values()].find((one) => one.credential.arn === arn);
  const credential: Credential = {
    kind: 'user',
    ...key,
    sessionToken: undefined,
    expiresAt: undefined,
    arn,
    userId: sibling?.credential.userId ?? makeId('AIDA'),
    roleArn: undefined,
    viaTemporary: false,
    allow,
  };
  const now = world.now();
  const worksFrom = world.newKeyDelayMs === 0 ? 0 : now + world.newKeyDelayMs;
  const userKey: UserKey = { userName, credential, createdAt: now, status: 'Active', worksFrom };
  world.credentials.set(key.accessKeyId, credential);
  world.userKeys.set(key.accessKeyId, userKey);
  return userKey;
}

/** The credential of a key id while services take it: a lasting key must be active, and known everywhere. */
export function liveCredential(world: World, accessKeyId: string): Credential | undefined {
  const userKey = world.userKeys.get(accessKeyId);
  if (userKey !== undefined && (userKey.status !== 'Active' || world.now() < userKey.worksFrom)) return undefined;
  return world.credentials.get(accessKeyId);
}

/** The account that a credential or a session acts in. */
export function accountIn(world: World, actor: { readonly arn: string }): ReturnType<Accounts['get']> {
  return world.accounts.get(accountOf(actor.arn));
}

/** May this credential do this (`s3:GetObject`)? */
export function mayDo(credential: Credential, action: string): boolean {
  const [service = ''] = action.split(':');
  return credential.allow.some((rule) => rule === '*' || rule === action || rule === `${service}:*`);
}

export function notAuthorized(credential: Credential, action: string, resource: string): string {
  return `User: ${credential.arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
}

/** The session of this id while it lives; `sessionSeconds` may have been shortened since it began. */
export function liveSession(world: World, id: string | undefined): ConsoleSession | undefined {
  const session = id === undefined ? undefined : world.sessions.get(id);
  if (session === undefined || session.revoked || world.now() >= session.expiresAt) return undefined;
  return session;
}

/** IAM, a secret and a state in memory, where the plug can be pulled before or after every single call. */
import { AppError } from '../../../core/errors.ts';
import type { AwsCredentials } from '../../../credentials/provider.ts';
import type { Audit, AuditEvent } from '../../audit/audit.ts';
import { memoryState } from '../../state/testing/memory.ts';
import type { SecretVersion } from '../../stores/secret-folder.ts';
import type { AccessKeys } from '../access-keys.ts';
import type { RotationParts } from '../rotate-secret.ts';
import type { SecretPlace } from '../secret-place.ts';

export const ARN = 'arn:aws:iam::111122223333:user/walls/wall';
export const ID = 'wall-dashboards';
export const FIRST = { id: 'AKIAFIRST', secret: 'first-secret' };

/** What a test throws in place of a power cut. Nothing is caught in between that could do more. */
export class PlugPulled extends Error {}

interface Key {
  readonly id: string;
  readonly secret: string;
  isActive: boolean;
  wasUsed: boolean;
}

export interface RotationWorld {
  readonly parts: RotationParts;
  readonly events: AuditEvent[];
  readonly keys: Key[];
  /** Versions of the secret by their labels. */
  readonly stages: Map<string, SecretVersion>;
  /** The text of AWSCURRENT, as clients get it. */
  current(): string;
  /** Time goes on. */
  advance(ms: number): void;
  /** Pulls the plug at the nth call from now on, before or after it has had its effect. */
  pullAt(call: number, when: 'before' | 'after'): void;
  plugIn(): void;
  isOff(): boolean;
  /** Calls since the last `pullAt`. */
  calls(): number;
  /** Looked at after each call. */
  onCall: () => void;
  /** New keys do not work for so many calls of GetCallerIdentity. */
  slowBy: number;
}

export function rotationWorld(secretText = `${FIRST.id},${FIRST.secret}`): RotationWorld {
  let now = Date.UTC(2026, 10, 22, 8);
  let pull: { readonly call: number; readonly when: 'before' | 'after' } | undefined;
  let calls = 0;
  let isOff = false;
  let made = 0;
  const keys: Key[] = [{ ...FIRST, isActive: true, wasUsed: true }];
  const stages = new Map<string, SecretVersion>([['AWSCURRENT', { version: 'v-first', text: secretText }]]);
  const versions = new Map<string, SecretVersion>([['v-first', { version: 'v-first', text: secretText }]]);
  const events: AuditEvent[] = [];
  const state = memoryState();
  const waits = new Map<string, number>();

  async function effect<T>(work: () => T | Promise<T>): Promise<T> {
    if (isOff) throw new PlugPulled();
    calls += 1;
    const isNow = pull?.call === calls;
    if (isNow && pull?.when === 'before') isOff = true;
    if (isOff) throw new PlugPulled();
    const result = await work();
    world.onCall();
    if (isNow) {
      isOff = true;
      throw new PlugPulled();
    }
    return result;
  }

  const sign = (credentials: AwsCredentials): Key => {
    const key = keys.find(({ id, secret }) => id === credentials.accessKeyId && secret === credentials.secretAccessKey);
    const wait = waits.get(credentials.accessKeyId) ?? 0;
    if (wait > 0) waits.set(credentials.accessKeyId, wait - 1);
    if (key?.isActive !== true || wait > 0) throw new AppError('STORE_REFUSED', 'AWS does not know the key.');
    return key;
  };
  const access: AccessKeys = {
    whoAmI: (credentials) =>
      effect(() => {
        sign(credentials).wasUsed = true;
        return ARN;
      }),
    list: (as) =>
      effect(() => {
        sign(as);
        return keys.map(({ id, isActive }) => ({ id, isActive }));
      }),
    create: (as) =>
      effect(() => {
        sign(as);
        if (keys.length >= 2) throw new AppError('STORE_UNAVAILABLE', 'LimitExceeded');
        const key: Key = { id: `AKIANEW${++made}`, secret: `new-secret-${made}`, isActive: true, wasUsed: false };
        keys.push(key);
        waits.set(key.id, world.slowBy);
        return { id: key.id, secret: key.secret };
      }),
    deactivate: (as, _user, id) =>
      effect(() => {
        sign(as);
        for (const key of keys) if (key.id === id) key.isActive = false;
      }),
    remove: (as, _user, id) =>
      effect(() => {
        sign(as);
        const at = keys.findIndex((key) => key.id === id);
        if (at >= 0) keys.splice(at, 1);
      }),
    wasUsed: (as, id) =>
      effect(() => {
        sign(as);
        return keys.find((key) => key.id === id)?.wasUsed === true;
      }),
  };
  const place: SecretPlace = {
    name: 'file',
    read: (_id, which) => effect(() => ('version' in which ? versions.get(which.version) : stages.get(which.stage))),
    keep: (_id, secret) =>
      effect(() => {
        versions.set(secret.version, secret);
        stages.set('AWSPENDING', secret);
      }),
    promote: (_id, secret) =>
      effect(() => {
        const before = stages.get('AWSCURRENT');
        if (before?.version === secret.version) return;
        if (before !== undefined) stages.set('AWSPREVIOUS', before);
        stages.set('AWSCURRENT', secret);
        stages.delete('AWSPENDING');
      }),
    drop: () =>
      effect(() => {
        const pending = stages.get('AWSPENDING');
        stages.delete('AWSPENDING');
        if (pending !== undefined) versions.delete(pending.version);
      }),
  };
  const audit: Audit = { append: (event) => effect(() => void events.push(event)) };
  const world: RotationWorld = {
    parts: {
      keys: access,
      place,
      state: {
        ...state,
        get: (table, key) => effect(() => state.get(table, key)),
        put: (table, key, value, ifVersion) => effect(() => state.put(table, key, value, ifVersion)),
      },
      audit,
      clock: {
        now: () => now,
        monotonic: () => now,
        sleep(ms) {
          now += ms;
          return Promise.resolve();
        },
      },
    },
    events,
    keys,
    stages,
    current: () => stages.get('AWSCURRENT')?.text ?? '',
    advance(ms) {
      now += ms;
    },
    pullAt(call, when) {
      pull = { call, when };
      calls = 0;
      isOff = false;
    },
    plugIn() {
      pull = undefined;
      isOff = false;
    },
    isOff: () => isOff,
    calls: () => calls,
    onCall: () => undefined,
    slowBy: 0,
  };
  return world;
}

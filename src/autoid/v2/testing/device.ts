import { AppError } from '../../../core/errors.ts';
import type { DeviceStore, Fetch, LogLevel } from '../../../core/ports.ts';
import { createDevices } from '../../../server/devices/devices.ts';
import { plainSealer, random, testClock } from '../../../server/testing/world.ts';
import type { World } from '../../../server/testing/world.ts';
import { nativeSuite } from '../../../server/v2/native-suite.ts';
import { createDeviceClient } from '../client.ts';
import type { DeviceClient } from '../client.ts';
import { decodeRecord } from '../device-record.ts';
import type { EnrolledRecord } from '../device-record.ts';

/** A disk that a test looks into, copies and breaks. */
export interface TestStore extends DeviceStore {
  document: Uint8Array | undefined;
  /** How the next writes end: well, with nothing written, or with the document written and a failure all the same. */
  fails: 'never' | 'before' | 'after';
  isReadOnly: boolean;
  writes: number;
  enrolled(): EnrolledRecord;
}

export function testStore(document?: Uint8Array): TestStore {
  let isLocked = false;
  const store: TestStore = {
    name: '/disk/device.json',
    document,
    fails: 'never',
    isReadOnly: false,
    writes: 0,
    read: () => Promise.resolve(store.document),
    write(next) {
      const failure = new AppError('DEVICE_STEP_UNWRITABLE', 'The disk is full.');
      if (store.fails === 'before') return Promise.reject(failure);
      store.document = next;
      store.writes += 1;
      return store.fails === 'after' ? Promise.reject(failure) : Promise.resolve();
    },
    lock() {
      if (store.isReadOnly) return Promise.resolve(undefined);
      if (isLocked) throw new Error('locked twice');
      isLocked = true;
      return Promise.resolve(() => {
        isLocked = false;
        return Promise.resolve();
      });
    },
    enrolled() {
      const { enrolled } = decodeRecord(store.document ?? new Uint8Array(), store.name);
      if (enrolled === undefined) throw new Error('not enrolled');
      return enrolled;
    },
  };
  return store;
}

/** A Fetch port that leads into a world's server, and notes where it was led. */
export function fetchInto(world: World): { fetch: Fetch; urls: string[] } {
  const urls: string[] = [];
  return {
    urls,
    fetch: async ({ url, body }) => {
      urls.push(url);
      const response = await world.post(new URL(url).pathname, body ?? '');
      const headers = Object.fromEntries(response.headers);
      return { status: response.status, headers, body: new Uint8Array(await response.arrayBuffer()) };
    },
  };
}

export interface TestClient {
  readonly client: DeviceClient;
  readonly store: TestStore;
  readonly clock: ReturnType<typeof testClock>;
  readonly events: string[];
  readonly urls: string[];
}

/** A client of a world's server; `through` stands between the two. */
export function clientOf(
  world: World,
  options: { readonly store?: TestStore; readonly through?: (inner: Fetch) => Fetch; readonly aheadMs?: number } = {},
): TestClient {
  const { store = testStore(), through = (inner: Fetch): Fetch => inner, aheadMs = 0 } = options;
  const clock = testClock(world.clock.now() + aheadMs);
  const events: string[] = [];
  const logger = { log: (level: LogLevel, event: string) => void events.push(`${level} ${event}`) };
  const { fetch, urls } = fetchInto(world);
  const client = createDeviceClient({
    ...{ fetch: through(fetch), clock, random, logger, store, suite: nativeSuite },
    endpoint: 'https://auto-id.test',
    timeoutMs: 1000,
  });
  return { client, store, clock, events, urls };
}

/** An activation code of a new device in a world, and that device's id. */
export async function inviteInto(world: World, allow = 'secretsmanager:wall-*'): Promise<{ code: string; id: string }> {
  const devices = createDevices({ state: world.state, clock: world.clock, random });
  const invitation = { name: `lobby-${Math.random()}`, allow: [allow], networks: [], ttlMs: 3_600_000 };
  const { code, device } = await devices.invite(invitation, { suite: nativeSuite, sealer: plainSealer });
  return { code, id: device.id };
}

/** A strict AWS stand-in for the demo and the tests: composes the services over one world. */
import { randomBytes } from 'node:crypto';
import { makeKeys, writeClientKeys } from './autoid-keys.ts';
import { autoidHandler } from './autoid.ts';
import { cloudWatchHandler } from './cloudwatch.ts';
import { consoleHandler } from './console.ts';
import { startControlApi } from './control-api.ts';
import { federationHandler } from './federation.ts';
import { listen } from './http.ts';
import type { Handler, Listener } from './http.ts';
import { consoleOrigin } from './hosts.ts';
import type { Hosts } from './hosts.ts';
import { iamHandler } from './iam.ts';
import { kmsHandler } from './kms.ts';
import { s3Handler } from './s3.ts';
import { secretsManagerHandler } from './secretsmanager.ts';
import { stsHandler } from './sts.ts';
import { SERVICES } from './types.ts';
import type { Control, ServiceName, Standin, StandinOptions } from './types.ts';
import { isWithin } from './misbehaviour.ts';
import type { SessionScope } from './misbehaviour.ts';
import { liveSession, makeWorld, putObject, putSecret } from './world.ts';
import { makeVault } from './vault/vault.ts';
import type { Vault } from './vault/vault.ts';
import type { ConsoleSession, World } from './world.ts';

export { makeKeys, readKeys, writeClientKeys } from './autoid-keys.ts';
export type { KeySet } from './autoid-keys.ts';
export type * from './misbehaviour.ts';
export type * from './types.ts';
export type * from './vault/options.ts';

function makeControl(
  world: World,
  vault: Vault,
  listeners: ReadonlyMap<ServiceName, Listener>,
  options: StandinOptions,
): Control {
  const live = (scope: SessionScope): ConsoleSession[] =>
    [...world.sessions.values()].filter(
      (one) => liveSession(world, one.id) !== undefined && isWithin(scope, { ...one, session: one.number }),
    );
  const listener = (service: ServiceName): Listener => {
    const found = listeners.get(service);
    if (found === undefined) throw new TypeError(`There is no service ${service}.`);
    return found;
  };
  return {
    endSessionsNow(scope = {}) {
      const ended = live(scope);
      for (const session of ended) session.revoked = true;
      return ended.length;
    },
    setSessionSeconds(seconds) {
      world.sessionSeconds = seconds;
      for (const session of world.sessions.values()) {
        if (seconds !== undefined) session.expiresAt = Math.min(session.expiresAt, session.startedAt + seconds * 1000);
      }
    },
    setOnSessionEnd(mode) {
      world.onSessionEnd = mode;
    },
    async rotateKeys() {
      world.keys = await makeKeys();
      return world.keys;
    },
    async publishKeys(dir = options.keysDir) {
      if (dir === undefined) throw new TypeError('There is no folder to publish the keys in.');
      await writeClientKeys(dir, world.keys);
    },
    fail: (service, fault, times = Infinity) => listener(service).setFault(fault, times),
    async heal(service) {
      for (const one of service === undefined ? SERVICES : [service]) await listener(one).setFault(undefined, 0);
      if (service !== undefined && service !== 'console') return;
      for (const orders of [world.dataFaults, world.pageFaults, world.pageTricks]) orders.clear({});
    },
    failData: (fault, scope = {}, times = Infinity) => world.dataFaults.add(fault, scope, world.now(), times),
    healData: (scope = {}) => world.dataFaults.clear(scope),
    failPages: (fault, scope = {}, times = Infinity) => world.pageFaults.add(fault, scope, world.now(), times),
    tellPages: (trick, scope = {}, times = 1) => world.pageTricks.add(trick, scope, world.now(), times),
    healPages(scope = {}) {
      world.pageFaults.clear(scope);
      world.pageTricks.clear(scope);
    },
    setSecret: (name, value) => putSecret(world, name, value),
    setNewKeyDelay(ms) {
      world.newKeyDelayMs = ms;
      if (ms === 0) for (const key of world.userKeys.values()) key.worksFrom = 0;
    },
    vault: vault.control,
    setRole(arn, role) {
      if (role === undefined) world.roles.delete(arn);
      else world.roles.set(arn, role);
    },
    denyRole: (arn) => void world.deniedRoles.add(arn),
    allowRole: (arn) => void world.deniedRoles.delete(arn),
    setDashboards: (dashboards, account = world.account) => world.accounts.setDashboards(account, dashboards),
    dashboards: () => world.accounts.dashboards(),
    setAlarms: (alarms, account = world.account) => world.accounts.setAlarms(account, alarms),
    setAlarmState: (name, state, { account = world.account, region, reason } = {}) =>
      world.accounts.setAlarmState(account, name, state, region, reason),
    putObject: (bucket, key, bytes) => putObject(world, bucket, key, bytes),
    addLatency(ms) {
      world.latencyMs = ms;
    },
    liveSessions: (scope = {}) => live(scope).length,
    sessions: () =>
      [...world.sessions.values()].map((one) => ({
        number: one.number,
        account: one.account,
        role: one.role,
        startedAt: one.startedAt,
        endsAt: one.expiresAt,
        isLive: liveSession(world, one.id) !== undefined,
      })),
    pageLoads: (scope = {}) => world.consoleLog.loads(scope),
    dataCalls: (scope = {}) => world.consoleLog.calls(scope),
    requests: () => [...world.requests],
    clearRequests() {
      world.requests.length = 0;
    },
  };
}

/** Starts every service on 127.0.0.1. Rejects when a port is taken; nothing is left listening then. */
export async function startStandin(options: StandinOptions = {}): Promise<Standin> {
  const keys = options.keys ?? (await makeKeys());
  const world = makeWorld(options, keys);
  const vault = makeVault(world, options.vault ?? {});
  const listeners = new Map<ServiceName, Listener>();
  const scheme = options.tls === undefined ? 'http' : 'https';
  const port = (service: ServiceName): number => listeners.get(service)?.port ?? 0;
  const hosts = (): Hosts =>
    options.domain === 'aws.amazon.com'
      ? { scheme, domain: options.domain, signinPort: 443, consolePort: 443 }
      : { scheme, signinPort: port('federation'), consolePort: port('console') };
  const handlers: Record<ServiceName, Handler> = {
    autoid: autoidHandler(world),
    sts: stsHandler(world),
    secretsmanager: secretsManagerHandler(world),
    s3: s3Handler(world),
    cloudwatch: cloudWatchHandler(world),
    federation: federationHandler(world, hosts),
    console: consoleHandler(world, hosts),
    iam: iamHandler(world),
    kms: kmsHandler(world, options.kmsKeys),
    vault: vault.handler,
  };
  const closeAll = (): Promise<unknown> => Promise.all([...listeners.values()].map((listener) => listener.close()));
  const base = options.portBase ?? 0;
  const token = randomBytes(24).toString('base64url');
  const control = makeControl(world, vault, listeners, options);
  try {
    for (const [i, service] of SERVICES.entries()) {
      const successStatus = service === 'autoid' ? 201 : 200;
      listeners.set(
        service,
        await listen(world, service, handlers[service], { port: base && base + i, successStatus, tls: options.tls }),
      );
    }
    if (options.keysDir !== undefined) await writeClientKeys(options.keysDir, keys);
    const api = await startControlApi(control, token, base && base + SERVICES.length);
    const url = (service: ServiceName): string => `${scheme}://127.0.0.1:${String(port(service))}`;
    return {
      urls: {
        autoid: url('autoid'),
        sts: url('sts'),
        secretsmanager: url('secretsmanager'),
        s3: url('s3'),
        cloudwatch: url('cloudwatch'),
        federation: `${url('federation')}/federation`,
        console: consoleOrigin(hosts()),
        iam: url('iam'),
        kms: url('kms'),
        vault: url('vault'),
      },
      ports: Object.fromEntries(SERVICES.map((service) => [service, port(service)])) as Record<ServiceName, number>,
      controlApi: { url: api.url, token },
      keys: () => world.keys,
      control,
      async stop() {
        await Promise.all([api.stop(), closeAll()]);
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** A network that misbehaves as told, between a wall and the stand-in: loopback only. See the README beside this file. */
import { writeFileSync } from 'node:fs';
import { SERVICES, type ServiceName, type ServiceUrls } from '../types.ts';
import { startControlServer } from './control-server.ts';
import { Relay } from './relay.ts';
import { asFault, rulesFor } from './rules.ts';
import { Speaker } from './speaker.ts';
import type { Fault, FaultControl, FaultEvent, FaultProxy, FaultProxyOptions, Target } from './types.ts';

export type * from './types.ts';

/** A long run is followed by its newest events: beyond this the older half is forgotten. */
const MOST_EVENTS = 20_000;

/**
 * The services of a stand-in as targets, by their names there. Its sign-in hosts, which browsers see, are a target of their own
 * (`signin`): `federation` is the endpoint that programs ask.
 * @param ports where the services listen; may be left out where that is what their addresses say
 */
export function targetsOf(urls: ServiceUrls, ports: Partial<Record<ServiceName, number>> = {}): Record<string, Target> {
  const target = (name: ServiceName, url: URL, hosts = [url.hostname]): Target => {
    const as = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    return { hosts, port: ports[name] ?? as, as };
  };
  const site = new URL(urls.console);
  const signIn = site.hostname.replace(/^console\./, 'signin.');
  const programs = SERVICES.filter((name) => name !== 'console');
  // As for the browser's side: at the port of the console where that has none, for so has the sign-in.
  const signInUrl = new URL(site.port === '' ? site : urls.federation);
  return {
    signin: target('federation', signInUrl, [signIn, `*.${signIn}`]),
    ...Object.fromEntries(programs.map((name) => [name, target(name, new URL(urls[name]))])),
    console: target('console', site, [site.hostname, `*.${site.hostname}`]),
  };
}

/** Starts a relay before each target. Rejects when a target is not one, or a port cannot be had; nothing is left listening then. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const names = Object.keys(options.targets);
  const log = new EventLog();
  const speaker = new Speaker(options.tls);
  const relays = new Map<string, Relay>();
  const faults = new Map<string, Fault>();
  const stopAll = () => Promise.all([...relays.values()].map((relay) => relay.stop()));

  const apply = async () => {
    if (options.hostsFile !== undefined) writeFileSync(options.hostsFile, hostsText(options.targets, faults.values()));
    // Each to its end, so that one port that was taken does not leave the others behind.
    const done = await Promise.allSettled(
      [...relays].map(([name, relay]) => relay.follow(rulesFor(name, faults.values()))),
    );
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  };
  const control: FaultControl = {
    async on(name, given) {
      const fault = asFault(given, names);
      if (fault.kind === 'dns' && options.hostsFile === undefined) throw new TypeError('dns needs a hosts file.');
      // The newest comes last, also when it replaces one.
      faults.delete(name);
      faults.set(name, fault);
      log.add('fault-on', undefined, `${name}: ${fault.kind}`);
      await apply();
    },
    async off(name) {
      for (const one of name === undefined ? [...faults.keys()] : [name]) {
        const fault = faults.get(one);
        faults.delete(one);
        if (fault !== undefined) log.add('fault-off', undefined, `${one}: ${fault.kind}`);
      }
      await apply();
    },
    faults: () => Object.fromEntries([...faults].map(([name, fault]) => [name, withoutKey(fault)])),
    events: (after = 0) => log.after(after),
    connections: (target) =>
      [...relays].reduce((sum, [name, { connections }]) => sum + (name === (target ?? name) ? connections : 0), 0),
  };
  try {
    for (const [name, { port }] of Object.entries(options.targets)) {
      const chance = seeded(options.seed ?? 1, name);
      relays.set(
        name,
        await Relay.start(port, {
          log: (what, detail) => {
            log.add(what, name, detail);
          },
          fraction: chance,
          speaker,
        }),
      );
    }
    await apply();
    const api = await startControlServer(control, names);
    return {
      relays: Object.fromEntries([...relays].map(([name, { port }]) => [name, `127.0.0.1:${String(port)}`])),
      flags: [`--host-resolver-rules=${resolverRules(options, relays)}`],
      control,
      controlApi: { url: api.url, token: api.token },
      async stop() {
        await Promise.all([api.stop(), stopAll()]);
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/**
 * Rules for Chromium's resolver, first match first. With a hosts file, names stay to be found in it; without, they are answered here.
 */
function resolverRules({ targets, hostsFile }: FaultProxyOptions, relays: ReadonlyMap<string, Relay>): string {
  return Object.entries(targets)
    .flatMap(([name, { hosts, port, as: outside = port }]) =>
      hosts.map((host) => {
        const to = hostsFile === undefined || host.includes('*') ? '127.0.0.1' : host;
        return `MAP ${host}:${String(outside)} ${to}:${String(relays.get(name)?.port ?? 0)}`;
      }),
    )
    .join(',');
}

function hostsText(targets: FaultProxyOptions['targets'], faults: Iterable<Fault>): string {
  const lost = [...faults].filter(({ kind }) => kind === 'dns');
  const found = Object.entries(targets).flatMap(([name, { hosts }]) =>
    lost.some(({ only }) => only?.includes(name) ?? true) ? [] : hosts.filter((host) => !host.includes('*')),
  );
  return ['127.0.0.1 localhost', ...found.map((host) => `127.0.0.1 ${host}`), ''].join('\n');
}

function withoutKey(fault: Fault): Fault {
  return fault.kind === 'certificate' ? { ...fault, key: '' } : fault;
}

/** Uniform in [0, 1), alike for the same seed and name: a Weyl sequence through a 32-bit finaliser. */
function seeded(seed: number, name: string): () => number {
  let state = Buffer.from(`${String(seed)}/${name}`).reduce(
    (hash, byte) => Math.imul(hash ^ byte, 16777619),
    2166136261,
  );
  return () => {
    state = (state + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296;
  };
}

class EventLog {
  #events: FaultEvent[] = [];
  #count = 0;

  add(what: FaultEvent['what'], target?: string, detail?: string): void {
    this.#count += 1;
    if (this.#events.length >= MOST_EVENTS) this.#events = this.#events.slice(MOST_EVENTS / 2);
    this.#events.push({
      order: this.#count,
      at: Date.now(),
      what,
      ...(target === undefined ? {} : { target }),
      ...(detail === undefined ? {} : { detail }),
    });
  }

  after(order: number): readonly FaultEvent[] {
    return this.#events.filter((event) => event.order > order);
  }
}

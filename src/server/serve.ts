import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Clock, Fetch, FileStore, Logger, Random } from '../core/ports.ts';
import { makeOwnFolder } from '../node/durable-file.ts';
import { assembleServer } from './assemble.ts';
import { createStateAudit, type AnchorSink } from './audit/state-audit.ts';
import { AUDIT_STREAM, STATE_FILE, TIME_MARK_FILE } from './data-folder.ts';
import type { AllowRule } from './devices/device.ts';
import { listen } from './http.ts';
import { parseRanges } from './limits/addresses.ts';
import { vaultKeySource } from './rotation/key-source.ts';
import type { ServerKeySource } from './rotation/generations.ts';
import { openVault } from './rotation/open-vault.ts';
import type { Place } from './rotation/places/place.ts';
import { createRotator } from './rotation/rotator.ts';
import { startRotations } from './rotation/schedule.ts';
import type { KeyVault } from './rotation/vault.ts';
import { sealOf } from './seal/open-seal.ts';
import type { Sealer } from './seal/sealer.ts';
import { watchTime } from './state/quarantine.ts';
import { openSqliteState } from './state/sqlite.ts';
import type { StoresConfig } from './stores/config.ts';
import { createStores } from './stores/create-stores.ts';
import type { TlsFiles } from './tls.ts';
import { withReferenceKeys } from './v1/reference-keys.ts';

const ANCHOR_EVERY_MS = 60_000;
/** How long requests under way may take when the server stops, in ms: what a store may take, and a little more. */
const STOP_WITHIN_MS = 25_000;

export interface ServePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: Fetch;
  readonly files: FileStore;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ServeOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** The data folder; made where it is missing. */
  readonly data: string;
  readonly protocols: { readonly v1: boolean; readonly v2: boolean };
  /** The keys of a reference server, beside this one's own of protocol 1. */
  readonly v1Keys?: string;
  /** What clients of protocol 1 may have; default whatever the file of secrets has, and nothing without one. */
  readonly v1Allow?: readonly AllowRule[];
  readonly fileSecrets?: string;
  readonly stores: StoresConfig;
  readonly tls?: TlsFiles;
  /** Addresses and ranges whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly metricsToken?: string;
  /** Where the audit log's end is anchored. */
  readonly anchor: AnchorSink;
  /** Whether an operator says that the data folder was restored from a backup. */
  readonly isRestored: boolean;
  /** Where key sets are published. */
  readonly places: readonly Place[];
  /** How old the newest keys may become, in ms; without it they are rotated by command only. */
  readonly rotateEveryMs?: number;
  /** Opens the seal of the data folder. */
  readonly openSealer: () => Promise<Sealer>;
}

export interface RunningServer {
  readonly url: string;
  /** Answers what is under way, then ends; everything durable. */
  stop(): Promise<void>;
}

/**
 * Starts the server in its home of one process: state in SQLite, keys and secrets in the data folder. Rejects with
 * SETTINGS_*, KEYS_*, STATE_* or USAGE, and then nothing is left running.
 */
export async function startServer(options: ServeOptions, ports: ServePorts): Promise<RunningServer> {
  const { data, protocols, v1Keys, fileSecrets } = options;
  const { clock, random, files, logger } = ports;
  if (!protocols.v1 && !protocols.v2) throw new AppError('USAGE', '--protocols must name v1, v2 or both.');
  const trustedProxies = parseRanges(options.trustedProxies);
  await makeOwnFolder(data);
  // At once, so that a wrong passphrase shows before anybody asks for anything.
  const hasSeal = (await sealOf(data)) !== undefined;
  const sealer = hasSeal ? await options.openSealer() : undefined;
  const vault = await vaultOf(data, sealer);
  const keySource = keySourceOf(options, vault, ports);

  const undo: (() => Promise<void> | void)[] = [];
  try {
    const state = await openSqliteState({ file: join(data, STATE_FILE), clock });
    undo.push(() => state.close());
    const audit = createStateAudit({
      ...{ state, clock, logger, stream: AUDIT_STREAM, anchor: options.anchor, anchorEveryMs: ANCHOR_EVERY_MS },
    });
    undo.push(() => audit.close());
    if (vault !== undefined) {
      const rotator = createRotator({ vault, places: options.places, clock, audit, logger });
      const { rotateEveryMs: everyMs } = options;
      // Without a rotation of its own too: it ends overlaps, and finishes what a killed command has begun.
      const schedule = startRotations({ rotator, clock, logger, ...(everyMs === undefined ? {} : { everyMs }) });
      undo.push(() => schedule.stop());
    }
    const quarantine = await watchTime({
      ...{ state, clock, files, logger, file: join(data, TIME_MARK_FILE), isRestored: options.isRestored },
    });
    undo.push(() => quarantine.stop());
    const stores = await createStores(
      {
        ...{ config: options.stores, env: ports.env, dataFolder: data, sealer: options.openSealer },
        ...(fileSecrets === undefined ? {} : { fileSecrets }),
      },
      { fetch: ports.fetch, clock, logger, audit },
    );
    const allow = options.v1Allow ?? (fileSecrets === undefined ? [] : ALL_OF_FILE);
    const server = await assembleServer({
      ...{ state, audit, keySource, clock, random, logger, quarantine },
      stores: [...stores.values()],
      sealer: sealer ?? NO_SEAL,
      hasV2: protocols.v2,
      ...(protocols.v1 ? { v1: { allow } } : {}),
      ...(options.metricsToken === undefined ? {} : { metricsToken: options.metricsToken }),
    });
    undo.push(() => server.stop());
    const listening = await listen({
      ...{ app: server.app, host: options.host, port: options.port, trustedProxies, files, logger },
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    const { v1, v2 } = server.keys.current().keys;
    const generations = (all: readonly { readonly generation: number }[]) => all.map(({ generation }) => generation);
    logger.log('info', 'server.started', { url: listening.url, v1: generations(v1), v2: generations(v2), v1Keys });
    if (options.tls === undefined && !isLocal(options.host) && trustedProxies.length === 0) {
      logger.log('warn', 'server.plain', {
        why: 'protocol 1 is protected by TLS alone: give --tls-cert and --tls-key, or --trusted-proxy',
      });
    }
    let stopping: Promise<void> | undefined;
    return {
      url: listening.url,
      stop: () =>
        (stopping ??= (async () => {
          logger.log('info', 'server.stopping', {});
          server.stop();
          await listening.stop(STOP_WITHIN_MS);
          await unwind(undo);
          logger.log('info', 'server.stopped', {});
        })()),
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** Every secret of the file, under both names that it is served by. */
const ALL_OF_FILE: readonly AllowRule[] = [{ source: 'file,*' }, { source: 'secretsmanager,*' }];

const NO_SEAL: Sealer = {
  description: 'nothing',
  seal: () => Promise.reject(new AppError('SETTINGS_MISSING', 'The data folder has no seal: run vigil keys init.')),
  open: () => Promise.reject(new AppError('SETTINGS_MISSING', 'The data folder has no seal: run vigil keys init.')),
};

/** The keys in the data folder; undefined where none were made. */
async function vaultOf(data: string, sealer: Sealer | undefined): Promise<KeyVault | undefined> {
  const vault = sealer === undefined ? undefined : await openVault({ folder: data }, sealer);
  return vault !== undefined && (await vault.version()) > 0 ? vault : undefined;
}

/** The keys in the data folder, those of a reference server, or both. */
function keySourceOf(
  { data, protocols, v1Keys }: ServeOptions,
  vault: KeyVault | undefined,
  { clock, files }: ServePorts,
): ServerKeySource {
  if (vault === undefined && (protocols.v2 || v1Keys === undefined)) {
    const others = protocols.v2 ? '' : ', or name the folder of a reference server with --v1-keys';
    throw new AppError('KEYS_NOT_FOUND', `There are no keys in ${data}: make them with vigil keys init${others}.`);
  }
  const nothing = { serverId: 'none', root: new Uint8Array(32), v1: [], v2: [], version: 'none' };
  const own = vault === undefined ? { read: () => Promise.resolve(nothing) } : vaultKeySource({ vault, clock });
  return v1Keys === undefined || !protocols.v1 ? own : withReferenceKeys(own, v1Keys, files);
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Undoes in the opposite order; a step that fails keeps none from the others. */
async function unwind(steps: (() => Promise<void> | void)[]): Promise<void> {
  for (const step of steps.splice(0).reverse()) {
    try {
      await step();
    } catch {
      // Ending anyway.
    }
  }
}

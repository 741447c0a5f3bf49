/** `vigil serve`: the auto-id server as one process. */
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import { createNodeClock } from '../../node/clock.ts';
import { makeOwnFolder, readOwnerOnly } from '../../node/durable-file.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { createNodeFetch } from '../../node/http.ts';
import { createLog } from '../../node/log.ts';
import { parseSettingsFile } from '../../node/parse-settings-file.ts';
import { createNodeRandom } from '../../node/random.ts';
import { anchorToAll, anchorToFile, anchorToLog } from '../../server/audit/anchors.ts';
import { LOG_FOLDER } from '../../server/data-folder.ts';
import { startServer, type RunningServer, type ServeOptions } from '../../server/serve.ts';
import { parseAllowRule } from '../../server/stores/allow.ts';
import { parseStoresConfig, type StoresConfig } from '../../server/stores/config.ts';
import { durationOf } from '../duration.ts';
import { readPlaces } from '../server-places.ts';
import { openServerSeal } from '../server-seal.ts';

type Options = Readonly<Record<string, unknown>>;

const LONGEST_CONFIG = 1024 * 1024;
const LOG = { maxBytes: 10 * 1024 * 1024, maxFiles: 10 };

/** Runs until a signal ends it; `say` gets what goes to stdout. Rejects with USAGE, SETTINGS_*, KEYS_*, STATE_*. */
export async function serve(options: Options, say: (text: string) => void): Promise<void> {
  if (options['demo'] === true) {
    const { serveDemo } = await import('./serve-demo.ts');
    await serveDemo(options, say);
    return;
  }
  const data = text(options, 'data');
  if (data === undefined) throw new AppError('USAGE', 'Name the data folder with --data, or try vigil serve --demo.');
  const server = await runServer(resolve(data), await readOptions(options));
  say(`Listening on ${server.url}\n`);
  await untilSignal();
  await server.stop();
}

/** What the command line says, but for the data folder. */
type Given = Omit<ServeOptions, 'data' | 'anchor' | 'openSealer' | 'places'> & {
  readonly anchorFile?: string;
  readonly placesFile?: string;
};

/** Starts the server with this machine's ports, its log in the data folder and on stderr. */
export async function runServer(data: string, given: Given): Promise<RunningServer> {
  const { anchorFile, placesFile, ...options } = given;
  const fetch = createNodeFetch({ proxy: 'system' });
  await makeOwnFolder(data);
  const log = createLog({
    ...{ folder: join(data, LOG_FOLDER), name: 'server.log', ...LOG },
    also: toStandardError(),
  });
  const logger: Logger = log.logger;
  const toLog = anchorToLog(logger);
  try {
    const server = await startServer(
      {
        ...options,
        data,
        places: await readPlaces(placesFile, { folder: data, fetch }),
        anchor: anchorFile === undefined ? toLog : anchorToAll([toLog, anchorToFile(resolve(anchorFile))]),
        openSealer: () => openServerSeal({ folder: data, fetch }),
      },
      {
        ...{ clock: createNodeClock(), random: createNodeRandom(), files: createNodeFileStore() },
        ...{ fetch, logger, env: process.env },
      },
    );
    return {
      url: server.url,
      async stop() {
        await server.stop();
        await log.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Lines for stderr, those of one turn of the loop in one write: a write to a terminal or a file waits for it. */
function toStandardError(): (line: string) => void {
  let waiting = '';
  return (line) => {
    if (waiting === '') {
      setImmediate(() => {
        process.stderr.write(waiting);
        waiting = '';
      });
    }
    waiting += `${line}\n`;
  };
}

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process at once. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      // The command's own way to end would leave requests unanswered.
      process.removeAllListeners(signal);
      process.once(signal, () => {
        for (const second of ['SIGTERM', 'SIGINT'] as const) process.once(second, () => process.exit(1));
        resolve();
      });
    }
  });
}

/** What the options say. Rejects with USAGE, SETTINGS_UNREADABLE or SETTINGS_INVALID. */
export async function readOptions(options: Options): Promise<Given> {
  const v1Keys = text(options, 'v1Keys');
  const fileSecrets = text(options, 'fileSecrets');
  const anchorFile = text(options, 'auditAnchor');
  const tokenFile = text(options, 'metricsTokenFile');
  const placesFile = text(options, 'places');
  const rotateEvery = options['rotateEvery'];
  const [certFile, keyFile] = [text(options, 'tlsCert'), text(options, 'tlsKey')];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new AppError('USAGE', '--tls-cert and --tls-key belong together.');
  }
  const allow = list(options, 'v1Allow');
  return {
    ...listenAddress(text(options, 'listen') ?? '127.0.0.1:8080'),
    protocols: protocolsOf(text(options, 'protocols') ?? 'v2'),
    stores: await storesOf(text(options, 'stores')),
    trustedProxies: list(options, 'trustedProxy'),
    isRestored: options['restored'] === true,
    ...(v1Keys === undefined ? {} : { v1Keys: resolve(v1Keys) }),
    ...(allow.length === 0 ? {} : { v1Allow: allow.map(parseAllowRule) }),
    ...(fileSecrets === undefined ? {} : { fileSecrets: resolve(fileSecrets) }),
    ...(anchorFile === undefined ? {} : { anchorFile }),
    ...(placesFile === undefined ? {} : { placesFile }),
    ...(rotateEvery === undefined ? {} : { rotateEveryMs: durationOf(rotateEvery, '--rotate-every') }),
    ...(tokenFile === undefined ? {} : { metricsToken: await tokenOf(tokenFile) }),
    ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
  };
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080` for every address. */
function listenAddress(address: string): { host: string; port: number } {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? (plain === '' ? '::' : plain);
  const isHost = isIP(host) !== 0 || /^[A-Za-z0-9.-]+$/.test(host);
  if (port !== '' && Number(port) <= 65_535 && isHost) return { host, port: Number(port) };
  throw new AppError('USAGE', '--listen must be an address and a port, such as 127.0.0.1:8080, [::1]:8080 or :8080.');
}

function protocolsOf(text: string): { v1: boolean; v2: boolean } {
  const names = text.split(',');
  if (names.every((name) => name === 'v1' || name === 'v2')) {
    return { v1: names.includes('v1'), v2: names.includes('v2') };
  }
  throw new AppError('USAGE', '--protocols must be v2, v1 or v1,v2.');
}

async function storesOf(path: string | undefined): Promise<StoresConfig> {
  if (path === undefined) return parseStoresConfig({});
  const bytes = await createNodeFileStore()
    .read(path, LONGEST_CONFIG)
    .catch((cause: unknown) => {
      throw new AppError('SETTINGS_UNREADABLE', `The stores' settings ${path} cannot be read.`, { cause });
    });
  if (bytes === undefined) throw new AppError('SETTINGS_UNREADABLE', `There is no file ${path}: check --stores.`);
  return parseStoresConfig(parseSettingsFile(bytes, path).values ?? {});
}

async function tokenOf(path: string): Promise<string> {
  const bytes = await readOwnerOnly(path, { what: 'The file of the metrics token', maxBytes: 4096 });
  const token = new TextDecoder().decode(bytes).trim();
  if (token.length >= 16) return token;
  throw new AppError('SETTINGS_INVALID', `${path} must hold a token of at least 16 characters.`);
}

function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

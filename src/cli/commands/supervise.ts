import { type KeyObject, createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import { DEFAULT_SUPERVISOR_POLICY } from '../../core/supervisor/state.ts';
import { createNodeClock } from '../../node/clock.ts';
import { createLog } from '../../node/log.ts';
import { createNodeRandom } from '../../node/random.ts';
import { publicKeysIn, readPublicKeys } from '../supervise/keys.ts';
import { DEFAULT_TIMES } from '../supervise/options.ts';
import { defaultRoot, findInstalledWall } from '../supervise/places.ts';
import { RELEASE_KEYS } from '../supervise/release-key.ts';
import { type Root, rootAt } from '../supervise/root.ts';
import { startSupervisor } from '../supervise/supervisor.ts';

const LONGEST_TRIAL_S = 86_400;
const ENDING_MS = 1_000;

/**
 * Starts the wall, keeps it running, and tries new versions, until the operator ends it; resolves with the exit code. The log goes to stdout
 * and to the folder's own log, as JSON lines. Rejects with USAGE or a SUPERVISE code where it cannot begin.
 * @param command the wall's own command, where one was named
 * @param version of this command, which is that of the wall beside it
 */
export async function supervise(
  options: Readonly<Record<string, unknown>>,
  command: readonly string[],
  version: string,
): Promise<number> {
  const root = rootAt(rootOf(options['root']));
  const keys = keysOf(options['publicKey']);
  const trialMs = trialOf(options['trial']);
  const installed = findInstalledWall(dirname(fileURLToPath(import.meta.url)), process.platform);
  const [file, ...args] = command;
  if (file !== undefined && options['config'] !== undefined) {
    throw new AppError('USAGE', "Give --config to the wall's own command, after --.");
  }
  await refuseNothing(root, keys, file ?? installed);

  keepAlive();
  const log = createLog({ folder: root.logs, name: 'supervisor.log', also: print });
  await tellTrust(log.logger, root, keys, options['publicKey'] === undefined ? 'this build' : '--public-key');
  const supervisor = await startSupervisor({
    root,
    keys,
    platform: `${process.platform}-${process.arch}`,
    allowDowngrade: options['allowDowngrade'] === true,
    ...(installed === undefined ? {} : { installed: { file: installed, version } }),
    ...(file === undefined ? {} : { command: [file, ...args] as const }),
    wallArguments: typeof options['config'] === 'string' ? ['--config', resolve(options['config'])] : [],
    env: process.env,
    logger: log.logger,
    onSecret: (secret) => log.redactor.add(secret),
    clock: createNodeClock(),
    random: createNodeRandom(),
    policy: { ...DEFAULT_SUPERVISOR_POLICY, trialMs },
    times: DEFAULT_TIMES,
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => supervisor.stop());
  }
  // A terminal that is closed says the same as one who asks for a restart; with it the supervisor ends.
  const isTerminal = process.stdin.isTTY || process.stdout.isTTY;
  process.on('SIGHUP', () => (isTerminal ? supervisor.stop() : supervisor.restart()));
  const exitCode = await supervisor.ended;
  await log.close();
  // Whatever still holds the process, such as a last word that nobody reads, does not hold it for long.
  setTimeout(() => process.exit(exitCode), ENDING_MS).unref();
  return exitCode;
}

function rootOf(given: unknown): string {
  if (typeof given === 'string' && given !== '') return resolve(given);
  if (given === '') throw new AppError('USAGE', '--root names no folder.');
  let home = '';
  try {
    home = homedir();
  } catch {
    // A service account without one.
  }
  const root = defaultRoot(process.platform, process.env, home);
  if (root === undefined) throw new AppError('USAGE', 'This account has no home folder: name a folder with --root.');
  return root;
}

/** The keys that versions must be signed with: those named, and in their place alone those of the build. None: no version is trusted. */
function keysOf(given: unknown): readonly KeyObject[] {
  if (given === '') throw new AppError('USAGE', '--public-key names no file.');
  if (typeof given !== 'string') return RELEASE_KEYS === undefined ? [] : publicKeysIn(RELEASE_KEYS, 'This build');
  const path = resolve(given);
  const keys = readPublicKeys(path);
  // Whoever may change the key may sign what is started. Windows has lists of who may do what instead.
  if (process.platform !== 'win32' && (lstatSync(path).mode & 0o002) !== 0) {
    throw new AppError('SUPERVISE_KEY_INVALID', `The key file ${path} may be written to by everybody on this machine.`);
  }
  return keys;
}

/** Says by which keys versions are trusted, or that those which lie there are not looked at. */
async function tellTrust(logger: Logger, root: Root, keys: readonly KeyObject[], from: string): Promise<void> {
  if (keys.length > 0) {
    const names = keys.map((key) =>
      createHash('sha256')
        .update(key.export({ type: 'spki', format: 'der' }))
        .digest('hex'),
    );
    logger.log('info', 'keys.trusted', { from, sha256: names });
  } else if (await hasVersions(root)) {
    logger.log('error', 'versions.not-trusted', { error: noKey(root) });
  }
}

function noKey(root: Root): AppError {
  const sentence = `There are versions in ${root.folder}, but no key that they would be trusted by: name it with --public-key.`;
  return new AppError('SUPERVISE_KEY_INVALID', sentence);
}

async function hasVersions({ versions, incoming }: Root): Promise<boolean> {
  const found = await Promise.all([versions, incoming].map((folder) => readdir(folder).catch(() => [])));
  return found.flat().length > 0;
}

function trialOf(given: unknown): number {
  if (given === undefined) return DEFAULT_SUPERVISOR_POLICY.trialMs;
  const seconds = typeof given === 'string' && /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (seconds < 10 || seconds > LONGEST_TRIAL_S) {
    throw new AppError('USAGE', `--trial takes a number of seconds from 10 to ${LONGEST_TRIAL_S}.`);
  }
  return seconds * 1000;
}

/** Where there is nothing to start and nothing that could come, waiting would be of no use. */
async function refuseNothing(root: Root, keys: readonly KeyObject[], wall: string | undefined): Promise<void> {
  if (wall !== undefined || keys.length > 0) return;
  if (await hasVersions(root)) throw noKey(root);
  const sentence = "There is no wall beside this command: name the wall's own command after --.";
  throw new AppError('SUPERVISE_NOTHING_TO_RUN', sentence);
}

/** A reader of the log that goes away does not end the supervisor. */
function keepAlive(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error');
    stream.on('error', () => undefined);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`, () => {
    // Nobody reads: the file has it.
  });
}

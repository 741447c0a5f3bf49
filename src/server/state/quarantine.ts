import { AppError } from '../../core/errors.ts';
import type { Clock, FileStore, Logger } from '../../core/ports.ts';
import { replaceDurably } from '../../node/durable-file.ts';
import type { StateStore } from './state-store.ts';

/** As long as nonces outlive their timestamps. */
export const QUARANTINE_MS = 300_000;
/** How far a clock may step back without harm, in ms: far less than the time that nonces are kept longer than needed. */
const STEP_MS = 60_000;
const EVERY_MS = 30_000;
const KEY = 'time-mark';

/** The five minutes in which nothing is answered, since replays could not be told. */
export interface Quarantine {
  /** How long it lasts yet, in whole seconds; 0 when there is none. */
  restSeconds(): number;
  stop(): void;
}

export const NO_QUARANTINE: Quarantine = { restSeconds: () => 0, stop: () => undefined };

interface Mark {
  /** Counts the marks of this state. */
  readonly count: number;
  /** When it was made, in ms since the epoch. */
  readonly at: number;
}

/**
 * Sees that the state was restored from a backup, or that the clock has stepped back: in both cases nonces may be missing
 * of requests that are still fresh, and none is answered for five minutes. A mark is kept in the state and, written after
 * it, in a file beside it: a state that is behind its file is an older one. A backup of both together cannot be told from
 * a stop; whoever restores one says so (`isRestored`).
 */
export async function watchTime(options: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly files: FileStore;
  readonly logger: Logger;
  readonly file: string;
  readonly isRestored: boolean;
}): Promise<Quarantine> {
  const { state, clock, files, logger, file, isRestored } = options;
  const item = await state.get('meta', KEY);
  const kept = markOf(item?.value);
  const beside = markOf(parsed(await files.read(file, 1000)));
  const now = clock.now();
  let endsAt = -Infinity;
  let [wall, steady, latest] = [now, clock.monotonic(), now];

  function begin(why: string): void {
    endsAt = clock.monotonic() + QUARANTINE_MS;
    logger.log('warn', 'server.quarantine', { why, seconds: QUARANTINE_MS / 1000 });
  }
  if (isRestored) begin('the state was restored, says its operator');
  else if (beside !== undefined && beside.count > (kept?.count ?? 0))
    begin('the state is older than the file beside it');
  else if (beside === undefined && kept !== undefined) begin('the file beside the state is missing');
  else if (kept !== undefined && now < kept.at - STEP_MS) begin('the clock is behind the state');

  let { count } = kept ?? { count: 0 };
  count = Math.max(count, beside?.count ?? 0);
  let version = item?.version ?? 0;
  async function mark(): Promise<void> {
    const next: Mark = { count: count + 1, at: clock.now() };
    const isWritten = await state.put('meta', KEY, { ...next }, version);
    if (!isWritten) throw new AppError('STATE_UNAVAILABLE', 'Another server uses the same state: stop one of them.');
    count = next.count;
    version++;
    await replaceDurably(file, JSON.stringify(next));
  }
  await mark();

  function look(): void {
    const [newWall, newSteady] = [clock.now(), clock.monotonic()];
    // Many small steps are a large one: nonces were dropped by the latest time that it ever was.
    const isBack = newWall < Math.max(wall + newSteady - steady, latest) - STEP_MS;
    if (isBack) begin('the clock has stepped back');
    [wall, steady, latest] = [newWall, newSteady, isBack ? newWall : Math.max(latest, newWall)];
  }
  const timer = setInterval(() => {
    look();
    mark().catch((error: unknown) => logger.log('error', 'server.time-mark-failed', { error }));
  }, EVERY_MS);
  timer.unref();
  return {
    restSeconds() {
      look();
      return Math.max(0, Math.ceil((endsAt - clock.monotonic()) / 1000));
    },
    stop: () => clearInterval(timer),
  };
}

function parsed(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as unknown);
  } catch {
    return undefined;
  }
}

function markOf(value: unknown): Mark | undefined {
  if (typeof value !== 'object' || value === null || !('count' in value) || !('at' in value)) return undefined;
  const { count, at } = value;
  return typeof count === 'number' && typeof at === 'number' ? { count, at } : undefined;
}

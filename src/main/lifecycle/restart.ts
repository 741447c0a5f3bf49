/** Ending after a fault, and starting anew. Knows no Electron, so that tests can watch it. */
import { HEALTH_FILE_VARIABLE } from '../../core/health/supervised.ts';
import type { Logger } from '../../core/ports.ts';
import type { CrashMemoryFile } from './crash-memory.ts';

/** A process that failed sooner than this after its start, and cannot tell the next one, waits itself, in ms. */
const YOUNG_MS = 60_000;
const FLUSH_WITHIN_MS = 2_000;
/** A promise that fails unheard has thrown through nobody's state: some are let pass, a stream of them is not. */
const MOST_REJECTIONS = 3;
const REJECTIONS_WITHIN_MS = 3_600_000;
const LOCK_TRIES = 15;
/** No supervisor of ours wishes for more. */
const LONGEST_HOLD_MS = 600_000;
const LOCK_PAUSE_MS = 200;

export interface FaultOptions {
  readonly logger: Logger;
  readonly memory: Pick<CrashMemoryFile, 'decision' | 'ended' | 'isKept'>;
  /** A supervisor starts the wall anew, after a backoff of its own. */
  readonly supervised: boolean;
  /** ms since the start of this process. */
  readonly uptimeMs: () => number;
  /** The wall is being ended in good order: what fails now is logged, and no more. */
  readonly isEnding: () => boolean;
  /** Resolves when the log is written; never rejects. */
  readonly flush: () => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Ends the process, for good or to start anew. */
  readonly end: () => void;
}

export interface FaultHandlers {
  readonly onException: (error: unknown) => void;
  readonly onRejection: (reason: unknown) => void;
}

/**
 * What to do with what no one caught: log it, remember it, end. A start that was told to hold back lasts at least as long: its fault need
 * not be in what it held back. Where there is no memory, each start waits, so that a permanent fault does not spin. With a supervisor nothing
 * waits here: two backoffs would come one after the other.
 */
export function createFaultHandlers(options: FaultOptions): FaultHandlers {
  const { logger, memory, uptimeMs, supervised } = options;
  let isFalling = false;
  let rejections: readonly number[] = [];
  const fall = async () => {
    memory.ended('exception');
    const leastMs = supervised ? 0 : memory.isKept() ? memory.decision.holdMs : YOUNG_MS;
    if (uptimeMs() < leastMs) await options.sleep(leastMs - uptimeMs());
    await Promise.race([options.flush(), options.sleep(FLUSH_WITHIN_MS)]);
    options.end();
  };
  const fallOnce = () => {
    if (isFalling || options.isEnding()) return;
    isFalling = true;
    logger.log('error', 'process.restart', { uptimeMs: Math.round(uptimeMs()) });
    void fall();
  };
  return {
    onException(error) {
      logger.log('error', 'process.uncaught-exception', { error, stack: stackOf(error) });
      fallOnce();
    },
    onRejection(reason) {
      const now = uptimeMs();
      rejections = [...rejections.filter((at) => now - at < REJECTIONS_WITHIN_MS), now].slice(-MOST_REJECTIONS - 1);
      logger.log('error', 'process.unhandled-rejection', { error: reason, stack: stackOf(reason) });
      if (rejections.length > MOST_REJECTIONS) fallOnce();
    },
  };
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined;
}

/** Whether something outside starts the wall again when it ends. */
export function isSupervised(env: Readonly<Record<string, string | undefined>>): boolean {
  return [env['VIGIL_SUPERVISED'], env[HEALTH_FILE_VARIABLE]].some((value) => value !== undefined && value !== '');
}

/** How long the supervisor wants this start to hold back, in ms; 0 where it says nothing sensible. */
export function holdOf(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['VIGIL_HOLD_MS'] ?? '';
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), LONGEST_HOLD_MS) : 0;
}

/** How often the program was started anew after it had ended, by a supervisor or by itself, as the one before has told it. */
export function restartsOf(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['VIGIL_RESTARTS'] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/**
 * The arguments for a new start, without the program: those of this one, but for any that holds a secret.
 * @param argv as `process.argv`
 * @param redact masks secrets
 */
export function relaunchArguments(argv: readonly string[], redact: (text: string) => string): string[] {
  return argv.slice(1).filter((argument) => redact(argument) === argument);
}

/**
 * Takes the single-instance lock. One that ends may hold it a moment longer, so it is asked for for some seconds, without letting
 * Electron become ready in between.
 * @param request Electron's, which may be asked again after a refusal
 */
export function takeInstanceLock(request: () => boolean, pause: (ms: number) => void = pauseThread): boolean {
  for (let tries = 1; tries < LOCK_TRIES; tries++) {
    if (request()) return true;
    pause(LOCK_PAUSE_MS);
  }
  return request();
}

function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

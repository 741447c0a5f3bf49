/** The wall as a process: started in a group of its own, or taken over from a supervisor that was killed. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Logger } from '../../core/ports.ts';
import type { End } from '../../core/supervisor/state.ts';
import { drain } from './output.ts';
import { isAlive, isGroupAlive, signalGroup } from './processes.ts';

const LOOK_EVERY_MS = 250;
/** What is left of a group that was killed is waited for so long, in ms: a process in the hands of a driver may take its time. */
const GROUP_GONE_WITHIN_MS = 10_000;
const LAST_WORDS_MS = 1_000;

export interface WallProcess {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Asks its main process to end, or ends all of it by force. */
  signal(kill: boolean): void;
}

export interface WallStart {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Told once, when nothing of it lives any more. */
  readonly onEnd: (end: End) => void;
}

/** Starts a wall. What cannot be started has ended (`not-started`). */
export function startWall({ file, args, env, logger, now, onEnd }: WallStart): WallProcess {
  // A group of its own: a terminal's Ctrl-C does not reach it past us, and all of it can be ended.
  const child = spawn(file, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  // Where the system is out of file descriptors there are none, whatever the types say.
  const streams: Readonly<Partial<Record<'stdout' | 'stderr', Readable | null>>> = child;
  if (streams.stdout) drain(streams.stdout, 'stdout', logger, now);
  if (streams.stderr) drain(streams.stderr, 'stderr', logger, now);
  let isOver = false;
  const over = (end: End): void => {
    if (isOver) return;
    isOver = true;
    // A grandchild that keeps a pipe open must not keep us.
    setTimeout(() => {
      streams.stdout?.destroy();
      streams.stderr?.destroy();
    }, LAST_WORDS_MS).unref();
    if (child.pid === undefined) onEnd(end);
    else void clearGroup(child.pid).then(() => onEnd(end));
  };
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined) over({ kind: 'not-started', reason: error.code ?? error.message });
  });
  child.on('exit', (code, signal) => {
    over(signal === null ? { kind: 'code', code: code ?? 1 } : { kind: 'signal', signal });
  });
  return {
    pid: child.pid,
    signal(kill) {
      if (child.pid !== undefined && !isOver) signalGroup(child.pid, kill ? 'SIGKILL' : 'SIGTERM');
    },
  };
}

/** Takes over a wall that another supervisor started. How it ends cannot be known. */
export function adoptWall(pid: number, identity: string, onEnd: (end: End) => void): WallProcess {
  const timer = setInterval(() => {
    if (isAlive(pid, identity)) return;
    clearInterval(timer);
    void clearGroup(pid).then(() => onEnd({ kind: 'unknown' }));
  }, LOOK_EVERY_MS);
  return {
    pid,
    signal(kill) {
      if (isAlive(pid, identity)) signalGroup(pid, kill ? 'SIGKILL' : 'SIGTERM');
    },
  };
}

/** Ends what the main process left behind, so that the next wall meets nothing of this one. */
async function clearGroup(pid: number): Promise<void> {
  if (process.platform === 'win32') return;
  const until = performance.now() + GROUP_GONE_WITHIN_MS;
  while (isGroupAlive(pid) && performance.now() < until) {
    signalGroup(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

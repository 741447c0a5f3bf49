import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import {
  beginRun,
  type CrashMemory,
  NOTHING_REMEMBERED,
  SETTLED_MS,
  type StartDecision,
  withEnd,
  withGpuDeath,
  withSettled,
} from '../../core/lifecycle/crash-loop.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import { readFileWithin } from '../../node/file-store.ts';

/** What is written comes to some kilobytes at most. */
const LONGEST_BYTES = 65_536;
const time = z.int().nonnegative();
const format = z.object({
  runs: z
    .array(
      z.object({
        version: z.string(),
        startedAt: time,
        accelerated: z.boolean(),
        gpuDeaths: z.array(time).max(100),
        settled: z.boolean(),
        end: z.enum(['clean', 'exception']).exactOptional(),
      }),
    )
    .max(100),
  accelerationOff: z
    .object({ version: z.string(), since: time, failedTrials: time, trying: z.boolean() })
    .exactOptional(),
});

export interface CrashMemoryOptions {
  /** The app's `userData`; created when it is missing. */
  readonly folder: string;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Version of the program. */
  readonly version: string;
  /** A supervisor starts the wall anew, and says how long this run is to hold back, in ms; without one the memory decides. */
  readonly supervisedHoldMs?: number;
}

/** What this process remembers of its runs. Nothing here ever throws. */
export interface CrashMemoryFile {
  /** How this run is to start. */
  readonly decision: StartDecision;
  /** Whether the memory is on disk, so that the next run will know of this one. */
  isKept(): boolean;
  /** To be called for every death of the GPU process; written at once, for the sixth in a row kills this process. */
  gpuDied(): void;
  /** To be called when the run has lasted for `settlesAfterMs`. */
  settled(): void;
  readonly settlesAfterMs: number;
  /** To be called as soon as it is known that the process ends. */
  ended(how: 'clean' | 'exception'): void;
  /** Writes what has happened so far to the log, now and for all that comes: the log begins later than the memory. */
  tellTo(logger: Logger): void;
}

/**
 * Reads the memory, begins a run in it and writes it. Must come after the single-instance lock, and before Electron is ready, for that is
 * the last moment at which hardware acceleration can be switched off. Reads and writes wait for the disk: the file is small, and this
 * process may be gone a moment later.
 *
 * A file that cannot be read is taken for no memory at all, and replaced; a disk that takes none leaves the wall as it is. Both are
 * logged once.
 */
export function openCrashMemory({ folder, clock, version, supervisedHoldMs }: CrashMemoryOptions): CrashMemoryFile {
  const path = join(folder, 'crash-memory.json');
  const startedAt = clock.monotonic();
  const untold: (readonly [event: string, fields: Readonly<Record<string, unknown>>])[] = [];
  let logger: Logger | undefined;
  let kept = true;
  const warn = (event: string, error: unknown) => {
    if (logger === undefined) untold.push([event, { path, error }]);
    else logger.log('warn', event, { path, error });
  };

  let memory: CrashMemory = NOTHING_REMEMBERED;
  try {
    memory = readMemory(path);
  } catch (error) {
    warn('crash-memory.unreadable', error);
  }
  const keep = (next: CrashMemory) => {
    memory = next;
    try {
      writeWhole(path, JSON.stringify(memory));
      kept = true;
    } catch (error) {
      if (kept) warn('crash-memory.unwritable', error);
      kept = false;
    }
  };
  const [begun, decided] = beginRun(memory, Math.max(0, Math.round(clock.now())), version);
  keep(begun);
  const decision = supervisedHoldMs === undefined ? decided : { ...decided, holdMs: supervisedHoldMs };
  const settlesAfterMs = decision.holdMs + SETTLED_MS;

  return {
    decision,
    settlesAfterMs,
    isKept: () => kept,
    gpuDied() {
      const next = withGpuDeath(memory, Math.max(0, clock.monotonic() - startedAt));
      if (next !== undefined) keep(next);
    },
    settled: () => {
      keep(withSettled(memory));
    },
    ended: (how) => {
      const next = withEnd(memory, how);
      if (next !== memory) keep(next);
    },
    tellTo(sink) {
      logger = sink;
      for (const [event, fields] of untold.splice(0)) sink.log('warn', event, fields);
      const { mode, hardwareAcceleration, holdMs, reason } = decision;
      const level = mode === 'safe' || !hardwareAcceleration ? 'warn' : 'info';
      sink.log(level, 'crash-memory.decision', { mode, hardwareAcceleration, holdMs, reason });
    },
  };
}

/** Throws for anything but a missing or a good file. */
function readMemory(path: string): CrashMemory {
  let bytes: Uint8Array;
  try {
    bytes = readFileWithin(path, LONGEST_BYTES);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NOTHING_REMEMBERED;
    throw error;
  }
  return format.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
}

/** The whole file or the one before: written beside it, then renamed over it. Not flushed: only a power cut could undo it. */
function writeWhole(path: string, text: string): void {
  const beside = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true });
  // A new file each time: whatever lies there, a pipe even, is never opened.
  rmSync(beside, { force: true });
  writeFileSync(beside, text, { flag: 'wx', mode: 0o600 });
  renameSync(beside, path);
}

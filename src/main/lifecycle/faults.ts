import { app } from 'electron';
import { FAULT_EXIT_CODE } from '../../core/lifecycle/exit-codes.ts';
import type { Logger } from '../../core/ports.ts';
import type { Redactor } from '../../node/redact.ts';
import type { CrashMemoryFile } from './crash-memory.ts';
import { createFaultHandlers, relaunchArguments, restartsOf } from './restart.ts';

export interface FaultHandlerOptions {
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly memory: CrashMemoryFile;
  /** Something outside starts the wall again when it ends. */
  readonly supervised: boolean;
  /** ms since the start of this process. */
  readonly uptimeMs: () => number;
  /** The wall is being ended in good order. */
  readonly isEnding: () => boolean;
  /** Resolves when the log is written; never rejects. */
  readonly flush: () => Promise<void>;
  /** Told just before the process ends: Electron destroys views then, and nothing may be done about it (33 crashes). */
  readonly onEnd: () => void;
}

/**
 * What no one caught. Electron would show a dialog and wait for a click that never comes on a wall: instead it is logged, and the wall
 * starts anew: through its supervisor where it has one, by itself otherwise.
 */
export function restartOnFaults(options: FaultHandlerOptions): void {
  const { onException, onRejection } = createFaultHandlers({
    ...options,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    end() {
      try {
        options.onEnd();
        if (!options.supervised) {
          process.env['VIGIL_RESTARTS'] = String(restartsOf(process.env) + 1);
          app.relaunch({ args: relaunchArguments(process.argv, (text) => options.redactor.redact(text)) });
        }
        app.exit(FAULT_EXIT_CODE);
      } catch {
        process.exit(FAULT_EXIT_CODE);
      }
    },
  });
  process.on('uncaughtException', onException);
  process.on('unhandledRejection', onRejection);
}

/** Writes deaths of the GPU process into the memory, all that come before the wall ends in good order. */
export function rememberGpuDeaths(memory: CrashMemoryFile, isEnding: () => boolean): void {
  app.on('child-process-gone', (_event, { type, reason }) => {
    if (type === 'GPU' && reason !== 'clean-exit' && !isEnding()) memory.gpuDied();
  });
}

/** Masks secrets in all that this process writes to its standard streams, Electron's own warnings included. */
export function redactStandardStreams(redactor: Redactor): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === 'string' ? redactor.redact(chunk) : chunk, ...rest);
    // A panel that closes our stderr must not end the wall.
    stream.on('error', () => undefined);
  }
}

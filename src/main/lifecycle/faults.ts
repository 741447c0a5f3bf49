import { app } from 'electron';
import type { Logger } from '../../core/ports.ts';
import type { Redactor } from '../../node/redact.ts';

/** A process that failed sooner than this after its start waits before it starts anew, in ms. */
const SETTLED_MS = 60_000;

/**
 * What no one caught. Electron would show a dialog and wait for a click that never comes on a wall: instead it is logged, and the
 * wall starts anew. A fault right after the start waits a minute, so that a permanent one does not spin.
 */
export function installFaultHandlers(logger: Logger, startedAt: number, now: () => number): void {
  let falling = false;
  process.on('uncaughtException', (error) => {
    logger.log('error', 'process.uncaught-exception', { error, stack: error.stack });
    if (falling) return;
    falling = true;
    setTimeout(
      () => {
        app.relaunch();
        app.exit(1);
      },
      Math.max(1_000, SETTLED_MS - (now() - startedAt)),
    );
  });
  process.on('unhandledRejection', (reason) => {
    logger.log('error', 'process.unhandled-rejection', { error: reason });
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

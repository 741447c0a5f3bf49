/** What a wall writes to its standard streams, line by line into the log: always read, so that no pipe fills, and bounded. */
import type { Readable } from 'node:stream';
import type { Logger } from '../../core/ports.ts';

/** The rest of a longer line is thrown away. The log redacts a line as a whole and cuts it then, further in front. */
const LONGEST_LINE = 64 * 1024;

export interface OutputLimits {
  /** Lines that are logged in a time of `ms`; of more only the number. */
  readonly lines: number;
  readonly ms: number;
}

const LIMITS: OutputLimits = { lines: 200, ms: 60_000 };

/** Reads a stream to its end, whatever comes. `now` is monotonic ms. */
export function drain(
  stream: Readable,
  name: 'stdout' | 'stderr',
  logger: Logger,
  now: () => number,
  limits: OutputLimits = LIMITS,
): void {
  let line = '';
  let since = now();
  let lines = 0;
  let dropped = 0;
  const tellDropped = (): void => {
    if (dropped > 0) logger.log('warn', 'wall.output-dropped', { stream: name, lines: dropped });
    dropped = 0;
  };
  const tell = (): void => {
    const text = line.trimEnd();
    line = '';
    if (text === '') return;
    if (now() - since >= limits.ms) {
      tellDropped();
      since = now();
      lines = 0;
    }
    if (++lines > limits.lines) dropped++;
    else logger.log('info', 'wall.output', { stream: name, text });
  };
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => {
    const parts = piece.split('\n');
    parts.forEach((part, index) => {
      if (line.length < LONGEST_LINE) line += part.slice(0, LONGEST_LINE - line.length);
      if (index < parts.length - 1) tell();
    });
  });
  stream.on('end', () => {
    tell();
    tellDropped();
  });
  stream.on('error', () => undefined);
}

import { mkdirSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { Logger, LogLevel } from '../core/ports.ts';
import { createRedactor, type Redactor } from './redact.ts';

export interface LogOptions {
  /** Folder of the log; created when it is missing. */
  readonly folder: string;
  /** File name of the newest part; older ones are `name.1`, `name.2`, … Default `vigil.log`. */
  readonly name?: string;
  /** No file grows larger, in bytes. Default 1 MiB. */
  readonly maxBytes?: number;
  /** No more files than this, the newest included; at least 2. Default 5. */
  readonly maxFiles?: number;
  /** Least level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Masks secrets in every line; the program registers what it learns. Default: a new one. */
  readonly redactor?: Redactor;
  /** Takes every line as well (without line end). Default: nowhere. */
  readonly also?: (line: string) => void;
  /** Takes lines that the disk does not. Default: standard error. */
  readonly fallback?: (line: string) => void;
  /** How long a disk that failed is left alone, in ms. Default 10 s. */
  readonly retryMs?: number;
}

export interface Log {
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Resolves when everything logged so far is on disk, or has gone to the fallback. Never rejects. */
  close(): Promise<void>;
}

const LONGEST_LINE = 16 * 1024;
/** What is looked through for secrets at most; a line longer than this is cut before, and again far shorter after. */
const LONGEST_INPUT = 256 * 1024;
/** Bytes that may wait for a disk that hangs; then lines go to the fallback. */
const LONGEST_QUEUE = 1024 * 1024;

/**
 * A log of JSON lines (`time`, `level`, `event`, then the fields) in files that rotate by size. Total size stays within
 * `maxBytes` × `maxFiles`, restarts included. A full or unwritable disk never stops the program: lines then go to the
 * fallback, and the disk is tried again later. Errors among the fields are written with code, message and causes.
 */
export function createLog(options: LogOptions): Log {
  const redactor = options.redactor ?? createRedactor();
  const maxBytes = options.maxBytes ?? 1024 * 1024;
  const longestLine = Math.max(256, Math.min(LONGEST_LINE, Math.floor(maxBytes / 4)));
  const file = createRotatingFile({
    folder: options.folder,
    name: options.name ?? 'vigil.log',
    rotateAt: maxBytes - longestLine,
    maxFiles: Math.max(2, options.maxFiles ?? 5),
    retryMs: options.retryMs ?? 10_000,
    fallback: options.fallback ?? toStandardError,
  });
  const sink = {
    write(raw: string) {
      const line = bounded(redactor.redact(raw.slice(0, LONGEST_INPUT).trimEnd()), longestLine);
      file.write(line);
      options.also?.(line);
    },
  };
  const writer = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return {
    redactor,
    logger: {
      log(level, event, fields) {
        // Logging must never be what fails: a field may have a getter that throws.
        try {
          writer[level](plain(fields ?? {}, 0) as object, event);
        } catch (error) {
          writer.error({ of: event, reason: String(error) }, 'log.field-unreadable');
        }
      },
    },
    close: () => file.close(),
  };
}

/** A line that is too long becomes a shorter JSON line that says so. It is redacted already, so no secret is cut in two. */
function bounded(line: string, longest: number): string {
  if (Buffer.byteLength(line) < longest) return line;
  // In the worst case a character becomes six bytes (\u0000), so a sixth of the room is always enough.
  const short = (room: number): string =>
    JSON.stringify({ level: 'warn', event: 'log.line-cut', text: line.slice(0, room) });
  const half = short(Math.floor(longest / 2));
  return Buffer.byteLength(half) < longest ? half : short(Math.floor(longest / 6) - 20);
}

/** Fields as data: errors with what matters of them, and no endless depth. */
function plain(value: unknown, depth: number): unknown {
  if (depth > 6) return '[deep]';
  if (value instanceof Error) {
    const code = 'code' in value && typeof value.code === 'string' ? { code: value.code } : {};
    const cause = value.cause === undefined ? {} : { cause: plain(value.cause, depth + 1) };
    return { name: value.name, ...code, message: value.message, ...cause };
  }
  if (typeof value === 'bigint') return value.toString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, 100).map((one) => plain(one, depth + 1));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, depth + 1)]));
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`, () => {
    // A closed standard error is no reason to stop; without a callback it would be an event nobody listens to.
  });
}

interface RotatingFileOptions {
  readonly folder: string;
  readonly name: string;
  readonly rotateAt: number;
  readonly maxFiles: number;
  readonly retryMs: number;
  readonly fallback: (line: string) => void;
}

/** A rotating file that outlives its disk's failures: the library's stream is dead after one, so it is made anew. */
function createRotatingFile(options: RotatingFileOptions): { write(line: string): void; close(): Promise<void> } {
  const { folder, name, fallback } = options;
  let stream: RotatingFileStream | undefined;
  let retryAt = 0;
  let closed = false;
  const surplusGone = removeSurplus(folder, name, options.maxFiles);

  function open(): RotatingFileStream | undefined {
    if (stream !== undefined) return stream;
    if (closed || performance.now() < retryAt) return undefined;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const opened = createStream(name, {
        path: folder,
        size: `${options.rotateAt}B`,
        rotate: options.maxFiles - 1,
        mode: 0o600,
      });
      const failed = (): void => {
        if (stream === opened) stream = undefined;
        retryAt = performance.now() + options.retryMs;
      };
      opened.on('error', failed);
      opened.on('warning', () => undefined);
      stream = opened;
    } catch {
      retryAt = performance.now() + options.retryMs;
    }
    return stream;
  }

  return {
    write(line) {
      const target = open();
      if (target === undefined || target.destroyed || target.writableLength > LONGEST_QUEUE) {
        fallback(line);
        return;
      }
      target.write(`${line}\n`, (error) => {
        if (error) fallback(line);
      });
    },
    async close() {
      closed = true;
      await surplusGone;
      const open = stream;
      stream = undefined;
      if (open === undefined || open.destroyed) return;
      await new Promise<void>((resolve) => {
        open.once('close', resolve);
        open.once('error', () => resolve());
        open.end();
      });
    },
  };
}

/** Files that a larger `maxFiles` of an earlier run left behind. */
async function removeSurplus(folder: string, name: string, maxFiles: number): Promise<void> {
  try {
    for (const entry of await readdir(folder)) {
      const number = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : '';
      if (/^\d{1,6}$/.test(number) && Number(number) >= maxFiles) await unlink(join(folder, entry));
    }
  } catch {
    // Nothing there yet, or nothing that can be removed: the next start tries again.
  }
}

import { AppError, toAppError } from '../../core/errors.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import type { Item, Json, StateStore } from '../state/state-store.ts';
import type { Audit, AuditEvent } from './audit.ts';
import { batchAfter, batchOf, GENESIS, headAfter, type Anchor, type Batch, type Head } from './chain.ts';

/** Lines of one document at most: a DynamoDB item holds 400 KB, a line has at most some 2 KB. */
const MOST_LINES = 100;

/** How often a batch is linked anew because another process was first. */
const MOST_RACES = 20;

/** Numbers are stored counting down, so that a list begins with the newest. */
const HIGHEST = 999_999_999_999;

/** How long lines are kept, in ms: 400 days. */
const KEPT_MS = 400 * 86_400_000;

/** Where anchors go: a place that whoever can change the log cannot change. */
export type AnchorSink = (anchor: Anchor) => Promise<void>;

export interface StateAuditOptions {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One chain of lines. Letters, digits and hyphens. Processes may share one; where many run at once each has its own. */
  readonly stream: string;
  readonly anchor: AnchorSink;
  /** Least time between two anchors, in ms; 0 for one with every batch. */
  readonly anchorEveryMs: number;
  /** 400 days where it is missing, in ms. */
  readonly keepMs?: number;
}

/** An audit log that can be closed: everything durable, and the last line anchored. */
export interface ClosableAudit extends Audit {
  close(): Promise<void>;
}

interface Pending {
  readonly at: number;
  readonly event: AuditEvent;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

/** The key under which the batch that begins with line `first` is stored. */
export function auditKey(stream: string, first: number): string {
  return `${stream}/${String(HIGHEST - first).padStart(12, '0')}`;
}

/**
 * The audit log in the server's state: lines that come together become one document, whose hash continues the document
 * before it. Every line goes to the program's log too, which is usually shipped elsewhere. A line whose write failed is
 * told to whoever appended it (AUDIT_UNAVAILABLE); the next one asks the state where the stream ends.
 */
export function createStateAudit(options: StateAuditOptions): ClosableAudit {
  const { state, clock, logger, stream } = options;
  const keepMs = options.keepMs ?? KEPT_MS;
  let head: Head | undefined;
  let queue: Pending[] = [];
  let running: Promise<void> | undefined;
  let anchored = { seq: 0, at: -Infinity };
  let later: NodeJS.Timeout | undefined;

  async function write(events: readonly Pending[]): Promise<void> {
    for (let race = 0; race < MOST_RACES; race++) {
      head ??= await readHead(state, stream);
      const batch: Batch = batchAfter(head, events);
      const expiresAt = clock.now() + keepMs;
      const isWritten = await state.put('audit', auditKey(stream, batch.first), batch as unknown as Json, 0, {
        expiresAt,
      });
      if (isWritten) {
        head = headAfter(batch);
        return;
      }
      head = undefined;
    }
    throw new AppError(
      'AUDIT_UNAVAILABLE',
      'Too many processes write the audit log at once: give each its own stream.',
    );
  }

  async function anchorHead(always: boolean): Promise<void> {
    if (head === undefined || head.seq === anchored.seq) return;
    const now = clock.monotonic();
    const waitMs = anchored.at + options.anchorEveryMs - now;
    if (!always && waitMs > 0) {
      // So that the last lines before a quiet time are anchored too.
      if (Number.isFinite(waitMs)) later ??= setTimeout(() => void anchorHead(true), waitMs).unref();
      return;
    }
    clearTimeout(later);
    later = undefined;
    anchored = { seq: head.seq, at: now };
    try {
      await options.anchor({ stream, ...head, at: clock.now() });
    } catch (error) {
      // The lines themselves are safe; the next anchor covers what this one would have.
      anchored = { seq: 0, at: now };
      logger.log('error', 'audit.anchor-failed', { sentence: toAppError(error).message });
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const events = queue.slice(0, MOST_LINES);
      queue = queue.slice(MOST_LINES);
      try {
        await write(events);
      } catch (error) {
        head = undefined;
        const cause = toAppError(error);
        const failure =
          cause.code === 'AUDIT_UNAVAILABLE'
            ? cause
            : new AppError('AUDIT_UNAVAILABLE', `The audit log cannot be written: ${cause.message}`, { cause });
        logger.log('error', 'audit.failed', { sentence: failure.message, lines: events.length });
        for (const { reject } of events) reject(failure);
        continue;
      }
      for (const { event, resolve } of events) {
        const { event: what, ...fields } = event;
        logger.log(event.allowed ? 'info' : 'warn', 'audit', { what, ...fields });
        resolve();
      }
      await anchorHead(false);
    }
  }

  function start(): void {
    running ??= Promise.resolve()
      .then(drain)
      .finally(() => {
        running = undefined;
        if (queue.length > 0) start();
      });
  }

  return {
    append(event) {
      return new Promise((resolve, reject) => {
        queue.push({ at: clock.now(), event, resolve, reject });
        start();
      });
    },
    async close() {
      while (running !== undefined) await running;
      clearTimeout(later);
      await anchorHead(true);
    },
  };
}

/** Every batch of a stream, oldest first. Rejects with STATE_*. */
export async function readStream(state: StateStore, stream: string): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  let after = `${stream}/`;
  for (;;) {
    const items = (await state.list('audit', 500, after)).filter((item) => item.key.startsWith(`${stream}/`));
    for (const item of items) batches.push(soundBatch(item));
    const last = items.at(-1);
    if (last === undefined) return batches.reverse();
    after = last.key;
  }
}

/** The names of all streams. Rejects with STATE_*. */
export async function readStreams(state: StateStore): Promise<readonly string[]> {
  const streams: string[] = [];
  let after: string | undefined;
  for (;;) {
    const [item] = await state.list('audit', 1, after);
    if (item === undefined) return streams;
    const stream = item.key.slice(0, item.key.lastIndexOf('/'));
    streams.push(stream);
    // '0' is the character after '/': behind everything of this stream.
    after = `${stream}0`;
  }
}

/** The end of a stream. Rejects with STATE_*. */
export async function readHead(state: StateStore, stream: string): Promise<Head> {
  const [newest] = await state.list('audit', 1, `${stream}/`);
  if (newest?.key.startsWith(`${stream}/`) !== true) return { seq: 0, hash: GENESIS };
  return headAfter(soundBatch(newest));
}

function soundBatch(item: Item): Batch {
  const batch = batchOf(item.value);
  if (batch !== undefined) return batch;
  throw new AppError('STATE_CORRUPT', `The audit log's document ${item.key} was not written by Vigil.`);
}

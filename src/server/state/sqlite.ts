import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { makeOwnFolder } from '../../node/durable-file.ts';
import type { Write, WriterData, WriterFailure, WriterReply, WriterRequest } from './sqlite-messages.ts';
import type { Item, Json, StateStore, Table } from './state-store.ts';

/** Most writes of one transaction: what waits behind it must not wait long. */
const MOST_WRITES = 500;
const SWEEP_EVERY_MS = 60_000;
/** SQLite's primary result codes (sqlite.org, "Result and Error Codes"). */
const [BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB] = [5, 6, 8, 10, 11, 13, 14, 26];

export interface SqliteStateOptions {
  /** Made, with its folder, where it is missing; readable by its owner alone. */
  readonly file: string;
  readonly clock: Clock;
  /** Largest the file may become, in bytes; default as large as the disk. */
  readonly maxBytes?: number;
  /** How often documents that have ended are dropped, in ms; default one minute. */
  readonly sweepEveryMs?: number;
}

interface Pending {
  readonly write: Write;
  readonly resolve: (done: boolean) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * The state in one SQLite file (WAL, synchronous = FULL). Writes go through a thread of their own, and all that came while
 * it was at the disk share the next transaction; a write resolves when that is durable. Several processes may have the
 * file open. Rejects with STATE_UNAVAILABLE (permissions, a full disk, held by another process) or STATE_CORRUPT.
 */
export async function openSqliteState(options: SqliteStateOptions): Promise<StateStore> {
  const { file, clock } = options;
  await prepare(file);
  const writer = await startWriter(file, options.maxBytes);
  const reader = attempt(file, () => new DatabaseSync(file, { readOnly: true, timeout: 1000 }));
  const one = reader.prepare('SELECT value, version FROM item WHERE kind = ? AND key = ?');
  const many = reader.prepare('SELECT key, value, version FROM item WHERE kind = ? AND key > ? ORDER BY key LIMIT ?');

  let queue: Pending[] = [];
  let sweepDue = false;
  let inFlight: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  async function transact(): Promise<void> {
    const batch = queue.slice(0, MOST_WRITES);
    queue = queue.slice(MOST_WRITES);
    const sweep = sweepDue ? { sweepBefore: clock.now() } : {};
    sweepDue = false;
    const reply = await writer.send({ writes: batch.map(({ write }) => write), ...sweep });
    if ('failure' in reply) for (const { reject } of batch) reject(asAppError(file, reply.failure));
    else for (const [i, { resolve }] of batch.entries()) resolve(reply.done[i] === true);
  }

  function flush(): Promise<void> {
    // A turn of the loop is waited for: what is written in it goes into one transaction.
    inFlight ??= new Promise<void>((resolve) => setImmediate(resolve)).then(transact).finally(() => {
      inFlight = undefined;
      if (queue.length > 0 || sweepDue) void flush();
    });
    return inFlight;
  }

  function write(what: Write): Promise<boolean> {
    if (closed !== undefined) return Promise.reject(new AppError('STATE_UNAVAILABLE', 'The state is closed.'));
    return new Promise((resolve, reject) => {
      queue.push({ write: what, resolve, reject });
      void flush();
    });
  }

  const timer = setInterval(() => {
    sweepDue = true;
    void flush();
  }, options.sweepEveryMs ?? SWEEP_EVERY_MS);
  timer.unref();

  async function shut(): Promise<void> {
    clearInterval(timer);
    while (inFlight !== undefined) await inFlight;
    reader.close();
    await writer.close();
  }

  return {
    get: (table, key) =>
      later(() => {
        const row = attempt(file, () => one.get(table, key));
        return row === undefined ? undefined : itemOf(file, table, { ...row, key });
      }),
    put: (table, key, value, ifVersion, { expiresAt } = {}) =>
      write({
        table,
        key,
        ifVersion,
        text: JSON.stringify(value),
        ...(expiresAt === undefined ? {} : { expiresAt: Math.ceil(expiresAt) }),
      }),
    remove: (table, key, ifVersion) => write({ table, key, ifVersion }),
    list: (table, limit, after = '') =>
      later(() => attempt(file, () => many.all(table, after, limit)).map((row) => itemOf(file, table, row))),
    close: () => (closed ??= shut()),
  };
}

/** The file with its folder, for its owner alone; SQLite gives its companions the same permissions. */
async function prepare(file: string): Promise<void> {
  try {
    await makeOwnFolder(dirname(file));
    await (await open(file, 'a', 0o600)).close();
  } catch (cause) {
    throw new AppError(
      'STATE_UNAVAILABLE',
      `The state ${file} cannot be opened: check the folder and who may write it.`,
      {
        cause,
      },
    );
  }
}

interface Writer {
  send(request: Omit<WriterRequest, 'id'>): Promise<WriterReply>;
  close(): Promise<void>;
}

async function startWriter(file: string, maxBytes: number | undefined): Promise<Writer> {
  const workerData: WriterData = { file, ...(maxBytes === undefined ? {} : { maxBytes }) };
  // Not this process's own flags: some of them (--input-type) are refused with a file.
  const worker = new Worker(writerFile(), { workerData, execArgv: [] });
  const waiting = new Map<number, (reply: WriterReply) => void>();
  let lastId = 0;
  let gone: WriterFailure | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (message: string): void => {
      gone ??= { message };
      for (const [id, resolveReply] of waiting) resolveReply({ id, failure: gone });
      waiting.clear();
      resolve();
    };
    worker.on('error', (error: unknown) => end(`its thread failed (${String(error)})`));
    worker.on('exit', () => end('its thread has ended'));
  });
  worker.on('message', (reply: WriterReply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const answerTo = (id: number): Promise<WriterReply> =>
    gone === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve({ id, failure: gone });

  const opened = await answerTo(0);
  if ('failure' in opened) throw asAppError(file, opened.failure);
  return {
    send(request) {
      const id = ++lastId;
      const answer = answerTo(id);
      worker.postMessage({ ...request, id } satisfies WriterRequest);
      return answer;
    },
    async close() {
      if (gone === undefined) worker.postMessage('close');
      await ended;
    },
  };
}

/** The thread's program: beside this source, or beside the bundle that this went into. */
function writerFile(): URL {
  const places = import.meta.url.endsWith('.ts')
    ? ['./sqlite-writer.ts']
    : ['./sqlite-writer.js', '../sqlite-writer.js', './sqlite-writer.mjs'];
  const [first = ''] = places;
  return new URL(
    places.find((place) => existsSync(fileURLToPath(new URL(place, import.meta.url)))) ?? first,
    import.meta.url,
  );
}

function later<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
    const message = error instanceof Error ? error.message : String(error);
    throw asAppError(file, errcode === undefined ? { message } : { message, errcode });
  }
}

function itemOf(file: string, table: Table, row: Readonly<Record<string, unknown>>): Item {
  const { key, value, version } = row;
  if (typeof key === 'string' && typeof value === 'string' && typeof version === 'number') {
    try {
      return { key, version, value: JSON.parse(value) as Json };
    } catch {
      // Told below.
    }
  }
  throw new AppError('STATE_CORRUPT', `A document of ${table} in the state ${file} makes no sense: restore a backup.`);
}

function asAppError(file: string, failure: WriterFailure): AppError {
  if ('refused' in failure) {
    return new AppError(
      'STATE_CORRUPT',
      `The state ${file} ${failure.refused}: restore a backup, or name another folder.`,
    );
  }
  const { message, errcode = 0 } = failure;
  const cause = new Error(`SQLite: ${message} (${errcode})`);
  const unavailable = (why: string): AppError =>
    new AppError('STATE_UNAVAILABLE', `The state ${file} cannot be used: ${why}.`, { cause });
  switch (errcode & 0xff) {
    case CORRUPT:
    case NOTADB:
      return new AppError('STATE_CORRUPT', `The state ${file} is damaged: restore a backup.`, { cause });
    case FULL:
      return unavailable('the disk is full, make room on it');
    case READONLY:
    case CANTOPEN:
      return unavailable('this account may not write it, check the permissions of file and folder');
    case BUSY:
    case LOCKED:
      return unavailable('another process holds it, look for one that hangs');
    case IOERR:
      return unavailable('the disk fails, look into the system log');
    default:
      return unavailable(message);
  }
}

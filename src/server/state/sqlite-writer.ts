/**
 * The thread that writes the state: it owns the one writing connection, so that waiting for the disk (some 5 ms for each
 * transaction here) holds up nobody who only computes. One message is one transaction.
 */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { WriterData, WriterFailure, WriterReply, WriterRequest } from './sqlite-messages.ts';

/** Marks a file as ours: "VIGL". */
const APPLICATION_ID = 0x5649474c;
const SCHEMA_VERSION = 1;
/** How long another process may hold the file, in ms. */
const BUSY_MS = 5000;
/** Documents dropped in one transaction. */
const SWEEP = 1000;

const data = workerData as WriterData;
const port = parentPort;
if (port === null) throw new Error('to be run as a worker');

function open(): DatabaseSync {
  const opened = new DatabaseSync(data.file, { timeout: BUSY_MS });
  const pragma = (name: string): unknown => opened.prepare(`PRAGMA ${name}`).get()?.[name];
  const application = pragma('application_id');
  const version = pragma('user_version');
  const isNew = application === 0 && version === 0;
  if (!isNew && application !== APPLICATION_ID) throw new Refused('holds something that Vigil did not write');
  if (Number(version) > SCHEMA_VERSION) throw new Refused('was written by a newer version of Vigil');
  // FULL: a transaction is on the disk when its commit returns. That is what `put` promises.
  opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
  const [check] = Object.values(opened.prepare('PRAGMA quick_check(1)').get() ?? {});
  if (check !== 'ok') throw new Refused('is damaged');
  opened.exec(
    `BEGIN IMMEDIATE;
     CREATE TABLE IF NOT EXISTS item (
       kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL, expires INTEGER,
       UNIQUE (kind, key)) STRICT;
     CREATE INDEX IF NOT EXISTS item_expires ON item (expires) WHERE expires IS NOT NULL;
     PRAGMA application_id = ${APPLICATION_ID};
     PRAGMA user_version = ${SCHEMA_VERSION};
     COMMIT`,
  );
  if (data.maxBytes !== undefined) {
    opened.exec(`PRAGMA max_page_count = ${Math.ceil(data.maxBytes / Number(pragma('page_size')))}`);
  }
  return opened;
}

/** A file that is not what it should be. */
class Refused extends Error {
  override readonly name = 'Refused';
}

function failureOf(error: unknown): WriterFailure {
  if (error instanceof Refused) return { refused: error.message };
  const sqlite = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return sqlite === undefined ? { message } : { message, errcode: sqlite };
}

function serve(db: DatabaseSync): (request: WriterRequest) => WriterReply {
  const insert = db.prepare(
    'INSERT INTO item (kind, key, value, version, expires) VALUES (?, ?, ?, 1, ?) ON CONFLICT DO NOTHING',
  );
  const update = db.prepare(
    'UPDATE item SET value = ?, version = version + 1, expires = ? WHERE kind = ? AND key = ? AND version = ?',
  );
  const remove = db.prepare('DELETE FROM item WHERE kind = ? AND key = ? AND version = ?');
  const sweep = db.prepare(
    `DELETE FROM item WHERE rowid IN (SELECT rowid FROM item WHERE expires <= ? ORDER BY expires LIMIT ${SWEEP})`,
  );

  return ({ id, writes, sweepBefore }) => {
    try {
      db.exec('BEGIN IMMEDIATE');
      const done = writes.map((write) => {
        const { table, key, ifVersion } = write;
        if (write.text === undefined) return remove.run(table, key, ifVersion).changes === 1;
        const expires = write.expiresAt ?? null;
        if (ifVersion === 0) return insert.run(table, key, write.text, expires).changes === 1;
        return update.run(write.text, expires, table, key, ifVersion).changes === 1;
      });
      if (sweepBefore !== undefined) sweep.run(sweepBefore);
      db.exec('COMMIT');
      return { id, done };
    } catch (error) {
      try {
        db.exec('ROLLBACK');
      } catch {
        // SQLite has rolled back by itself.
      }
      return { id, failure: failureOf(error) };
    }
  };
}

try {
  const db = open();
  const answer = serve(db);
  port.on('message', (request: WriterRequest | 'close') => {
    if (request !== 'close') {
      port.postMessage(answer(request));
      return;
    }
    try {
      db.close();
    } finally {
      port.close();
    }
  });
  port.postMessage({ id: 0, done: [] } satisfies WriterReply);
} catch (error) {
  port.postMessage({ id: 0, failure: failureOf(error) } satisfies WriterReply);
  port.close();
}

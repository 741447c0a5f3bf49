import type { Item, Json, StateStore, Table } from '../state-store.ts';

/** State in memory, with the conditions of the real ones, and a fault that a test can put before or behind a write. */
export interface MemoryState extends StateStore {
  /** Called before each write; what it throws fails the write before anything is changed. */
  beforeWrite: (table: Table, key: string) => void;
  /** Called after each write that was made; what it throws is an answer that got lost. */
  afterWrite: (table: Table, key: string) => void;
  /** Changes a document behind the server's back; undefined removes it. */
  tamper(table: Table, key: string, value: Json | undefined): void;
}

export function memoryState(): MemoryState {
  const tables = new Map<Table, Map<string, Item>>();
  const documents = (table: Table): Map<string, Item> => {
    const found = tables.get(table) ?? new Map<string, Item>();
    tables.set(table, found);
    return found;
  };
  const later = <T>(work: () => T): Promise<T> => Promise.resolve().then(work);
  const self: MemoryState = {
    beforeWrite: () => undefined,
    afterWrite: () => undefined,
    tamper(table, key, value) {
      if (value === undefined) documents(table).delete(key);
      else documents(table).set(key, { key, value, version: (documents(table).get(key)?.version ?? 0) + 1 });
    },
    get: (table, key) => later(() => structuredClone(documents(table).get(key))),
    put: (table, key, value, ifVersion) =>
      later(() => {
        self.beforeWrite(table, key);
        if ((documents(table).get(key)?.version ?? 0) !== ifVersion) return false;
        documents(table).set(key, { key, value: structuredClone(value), version: ifVersion + 1 });
        self.afterWrite(table, key);
        return true;
      }),
    remove: (table, key, ifVersion) =>
      later(() => {
        self.beforeWrite(table, key);
        if ((documents(table).get(key)?.version ?? 0) !== ifVersion) return false;
        documents(table).delete(key);
        self.afterWrite(table, key);
        return true;
      }),
    list: (table, limit, after = '') =>
      later(() =>
        structuredClone(
          [...documents(table).values()]
            .filter((item) => item.key > after)
            .sort((a, b) => (a.key < b.key ? -1 : 1))
            .slice(0, limit),
        ),
      ),
    close: () => Promise.resolve(),
  };
  return self;
}

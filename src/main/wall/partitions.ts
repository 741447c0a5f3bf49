import { type Session, session as electronSession } from 'electron';
import type { Logger } from '../../core/ports.ts';
import { PARTITIONS, type Partition } from '../../core/session/state.ts';
import { within } from './within.ts';

const CLEAR_WITHIN_MS = 10_000;

/**
 * The in-memory partitions of one console session. Electron never frees an in-memory partition, so the same ones are used over and
 * over and cleared in between; only one that cannot be cleared is given up for a fresh name.
 */
export class Partitions {
  readonly #prepare: (session: Session) => void;
  readonly #logger: Logger;
  readonly #names: Record<Partition, string>;
  readonly #clearing: Partial<Record<Partition, Promise<void>>> = {};
  readonly #prepared = new Set<string>();
  readonly #name: string;
  #given = 0;

  /**
   * @param name unique to the console session; without `persist:`, so nothing is written to disk
   * @param prepare called once for each Electron session before anything loads in it
   */
  constructor(name: string, prepare: (session: Session) => void, logger: Logger) {
    this.#name = name;
    this.#prepare = prepare;
    this.#logger = logger;
    this.#names = { a: `${name}-a`, b: `${name}-b`, c: `${name}-c` };
  }

  /** The Electron session of a partition, cleared and locked down. */
  async acquire(partition: Partition): Promise<Session> {
    await this.#clearing[partition];
    return this.#session(partition);
  }

  #session(partition: Partition): Session {
    const name = this.#names[partition];
    const session = electronSession.fromPartition(name, { cache: true });
    if (!this.#prepared.has(name)) {
      this.#prepared.add(name);
      this.#prepare(session);
    }
    return session;
  }

  /** Empties a partition once its views have left. Never rejects; the next `acquire` waits for it. */
  release(partition: Partition, left: Promise<void> = Promise.resolve()): Promise<void> {
    // A view that never says that it has left must not hold the partition for ever.
    const gone = within(CLEAR_WITHIN_MS, Promise.all([left, this.#clearing[partition]]));
    const clearing = gone.then(() => this.#clear(partition));
    this.#clearing[partition] = clearing;
    return clearing;
  }

  /** Gives the partitions up for fresh ones: after the network service died, what was made before may never answer again. */
  forsake(): void {
    for (const partition of PARTITIONS) this.giveUp(partition);
  }

  /** Gives a partition up for a fresh one, whatever it is still being cleared of. */
  giveUp(partition: Partition): void {
    Reflect.deleteProperty(this.#clearing, partition);
    this.#rename(partition);
  }

  #rename(partition: Partition): void {
    this.#given += 1;
    this.#names[partition] = `${this.#name}-${partition}${this.#given}`;
  }

  async #clear(partition: Partition): Promise<void> {
    const name = this.#names[partition];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error('it took too long'));
      }, CLEAR_WITHIN_MS);
    });
    try {
      await Promise.race([empty(this.#session(partition)), late]);
    } catch (error) {
      if (this.#names[partition] === name) this.#rename(partition);
      this.#logger.log('warn', 'partition.not-cleared', { partition, error: String(error) });
    } finally {
      clearTimeout(timer);
    }
  }
}

async function empty(session: Session): Promise<void> {
  await session.closeAllConnections();
  await session.clearStorageData();
  await session.clearCache();
  await session.clearAuthCache();
  const left = await session.cookies.get({});
  if (left.length > 0) throw new Error(`${left.length} cookies survived`);
}

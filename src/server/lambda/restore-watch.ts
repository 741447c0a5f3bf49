import { AppError, toAppError } from '../../core/errors.ts';
import type { Clock, Logger } from '../../core/ports.ts';
import { QUARANTINE_MS, type Quarantine } from '../state/quarantine.ts';
import type { StateStore } from '../state/state-store.ts';

const KEY = 'home-table';
/** How often a running instance looks whether its table was replaced, in ms; a restore takes longer. */
const EVERY_MS = 60_000;
const MOST_RACES = 10;

export interface RestoreWatch extends Quarantine {
  /** To be called before each request: looks where that is due. Rejects with STATE_* until it has worked once. */
  look(): Promise<void>;
}

/**
 * Sees that the table was restored: DynamoDB restores into a new table always, so that the one whose name a restored
 * document holds is another one. From the moment that the first instance sees it, no instance answers for five minutes,
 * since nonces may be missing of requests that are still fresh.
 */
export function watchRestore(options: {
  readonly state: StateStore;
  readonly tableId: () => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}): RestoreWatch {
  const { state, clock, logger } = options;
  /** When what is in the table began to be in it, in ms since the epoch; 0 for a table that was never restored. */
  let since: number | undefined;
  let lookedAt = -Infinity;

  async function find(): Promise<number> {
    const id = await options.tableId();
    for (let race = 0; race < MOST_RACES; race++) {
      const item = await state.get('meta', KEY);
      const known = markOf(item?.value);
      if (known?.tableId === id) return known.since;
      const mark = { tableId: id, since: item === undefined ? 0 : clock.now() };
      if (!(await state.put('meta', KEY, mark, item?.version ?? 0))) continue;
      if (mark.since !== 0)
        logger.log('warn', 'server.quarantine', { why: 'the table was restored', seconds: QUARANTINE_MS / 1000 });
      return mark.since;
    }
    throw new AppError('STATE_UNAVAILABLE', 'The mark of the table changes too often just now.');
  }

  return {
    async look() {
      const now = clock.now();
      if (Math.abs(now - lookedAt) < EVERY_MS) return;
      try {
        since = await find();
        lookedAt = now;
      } catch (thrown) {
        if (since === undefined) throw thrown;
        logger.log('warn', 'server.restore-unknown', { sentence: toAppError(thrown).message });
      }
    },
    restSeconds() {
      const rest = (since ?? 0) + QUARANTINE_MS - clock.now();
      // Whatever the clocks of two instances say, it is no longer than that.
      return rest > 0 ? Math.ceil(Math.min(rest, QUARANTINE_MS) / 1000) : 0;
    },
    stop: () => undefined,
  };
}

function markOf(value: unknown): { readonly tableId: string; readonly since: number } | undefined {
  if (typeof value !== 'object' || value === null || !('tableId' in value) || !('since' in value)) return undefined;
  const { tableId, since } = value;
  return typeof tableId === 'string' && typeof since === 'number' ? { tableId, since } : undefined;
}

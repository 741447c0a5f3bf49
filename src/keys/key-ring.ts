import type { Logger } from '../core/ports.ts';
import type { KeySet, KeySource, VersionedSet } from './key-set.ts';

/** Holds the key set in memory, never on disk, and keeps it fresh. One fetch at a time, shared by all who ask meanwhile. */
export interface KeyRing<S extends VersionedSet = KeySet> {
  /** The set in memory, if any. */
  current(): S | undefined;
  /**
   * Asks the source whether it holds something newer, or with `whole` fetches the set as if none were known. Resolves when
   * the newest set is in memory: `changed` if that is another one than before. Throws what the source throws, and then the
   * set in memory stays what it was.
   */
  refresh(how?: 'whole'): Promise<'unchanged' | 'changed'>;
}

/** A ring over one source. */
export function createKeyRing<S extends VersionedSet>(source: KeySource<S>, logger: Logger): KeyRing<S> {
  let held: S | undefined;
  let flight: { readonly whole: boolean; readonly done: Promise<'unchanged' | 'changed'> } | undefined;

  async function fetchOnce(whole: boolean): Promise<'unchanged' | 'changed'> {
    const before = held;
    const answer = await source.fetch(whole ? undefined : before);
    if (answer === 'unchanged') return 'unchanged';
    held = answer;
    if (before?.fingerprint === answer.fingerprint) return 'unchanged';
    logger.log('info', 'keys.changed', { source: source.name, fingerprint: answer.fingerprint });
    return 'changed';
  }

  return {
    current: () => held,
    async refresh(how) {
      const whole = how === 'whole' || held === undefined;
      // A check that is under way does not do for somebody who wants the whole set; it is let finish, and then fetched.
      while (flight !== undefined) {
        if (flight.whole || !whole) return flight.done;
        await flight.done.catch(() => undefined);
      }
      const done = fetchOnce(whole).finally(() => {
        flight = undefined;
      });
      flight = { whole, done };
      return done;
    },
  };
}

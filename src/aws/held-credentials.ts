import type { Clock } from '../core/ports.ts';

/** Temporary credentials with less life than this are not handed out any more, in ms. */
const LEAST_LIFE_MS = 5 * 60_000;

/** Whatever is obtained for a while. */
interface Obtained {
  readonly credentials: { readonly expiresAt: number };
}

/** What was obtained last, for as long as it is good for five minutes more; one obtaining at a time. */
export interface Held<T extends Obtained> {
  /** Obtains anew, together with whoever asks meanwhile. Rejects with what obtaining rejects with, and keeps nothing. */
  renew(): Promise<T>;
  /** What is held, or else obtained anew. */
  get(): Promise<T>;
}

/** Holds what `obtain` gives, in memory only. Its `expiresAt` is in ms since the epoch by this machine's clock. */
export function holding<T extends Obtained>(clock: Clock, obtain: () => Promise<T>): Held<T> {
  let held: { readonly value: T; readonly lifeMs: number; readonly since: number } | undefined;
  let flight: Promise<T> | undefined;

  function renew(): Promise<T> {
    flight ??= obtain()
      .then((value) => {
        held = { value, lifeMs: value.credentials.expiresAt - clock.now(), since: clock.monotonic() };
        return value;
      })
      .finally(() => {
        flight = undefined;
      });
    return flight;
  }

  return {
    renew,
    get() {
      if (held === undefined) return renew();
      // The wall clock may have been set, and the monotonic one may have stood still while the machine slept.
      const leftMs = Math.min(
        held.value.credentials.expiresAt - clock.now(),
        held.lifeMs - (clock.monotonic() - held.since),
      );
      return leftMs > LEAST_LIFE_MS ? Promise.resolve(held.value) : renew();
    },
  };
}

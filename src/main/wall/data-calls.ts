import type { DataSeen } from '../../core/surface/paint-proof.ts';

/** How calls to one address fared. */
interface Address {
  succeeded: boolean;
  /** Refusals in a row since the last success. */
  refusedInARow: number;
  /** The longest such row in a session that is known to be well: so many refusals are some widgets' own lot. */
  harmless: number;
  /** How often refusals since the last success were forgiven. */
  forgiven: number;
}

/**
 * How a console page's own calls for data were answered: the only trace of a refusal that the console draws itself, with status 200.
 */
export class DataCalls {
  #succeeded = 0;
  /** Since the last success. */
  #failed = 0;
  #denied = 0;
  #missing = 0;
  readonly #inFlight = new Set<number>();
  /** By address without its query. */
  readonly #addresses = new Map<string, Address>();

  /** A call has been sent. */
  begin(id: number): void {
    if (this.#inFlight.size < MOST_CALLS) this.#inFlight.add(id);
  }

  /** A call ended without an answer that counts: the page gave it up, or it came from the cache. */
  drop(id: number): void {
    this.#inFlight.delete(id);
  }

  /**
   * Takes one answer. 'suspect': a call to an address that used to succeed was refused, as often in a row as not before in a session that was
   * well: the session may be over. 'over': it was refused so often that it is, whatever else says that it is not. An address that
   * never succeeded is a permission's matter, so a refusal that outlives a fresh sign-in is never taken for a loss again.
   * @param status HTTP status; 0 where the call failed without one
   */
  record(id: number, url: string, status: number): 'suspect' | 'over' | undefined {
    this.#inFlight.delete(id);
    const key = url.replace(/[?#].*$/s, '');
    const address = this.#addresses.get(key) ?? { succeeded: false, refusedInARow: 0, harmless: 0, forgiven: 0 };
    if (this.#addresses.size < MOST_CALLS) this.#addresses.set(key, address);
    if (isSuccess(status)) {
      this.#succeeded += 1;
      this.#failed = this.#denied = this.#missing = 0;
      address.succeeded = true;
      address.harmless = Math.max(address.harmless, address.refusedInARow);
      address.refusedInARow = address.forgiven = 0;
      return undefined;
    }
    this.#failed += 1;
    if (status === 403) this.#denied += 1;
    if (status === 404) this.#missing += 1;
    if (!address.succeeded || (status !== 401 && status !== 403)) return undefined;
    address.refusedInARow += 1;
    const more = address.refusedInARow - address.harmless;
    if (more <= 0) return undefined;
    return more === REFUSALS_OF_A_LOSS ? 'over' : 'suspect';
  }

  /**
   * The session was found to be alive all the same. All widgets may share one address, so those without permission make rows of refusals: at
   * the end of one round of calls and the beginning of the next, twice as long as in one. A console that serves its page to anybody would
   * have everything forgiven: more than twice in a row it is not believed.
   */
  forgive(): void {
    for (const address of this.#addresses.values()) {
      if (address.refusedInARow === 0 || address.forgiven === MOST_FORGIVEN) continue;
      address.forgiven += 1;
      address.harmless = Math.max(address.harmless, 2 * address.refusedInARow);
    }
  }

  /** Whether calls have failed since the last one that succeeded. */
  get isFailing(): boolean {
    return this.#failed > 0;
  }

  /** What a page is judged by that is to go on the wall. @param last nobody waits for calls in flight any more */
  seen(last: boolean): DataSeen {
    if (this.#succeeded > 0) return 'answered';
    if (this.#inFlight.size > 0 && !(last && this.#failed > 0)) return 'waiting';
    if (this.#failed === 0) return 'none';
    return this.#denied + this.#missing === this.#failed ? 'refused' : 'failing';
  }

  /** What an error page of the console's own means: how calls have been refused since the last one that succeeded. */
  refusal(): 'denied' | 'missing' | undefined {
    if (this.#denied > 0) return 'denied';
    return this.#missing > 0 ? 'missing' : undefined;
  }
}

const REFUSALS_OF_A_LOSS = 6;
const MOST_FORGIVEN = 2;
const MOST_CALLS = 500;

/** Whether an answer brought data; 304 says that those the page has are still good. */
export function isSuccess(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}

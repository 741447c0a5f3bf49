import type { DataSeen } from '../../core/surface/paint-proof.ts';

/** How calls to one address fared. */
interface Address {
  /** Refusals in a row since the last success. */
  refusedInARow: number;
  /** The longest such row that a success followed: so many refusals are some widgets' own lot. */
  harmless: number;
  /** Refusals while the session was certainly alive. */
  early: number;
  succeeded: boolean;
}

/** How a console page's own calls for data were answered: the only trace of a refusal that the console draws itself, with status 200. */
export class DataCalls {
  #succeeded = 0;
  /** Since the last success. */
  #failed = 0;
  #denied = 0;
  #missing = 0;
  #settled = false;
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
   * Takes one answer. True when it shows that the session is over: calls to an address that used to succeed are refused more often in
   * a row than widgets without permission account for. An address that never succeeded is a permission's matter, so a refusal
   * that outlives a fresh sign-in is never taken for a loss again.
   * @param status HTTP status; 0 where the call failed without one
   */
  record(id: number, url: string, status: number): boolean {
    this.#inFlight.delete(id);
    const key = url.replace(/[?#].*$/s, '');
    const address = this.#addresses.get(key) ?? { refusedInARow: 0, harmless: 0, early: 0, succeeded: false };
    if (this.#addresses.size < MOST_CALLS) this.#addresses.set(key, address);
    if (isSuccess(status)) {
      this.#succeeded += 1;
      this.#failed = this.#denied = this.#missing = 0;
      address.succeeded = true;
      address.harmless = Math.max(address.harmless, address.refusedInARow);
      address.refusedInARow = 0;
      return false;
    }
    this.#failed += 1;
    if (status === 403) this.#denied += 1;
    if (status === 404) this.#missing += 1;
    if (status !== 401 && status !== 403) return false;
    if (!this.#settled) address.early += 1;
    if (!address.succeeded) return false;
    address.refusedInARow += 1;
    return address.refusedInARow === limitOf(address);
  }

  /** The dashboard has been up for a while: refusals from here on are no longer taken for permissions that were never there. */
  settle(): void {
    this.#settled = true;
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

const FEWEST_REFUSALS_OF_A_LOSS = 3;
const MOST_CALLS = 500;

/** Whether an answer brought data; 304 says that those the page has are still good. */
export function isSuccess(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}

/**
 * All widgets may share one address, so those without permission make rows of refusals in a session that is well: at the end of
 * one round of calls and the beginning of the next, twice as many as were refused in the first round.
 */
function limitOf({ early, harmless }: Address): number {
  return FEWEST_REFUSALS_OF_A_LOSS + Math.max(2 * early, harmless);
}

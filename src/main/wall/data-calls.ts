/** How a console page's own calls for data were answered: the only trace of a refusal that the console draws itself, with status 200. */
export class DataCalls {
  #succeeded = 0;
  #denied = 0;
  #missing = 0;
  /** By address without its query: refusals in a row since the last success. Only calls that succeeded once are in it. */
  readonly #refusedInARow = new Map<string, number>();

  /**
   * Takes one answer. True when it shows that the session is over: a call that succeeded earlier in this session has been refused several
   * times in a row. A call that never succeeded is a permission's matter, so a refusal that outlives a fresh sign-in is never taken
   * for a loss again.
   */
  record(url: string, status: number): boolean {
    const call = url.replace(/[?#].*$/s, '');
    if (status >= 200 && status < 300) {
      this.#succeeded += 1;
      if (this.#refusedInARow.size < MOST_CALLS || this.#refusedInARow.has(call)) this.#refusedInARow.set(call, 0);
      return false;
    }
    if (status === 403) this.#denied += 1;
    if (status === 404) this.#missing += 1;
    const refused = this.#refusedInARow.get(call);
    if (refused === undefined || (status !== 401 && status !== 403)) return false;
    this.#refusedInARow.set(call, refused + 1);
    return refused + 1 === REFUSALS_OF_A_LOSS;
  }

  /**
   * What an error page of the console's own means. One call that succeeded is enough to be taken for a dashboard: a working picture must
   * not be withheld for a widget or two that may not be read.
   */
  refusal(): 'denied' | 'missing' | undefined {
    if (this.#succeeded > 0) return undefined;
    if (this.#denied > 0) return 'denied';
    return this.#missing > 0 ? 'missing' : undefined;
  }
}

const REFUSALS_OF_A_LOSS = 3;
const MOST_CALLS = 500;

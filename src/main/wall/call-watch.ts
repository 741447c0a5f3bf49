import type { Session } from 'electron';
import { DataCalls, isSuccess } from './data-calls.ts';
import type { PageKind } from './navigation-guard.ts';
import { askSession } from './session-check.ts';

export interface CallWatchOptions {
  readonly session: Session;
  readonly classify: (url: string) => PageKind;
  /** Address of the page that makes the calls. */
  readonly page: () => string;
  /** A call brought data; told at most once a second. */
  readonly onData: () => void;
  /** Calls are refused because the session is over; told once. */
  readonly onLost: (status: number) => void;
}

const TOLD_EVERY_MS = 1_000;
const ASKED_EVERY_MS = 5_000;

/** Follows a page's calls for data: that they bring some, and whether the session is over where they are refused. */
export class CallWatch {
  readonly calls = new DataCalls();
  readonly #options: CallWatchOptions;
  #toldAt = -Infinity;
  #asksNotBefore = -Infinity;
  #isLost = false;

  constructor(options: CallWatchOptions) {
    this.#options = options;
  }

  /**
   * Takes a call that was sent, or that ended: with an HTTP status, 0 where no answer came, undefined where none counts.
   * @param isLive the dashboard has painted; before that, nothing is made of refusals
   */
  take(id: number, url: string, isLive: boolean, ended?: { readonly status: number | undefined }): void {
    if (this.#options.classify(url) !== 'destination' && !isApiHost(url)) return;
    if (ended === undefined) this.calls.begin(id);
    else if (ended.status === undefined) this.calls.drop(id);
    else {
      const found = this.calls.record(id, url, ended.status);
      if (isSuccess(ended.status)) this.#tellData();
      if (found === 'over' && isLive) this.#lose(ended.status);
      if (found === 'suspect' && isLive) this.#ask(ended.status);
    }
  }

  #tellData(): void {
    const now = performance.now();
    if (now - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = now;
    this.#options.onData();
  }

  /** The session is over, or some widgets have no permission: the console is asked which. */
  #ask(status: number): void {
    const now = performance.now();
    const { session, page, classify } = this.#options;
    const url = page();
    if (this.#isLost || now < this.#asksNotBefore || classify(url) !== 'destination') return;
    this.#asksNotBefore = now + ASKED_EVERY_MS;
    void askSession(session, url, classify).then((answer) => {
      if (answer === 'over') this.#lose(status);
      else if (answer === 'alive') this.calls.forgive();
    });
  }

  #lose(status: number): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#options.onLost(status);
  }
}

/** AWS's own API endpoints, which console pages call for their data. */
function isApiHost(url: string): boolean {
  return URL.canParse(url) && /(^|\.)(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws)$/.test(new URL(url).hostname);
}

import { type Session, type WebContents, WebContentsView } from 'electron';
import type { Failure } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import { DataCalls } from './data-calls.ts';
import { startHeartbeat } from './heartbeat.ts';
import { LOCKED_PREFERENCES, lockContents } from './lockdown.ts';
import { watchMemory } from './memory-watch.ts';
import { type GuardedView, type PageKind, guardNavigation } from './navigation-guard.ts';
import { watchPaint } from './paint-watch.ts';

export interface ConsoleViewEvents {
  painted(verified: boolean): void;
  loadFailed(failure: Failure): void;
  /** Its session is over, or its page wanted to leave; the picture still stands. */
  lost(failure: Failure): void;
  /** Its picture is gone. */
  gone(failure: Failure): void;
  /** A data call of its page succeeded; told at most once a second. */
  data(): void;
  /** Its picture was taken: once it is on top, then every few minutes. The last one is kept by whoever listens. */
  pictured(picture: LastPicture): void;
}

/** What a dashboard looked like. */
export interface LastPicture {
  /** At the display's size. */
  readonly jpeg: Buffer;
  /** Wall-clock ms since the epoch. */
  readonly takenAt: number;
}

export interface ConsoleViewOptions {
  /** Names the view in the log. */
  readonly id: number;
  readonly session: Session;
  readonly classify: (url: string) => PageKind;
  readonly zoom: number;
  readonly paintDeadlineMs: number;
  /** How long a sign-in page may stand while entering before it is taken for what it is, in ms. */
  readonly signInGraceMs: number;
  readonly events: ConsoleViewEvents;
  readonly logger: Logger;
}

/** One console page: starts its renderer, loads a dashboard, proves that it has painted, and from then on guards the picture. */
export class ConsoleView implements GuardedView {
  readonly id: number;
  readonly webContentsView: WebContentsView;
  readonly contentsId: number;
  isLive = false;
  readonly #options: ConsoleViewOptions;
  readonly #contents: WebContents;
  isOnTop = false;
  #closed = false;
  #settled = false;
  #signedOut = false;
  #entered = false;
  #endHeartbeat: () => void = () => undefined;
  #endMemoryWatch: () => void = () => undefined;
  readonly #calls = new DataCalls();
  #toldDataAt = -Infinity;

  constructor(options: ConsoleViewOptions) {
    this.#options = options;
    this.id = options.id;
    this.webContentsView = new WebContentsView({
      webPreferences: { ...LOCKED_PREFERENCES, session: options.session, backgroundThrottling: false },
    });
    this.webContentsView.setBackgroundColor('#0b0f14');
    // Kept here: the view forgets its webContents once that is closed.
    const contents = this.webContentsView.webContents;
    this.#contents = contents;
    this.contentsId = contents.id;
    lockContents(contents);
    guardNavigation(contents, this);
    contents.on('did-navigate', (_event, url, status) => {
      this.#onCommitted(url, status);
    });
    contents.on('dom-ready', () => {
      contents.setZoomFactor(options.zoom);
    });
    contents.on('did-fail-load', (_event, code, name, _url, isMainFrame) => {
      // -3, ERR_ABORTED: nothing was committed, or the page itself went on elsewhere while it loaded.
      if (!isMainFrame || !this.#entered || code === -3) return;
      if (this.isLive) {
        const sentence = `The dashboard page could not be loaded again (${name}). It is opened afresh.`;
        this.#gone('CONSOLE_LOAD_FAILED', sentence);
      } else this.#fail(notLoaded(name));
    });
    contents.on('render-process-gone', (_event, { reason }) => {
      this.#gone('RENDERER_GONE', `The process that drew the dashboard ended (${reason}). It is opened afresh.`);
    });
    contents.once('destroyed', () => {
      this.#gone('RENDERER_GONE', 'The page closed itself. It is opened afresh.');
    });
    void contents.loadURL('about:blank').catch(() => undefined);
  }

  classify(url: string): PageKind {
    return this.#options.classify(url);
  }

  /**
   * Loads an address and watches until the dashboard has painted or will not.
   * @param url a login URL, or the dashboard's own where its session is signed in already
   */
  enter(url: string): void {
    this.#entered = true;
    const contents = this.#contents;
    if (contents.isDestroyed()) {
      this.#gone('RENDERER_GONE', 'The page closed itself. It is opened afresh.');
      return;
    }
    contents.loadURL(url).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_FAILED';
      if (code !== 'ERR_ABORTED') this.#fail(notLoaded(code));
    });
    this.#endMemoryWatch = watchMemory(contents, () => {
      const sentence = 'The console page took more memory than a dashboard may. It is opened afresh.';
      if (this.isLive) this.#gone('RENDERER_GONE', sentence);
      else this.#fail({ code: 'CONSOLE_LOAD_FAILED', sentence });
    });
    void watchPaint(
      contents,
      () => this.#page(),
      this.#options.paintDeadlineMs,
      () => this.#settled || this.#closed,
    )
      // A page that ends while it is looked at has not painted.
      .catch(() => 'failed' as const)
      .then((verdict) => {
        const refusal = verdict === 'failed' ? undefined : this.#calls.refusal();
        if (refusal !== undefined) {
          this.#fail(failureOfStatus(refusal === 'denied' ? 403 : 404, 'destination'));
          return;
        }
        if (verdict === 'failed') {
          this.#fail({
            code: 'CONSOLE_NOT_PAINTED',
            sentence: `The dashboard did not appear within ${this.#options.paintDeadlineMs / 1000} seconds. Check that the role may open it.`,
          });
          return;
        }
        this.#settle(() => {
          this.isLive = true;
          this.#endHeartbeat = startHeartbeat(contents, HEARTBEAT, () => {
            this.#gone('RENDERER_GONE', 'The dashboard page does not answer any more. It is opened afresh.');
          });
          this.#options.events.painted(verdict === 'painted');
        });
      });
  }

  /** Says whether the view is what the surface shows: only such a view is looked at and pictured, for a covered one need not paint. */
  onTop(isOnTop: boolean): void {
    this.isOnTop = isOnTop;
  }

  /** Nothing of this view is told any more; its picture still stands. */
  retire(): void {
    this.#closed = true;
    this.#endHeartbeat();
    this.#endMemoryWatch();
  }

  /** Closes the page and its renderer. */
  close(): void {
    this.retire();
    if (!this.#contents.isDestroyed()) this.#contents.close();
  }

  onSignedOut(kind: 'sign-in' | 'signed-out' | 'issuer'): void {
    // A page that has lost its session asks again and again.
    if (!this.#signedOut) {
      this.#signedOut = true;
      this.#options.logger.log('warn', 'view.signed-out', { view: this.id, by: kind, live: this.isLive });
    }
    if (!this.isLive) this.#fail(SIGNED_OUT);
    else if (!this.#closed) this.#options.events.lost(SIGNED_OUT);
  }

  onErrorPage(status: number): void {
    this.#options.logger.log('warn', 'view.error-page', { view: this.id, status });
    if (!this.#closed) this.#options.events.lost(failureOfStatus(status, 'destination'));
  }

  onDataCall(url: string, status: number): void {
    if (this.classify(url) !== 'destination' && !isApiHost(url)) return;
    const refused = this.#calls.record(url, status);
    if (this.#closed) return;
    if (status >= 200 && status < 300) this.#tellData();
    if (!refused || !this.isLive) return;
    this.#options.logger.log('warn', 'view.calls-refused', { view: this.id, status });
    this.#options.events.lost(SIGNED_OUT);
  }

  onForeign(url: string): void {
    const host = URL.canParse(url) ? new URL(url).host : 'an unreadable address';
    this.#options.logger.log('warn', 'view.navigation-refused', { view: this.id, host });
    this.#fail({
      code: 'CONSOLE_LOAD_FAILED',
      sentence: `The console led to ${host}, which is no console page. Check the dashboard's address.`,
    });
  }

  #tellData(): void {
    const now = performance.now();
    if (now - this.#toldDataAt < DATA_TOLD_EVERY_MS) return;
    this.#toldDataAt = now;
    this.#options.events.data();
  }

  #page(): 'destination' | 'elsewhere' | 'sign-in' | 'none' {
    const contents = this.#contents;
    if (this.#closed || contents.isDestroyed()) return 'none';
    const url = contents.getURL();
    if (url === '') return 'none';
    const kind = this.classify(url);
    if (kind === 'destination') return 'destination';
    return kind === 'sign-in' || kind === 'signed-out' ? 'sign-in' : 'elsewhere';
  }

  #onCommitted(url: string, status: number): void {
    const kind = this.classify(url);
    this.#options.logger.log('debug', 'view.committed', { view: this.id, page: kind, status });
    if (this.#closed) return;
    if (this.isLive) {
      this.#onLiveCommitted(kind, status);
      return;
    }
    if (status >= 400) this.#fail(failureOfStatus(status, kind));
    else if (kind === 'sign-in' || kind === 'signed-out') {
      // A page of the sign-in host may be a step on the way that moves on by script.
      setTimeout(() => {
        if (!this.#closed && this.#page() === 'sign-in') this.onSignedOut(kind);
      }, this.#options.signInGraceMs);
    }
  }

  /** A live page that is followed by another has taken its picture away, unless it comes back to the dashboard by itself. */
  #onLiveCommitted(kind: PageKind, status: number): void {
    const gone = () => {
      this.#gone('CONSOLE_LOAD_FAILED', 'The dashboard page was replaced by another. It is opened afresh.');
    };
    if (kind === 'console-other' && status < 400) {
      setTimeout(() => {
        if (!this.#closed && this.#page() !== 'destination') gone();
      }, this.#options.signInGraceMs);
    } else if (kind !== 'destination' || status >= 400) gone();
  }

  #gone(code: 'CONSOLE_LOAD_FAILED' | 'RENDERER_GONE', sentence: string): void {
    // A renderer that ends before anything was loaded is started again by the load.
    if (!this.#entered) return;
    this.#settle(() => {
      this.#options.events.gone({ code, sentence });
    }, true);
  }

  #fail(failure: Failure): void {
    if (this.isLive) return;
    this.#settle(() => {
      this.#options.events.loadFailed(failure);
    });
  }

  #settle(tell: () => void, always = false): void {
    if (this.#closed || (this.#settled && !always)) return;
    this.#settled = true;
    tell();
  }
}

const DATA_TOLD_EVERY_MS = 1_000;
const HEARTBEAT = { everyMs: 5_000, withinMs: 5_000, misses: 2 };

const SIGNED_OUT: Failure = {
  code: 'CONSOLE_SIGNED_OUT',
  sentence: 'The console ended the session. Vigil signs in again.',
};

/** AWS's own API endpoints, which console pages call for their data. */
function isApiHost(url: string): boolean {
  return URL.canParse(url) && /(^|\.)(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws)$/.test(new URL(url).hostname);
}

function notLoaded(name: string): Failure {
  return {
    code: 'CONSOLE_LOAD_FAILED',
    sentence: `The console page did not load (${name}). Check the network from this machine to the AWS console.`,
  };
}

function failureOfStatus(status: number, kind: PageKind): Failure {
  if (kind === 'sign-in' || kind === 'signed-out') {
    return {
      code: 'FEDERATION_REFUSED',
      sentence: `The sign-in page refused the login (HTTP ${status}). The login URL may have ended, or the clock of this machine may be wrong.`,
    };
  }
  if (status === 403) {
    return {
      code: 'CONSOLE_ACCESS_DENIED',
      sentence:
        'The console denies access to this dashboard. Allow the role cloudwatch:GetDashboard and ListDashboards.',
    };
  }
  if (status === 404) {
    return {
      code: 'CONSOLE_DASHBOARD_MISSING',
      sentence: 'The console has no such dashboard. Check its name and region.',
    };
  }
  return { code: 'CONSOLE_LOAD_FAILED', sentence: `The console answered with HTTP ${status}. It is tried again.` };
}

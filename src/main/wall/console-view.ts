import { type Session, type WebContents, WebContentsView } from 'electron';
import type { Failure } from '../../core/errors.ts';
import type { Logger } from '../../core/ports.ts';
import { explainPageError } from '../net/net-error.ts';
import { CallWatch } from './call-watch.ts';
import { type LastPicture, PictureKeeper } from './picture-keeper.ts';
import { LiveGuard } from './live-guard.ts';
import { LOCKED_PREFERENCES, lockContents } from './lockdown.ts';
import { watchMemory } from './memory-watch.ts';
import { type GuardedView, type PageKind, guardNavigation } from './navigation-guard.ts';
import { type PaintResult, watchPaint } from './paint-watch.ts';
import {
  CLOSED_ITSELF,
  GROWN,
  REPLACED,
  SIGNED_OUT,
  TOO_LARGE,
  failureOfCalls,
  failureOfFault,
  failureOfStatus,
} from './view-failures.ts';

export type { LastPicture } from './picture-keeper.ts';

export interface ConsoleViewEvents {
  painted(verified: boolean): void;
  loadFailed(failure: Failure): void;
  /** Its session is over; the picture still stands. */
  lost(failure: Failure): void;
  /** Its page was about to give way to an error, or has grown too large; the picture still stands. */
  doubted(failure: Failure): void;
  /** Its picture is gone. */
  gone(failure: Failure): void;
  /** A data call of its page succeeded; told at most once a second, from its first load on. */
  data(): void;
  /** Its picture was taken: when it comes on top, then every few minutes. Whoever listens keeps the last one. */
  pictured(picture: LastPicture): void;
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
  readonly webContentsView: WebContentsView;
  readonly contentsId: number;
  isLive = false;
  readonly #options: ConsoleViewOptions;
  readonly #contents: WebContents;
  readonly #callWatch: CallWatch;
  readonly #pictures: PictureKeeper;
  #endMemoryWatch: () => void = () => undefined;
  #guard: LiveGuard | undefined;
  #isOnTop = false;
  #closed = false;
  #settled = false;
  #signedOut = false;
  #entered = false;
  #isGone = false;
  /** Of the newest answer that is a page or an error. */
  #wishMs: number | undefined;

  constructor(options: ConsoleViewOptions) {
    this.#options = options;
    this.webContentsView = new WebContentsView({
      webPreferences: { ...LOCKED_PREFERENCES, session: options.session, backgroundThrottling: false },
    });
    this.webContentsView.setBackgroundColor('#0b0f14');
    // Kept here: the view forgets its webContents once that is closed.
    const contents = this.webContentsView.webContents;
    this.#contents = contents;
    this.contentsId = contents.id;
    this.#pictures = new PictureKeeper(
      contents,
      () => this.webContentsView.getBounds(),
      (picture) => {
        options.events.pictured(picture);
      },
    );
    this.#callWatch = new CallWatch({
      session: options.session,
      classify: options.classify,
      page: () => (contents.isDestroyed() ? '' : contents.getURL()),
      onData: () => {
        if (!this.#closed) options.events.data();
      },
      onLost: (status) => {
        if (this.#closed) return;
        this.#log('view.calls-refused', { status });
        options.events.lost(SIGNED_OUT);
      },
    });
    lockContents(contents);
    isolateZoom(contents);
    guardNavigation(contents, this);
    contents.on('did-navigate', (_event, url, status) => {
      this.#onCommitted(url, status);
    });
    contents.on('dom-ready', () => {
      contents.setZoomFactor(options.zoom);
    });
    contents.on('did-fail-load', (_event, code, name, failed, isMainFrame) => {
      // -3, ERR_ABORTED: nothing was committed, or the page itself went on elsewhere while it loaded.
      if (!isMainFrame || !this.#entered || code === -3) return;
      if (this.isLive) {
        const sentence = `The dashboard page could not be loaded again (${name}). It is opened afresh.`;
        this.#gone({ code: 'CONSOLE_LOAD_FAILED', sentence });
      } else this.#fail(explainPageError(name, failed));
    });
    contents.on('render-process-gone', (_event, { reason }) => {
      const sentence = `The process that drew the dashboard ended (${reason}). It is opened afresh.`;
      this.#gone({ code: 'RENDERER_GONE', sentence });
    });
    contents.once('destroyed', () => {
      this.#gone(CLOSED_ITSELF);
    });
    void contents.loadURL('about:blank').catch(() => undefined);
  }

  /** Names the view in the log. */
  get id(): number {
    return this.#options.id;
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
      this.#gone(CLOSED_ITSELF);
      return;
    }
    contents.loadURL(url).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_FAILED';
      if (code !== 'ERR_ABORTED') this.#fail(explainPageError(code, url));
    });
    this.#endMemoryWatch = watchMemory(
      contents,
      () => this.isLive,
      (verdict) => {
        this.#onMemory(verdict);
      },
    );
    const watched = {
      contents,
      page: () => this.#page(),
      data: (last: boolean) => this.#callWatch.calls.seen(last),
      stopped: () => this.#settled || this.#closed,
    };
    void watchPaint(watched, this.#options.paintDeadlineMs)
      // A page that ends while it is looked at has not painted.
      .catch((): PaintResult => ({ verdict: 'failed' }))
      .then((result) => {
        this.#onPaintResult(result);
      });
  }

  /**
   * Says whether the view is what the surface shows: only such a view is looked at and pictured, for a covered one need not paint. Before
   * that, and while it is covered, only its sign of life is watched.
   */
  onTop(isOnTop: boolean): void {
    this.#isOnTop = isOnTop;
    this.#guard?.onTop(isOnTop);
    if (isOnTop && this.isLive && !this.#closed) this.#pictures.tell();
  }

  /** Nothing of this view is told any more; its picture still stands. */
  retire(): void {
    this.#closed = true;
    this.#guard?.end();
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
      this.#log('view.signed-out', { by: kind, live: this.isLive });
    }
    if (!this.isLive) this.#fail(SIGNED_OUT);
    else if (!this.#closed) this.#options.events.lost(SIGNED_OUT);
  }

  onPageAnswer(retryAfterMs: number | undefined): void {
    this.#wishMs = retryAfterMs;
  }

  onErrorPage(status: number): void {
    this.#log('view.error-page', { status });
    if (!this.#closed) this.#options.events.doubted(failureOfStatus(status, 'destination', this.#wishMs));
  }

  onDataCall(id: number, url: string, ended?: { readonly status: number | undefined }): void {
    if (!this.#closed) this.#callWatch.take(id, url, this.isLive, ended);
  }

  onForeign(url: string): void {
    const host = URL.canParse(url) ? new URL(url).host : 'an unreadable address';
    this.#log('view.navigation-refused', { host });
    this.#fail({
      code: 'CONSOLE_LOAD_FAILED',
      sentence: `The console led to ${host}, which is no console page. Check the dashboard's address.`,
    });
  }

  #onPaintResult({ verdict, picture }: PaintResult): void {
    if (verdict === 'without-data') {
      this.#fail(failureOfCalls(this.#callWatch.calls.refusal()));
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
      if (picture !== undefined) this.#pictures.keep(picture);
      this.#startGuard();
      this.#options.events.painted(verdict === 'painted');
    });
  }

  /** Watches over a dashboard that has painted. */
  #startGuard(): void {
    const { session } = this.#options;
    const { calls } = this.#callWatch;
    this.#guard = new LiveGuard(
      { contents: this.#contents, session, calls, pictures: this.#pictures },
      {
        fault: (fault) => {
          this.#log('view.fault', { fault });
          this.#gone(failureOfFault(fault, calls.isFailing, calls.refusal()));
        },
        cookiesGone: () => {
          this.#log('view.cookies-gone');
          this.#options.events.lost(SIGNED_OUT);
        },
      },
    );
    this.#guard.onTop(this.#isOnTop);
  }

  #onMemory(verdict: 'grown' | 'too-large'): void {
    this.#log('view.memory', { verdict });
    if (verdict === 'grown') {
      if (!this.#closed) this.#options.events.doubted(GROWN);
    } else if (this.isLive) this.#gone({ ...TOO_LARGE, code: 'RENDERER_GONE' });
    else this.#fail(TOO_LARGE);
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
    if (status >= 400) this.#fail(failureOfStatus(status, kind, this.#wishMs));
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
      this.#gone(REPLACED);
    };
    if (kind === 'console-other' && status < 400) {
      setTimeout(() => {
        if (!this.#closed && this.#page() !== 'destination') gone();
      }, this.#options.signInGraceMs);
    } else if (kind !== 'destination' || status >= 400) gone();
  }

  #gone(failure: Failure): void {
    // A renderer that ends before anything was loaded is started again by the load.
    if (!this.#entered || this.#isGone) return;
    this.#isGone = true;
    this.#guard?.end();
    this.#settle(() => {
      this.#options.events.gone(failure);
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

  #log(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#options.logger.log('warn', event, { view: this.id, ...fields });
  }
}

/**
 * Chromium zooms by host, so that a dashboard that is being loaded would zoom the one that shows. Electron 33 knows no other way: there, all
 * dashboards of one session have the zoom of the last one loaded.
 */
function isolateZoom(contents: Pick<WebContents, 'id'> & { setZoomMode?: (mode: 'isolated') => void }): void {
  contents.setZoomMode?.('isolated');
}

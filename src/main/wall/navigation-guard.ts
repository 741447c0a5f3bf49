import type {
  OnHeadersReceivedListenerDetails,
  OnSendHeadersListenerDetails,
  Session,
  WebContents,
  WebRequestFilter,
} from 'electron';
import { retryAfterMs } from '../../autoid/retry-after.ts';

/** What the guard makes of an address in the main frame. */
export type PageKind = 'destination' | 'console-other' | 'sign-in' | 'signed-out' | 'issuer' | 'foreign';

/** What the guard asks of a view, and tells it. */
export interface GuardedView {
  /** True once the view is on the wall: from then on a sign-in page is not allowed to take the picture's place. */
  readonly isLive: boolean;
  classify(url: string): PageKind;
  /** A sign-in page, a signed-out page or our own issuer address was about to take the page's place. */
  onSignedOut(kind: 'sign-in' | 'signed-out' | 'issuer'): void;
  /** An answer came that is a page or an error; `retryAfterMs` is its server's wish for when to be asked again, where it has one. */
  onPageAnswer(retryAfterMs: number | undefined): void;
  /** An error page was about to take a live page's place. */
  onErrorPage(status: number): void;
  /** A data call of the page was sent, and ended: with an HTTP status, 0 where no answer came, undefined where none counts. */
  onDataCall(id: number, url: string, ended?: { readonly status: number | undefined }): void;
  /** Something outside the console was about to be opened. */
  onForeign(url: string): void;
}

/**
 * Keeps a console view on the console. `loadURL` and server redirects come as `will-redirect`, links and scripts as `will-navigate`;
 * both are stopped before anything is committed, so the picture stays. Sign-in hosts are let pass, for the console bounces through them
 * silently; only an answer that would be a page there ends the session (see `swallowLastPages`).
 */
export function guardNavigation(contents: WebContents, view: GuardedView): void {
  const judge = (event: { preventDefault(): void }, url: string) => {
    const kind = view.classify(url);
    if (kind === 'issuer' || (kind === 'signed-out' && view.isLive)) {
      event.preventDefault();
      view.onSignedOut(kind);
    } else if (kind === 'foreign') {
      event.preventDefault();
      view.onForeign(url);
    }
  };
  contents.on('will-frame-navigate', (event) => {
    if (event.isMainFrame) judge(event, event.url);
  });
  contents.on('will-redirect', (event) => {
    if (event.isMainFrame) judge(event, event.url);
  });
}

/**
 * Answers what would take a live page's place (a sign-in page, or an error) with "204 No Content" in its stead: a navigation that ends so
 * commits nothing and leaves the page as it was (HTML Standard, "navigate"; RFC 9110, 15.3.5). Redirects pass.
 * @param viewOf the guarded view of a webContents id, if it has one
 */
export function swallowLastPages(session: Session, viewOf: (contentsId: number) => GuardedView | undefined): void {
  session.webRequest.onHeadersReceived({ urls: ['<all_urls>'], types: ['mainFrame'] }, (details, answer) => {
    const view = isPage(details) && details.webContentsId !== undefined ? viewOf(details.webContentsId) : undefined;
    view?.onPageAnswer(wishOf(details));
    const kind = view?.isLive === true ? view.classify(details.url) : undefined;
    const signedOut = kind === 'sign-in' || kind === 'signed-out';
    if (view === undefined || kind === undefined || !(signedOut || details.statusCode >= 400)) {
      answer({});
      return;
    }
    answer({ statusLine: 'HTTP/1.1 204 No Content', responseHeaders: {} });
    if (signedOut) view.onSignedOut(kind);
    else view.onErrorPage(details.statusCode);
  });
}

/**
 * Tells each view how its page's own data calls are answered. Preflights say nothing of the session (Fetch Standard, 4.8), nor does
 * what comes from the cache, nor a call that the page gives up itself.
 */
export function watchDataCalls(session: Session, viewOf: (contentsId: number) => GuardedView | undefined): void {
  const all: WebRequestFilter = { urls: ['<all_urls>'], types: ['xhr'] };
  const viewBehind = (call: Call) =>
    call.resourceType === 'xhr' && call.method !== 'OPTIONS' && call.webContentsId !== undefined
      ? viewOf(call.webContentsId)
      : undefined;
  session.webRequest.onSendHeaders(all, (call) => {
    viewBehind(call)?.onDataCall(call.id, call.url);
  });
  session.webRequest.onCompleted(all, (call) => {
    viewBehind(call)?.onDataCall(call.id, call.url, { status: call.fromCache ? undefined : call.statusCode });
  });
  session.webRequest.onErrorOccurred(all, (call) => {
    const status = call.error === 'net::ERR_ABORTED' ? undefined : 0;
    viewBehind(call)?.onDataCall(call.id, call.url, { status });
  });
}

type Call = Pick<OnSendHeadersListenerDetails, 'resourceType' | 'method' | 'webContentsId'>;

function wishOf({ responseHeaders = {} }: OnHeadersReceivedListenerDetails): number | undefined {
  return retryAfterMs(
    Object.fromEntries(Object.entries(responseHeaders).map(([name, values]) => [name.toLowerCase(), values[0] ?? ''])),
  );
}

function isPage(details: OnHeadersReceivedListenerDetails): boolean {
  return details.resourceType === 'mainFrame' && (details.statusCode < 300 || details.statusCode > 399);
}

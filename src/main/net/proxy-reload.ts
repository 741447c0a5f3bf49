import { type Session, app } from 'electron';

// Chromium's ERR_ABORTED: the page itself went elsewhere, or nothing was to be shown.
const ABORTED = -3;
// A network service that dies meanwhile never answers.
const RELOAD_WITHIN_MS = 1_000;

const sessions = new Set<Session>();
let isDoubtful = false;
let isListening = false;

/**
 * Has a session's proxy settings and PAC file read anew after failures. Chromium by itself tries a PAC file that it could not get after
 * 8 s, 32 s, 2 min, and then every 4 hours (the poll policy of its PAC decider): a wall that starts before its network would stay dark
 * for as long.
 */
export function followProxy(session: Session): void {
  sessions.add(session);
  if (isListening) return;
  isListening = true;
  app.on('web-contents-created', (_event, contents) => {
    contents.on('did-fail-load', (_failed, code, _name, _url, isMainFrame) => {
      if (isMainFrame && code !== ABORTED && sessions.has(contents.session)) doubtProxy();
    });
  });
}

/** A call or a page failed in a way that the proxy settings may have to do with. */
export function doubtProxy(): void {
  isDoubtful = true;
}

/** Resolves when the next call may go: after a doubt, once every session has read its settings anew. */
export async function trustedProxy(): Promise<void> {
  if (!isDoubtful) return;
  isDoubtful = false;
  const late = new Promise((resolve) => setTimeout(resolve, RELOAD_WITHIN_MS));
  await Promise.race([late, Promise.allSettled([...sessions].map((session) => session.forceReloadProxyConfig()))]);
}

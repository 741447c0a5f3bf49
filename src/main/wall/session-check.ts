import { type Session, net } from 'electron';
import type { PageKind } from './navigation-guard.ts';

const WITHIN_MS = 10_000;

/**
 * Asks the console for a page with the cookies of a session, as a browser would that opens it once more: a session that is over is led to
 * the sign-in page, one that is alive comes back to the page, be it by way of the sign-in host. Nothing of the answer is read.
 * @returns 'unknown' where no answer comes or it says nothing of the session
 */
export function askSession(
  session: Session,
  url: string,
  classify: (url: string) => PageKind,
): Promise<'alive' | 'over' | 'unknown'> {
  return new Promise((resolve) => {
    const request = net.request({ url: url.replace(/#.*$/s, ''), session, useSessionCookies: true, cache: 'no-store' });
    const end = (answer: 'alive' | 'over' | 'unknown') => {
      clearTimeout(timer);
      resolve(answer);
      request.abort();
    };
    const timer = setTimeout(end, WITHIN_MS, 'unknown');
    let kind = classify(url);
    request.on('redirect', (_status, _method, to) => {
      kind = classify(to);
      // An address of ours has no server behind it.
      if (kind === 'issuer') end('over');
      else if (kind === 'foreign') end('unknown');
    });
    request.on('response', ({ statusCode }) => {
      if (kind === 'sign-in' || kind === 'signed-out') end('over');
      else end(statusCode < 300 ? 'alive' : 'unknown');
    });
    request.on('error', () => {
      end('unknown');
    });
    request.end();
  });
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Refusal {
  readonly status: 401 | 403 | 404 | 405;
  /** One sentence for whoever asks with a tool. */
  readonly sentence: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GuardRules {
  /** Whether the server listens on a loopback address: then only a name of this machine may be asked for. */
  readonly loopback: boolean;
  readonly token?: string;
}

export const PATHS = ['/healthz', '/metrics', '/state'] as const;
export type HealthPath = (typeof PATHS)[number];

/** What the request needs to be judged by. */
export interface AskedFor {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Who may ask: tools of this machine, never a web page. A page is told by the Host that its address has (a name that was pointed at
 * 127.0.0.1, "DNS rebinding"), by the Origin that browsers add to what scripts send, and by Fetch Metadata (W3C,
 * `Sec-Fetch-Site`) that they add to everything else. Where there is a token, only who knows it.
 */
export function judgeRequest(request: AskedFor, rules: GuardRules): HealthPath | Refusal {
  const { headers, method } = request;
  if (rules.loopback && !isOwnName(headers.host)) {
    return { status: 403, sentence: 'Ask for this by 127.0.0.1, localhost or [::1].' };
  }
  const site = headers['sec-fetch-site'];
  if (headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin')) {
    return { status: 403, sentence: 'Web pages may not ask for this.' };
  }
  if (rules.token !== undefined && !isToken(headers.authorization, rules.token)) {
    return {
      status: 401,
      sentence: 'Send the token: Authorization: Bearer …',
      headers: { 'www-authenticate': 'Bearer realm="vigil"' },
    };
  }
  const [asked] = (request.url ?? '').split('?');
  const path = PATHS.find((one) => one === asked);
  if (path === undefined) return { status: 404, sentence: `There is ${PATHS.join(', ')} and nothing else.` };
  if (method === 'GET' || method === 'HEAD') return path;
  return { status: 405, sentence: 'Ask with GET or HEAD.', headers: { allow: 'GET, HEAD' } };
}

/** The port is not looked at: a tunnel has another, and it is the name that a page cannot choose. */
function isOwnName(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host);
}

/** In constant time, whatever the lengths. */
function isToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

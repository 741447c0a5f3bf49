import { type Session, net } from 'electron';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { Fetch, HttpRequest, HttpResponse } from '../../core/ports.ts';
import type { ProxyLogin } from './network-settings.ts';

/**
 * The Fetch port on Chromium's network stack: system proxy, PAC and the operating system's certificates apply. Redirects are handed
 * back, cookies are neither sent nor kept, and nothing is cached.
 * @param session an in-memory session made without a cache: what passes here must not reach the disk, and a cache mode on the call
 *   would add headers that make servers answer conditional requests in full
 */
export function createElectronFetch(session: Session, proxyLogin?: ProxyLogin): Fetch {
  return (request) =>
    new Promise((resolve, reject) => {
      send(session, proxyLogin, request, resolve, reject);
    });
}

function send(
  session: Session,
  proxyLogin: ProxyLogin | undefined,
  request: HttpRequest,
  resolve: (response: HttpResponse) => void,
  reject: (error: AppError) => void,
): void {
  const origin = originOf(request.url);
  let settled = false;
  const call = net.request({
    method: request.method,
    url: request.url,
    session,
    redirect: 'manual',
    credentials: 'omit',
  });
  const settle = (finish: () => void) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    finish();
    call.abort();
  };
  const fail = (code: ErrorCode, sentence: string, cause?: unknown) => {
    settle(() => {
      reject(new AppError(code, sentence, { cause }));
    });
  };
  const timer = setTimeout(() => {
    fail(
      'NETWORK_TIMEOUT',
      `${origin} did not answer within ${request.timeoutMs / 1000} seconds. Check the network and the address.`,
    );
  }, request.timeoutMs);

  for (const [name, value] of Object.entries(request.headers ?? {})) {
    // Chromium writes these itself and refuses to be told.
    if (!/^(host|content-length|connection)$/i.test(name)) call.setHeader(name, value);
  }
  call.on('redirect', (status, _method, _location, headers) => {
    settle(() => {
      resolve({ status, headers: flatten(headers), body: new Uint8Array() });
    });
  });
  let asked = false;
  call.on('login', ({ isProxy, host }, answer) => {
    if (proxyLogin === undefined || !isProxy || host !== proxyLogin.host || asked) answer();
    else answer(proxyLogin.user, proxyLogin.password);
    asked = true;
  });
  call.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const headers = flatten(response.headers);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > request.maxBytes) {
        fail('ANSWER_TOO_LARGE', `${origin} sent an answer of more than ${request.maxBytes} bytes. Check the address.`);
        return;
      }
      chunks.push(chunk);
    });
    response.on('aborted', () => {
      fail('NETWORK_INTERRUPTED', `${origin} broke off in the middle of its answer. Check the network.`);
    });
    response.on('error', (error: unknown) => {
      fail('NETWORK_INTERRUPTED', `${origin} broke off in the middle of its answer. Check the network.`, error);
    });
    response.on('end', () => {
      settle(() => {
        resolve({ status: response.statusCode, headers, body: new Uint8Array(Buffer.concat(chunks)) });
      });
    });
  });
  call.on('error', (error) => {
    const [code, sentence] = explain(error.message, origin);
    fail(code, sentence, error);
  });
  if (request.body === undefined) call.end();
  else call.end(typeof request.body === 'string' ? request.body : Buffer.from(request.body));
}

/** Scheme, host and port: all of a URL that may be named in a sentence. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'The address';
}

function flatten(headers: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

// Names as in Chromium's net/base/net_error_list.h.
const CAUSES: readonly (readonly [RegExp, ErrorCode, (origin: string) => string])[] = [
  [
    /INTERNET_DISCONNECTED|NETWORK_CHANGED/,
    'NETWORK_OFFLINE',
    () => 'This machine has no network. Check the cable or the wireless network.',
  ],
  [
    /PROXY|TUNNEL|SOCKS|UNEXPECTED_PROXY_AUTH/,
    'NETWORK_PROXY',
    (o) => `The proxy did not let us through to ${o}. Check the proxy settings.`,
  ],
  [
    /NAME_NOT_RESOLVED|NAME_RESOLUTION|DNS|ICANN/,
    'NETWORK_DNS',
    (o) => `The name of ${o} could not be found. Check the address and the name server.`,
  ],
  [
    /CERT|SSL|TLS/,
    'NETWORK_TLS',
    (o) =>
      `The certificate of ${o} is not trusted here. If it is of a private authority, install that on this machine or name it in network.caFile.`,
  ],
  [/TIMED_OUT/, 'NETWORK_TIMEOUT', (o) => `${o} did not answer in time. Check the network and the address.`],
  [
    /CONTENT_LENGTH_MISMATCH|INCOMPLETE|CONNECTION_RESET|CONNECTION_CLOSED|CONNECTION_ABORTED|EMPTY_RESPONSE|CONTENT_DECODING/,
    'NETWORK_INTERRUPTED',
    (o) => `${o} broke off the connection. Check the network.`,
  ],
  [/./s, 'NETWORK_REFUSED', (o) => `${o} cannot be reached. Check that it runs and that the address is right.`],
];

function explain(message: string, origin: string): [ErrorCode, string] {
  const name = /net::(ERR_\w+)/.exec(message)?.[1];
  const cause = CAUSES.find(([pattern]) => pattern.test(name ?? message));
  const [, code, sentence] = cause ?? ['', 'NETWORK_REFUSED' as const, (o: string) => `${o} cannot be reached.`];
  return [code, name === undefined ? sentence(origin) : `${sentence(origin)} (${name})`];
}

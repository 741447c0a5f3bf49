import { type Session, net } from 'electron';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { Fetch, HttpRequest, HttpResponse } from '../../core/ports.ts';
import { explainNetError, originOf } from './net-error.ts';
import { doubtProxy, trustedProxy } from './proxy-reload.ts';
import type { ProxyLogin } from './proxy-setting.ts';

/**
 * The Fetch port on Chromium's network stack: system proxy, PAC and the operating system's certificates apply. Redirects are handed
 * back, cookies are neither sent nor kept, and nothing is cached.
 * @param session an in-memory session made without a cache: what passes here must not reach the disk, and a cache mode on the call
 *   would add headers that make servers answer conditional requests in full
 */
export function createElectronFetch(session: Session, proxyLogin?: ProxyLogin): Fetch {
  return async (request) => {
    await trustedProxy();
    return new Promise((resolve, reject) => {
      send(session, proxyLogin, request, resolve, reject);
    });
  };
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
      if (code !== 'ANSWER_TOO_LARGE') doubtProxy();
      reject(new AppError(code, sentence, { cause }));
    });
  };
  const timer = setTimeout(() => {
    fail(
      'NETWORK_TIMEOUT',
      `${origin} did not answer within ${request.timeoutMs / 1000} s. Check the network and the address.`,
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
  // What a proxy that asks for a login is told: once, for a password that is wrong would be asked for again without end.
  let refusal: string | undefined;
  let answered = false;
  call.on('login', ({ isProxy, host, port }, answer) => {
    const login = isProxy && !answered ? proxyLogin?.({ host, port }) : undefined;
    if (login !== undefined) {
      answered = true;
      answer(login.user, login.password);
      return;
    }
    if (isProxy) refusal = refusedLogin(`${host}:${port}`, answered);
    answer();
  });
  call.on('response', (response) => {
    if (response.statusCode === 407) {
      fail('NETWORK_PROXY', refusal ?? refusedLogin('on the way', answered));
      return;
    }
    // Chromium takes a status line that was cut off for a whole one.
    if (response.statusCode < 100 || response.statusCode > 999) {
      fail(
        'NETWORK_INTERRUPTED',
        `${origin} answered with something that is not HTTP. Check the network and the address.`,
      );
      return;
    }
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
    const { code, sentence } = explainNetError(error.message, request.url);
    fail(code, code === 'NETWORK_PROXY' ? (refusal ?? sentence) : sentence, error);
  });
  if (request.body === undefined) call.end();
  else call.end(typeof request.body === 'string' ? request.body : Buffer.from(request.body));
}

function flatten(headers: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

/** The sentence for a proxy that wants a login (407), and the one for a proxy that did not take ours. */
function refusedLogin(proxy: string, given: boolean): string {
  return given
    ? `The proxy ${proxy} did not take the user name and password of the proxy settings (407). Check them in network.proxy.`
    : `The proxy ${proxy} wants a user name and password (407). Set them in network.proxy.`;
}

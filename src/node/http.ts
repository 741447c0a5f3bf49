import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import nodeFetch, { type Response } from 'node-fetch';
import { ProxyAgent } from 'proxy-agent';
import { AppError } from '../core/errors.ts';
import type { Fetch, HttpRequest, HttpResponse } from '../core/ports.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { askedForPassword, networkError, type Route } from './http-errors.ts';
import { lookupWithLocalhost, readCaFile, secureContextWith } from './trust.ts';

export interface NodeFetchOptions {
  /** 'none' (default), 'system' (http_proxy, https_proxy, all_proxy, no_proxy of the environment), or a proxy's URL. */
  readonly proxy?: string;
  /** A PEM file of private CAs, trusted beside the built-in ones. */
  readonly caFile?: string;
  /** The same as text. */
  readonly ca?: string;
  readonly userAgent?: string;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const PROXY_SCHEMES: ReadonlySet<string> = new Set([
  'http',
  'https',
  'socks',
  'socks4',
  'socks4a',
  'socks5',
  'socks5h',
]);
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/**
 * The Fetch port on Node: node-fetch, each call on a connection of its own (calls are minutes apart, and a reused
 * connection that died in between would fail a sign-in for nothing).
 *
 * Loopback is never reached through a proxy. Redirects come back as answers. `timeoutMs` runs to the body's last byte;
 * `maxBytes` counts decoded bytes, and the connection is dropped as soon as it is passed. Throws at once
 * SETTINGS_INVALID or SETTINGS_UNREADABLE for a bad proxy or CA file; calls reject as the port says, and with
 * SETTINGS_INVALID for an address that is no http(s) URL.
 */
export function createNodeFetch(options: NodeFetchOptions = {}): Fetch {
  const pem = [options.ca, options.caFile === undefined ? undefined : readCaFile(options.caFile)]
    .filter((one) => one !== undefined)
    .join('\n');
  const shared = {
    lookup: lookupWithLocalhost,
    ...(pem === '' ? {} : { secureContext: secureContextWith(pem) }),
  };
  const direct = { 'http:': new http.Agent(shared), 'https:': new https.Agent(shared) };
  const proxyFor = proxyChooser(options.proxy ?? 'none');

  return async (request) => {
    const url = targetOf(request.url);
    const proxy = isLoopbackHost(url.hostname) ? undefined : proxyFor(url.href);
    const secure = url.protocol === 'https:';
    const route: Route = {
      origin: url.origin,
      secure,
      timeoutMs: request.timeoutMs,
      proxyPassed: false,
      timedOut: false,
      ...(proxy === undefined ? {} : { proxy: originOf(proxy) }),
    };
    const call = new AbortController();
    const deadline = setTimeout(
      () => {
        route.timedOut = true;
        call.abort();
      },
      Math.min(request.timeoutMs, LONGEST_TIMER_MS),
    );
    try {
      const response = await nodeFetch(url, {
        method: request.method,
        headers: headersOf(request, options.userAgent ?? 'Vigil'),
        ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
        redirect: 'manual',
        // Decoded here: node-fetch would take a compressed answer that was cut off for a whole one.
        compress: false,
        signal: call.signal,
        agent:
          proxy === undefined ? direct[secure ? 'https:' : 'http:'] : proxyAgent(proxy, shared, call.signal, route),
      });
      // An abort reaches the body as an error event, which nobody may be listening to at that moment.
      response.body?.on('error', () => undefined);
      refuseProxyAnswer(response, route);
      return await read(response, request, route);
    } catch (thrown) {
      call.abort();
      throw networkError(thrown, route);
    } finally {
      clearTimeout(deadline);
    }
  };
}

/** An agent for one call, so that what the proxy says to this call can be told from what the target says. */
function proxyAgent(proxy: string, shared: object, signal: AbortSignal, route: Route): http.Agent {
  return new ProxyAgent({
    ...shared,
    // Ends a connection that still waits for the proxy when the call is given up.
    signal,
    getProxyForUrl: (_url, call) => {
      call.once('proxyConnect', (connect: { statusCode?: number }) => {
        if (connect.statusCode !== undefined) route.connectStatus = connect.statusCode;
        route.proxyPassed = connect.statusCode === undefined || connect.statusCode === 200;
      });
      // The SOCKS agent says it in this way only.
      call.once('proxy', () => (route.proxyPassed = route.connectStatus === undefined || route.connectStatus === 200));
      return proxy;
    },
  });
}

/** What a proxy answered in the target's place is no answer of the target. */
function refuseProxyAnswer(response: Response, route: Route): void {
  if (route.proxy === undefined) return;
  if (route.connectStatus !== undefined && route.connectStatus !== 200) throw new Error('CONNECT refused');
  if (response.status === 407) throw new AppError('NETWORK_PROXY', askedForPassword(route.proxy));
}

async function read(response: Response, request: HttpRequest, route: Route): Promise<HttpResponse> {
  const headers: Record<string, string> = {};
  for (const [name, value] of response.headers) headers[name.toLowerCase()] = value;
  const { status } = response;
  const empty = request.method === 'HEAD' || BODILESS.has(status);
  const decoder = empty ? undefined : decoderOf(headers['content-encoding']);
  if (!empty && decoder === undefined && Number(headers['content-length']) > request.maxBytes) {
    throw tooLarge(request, route);
  }
  if (decoder !== undefined) {
    // They describe the encoded body, which the caller never sees.
    delete headers['content-encoding'];
    delete headers['content-length'];
  }
  const source = response.body;
  if (source === null) return { status, headers, body: new Uint8Array() };
  const stream = decoder === undefined ? source : pipeline(source, decoder, () => undefined);
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    total += bytes.length;
    if (total > request.maxBytes) throw tooLarge(request, route);
    chunks.push(bytes);
  }
  return { status, headers, body: new Uint8Array(Buffer.concat(chunks, total)) };
}

function decoderOf(encoding: string | undefined): NodeJS.ReadWriteStream | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

function tooLarge(request: HttpRequest, route: Route): AppError {
  return new AppError('ANSWER_TOO_LARGE', `${route.origin} answered with more than ${request.maxBytes} bytes.`);
}

/** node-fetch takes a plain byte array for text, so it gets a Buffer over the same bytes. */
function bodyOf(body: Uint8Array | string): Buffer | string {
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function headersOf(request: HttpRequest, userAgent: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': userAgent, 'accept-encoding': 'gzip, br', accept: '*/*' };
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = sanitized(value);
  return headers;
}

/** A header value without what could end the header or is not Latin-1; Node would refuse the call with a stack trace. */
function sanitized(value: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return value.replace(/[\u0000-\u0008\u000a-\u001f\u007f]+/g, '').replace(/[^\t\u0020-\u00ff]/g, '?');
}

function targetOf(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AppError('SETTINGS_INVALID', 'An address in the settings is no http or https URL.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new AppError('SETTINGS_INVALID', `The address of ${url.origin} must not hold a user name or password.`);
  }
  return url;
}

/** Target URL → proxy URL, or undefined for a direct way. */
function proxyChooser(setting: string): (url: string) => string | undefined {
  if (setting === 'none') return () => undefined;
  if (setting === 'system') {
    // The agent's own reading of the environment.
    const { getProxyForUrl } = new ProxyAgent();
    return (url) => {
      const proxy = (getProxyForUrl as (url: string) => string)(url);
      return proxy === '' ? undefined : checkedProxy(proxy, 'the proxy variables of the environment');
    };
  }
  const proxy = checkedProxy(setting, 'network.proxy');
  return () => proxy;
}

function checkedProxy(proxy: string, where: string): string {
  if (/^pac\+/i.test(proxy)) {
    // Running somebody's script without end is Chromium's business, which has a sandbox for it.
    throw new AppError(
      'SETTINGS_INVALID',
      `The proxy in ${where} is a PAC file, which only the wall reads: name the proxy itself in VIGIL_PROXY for this command.`,
    );
  }
  if (URL.canParse(proxy)) {
    const { protocol, hostname, username, password } = new URL(proxy);
    if (PROXY_SCHEMES.has(protocol.slice(0, -1)) && hostname !== '' && decodes(username) && decodes(password)) {
      return proxy;
    }
  }
  throw new AppError(
    'SETTINGS_INVALID',
    `The proxy in ${where} is no URL like http://host:port (http, https and socks5 are known; percent-encode special characters of its password).`,
  );
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function originOf(proxy: string): string {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

import type { ErrorCode, Failure } from '../../core/errors.ts';

// Names as in Chromium's net/base/net_error_list.h.
const CAUSES: readonly (readonly [RegExp, ErrorCode, (origin: string) => string])[] = [
  [
    /INTERNET_DISCONNECTED|NETWORK_CHANGED/,
    'NETWORK_OFFLINE',
    () => 'This machine has no network. Check the cable or the wireless network.',
  ],
  [
    /PROXY_CONNECTION_FAILED/,
    'NETWORK_PROXY',
    () => 'The proxy cannot be reached. Check that it runs, and the proxy settings.',
  ],
  [
    /MANDATORY_PROXY_CONFIGURATION|PAC_/,
    'NETWORK_PROXY',
    () => 'The PAC file that says which proxy to use cannot be read. Check its address in the proxy settings.',
  ],
  [
    /PROX(Y|IES)|TUNNEL|SOCKS/,
    'NETWORK_PROXY',
    (o) => `The proxy did not let us through to ${o}. Check the proxy settings.`,
  ],
  [
    /NAME_NOT_RESOLVED|NAME_RESOLUTION|DNS|ICANN/,
    'NETWORK_DNS',
    (o) => `The name of ${o} could not be found. Check the address and the name server.`,
  ],
  [
    /CERT_DATE_INVALID/,
    'NETWORK_TLS',
    (o) => `The certificate of ${o} has expired or is not valid yet. Check this machine's clock, or have it renewed.`,
  ],
  [
    /CERT_COMMON_NAME_INVALID/,
    'NETWORK_TLS',
    (o) =>
      `The certificate of ${o} is for another host. Check the address, and whether a portal or proxy answers for it.`,
  ],
  [
    /CERT|SSL|TLS/,
    'NETWORK_TLS',
    (o) =>
      `The certificate of ${o} is not trusted here. Sign in at this network's portal if it has one; if the certificate is of a private authority, name that in network.caFile.`,
  ],
  [/TIMED_OUT/, 'NETWORK_TIMEOUT', (o) => `${o} did not answer in time. Check the network and the address.`],
  [
    /CONTENT_LENGTH_MISMATCH|INCOMPLETE|CONNECTION_RESET|CONNECTION_CLOSED|CONNECTION_ABORTED|EMPTY_RESPONSE|CONTENT_DECODING|INVALID_HTTP|HEADERS_TRUNCATED/,
    'NETWORK_INTERRUPTED',
    (o) => `${o} broke off the connection. Check the network.`,
  ],
  [/./s, 'NETWORK_REFUSED', (o) => `${o} cannot be reached. Check that it runs and that the address is right.`],
];

/**
 * What a network error of Chromium's means for a call to an address: a NETWORK_* code and a sentence that names origin and error.
 * @param message holds `ERR_…`, with or without `net::` in front; another text is never repeated, for it may hold the whole address
 */
export function explainNetError(message: string, url: string): Failure {
  const name = /\bERR_\w+/.exec(message)?.[0];
  const origin = originOf(url);
  const [, code, sentence] = CAUSES.find(([pattern]) => pattern.test(name ?? message)) ?? [
    '',
    'NETWORK_REFUSED' as const,
    (o: string) => `${o} cannot be reached.`,
  ];
  return { code, sentence: name === undefined ? sentence(origin) : `${sentence(origin)} (${name})` };
}

const TELLING: readonly ErrorCode[] = ['NETWORK_OFFLINE', 'NETWORK_DNS', 'NETWORK_TLS', 'NETWORK_PROXY'];

/**
 * The same for a page of the console that did not load: what says by itself where to look keeps its NETWORK_* code, all else is
 * CONSOLE_LOAD_FAILED.
 * @param name as `did-fail-load` and a rejected `loadURL` name it (`ERR_…`)
 * @param url the address that failed
 */
export function explainPageError(name: string, url: string): Failure {
  const failure = explainNetError(name, url);
  if (TELLING.includes(failure.code)) return failure;
  const known = /\bERR_\w+/.exec(name)?.[0] ?? 'ERR_FAILED';
  return {
    code: 'CONSOLE_LOAD_FAILED',
    sentence: `The console page did not load (${known}). Check the network from this machine to the AWS console.`,
  };
}

/** Scheme, host and port: all of a URL that may be named in a sentence. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'The address';
}

import { AppError, type ErrorCode } from '../core/errors.ts';

/** How far a call came, for naming its failure. Origins are scheme://host:port, never a path, query or credential. */
export interface Route {
  readonly origin: string;
  readonly secure: boolean;
  readonly timeoutMs: number;
  /** Origin of the proxy, when the call goes through one. */
  readonly proxy?: string;
  /** Whether the way through the proxy was open. */
  proxyPassed: boolean;
  /** Status with which the proxy answered CONNECT. */
  connectStatus?: number;
  timedOut: boolean;
}

/** Code of Node, its TLS and its HTTP parser → what it means for a call to `origin`. */
const BY_CODE: Readonly<Record<string, (origin: string) => readonly [ErrorCode, string]>> = {
  ENOTFOUND: (o) => ['NETWORK_DNS', `No address was found for ${o}: check its name and this machine's DNS.`],
  EAI_AGAIN: (o) => ['NETWORK_DNS', `The DNS server did not answer for ${o}: check this machine's network and DNS.`],
  ECONNREFUSED: (o) => ['NETWORK_REFUSED', `${o} refused the connection: check the address, and that it is running.`],
  EACCES: (o) => ['NETWORK_REFUSED', `This machine does not allow connections to ${o}: check its firewall.`],
  EPERM: (o) => ['NETWORK_REFUSED', `This machine does not allow connections to ${o}: check its firewall.`],
  ENETUNREACH: (o) => ['NETWORK_OFFLINE', `There is no network that leads to ${o}: check this machine's connection.`],
  ENETDOWN: (o) => ['NETWORK_OFFLINE', `There is no network that leads to ${o}: check this machine's connection.`],
  EHOSTUNREACH: (o) => ['NETWORK_OFFLINE', `${o} cannot be reached from here: check this machine's connection.`],
  EHOSTDOWN: (o) => ['NETWORK_OFFLINE', `${o} cannot be reached from here: check this machine's connection.`],
  EADDRNOTAVAIL: (o) => ['NETWORK_OFFLINE', `This machine has no address to reach ${o} from: check its connection.`],
  ETIMEDOUT: (o) => ['NETWORK_TIMEOUT', `${o} did not accept the connection in time: check the way to it.`],
  HPE_HEADER_OVERFLOW: (o) => ['ANSWER_TOO_LARGE', `${o} answered with more headers than Vigil accepts.`],
  DEPTH_ZERO_SELF_SIGNED_CERT: (o) => ['NETWORK_TLS', untrusted(o, 'is self-signed')],
  SELF_SIGNED_CERT_IN_CHAIN: (o) => ['NETWORK_TLS', untrusted(o, 'comes from a CA that is not trusted here')],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: (o) => ['NETWORK_TLS', untrusted(o, 'comes from a CA that is not trusted here')],
  UNABLE_TO_GET_ISSUER_CERT: (o) => ['NETWORK_TLS', untrusted(o, 'comes from a CA that is not trusted here')],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: (o) => ['NETWORK_TLS', untrusted(o, 'comes from a CA that is not trusted here')],
  CERT_HAS_EXPIRED: (o) => [
    'NETWORK_TLS',
    `The certificate of ${o} has expired: have it renewed, and check this machine's clock and network.caFile.`,
  ],
  CERT_NOT_YET_VALID: (o) => ['NETWORK_TLS', `The certificate of ${o} is not valid yet: check this machine's clock.`],
  ERR_TLS_CERT_ALTNAME_INVALID: (o) => [
    'NETWORK_TLS',
    `The certificate of ${o} is for another host: check the address, and network.proxy and network.caFile if a proxy opens TLS.`,
  ],
};

function untrusted(origin: string, why: string): string {
  return `The certificate of ${origin} ${why}: if it is your organisation's own, name the CA's file in network.caFile.`;
}

/** What the network did to a call, as an `AppError` of the Fetch port. Keeps only the error's code: messages hold URLs. */
export function networkError(thrown: unknown, route: Route): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = codeOf(thrown);
  const [kind, sentence] = describe(code, route);
  return new AppError(kind, sentence, { cause: new Error(code === '' ? 'no error code' : code) });
}

function describe(code: string, route: Route): readonly [ErrorCode, string] {
  const { origin, proxy } = route;
  if (route.timedOut) {
    const through = proxy === undefined ? '' : ` through the proxy ${proxy}`;
    return ['NETWORK_TIMEOUT', `${origin} did not answer in full within ${seconds(route.timeoutMs)}${through}.`];
  }
  if (proxy !== undefined && route.connectStatus === 407) return ['NETWORK_PROXY', askedForPassword(proxy)];
  if (proxy !== undefined && route.connectStatus !== undefined && route.connectStatus !== 200) {
    return ['NETWORK_PROXY', `The proxy ${proxy} refused the way to ${origin} (${route.connectStatus}).`];
  }
  if (proxy !== undefined && !route.proxyPassed) {
    const known = BY_CODE[code]?.(proxy)[1];
    const why = known ?? `It broke off the connection to ${origin}${code === '' ? '' : ` (${code})`}.`;
    return ['NETWORK_PROXY', `The proxy ${proxy} does not work: ${why}`];
  }
  const known = BY_CODE[code]?.(origin);
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return ['NETWORK_INTERRUPTED', `${origin} answered with something that is not HTTP.`];
  if (code.startsWith('Z_') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR__')) {
    return ['NETWORK_INTERRUPTED', `The compressed answer of ${origin} is damaged or cut off.`];
  }
  if (code === 'EPROTO' || /SSL|TLS|CERT|CRL/.test(code)) {
    return [
      'NETWORK_TLS',
      `No secure connection to ${origin} came about (${code}): check the port and network.caFile.`,
    ];
  }
  return ['NETWORK_INTERRUPTED', `The connection to ${origin} broke off${code === '' ? '' : ` (${code})`}.`];
}

/** The sentence for a proxy that wants a user name and password. */
export function askedForPassword(proxy: string): string {
  return `The proxy ${proxy} wants a user name and password (407): set them in network.proxy.`;
}

function codeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}

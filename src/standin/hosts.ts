/**
 * The browser's side of the stand-in: `signin.localhost` and `console.localhost`, each also with a region in front. They are
 * two sites with cookies of their own, as AWS's are; browsers resolve `*.localhost` to loopback by themselves. Under AWS's own
 * names they are behind somebody who leads these here, such as a proxy.
 */
export interface Hosts {
  readonly scheme: 'http' | 'https';
  /** Default `localhost`. */
  readonly domain?: Domain;
  readonly signinPort: number;
  readonly consolePort: number;
}

export type Domain = 'localhost' | 'aws.amazon.com';

export const SIGNIN_DOMAIN = 'signin.localhost';
export const CONSOLE_DOMAIN = 'console.localhost';

/** A domain of ours as it is called outside. */
function outside(hosts: Hosts, domain: string): string {
  return domain.replace('localhost', hosts.domain ?? 'localhost');
}

function origin(hosts: Hosts, domain: string, port: number, region?: string): string {
  const host = `${region === undefined ? '' : `${region}.`}${outside(hosts, domain)}`;
  // Without the port where it is the scheme's own.
  return new URL(`${hosts.scheme}://${host}:${String(port)}`).origin;
}

export function signinOrigin(hosts: Hosts, region?: string): string {
  return origin(hosts, SIGNIN_DOMAIN, hosts.signinPort, region);
}

export function consoleOrigin(hosts: Hosts, region?: string): string {
  return origin(hosts, CONSOLE_DOMAIN, hosts.consolePort, region);
}

/** The region in front of a host of this domain, '' for none, undefined for any other host. */
export function regionOfHost(host: string, domain: string): string | undefined {
  const name = host.replace(/:\d+$/, '').replace(/\.aws\.amazon\.com$/, '.localhost');
  if (name === domain) return '';
  const m = /^([a-z]{2}(?:-[a-z]+)+-\d)\.(.+)$/.exec(name);
  return m?.[2] === domain ? m[1] : undefined;
}

/** A URL of our console, or undefined: where a login or an authorisation may send a browser. */
export function parseConsoleUrl(hosts: Hosts, text: string | null): URL | undefined {
  if (text === null || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const ours = new URL(consoleOrigin(hosts));
  const isOurs =
    url.protocol === ours.protocol && url.port === ours.port && `.${url.hostname}`.endsWith(`.${ours.hostname}`);
  return isOurs && regionOfHost(url.host, CONSOLE_DOMAIN) !== undefined ? url : undefined;
}

/** A session cookie for one of the two domains and the hosts beneath it; an empty value removes it. */
export function cookie(hosts: Hosts, domain: string, name: string, value: string, httpOnly = true): string {
  const flags = [
    httpOnly ? '; HttpOnly' : '',
    hosts.scheme === 'https' ? '; Secure' : '',
    value === '' ? '; Max-Age=0' : '',
  ];
  return `${name}=${value}; Domain=${outside(hosts, domain)}; Path=/; SameSite=Lax${flags.join('')}`;
}

/**
 * The browser's side of the stand-in: `signin.localhost` and `console.localhost`, each also with a region in front. They are
 * two sites with cookies of their own, as AWS's are; browsers resolve `*.localhost` to loopback by themselves.
 */
export interface Hosts {
  readonly scheme: 'http' | 'https';
  readonly signinPort: number;
  readonly consolePort: number;
}

export const SIGNIN_DOMAIN = 'signin.localhost';
export const CONSOLE_DOMAIN = 'console.localhost';

function origin(hosts: Hosts, domain: string, port: number, region?: string): string {
  return `${hosts.scheme}://${region === undefined ? '' : `${region}.`}${domain}:${String(port)}`;
}

export function signinOrigin(hosts: Hosts, region?: string): string {
  return origin(hosts, SIGNIN_DOMAIN, hosts.signinPort, region);
}

export function consoleOrigin(hosts: Hosts, region?: string): string {
  return origin(hosts, CONSOLE_DOMAIN, hosts.consolePort, region);
}

/** The region in front of a host of this domain, '' for none, undefined for any other host. */
export function regionOfHost(host: string, domain: string): string | undefined {
  const name = host.replace(/:\d+$/, '');
  if (name === domain) return '';
  const m = /^([a-z]{2}(?:-[a-z]+)+-\d)\.(.+)$/.exec(name);
  return m?.[2] === domain ? m[1] : undefined;
}

/** A URL of our console, or undefined: where a login or an authorisation may send a browser. */
export function parseConsoleUrl(hosts: Hosts, text: string | null): URL | undefined {
  if (text === null || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const ours = url.protocol === `${hosts.scheme}:` && url.port === String(hosts.consolePort);
  return ours && regionOfHost(url.host, CONSOLE_DOMAIN) !== undefined ? url : undefined;
}

/** A session cookie for one of the two domains and the hosts beneath it; an empty value removes it. */
export function cookie(hosts: Hosts, domain: string, name: string, value: string, httpOnly = true): string {
  const flags = [
    httpOnly ? '; HttpOnly' : '',
    hosts.scheme === 'https' ? '; Secure' : '',
    value === '' ? '; Max-Age=0' : '',
  ];
  return `${name}=${value}; Domain=${domain}; Path=/; SameSite=Lax${flags.join('')}`;
}

import { AppError } from '../core/errors.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { isAtOrBelow, partitions } from './partitions.ts';

/** Tells AWS's console and sign-in pages by their address. All questions take whole URLs. */
export interface ConsoleHosts {
  isConsole(url: URL): boolean;
  isSignIn(url: URL): boolean;
}

/** Hosts that stand in for AWS's on this machine: `host`, `host:port`, or either with `*.` in front for names below. */
export interface StandInHosts {
  readonly console?: readonly string[];
  readonly signIn?: readonly string[];
}

/** Whether a host name (no port) belongs to the console of a partition, by its labels. */
export function isConsoleHost(hostname: string): boolean {
  return partitions().some(({ consoleDomain }) => isAtOrBelow(hostname, consoleDomain));
}

/** Whether a host name (no port) belongs to the sign-in pages of a partition, by its labels. `signin.aws` is Amazon's too. */
export function isSignInHost(hostname: string): boolean {
  return (
    partitions().some(({ signInDomain }) => isAtOrBelow(hostname, signInDomain)) || isAtOrBelow(hostname, 'signin.aws')
  );
}

/**
 * The hosts of AWS, over https only, and those that stand in for them. Throws SETTINGS_INVALID for a stand-in host that
 * is not this machine.
 */
export function consoleHosts(standIn: StandInHosts = {}): ConsoleHosts {
  const console = (standIn.console ?? []).map(hostPattern);
  const signIn = (standIn.signIn ?? []).map(hostPattern);
  return {
    isConsole: (url) => isAws(url, isConsoleHost) || console.some((matches) => matches(url)),
    isSignIn: (url) => isAws(url, isSignInHost) || signIn.some((matches) => matches(url)),
  };
}

function isAws(url: URL, isHost: (hostname: string) => boolean): boolean {
  return url.protocol === 'https:' && url.port === '' && isHost(url.hostname);
}

/**
 * The hosts that follow from where the dashboard and the federation endpoint are. An address on this machine stands in
 * for AWS's: with `console` or `signin` among its labels, the name from there on and all below it (`us-east-1.console.localhost:8080`
 * gives `*.console.localhost:8080`); otherwise that host and port, and `console.localhost` or `signin.localhost` at that port.
 */
export function hostsOf(options: { destinationUrl: string; federationUrl: string }): ConsoleHosts {
  return consoleHosts({
    console: standInOf(options.destinationUrl, 'console'),
    signIn: standInOf(options.federationUrl, 'signin'),
  });
}

function standInOf(address: string, label: string): readonly string[] {
  if (!URL.canParse(address)) return [];
  const { hostname, host, port } = new URL(address);
  if (!isLoopbackHost(hostname)) return [];
  const labels = host.split('.');
  const at = labels.indexOf(label);
  const base = at === -1 ? `${label}.localhost${port === '' ? '' : `:${port}`}` : labels.slice(at).join('.');
  return [host, base, `*.${base}`];
}

function hostPattern(pattern: string): (url: URL) => boolean {
  const below = pattern.startsWith('*.');
  const base = (below ? pattern.slice(2) : pattern).toLowerCase();
  const address = `http://${base}/`;
  if (!URL.canParse(address) || new URL(address).pathname !== '/' || !isLoopbackHost(new URL(address).hostname)) {
    throw new AppError(
      'SETTINGS_INVALID',
      `${JSON.stringify(pattern)} cannot stand in for AWS: it is not this machine.`,
    );
  }
  const hasPort = /:\d+$/.test(base);
  return (url) => {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
    const host = hasPort ? url.host : url.hostname;
    return below ? host.endsWith(`.${base}`) : host === base;
  };
}

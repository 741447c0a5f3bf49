import { AppError } from '../core/errors.ts';
import { isLoopbackHost } from '../core/settings/schema.ts';
import { isAtOrBelow, partitions } from './partitions.ts';

/** Tells AWS's console and sign-in pages by their address. All questions take whole URLs. */
export interface ConsoleHosts {
  isConsole(url: URL): boolean;
  isSignIn(url: URL): boolean;
}

/**
 * Hosts that stand in for AWS's on this machine: `host`, `host:port`, either with `*.` in front for the names below it, or
 * `*:port` for this machine under whatever name.
 */
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
 * for AWS's, with every name of this machine at that port; where both have one port, a `console` or `signin` among the
 * labels tells them apart.
 */
export function hostsOf(options: { destinationUrl: string; federationUrl: string }): ConsoleHosts {
  const console = portOnThisMachine(options.destinationUrl);
  const signIn = portOnThisMachine(options.federationUrl);
  const hosts = consoleHosts({
    console: console === undefined ? [] : [`*:${console}`],
    signIn: signIn === undefined ? [] : [`*:${signIn}`],
  });
  if (console === undefined || console !== signIn) return hosts;
  return {
    isConsole: (url) => hosts.isConsole(url) && !hasLabel(url, 'signin'),
    isSignIn: (url) => hosts.isSignIn(url) && !hasLabel(url, 'console'),
  };
}

function portOnThisMachine(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return isLoopbackHost(url.hostname) ? portOf(url) : undefined;
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}

/** Among the host's labels, but for an AWS host the name is not asked: it is one or the other. */
function hasLabel(url: URL, label: string): boolean {
  return isLoopbackHost(url.hostname) && url.hostname.split('.').includes(label);
}

function hostPattern(pattern: string): (url: URL) => boolean {
  const anyName = /^\*:(\d{1,5})$/.exec(pattern)?.[1];
  if (anyName !== undefined) return (url) => isWeb(url) && isLoopbackHost(url.hostname) && portOf(url) === anyName;
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
    const host = hasPort ? url.host : url.hostname;
    return isWeb(url) && (below ? host.endsWith(`.${base}`) : host === base);
  };
}

function isWeb(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}

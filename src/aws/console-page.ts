import { hostsOf, type ConsoleHosts } from './console-hosts.ts';

/**
 * What a page in the console's view is:
 * - `destination`: the dashboard's service in the console, under whatever host and fragment the console gave it;
 * - `console-other`: another page of the console;
 * - `sign-in`: a page of a sign-in host, so the session is lost unless a sign-in is under way;
 * - `signed-out`: a page that says the session was ended;
 * - `issuer`: the address of ours that the console sends users to when a session is over;
 * - `foreign`: anything else.
 */
export type ConsolePageKind = 'destination' | 'console-other' | 'sign-in' | 'signed-out' | 'issuer' | 'foreign';

/**
 * The issuer of every login URL for a wall, whether it or its server makes it: where the console sends a browser whose session
 * is over. Nobody's address (RFC 2606), which the wall's navigation guard knows.
 */
export const SESSION_ENDED_URL = 'https://session-ended.vigil.invalid/';

export interface ConsolePage {
  readonly kind: ConsolePageKind;
}

export interface ConsolePlaces {
  readonly destinationUrl: string;
  readonly issuerUrl: string;
  readonly federationUrl: string;
  /** Default: what follows from the two URLs, see `hostsOf`. */
  readonly hosts?: ConsoleHosts;
}

/**
 * Classifies an address that the console's view committed, by host labels and path alone; what is on the page is never
 * asked. Host and fragment of the destination do not count: the console moves dashboards to regional and multi-session
 * hosts (`{account}-{id}.{region}.console.aws.amazon.com`) and rewrites fragments. Never throws.
 */
export function classifyConsolePage(committedUrl: string, places: ConsolePlaces): ConsolePage {
  return { kind: kindOf(committedUrl, places) };
}

function kindOf(committedUrl: string, places: ConsolePlaces): ConsolePageKind {
  if (!URL.canParse(committedUrl)) return 'foreign';
  const url = new URL(committedUrl);
  if (isSameAddress(url, places.issuerUrl)) return 'issuer';
  const hosts = places.hosts ?? hostsOf(places);
  const destination = URL.canParse(places.destinationUrl) ? new URL(places.destinationUrl) : undefined;
  const isDestinations =
    destination !== undefined &&
    servicePath(url) === servicePath(destination) &&
    (url.origin === destination.origin || (hosts.isConsole(url) && hosts.isConsole(destination)));
  // Before sign-in: a stand-in may serve everything from one host.
  if (isDestinations && !isLogout(url)) return 'destination';
  if (hosts.isSignIn(url)) return isLogout(url) ? 'signed-out' : 'sign-in';
  if (hosts.isConsole(url)) return isLogout(url) ? 'signed-out' : 'console-other';
  return 'foreign';
}

/** The first part of the path names the service: `/cloudwatch/home` → `cloudwatch`. */
function servicePath(url: URL): string {
  return url.pathname.split('/')[1]?.toLowerCase() ?? '';
}

/** `/console/logout!doLogout`, `/oauth?Action=logout` and the pages after them. */
function isLogout(url: URL): boolean {
  const action = url.searchParams.get('Action') ?? url.searchParams.get('action');
  return action?.toLowerCase() === 'logout' || /^\/([^/]+\/)?(logout|signed?-?out)([!/]|$)/i.test(url.pathname);
}

/** Same scheme, host and path; also for schemes of our own, which have no origin. */
function isSameAddress(url: URL, other: string): boolean {
  if (!URL.canParse(other)) return false;
  const { protocol, host, pathname } = new URL(other);
  return url.protocol === protocol && url.host === host && withoutEnd(url.pathname) === withoutEnd(pathname);
}

function withoutEnd(path: string): string {
  return path.replace(/\/$/, '');
}

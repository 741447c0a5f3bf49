/** The console: signs a browser in by a code from the sign-in host, rewrites its address, serves the dashboard and its data. */
import { randomUUID } from 'node:crypto';
import { SESSION_COOKIE, USER_COOKIE, dataAnswer } from './console-data.ts';
import { redirect } from './federation.ts';
import type { Answer, Handler, Request } from './http.ts';
import { CONSOLE_DOMAIN, consoleOrigin, cookie, regionOfHost, signinOrigin } from './hosts.ts';
import type { Hosts } from './hosts.ts';
import type { PageFault } from './misbehaviour.ts';
import { dashboardScript } from './pages/dashboard-script.ts';
import { dashboardStyle } from './pages/dashboard-style.ts';
import { emptyPage, errorPage } from './pages/error.ts';
import { consoleShell } from './pages/shell.ts';
import { accountIn, liveSession } from './world.ts';
import type { ConsoleSession, World } from './world.ts';

function asset(type: string, body: string): Answer {
  return {
    status: 200,
    action: 'asset',
    headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' },
    body,
  };
}

/** The readable cookie by which the console's own pages know who is signed in. */
function userInfo(world: World, session: ConsoleSession): string {
  const [, , , , , resource = ''] = session.arn.split(':');
  return encodeURIComponent(
    JSON.stringify({
      arn: session.arn,
      alias: accountIn(world, session).alias,
      username: resource,
      keybase: '',
      issuer: session.issuer ?? '',
      signinType: 'PUBLIC',
    }),
  );
}

/** Exchanges the code for the console's cookies and takes it out of the address. */
function exchangeCode(world: World, hosts: Hosts, url: URL, code: string): Answer {
  const ticket = world.tickets.get(code);
  world.tickets.delete(code);
  url.searchParams.delete('code');
  url.searchParams.delete('state');
  const session =
    ticket !== undefined && world.now() < ticket.expiresAt ? liveSession(world, ticket.session.id) : undefined;
  if (session === undefined) return redirect('page', url.href, 'stale code');
  return redirect('page', url.href, 'code', [
    cookie(hosts, CONSOLE_DOMAIN, SESSION_COOKIE, session.id),
    cookie(hosts, CONSOLE_DOMAIN, USER_COOKIE, userInfo(world, session), false),
  ]);
}

function homePage(world: World, hosts: Hosts, request: Request): Answer {
  const url = new URL(request.target, `${hosts.scheme}://${request.host}`);
  const code = url.searchParams.get('code');
  if (code !== null) return exchangeCode(world, hosts, url, code);
  const hostRegion = regionOfHost(request.host, CONSOLE_DOMAIN) ?? '';
  const region = url.searchParams.get('region') ?? (hostRegion || (world.regions[0] ?? ''));
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) return { status: 400, action: 'page', body: 'Unknown region.' };
  const session = liveSession(world, request.cookies.get(SESSION_COOKIE));
  if (session === undefined) {
    const signin = new URL('/oauth', signinOrigin(hosts, region));
    signin.searchParams.set('client_id', 'arn:aws:signin:::console/cloudwatch');
    signin.searchParams.set('response_type', 'code');
    signin.searchParams.set('state', randomUUID());
    signin.searchParams.set('redirect_uri', url.href);
    return redirect('page', signin.href, 'signed out');
  }
  if (hostRegion !== region || url.searchParams.get('region') !== region) {
    url.searchParams.set('region', region);
    return redirect('page', `${consoleOrigin(hosts, region)}${url.pathname}${url.search}`, 'region');
  }
  const order = world.pageFaults.take({ session: session.number, account: session.account, role: session.role });
  const fault = order?.what;
  const load = world.consoleLog.nextLoad();
  const { number, account, role } = session;
  const base = { load, at: world.now(), session: number, account, role };
  world.consoleLog.load(fault === undefined ? base : { ...base, fault: fault.kind });
  const { alias } = accountIn(world, session);
  const body = consoleShell({
    region,
    arn: session.arn,
    alias,
    account,
    load,
    pollMs: world.pollMs,
    failuresBeforeEnd: world.failuresBeforeEnd,
    signinUrl: `${signinOrigin(hosts, region)}/oauth?client_id=arn%3Aaws%3Asignin%3A%3A%3Aconsole%2Fcloudwatch&response_type=code&redirect_uri=${encodeURIComponent(`${consoleOrigin(hosts, region)}${url.pathname}${url.search}`)}`,
    issuer: session.issuer ?? '',
    isStuck: fault?.kind === 'endless-resource',
  });
  return fault === undefined ? page(body) : misbehavedPage(fault, body);
}

function page(body: string): Answer {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  return { status: 200, action: 'page', headers, body };
}

/** @param body what the page would be */
function misbehavedPage(fault: PageFault, body: string): Answer {
  switch (fault.kind) {
    case 'status':
      return { ...page(errorPage()), status: fault.status };
    case 'slow':
      return { ...page(body), delayMs: fault.ms };
    case 'error-page':
      return page(errorPage());
    case 'white':
      return page(emptyPage('#ffffff'));
    case 'one-colour':
      return page(emptyPage(fault.colour));
    case 'endless':
      // Without its script it stays a skeleton.
      return { ...page(body.slice(0, body.indexOf('<script'))), endless: true };
    case 'endless-resource':
      return page(body);
    default:
      return { ...page(''), status: fault.kind === 'not-json' ? 200 : 0, instead: { kind: fault.kind } };
  }
}

export function consoleHandler(world: World, hosts: () => Hosts): Handler {
  return (request) => {
    if (regionOfHost(request.host, CONSOLE_DOMAIN) === undefined)
      return redirect('console-host', consoleOrigin(hosts()) + request.target);
    switch (request.path) {
      case '/cloudwatch/home':
        return homePage(world, hosts(), request);
      case '/cloudwatch/data':
        return dataAnswer(world, hosts(), request);
      case '/static/dashboard.js':
        return asset('text/javascript', dashboardScript);
      case '/static/dashboard.css':
        return asset('text/css', dashboardStyle);
      case '/static/endless':
        return { status: 200, action: 'asset', headers: { 'content-type': 'image/png' }, body: '', endless: true };
      case '/favicon.ico':
        return { status: 204, action: 'asset' };
      case '/':
      case '/console/home':
        return redirect('page', '/cloudwatch/home');
      case '/console/logout': {
        const cookies = [USER_COOKIE, SESSION_COOKIE].map((name) => cookie(hosts(), CONSOLE_DOMAIN, name, ''));
        return redirect('page', `${signinOrigin(hosts())}/oauth?Action=logout`, 'logout', cookies);
      }
      default:
        return { status: 404, action: 'unknown', body: 'Not found' };
    }
  };
}

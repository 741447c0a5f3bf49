/** The console: signs a browser in by a code from the sign-in host, rewrites its address, serves the dashboard and its data. */
import { randomUUID } from 'node:crypto';
import { dashboardData, logLines } from './dashboard-data.ts';
import { redirect } from './federation.ts';
import type { Answer, Handler, Request } from './http.ts';
import { CONSOLE_DOMAIN, consoleOrigin, cookie, regionOfHost, signinOrigin } from './hosts.ts';
import type { Hosts } from './hosts.ts';
import { dashboardScript } from './pages/dashboard-script.ts';
import { dashboardStyle } from './pages/dashboard-style.ts';
import { consoleShell } from './pages/shell.ts';
import { encodeStrip } from './strip-code.ts';
import { accountIn, liveSession } from './world.ts';
import type { ConsoleSession, World } from './world.ts';

const SESSION_COOKIE = 'aws-console-session';

function json(status: number, action: string, value: unknown, detail?: string): Answer {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  const answer = { status, action, headers, body: JSON.stringify(value) };
  return detail === undefined ? answer : { ...answer, detail };
}

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
    cookie(hosts, CONSOLE_DOMAIN, 'aws-userInfo', userInfo(world, session), false),
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
  world.pageLoads += 1;
  const body = consoleShell({
    region,
    arn: session.arn,
    alias: accountIn(world, session).alias,
    account: session.account,
    load: world.pageLoads,
    pollMs: world.pollMs,
    failuresBeforeEnd: world.failuresBeforeEnd,
    signinUrl: `${signinOrigin(hosts, region)}/oauth?client_id=arn%3Aaws%3Asignin%3A%3A%3Aconsole%2Fcloudwatch&response_type=code&redirect_uri=${encodeURIComponent(`${consoleOrigin(hosts, region)}${url.pathname}${url.search}`)}`,
    issuer: session.issuer ?? '',
  });
  return {
    status: 200,
    action: 'page',
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body,
  };
}

/** What the page asks for again and again. `part` is `main` or `log`; the two fail in different ways, as a console's calls do. */
function data(world: World, request: Request): Answer {
  const action = request.query.get('part') === 'log' ? 'data-log' : 'data';
  const session = liveSession(world, request.cookies.get(SESSION_COOKIE));
  if (session === undefined) {
    const end = { onSessionEnd: world.onSessionEnd };
    return action === 'data'
      ? json(401, action, { message: 'Your session has expired.', ...end }, 'signed out')
      : json(403, action, { message: 'The security token included in the request is expired', ...end }, 'signed out');
  }
  const { dashboards } = accountIn(world, session);
  const name = request.query.get('dashboard');
  if (name === null || name === '')
    return json(200, action, { dashboards: dashboards.map((dashboard) => dashboard.name) });
  const dashboard = dashboards.find((one) => one.name === name);
  if (dashboard === undefined)
    return json(404, action, { code: 'ResourceNotFound', message: `Dashboard ${name} does not exist` }, name);
  const refusal = (call: string): unknown => ({
    code: 'AccessDenied',
    message: `User: ${session.arn} is not authorized to perform: ${call} on resource: arn:aws:cloudwatch::${session.account}:dashboard/${name}`,
  });
  const isAllowed = dashboard.roles?.includes(session.role) ?? true;
  if (dashboard.denied === true || !isAllowed) return json(403, action, refusal('cloudwatch:GetDashboard'), name);
  if (action === 'data-log') {
    return dashboard.deniedWidget
      ? json(403, action, refusal('logs:StartQuery'), name)
      : json(200, action, { lines: logLines(world.now()) }, name);
  }
  const dashboardId = world.accounts.dashboardId(session.account, name);
  const dataSeq = (world.dataAnswers.get(dashboardId) ?? 0) + 1;
  world.dataAnswers.set(dashboardId, dataSeq);
  return json(
    200,
    action,
    {
      strip: encodeStrip({ dashboardId, loadSeq: Number(request.query.get('load')), dataSeq }),
      ...dashboardData(world.now()),
      session: { endsAt: Math.min(session.expiresAt, 8.64e15), startedAt: session.startedAt },
    },
    name,
  );
}

export function consoleHandler(world: World, hosts: () => Hosts): Handler {
  return (request) => {
    if (regionOfHost(request.host, CONSOLE_DOMAIN) === undefined)
      return redirect('console-host', consoleOrigin(hosts()) + request.target);
    switch (request.path) {
      case '/cloudwatch/home':
        return homePage(world, hosts(), request);
      case '/cloudwatch/data':
        return data(world, request);
      case '/static/dashboard.js':
        return asset('text/javascript', dashboardScript);
      case '/static/dashboard.css':
        return asset('text/css', dashboardStyle);
      case '/favicon.ico':
        return { status: 204, action: 'asset' };
      case '/':
      case '/console/home':
        return redirect('page', '/cloudwatch/home');
      case '/console/logout': {
        const cookies = ['aws-userInfo', SESSION_COOKIE].map((name) => cookie(hosts(), CONSOLE_DOMAIN, name, ''));
        return redirect('page', `${signinOrigin(hosts())}/oauth?Action=logout`, 'logout', cookies);
      }
      default:
        return { status: 404, action: 'unknown', body: 'Not found' };
    }
  };
}

/** The sign-in host: `/federation` (getSigninToken, login), `/oauth` (authorise, logout) and the sign-in page. */
import { randomBytes } from 'node:crypto';
import { accountOf } from './accounts.ts';
import type { Answer, Handler, Request } from './http.ts';
import { SIGNIN_DOMAIN, cookie, parseConsoleUrl, regionOfHost, signinOrigin } from './hosts.ts';
import type { Hosts } from './hosts.ts';
import { messagePage, signinPage } from './pages/signin.ts';
import { liveSession } from './world.ts';
import type { ConsoleSession, Credential, World } from './world.ts';

const SIGNIN_COOKIE = 'aws-signin-session';
const TOKEN_LIFE_MS = 15 * 60_000;
const TICKET_LIFE_MS = 60_000;

function html(status: number, action: string, body: string, detail?: string): Answer {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  const answer = { status, action, headers, body };
  return detail === undefined ? answer : { ...answer, detail };
}

/** The real service says nothing about what was wrong; the reason goes to the request log only. */
function bare400(action: string, reason: string): Answer {
  return html(
    400,
    action,
    '<html><head><title>400 Bad Request</title></head><body><center><h1>400 Bad Request</h1></center></body></html>\n',
    reason,
  );
}

export function redirect(action: string, location: string, detail?: string, cookies: readonly string[] = []): Answer {
  const headers = { location, 'cache-control': 'no-store', ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}) };
  return detail === undefined ? { status: 302, action, headers } : { status: 302, action, headers, detail };
}

function parseSession(
  text: string | null,
): { sessionId: string; sessionKey: string; sessionToken: string } | undefined {
  try {
    const { sessionId, sessionKey, sessionToken } = Object(JSON.parse(text ?? '')) as Record<string, unknown>;
    return typeof sessionId === 'string' && typeof sessionKey === 'string' && typeof sessionToken === 'string'
      ? { sessionId, sessionKey, sessionToken }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Why this SessionDuration is refused, or undefined. The rules that AWS leaves open are taken at their strictest. */
function durationFault(world: World, credential: Credential, text: string): string | undefined {
  if (!/^\d+$/.test(text)) return 'SessionDuration is not a number';
  const seconds = Number(text);
  if (seconds < 900 || seconds > 43200) return 'SessionDuration outside 900–43200';
  if (credential.kind === 'federated-user') return 'SessionDuration with GetFederationToken credentials';
  if (credential.viaTemporary) return 'SessionDuration with a chained role';
  if (seconds % 60 !== 0) return 'odd SessionDuration';
  const role = world.roles.get(credential.roleArn ?? '');
  if (role !== undefined && seconds > role.maxSessionDurationSeconds)
    return 'SessionDuration over the maximum of the role';
  return undefined;
}

function getSigninToken(world: World, parameters: URLSearchParams): Answer {
  const action = 'getSigninToken';
  const given = parseSession(parameters.get('Session'));
  if (given === undefined) return bare400(action, 'Session is not the JSON wanted');
  const credential = world.credentials.get(given.sessionId);
  const known = credential?.secretAccessKey === given.sessionKey && credential.sessionToken === given.sessionToken;
  if (credential === undefined || !known) return bare400(action, 'unknown credentials');
  if (credential.kind === 'user' || credential.kind === 'session')
    return bare400(action, 'credentials that cannot be federated');
  if (credential.expiresAt === undefined || world.now() >= credential.expiresAt)
    return bare400(action, 'expired credentials');
  const duration = parameters.get('SessionDuration');
  const fault = duration === null ? undefined : durationFault(world, credential, duration);
  if (fault !== undefined) return bare400(action, fault);
  const token = randomBytes(420).toString('base64url');
  world.signinTokens.set(token, {
    credential,
    expiresAt: world.now() + TOKEN_LIFE_MS,
    sessionDuration: duration === null ? undefined : Number(duration),
    used: false,
  });
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { status: 200, action, headers, body: JSON.stringify({ SigninToken: token }), detail: credential.arn };
}

function startSession(
  world: World,
  credential: Credential,
  duration: number | undefined,
  issuer: string | null,
): ConsoleSession {
  const now = world.now();
  const end = duration === undefined ? (credential.expiresAt ?? now) : now + duration * 1000;
  const session: ConsoleSession = {
    id: randomBytes(24).toString('base64url'),
    number: world.sessions.size + 1,
    arn: credential.arn,
    account: accountOf(credential.arn),
    role: credential.roleArn?.split('/').at(-1) ?? '',
    issuer: issuer ?? undefined,
    startedAt: now,
    expiresAt: Math.min(end, world.sessionSeconds === undefined ? Infinity : now + world.sessionSeconds * 1000),
    revoked: false,
  };
  world.sessions.set(session.id, session);
  return session;
}

function login(world: World, hosts: Hosts, request: Request): Answer {
  const action = 'login';
  const { query } = request;
  const page = (title: string, text: string, reason: string): Answer =>
    html(400, action, messagePage(title, text), reason);
  const token = world.signinTokens.get(query.get('SigninToken') ?? '');
  if (token === undefined || world.now() >= token.expiresAt) {
    return page(
      'Your request has expired',
      'The sign-in token is missing, not valid, or older than 15 minutes. Please sign in again.',
      'unknown or expired token',
    );
  }
  if (token.used && world.singleUseTokens) {
    return page('Your request has expired', 'This sign-in link was used before. Please sign in again.', 'used token');
  }
  const destination = parseConsoleUrl(hosts, query.get('Destination'));
  if (destination === undefined)
    return page('Invalid request', 'The destination is not a console address.', 'bad Destination');
  if (liveSession(world, request.cookies.get(SIGNIN_COOKIE)) !== undefined) {
    const logout = `${signinOrigin(hosts, world.regions[0])}/oauth?Action=logout`;
    return html(
      400,
      action,
      messagePage(
        'You must first log out before logging into a different AWS account',
        'To log out, use the link below, and then sign in again.',
        {
          href: logout,
          text: 'Log out',
        },
      ),
      'an older session is live',
    );
  }
  token.used = true;
  const session = startSession(world, token.credential, token.sessionDuration, query.get('Issuer'));
  return redirect(action, destination.href, session.arn, [cookie(hosts, SIGNIN_DOMAIN, SIGNIN_COOKIE, session.id)]);
}

function logout(world: World, hosts: Hosts, request: Request): Answer {
  const session = liveSession(world, request.cookies.get(SIGNIN_COOKIE));
  if (session !== undefined) session.revoked = true;
  const cookies = [cookie(hosts, SIGNIN_DOMAIN, SIGNIN_COOKIE, '')];
  const wanted = request.query.get('redirect_uri');
  const regional = regionOfHost(request.host, SIGNIN_DOMAIN) !== '';
  if (wanted !== null && regional && URL.canParse(wanted)) return redirect('logout', wanted, undefined, cookies);
  if (session?.issuer !== undefined && URL.canParse(session.issuer))
    return redirect('logout', session.issuer, 'issuer', cookies);
  return redirect('logout', `${signinOrigin(hosts)}/`, undefined, cookies);
}

/** The hop between the two sites: a live sign-in session gets a code for the console, anybody else the sign-in page. */
function authorise(world: World, hosts: Hosts, request: Request): Answer {
  const back = parseConsoleUrl(hosts, request.query.get('redirect_uri'));
  if (back === undefined)
    return html(
      400,
      'oauth',
      messagePage('Invalid request', 'The return address is not a console address.'),
      'bad redirect_uri',
    );
  const session = liveSession(world, request.cookies.get(SIGNIN_COOKIE));
  if (session === undefined) {
    const target = new URL('/', signinOrigin(hosts, regionOfHost(request.host, SIGNIN_DOMAIN) ?? world.regions[0]));
    target.searchParams.set('redirect_uri', back.href);
    return redirect('oauth', target.href, 'signed out');
  }
  const code = randomBytes(24).toString('base64url');
  world.tickets.set(code, { session, expiresAt: world.now() + TICKET_LIFE_MS });
  back.searchParams.set('code', code);
  const state = request.query.get('state');
  if (state !== null) back.searchParams.set('state', state);
  return redirect('oauth', back.href, 'code');
}

export function federationHandler(world: World, hosts: () => Hosts): Handler {
  return (request) => {
    const region = regionOfHost(request.host, SIGNIN_DOMAIN);
    if (request.path === '/federation') {
      const form =
        request.method === 'POST' ? new URLSearchParams(request.body.toString('utf8')) : new URLSearchParams();
      const parameters = new URLSearchParams([...request.query, ...form]);
      const action = parameters.get('Action');
      if (action === 'getSigninToken') return getSigninToken(world, parameters);
      if (action !== 'login' || request.method !== 'GET')
        return bare400(action ?? 'unknown', 'unknown Action or method');
      // Programs reach this service at 127.0.0.1; a browser goes on at the host that owns the sign-in cookie.
      if (region === undefined) return redirect('login-host', signinOrigin(hosts()) + request.target);
      return login(world, hosts(), request);
    }
    if (region === undefined) return redirect('signin-host', signinOrigin(hosts()) + request.target);
    if (request.path === '/oauth') {
      return request.query.get('Action') === 'logout'
        ? logout(world, hosts(), request)
        : authorise(world, hosts(), request);
    }
    if (request.path === '/') return html(200, 'signin-page', signinPage());
    return html(404, 'unknown', messagePage('Not found', 'There is no such page.'));
  };
}

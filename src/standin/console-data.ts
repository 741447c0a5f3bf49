/** The console's data calls: what an open dashboard asks for again and again, well or as it was told to misbehave. */
import type { Answer, Request } from './http.ts';
import { CONSOLE_DOMAIN, cookie } from './hosts.ts';
import type { Hosts } from './hosts.ts';
import { dashboardData, logLines } from './dashboard-data.ts';
import type { DataFault, DataScope } from './misbehaviour.ts';
import { encodeStrip } from './strip-code.ts';
import type { DashboardOptions, DataCall } from './types.ts';
import { accountIn, liveSession } from './world.ts';
import type { ConsoleSession, World } from './world.ts';

export const SESSION_COOKIE = 'aws-console-session';
export const USER_COOKIE = 'aws-userInfo';

interface Call {
  readonly part: DataCall['part'];
  readonly dashboard: string;
  readonly load: number;
}

interface Outcome {
  readonly status: number;
  readonly value: unknown;
  readonly detail?: string;
  readonly dataSeq?: number;
}

function parseCall(request: Request): Call {
  const part = request.query.get('part');
  return {
    part: part === 'log' ? 'log' : part?.startsWith('widget') === true ? 'widget' : 'main',
    dashboard: request.query.get('dashboard') ?? '',
    load: Number(request.query.get('load') ?? NaN),
  };
}

/** `main`, `log` and `widget` calls fail in different ways, as a console's do. */
function signedOut(world: World, { part }: Call): Outcome {
  const end = { onSessionEnd: world.onSessionEnd };
  return part === 'main'
    ? { status: 401, value: { message: 'Your session has expired.', ...end }, detail: 'signed out' }
    : {
        status: 403,
        value: { message: 'The security token included in the request is expired', ...end },
        detail: 'signed out',
      };
}

function refused(session: ConsoleSession, action: string, name: string): Outcome {
  const resource = `arn:aws:cloudwatch::${session.account}:dashboard/${name}`;
  const message = `User: ${session.arn} is not authorized to perform: ${action} on resource: ${resource}`;
  return { status: 403, value: { code: 'AccessDenied', message }, detail: name };
}

interface Timing {
  /** ms since the epoch: the moment that the data is of. */
  readonly at: number;
  /** It is no newer than the answer before. */
  readonly isFrozen: boolean;
}

function mainData(
  world: World,
  session: ConsoleSession,
  dashboard: DashboardOptions,
  call: Call,
  timing: Timing,
): Outcome {
  const { name } = dashboard;
  const dashboardId = world.accounts.dashboardId(session.account, name);
  const log = world.consoleLog;
  const dataSeq = timing.isFrozen ? log.answers(dashboardId) : log.nextAnswer(dashboardId);
  const value = {
    strip: encodeStrip({ dashboardId, loadSeq: call.load, dataSeq }),
    ...dashboardData(timing.at, dashboardId),
    // The page corrects its clock by this, also where the data is old.
    time: world.now(),
    widgets: dashboard.deniedWidgets ?? 0,
    session: { endsAt: Math.min(session.expiresAt, 8.64e15), startedAt: session.startedAt },
  };
  return { status: 200, value, detail: name, dataSeq };
}

/** What the console answers when nothing misbehaves but, perhaps, the age of its data. */
function outcomeFor(world: World, session: ConsoleSession, call: Call, timing: Timing): Outcome {
  const { dashboards } = accountIn(world, session);
  if (call.dashboard === '') return { status: 200, value: { dashboards: dashboards.map(({ name }) => name) } };
  const name = call.dashboard;
  const dashboard = dashboards.find((one) => one.name === name);
  if (dashboard === undefined) {
    const message = `Dashboard ${name} does not exist`;
    return { status: 404, value: { code: 'ResourceNotFound', message }, detail: name };
  }
  const isAllowed = dashboard.roles?.includes(session.role) ?? true;
  if (dashboard.denied === true || !isAllowed) return refused(session, 'cloudwatch:GetDashboard', name);
  switch (call.part) {
    case 'widget':
      return refused(session, 'cloudwatch:GetMetricData', name);
    case 'log':
      if (dashboard.deniedWidget === true) return refused(session, 'logs:StartQuery', name);
      return { status: 200, value: { lines: logLines(timing.at) }, detail: name };
    case 'main':
      return mainData(world, session, dashboard, call, timing);
  }
}

const CODES: Readonly<Record<number, string>> = { 401: 'Unauthorized', 403: 'Forbidden', 429: 'Throttling' };

/** A call that fails, though its session and permissions are well. The page keeps its picture and asks again. */
function failed(status: number): Outcome {
  return { status, value: { code: CODES[status] ?? 'InternalFailure', message: `The request failed (${status}).` } };
}

/** Outcome, and what is done beside or in place of it. */
function misbehaved(
  fault: DataFault,
  since: number,
  world: World,
  outcome: (timing: Timing) => Outcome,
): { readonly outcome: Outcome; readonly more: Partial<Answer> } {
  const now = world.now();
  const well = (timing = { at: now, isFrozen: false }): Outcome => outcome(timing);
  switch (fault.kind) {
    case 'status':
      return { outcome: failed(fault.status), more: {} };
    case 'timeout':
      return { outcome: failed(504), more: { delayMs: fault.ms } };
    case 'slow':
      return { outcome: well(), more: { delayMs: fault.ms } };
    case 'lag':
      return { outcome: well({ at: now - fault.ms, isFrozen: false }), more: {} };
    case 'frozen':
      return { outcome: well({ at: since, isFrozen: true }), more: {} };
    case 'drop-cookies':
      return { outcome: well(), more: {} };
    default:
      return {
        outcome: { status: fault.kind === 'not-json' ? 200 : 0, value: undefined },
        more: { instead: { kind: fault.kind } },
      };
  }
}

/** `GET /cloudwatch/data?part=…&dashboard=…&load=…`. What the page is to do goes along in a header. */
export function dataAnswer(world: World, hosts: Hosts, request: Request): Answer {
  const call = parseCall(request);
  const action = call.part === 'main' ? 'data' : `data-${call.part}`;
  const session = liveSession(world, request.cookies.get(SESSION_COOKIE));
  const { number = 0, account = '', role = '' } = session ?? {};
  const facts: DataScope = { session: number, account, role, dashboard: call.dashboard, part: call.part };
  const order = world.dataFaults.take(facts);
  const trick = call.part === 'main' ? world.pageTricks.take(facts)?.what : undefined;
  const usual = (timing: Timing): Outcome =>
    session === undefined ? signedOut(world, call) : outcomeFor(world, session, call, timing);
  const { outcome, more } =
    order === undefined
      ? { outcome: usual({ at: world.now(), isFrozen: false }), more: {} }
      : misbehaved(order.what, order.since, world, usual);
  world.consoleLog.call({
    at: world.now(),
    load: call.load,
    session: number,
    account,
    role,
    dashboard: call.dashboard,
    part: call.part,
    status: outcome.status,
    ...(outcome.dataSeq === undefined ? {} : { dataSeq: outcome.dataSeq }),
    ...(order === undefined ? {} : { fault: order.what.kind }),
    ...(trick === undefined ? {} : { trick: trick.kind }),
  });
  const gone = [SESSION_COOKIE, USER_COOKIE].map((name) => cookie(hosts, CONSOLE_DOMAIN, name, ''));
  return {
    status: outcome.status,
    action,
    ...(outcome.detail === undefined ? {} : { detail: outcome.detail }),
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(trick === undefined ? {} : { 'x-standin-trick': JSON.stringify(trick) }),
      ...(order?.what.kind === 'drop-cookies' ? { 'set-cookie': gone } : {}),
    },
    body: JSON.stringify(outcome.value),
    ...more,
  };
}

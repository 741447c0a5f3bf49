/** The doctor's walk through the sessions of the wall: credentials, role, sign-in token, and what each session is for. */
import { credentialProviderFromSettings, signInFromSettings } from '../../aws/from-settings.ts';
import type { SignIn, StageReport } from '../../aws/sign-in.ts';
import { AppError, type Failure, toAppError } from '../../core/errors.ts';
import { wallPlanOf } from '../../core/plan/from-settings.ts';
import type { AlarmWatch, PlannedDashboard, WallPlan } from '../../core/plan/plan.ts';
import { isServerSignIn } from '../../core/settings/requirements.ts';
import type { Settings } from '../../core/settings/schema.ts';
import { DEFAULT_NAME, credentialSourceOf, sessionSettings } from '../../core/settings/sessions.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import type { AutoId } from '../../aws/auto-id.ts';
import type { Ports } from '../context.ts';
import { type Check, failed, fine, skipped } from './doctor-check.ts';

/** A console page without a session is small; of a large one nothing but its coming matters. */
const LONGEST_PAGE = 65_536;

export interface SessionWalk {
  readonly settings: Settings;
  readonly ports: Ports;
  /** The keys; a sentence where there are none. */
  readonly keys: AutoId | string;
  /** Hears every secret as soon as it is known. */
  readonly keep: (secret: string) => void;
}

/**
 * Per session of the plan, in its order: the server's credentials (once for all sessions that have the same), AssumeRole, sign-in token, and
 * then whether each of its dashboards can be reached and its alarms be asked for. What fails for one session is no obstacle to the next.
 * Without keys all of it is skipped but the dashboards.
 */
export async function* sessionChecks(walk: SessionWalk): AsyncGenerator<Check> {
  const { settings } = walk;
  const plan = wallPlanOf(settings);
  const sources = new Map<string | undefined, AwsCredentials | string>();
  const isShared = new Set(plan.sessions.map((name) => credentialSourceOf(settings, name))).size === 1;
  const hosts = new Map<string, Promise<Failure | undefined>>();
  for (const session of plan.sessions) {
    if (isServerSignIn(settings, session)) {
      yield* serverSignInChecks(walk, plan, session, hosts);
      continue;
    }
    // With one session that has no name there is nothing to tell apart.
    const of = plan.sessions.length === 1 && session === DEFAULT_NAME ? undefined : session;
    const source = credentialSourceOf(settings, session);
    let credentials = sources.get(source);
    if (credentials === undefined) {
      const [check, found] = await serverCheck(walk, session, isShared ? undefined : of);
      yield check;
      sources.set(source, found);
      credentials = found;
    }
    const dashboards = Object.values(plan.dashboards).filter((one) => one.session === session);
    const signIn = yield* signInChecks(walk, session, dashboards, credentials, of);
    for (const dashboard of dashboards) yield await dashboardCheck(walk, plan, dashboard, hosts);
    for (const { name, alarms } of plan.surfaces) {
      if (alarms?.session === session) yield await alarmsCheck(walk, name, alarms, signIn);
    }
  }
}

/** A session that the auto-id server signs in: one request, no credentials, no role of this machine's own. */
async function* serverSignInChecks(
  walk: SessionWalk,
  plan: WallPlan,
  session: string,
  hosts: Map<string, Promise<Failure | undefined>>,
): AsyncGenerator<Check> {
  const { settings, ports, keys, keep } = walk;
  const of = plan.sessions.length === 1 && session === DEFAULT_NAME ? undefined : session;
  const dashboards = Object.values(plan.dashboards).filter((one) => one.session === session);
  const first = dashboards.find(({ url }) => url !== '');
  let signIn: SignIn | undefined;
  if (typeof keys === 'string' || first === undefined) {
    yield skipped('server', typeof keys === 'string' ? keys : 'The settings do not name a dashboard.', of);
  } else {
    try {
      const options = { session, dashboard: first.name, autoId: keys, onSecret: keep };
      const made = await signInFromSettings(settings, ports, options);
      const { startedAt, endsAt } = await made.run();
      const minutes = Math.round((endsAt - startedAt) / 60_000);
      yield fine('server', `It signed in for this machine, for ${minutes} minutes; no credential came here.`, of);
      signIn = made;
    } catch (thrown) {
      yield failed('server', toAppError(thrown).toFailure(), of);
    }
  }
  for (const dashboard of dashboards) yield await dashboardCheck(walk, plan, dashboard, hosts);
  for (const { name, alarms } of plan.surfaces) {
    if (alarms?.session === session) yield await alarmsCheck(walk, name, alarms, signIn);
  }
}

/** The server's credentials for a session, or a sentence on why there are none. */
async function serverCheck(
  { settings, ports, keys, keep }: SessionWalk,
  session: string,
  of: string | undefined,
): Promise<readonly [Check, AwsCredentials | string]> {
  if (typeof keys === 'string') return [skipped('server', keys, of), keys];
  if (settings.server.endpoint === undefined || credentialSourceOf(settings, session) === undefined) {
    const why = 'The settings do not name the server and the secret.';
    return [skipped('server', why, of), why];
  }
  try {
    const provider = await credentialProviderFromSettings(settings, ports, { session, autoId: keys, onSecret: keep });
    const credentials = await provider.get();
    return [fine('server', `It gave the access key ${credentials.accessKeyId}.`, of), credentials];
  } catch (thrown) {
    return [failed('server', toAppError(thrown).toFailure(), of), 'There are no credentials.'];
  }
}

/** AssumeRole and the sign-in token, from what the sign-in reports of each; returns the sign-in if the role was assumed. */
async function* signInChecks(
  { settings, ports, keep }: SessionWalk,
  session: string,
  dashboards: readonly PlannedDashboard[],
  credentials: AwsCredentials | string,
  of: string | undefined,
): AsyncGenerator<Check, SignIn | undefined> {
  const destination = dashboards.find(({ url }) => url !== '');
  const isNamed = sessionSettings(settings, session)?.arn !== undefined && destination !== undefined;
  if (typeof credentials === 'string' || !isNamed) {
    const why = typeof credentials === 'string' ? credentials : 'The settings do not name role and dashboard.';
    yield skipped('role', why, of);
    yield skipped('federation', why, of);
    return undefined;
  }
  const reports: StageReport[] = [];
  let signIn: SignIn | undefined;
  let failure: Failure | undefined;
  try {
    signIn = await signInFromSettings(settings, ports, {
      session,
      dashboard: destination.name,
      provider: { name: 'auto-id', get: () => Promise.resolve(credentials) },
      onStage: (report) => reports.push(report),
      onSecret: keep,
    });
    await signIn.run();
  } catch (thrown) {
    failure = toAppError(thrown).toFailure();
  }
  const role = reports.find(({ stage }) => stage === 'assume-role');
  const federation = reports.find(({ stage }) => stage === 'federation');
  const minutes = (report: StageReport) => Math.round(Number(report.detail?.['lifeSeconds'] ?? 0) / 60);
  if (role?.detail === undefined) {
    yield failed('role', role?.failure ?? failure ?? toAppError('the role was not tried').toFailure(), of);
    yield skipped('federation', 'The role was not assumed.', of);
    return undefined;
  }
  yield fine('role', `${String(role.detail['assumedRoleArn'])} was assumed for ${minutes(role)} minutes.`, of);
  yield federation?.detail === undefined
    ? failed('federation', failure ?? toAppError('the sign-in token was not asked for').toFailure(), of)
    : fine('federation', `A console session of ${minutes(federation)} minutes was granted.`, of);
  return signIn;
}

/**
 * Whether a dashboard's address fits its role, and whether somebody answers there. Whether the role may see it only the console can tell, to
 * a browser that is signed in.
 */
async function dashboardCheck(
  { settings, ports }: SessionWalk,
  plan: WallPlan,
  { name, url, session }: PlannedDashboard,
  hosts: Map<string, Promise<Failure | undefined>>,
): Promise<Check> {
  const of = Object.keys(plan.dashboards).length === 1 && name === DEFAULT_NAME ? undefined : name;
  if (url === '') return skipped('dashboard', 'The settings name no address.', of);
  if (sessionSettings(settings, session)?.arn !== undefined && !isServerSignIn(settings, session)) {
    try {
      const provider = { name: 'none', get: () => Promise.reject(new Error('not asked for')) };
      await signInFromSettings(settings, ports, { session, dashboard: name, provider });
    } catch (thrown) {
      return failed('dashboard', toAppError(thrown).toFailure(), of);
    }
  }
  const { origin, host, pathname } = new URL(url);
  const answer = hosts.get(origin) ?? reach(settings, ports, `${origin}${pathname}`);
  hosts.set(origin, answer);
  const failure = await answer;
  return failure === undefined ? fine('dashboard', `${host} answers.`, of) : failed('dashboard', failure, of);
}

/** Why nobody answers there as a console would; undefined if somebody does. Nothing of the session is sent. */
async function reach({ network }: Settings, { fetch }: Ports, url: string): Promise<Failure | undefined> {
  const timeoutMs = network.timeoutSeconds * 1000;
  try {
    const { status } = await fetch({ method: 'GET', url, timeoutMs, maxBytes: LONGEST_PAGE });
    if (status < 500) return undefined;
    const sentence = `${new URL(url).host} does not work at the moment: it answered with status ${status}.`;
    return new AppError('CONSOLE_LOAD_FAILED', sentence).toFailure();
  } catch (thrown) {
    const failure = toAppError(thrown).toFailure();
    return failure.code === 'ANSWER_TOO_LARGE' ? undefined : failure;
  }
}

/** Whether the session may ask for the alarms that take a surface over. */
async function alarmsCheck(
  { settings, ports }: SessionWalk,
  surface: string,
  { names, prefix, region }: AlarmWatch,
  signIn: SignIn | undefined,
): Promise<Check> {
  if (signIn === undefined) return skipped('alarms', 'Nobody is signed in to ask for them.', surface);
  const { all } = settings.aws.endpoints;
  const askAws = async () => {
    // Large, and most walls watch no alarms.
    const { describeAlarms } = await import('../../aws/alarms.ts');
    return describeAlarms({
      fetch: ports.fetch,
      clock: ports.clock,
      credentials: await signIn.credentials(),
      region: region ?? signIn.region,
      ...(all === undefined ? {} : { endpoint: all }),
      ...(names === undefined ? {} : { names }),
      ...(prefix === undefined ? {} : { prefix }),
      timeoutMs: settings.network.timeoutSeconds * 1000,
    });
  };
  try {
    const ringing = await (signIn.ringing?.({ names, prefix, region }) ?? askAws());
    const now = ringing.length === 0 ? 'none of them rings now' : `${ringing.length} of them ring now`;
    return fine('alarms', `The role may ask for them, and ${now}.`, surface);
  } catch (thrown) {
    return failed('alarms', toAppError(thrown).toFailure(), surface);
  }
}

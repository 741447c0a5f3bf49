import { describeAlarms } from '../../aws/alarms.ts';
import type { ClockOffset } from '../../aws/assume-role.ts';
import { type ConsoleHosts, consoleHosts, hostsOf } from '../../aws/console-hosts.ts';
import { checkAddress } from '../../aws/destination.ts';
import { buildLoginUrl, getSigninToken, lifetimeSeconds } from '../../aws/federation.ts';
import { holding } from '../../aws/held-credentials.ts';
import { listDashboards } from '../../aws/list-dashboards.ts';
import { federationUrlOf, parseRoleArn, partitionOfRegion, placeOfDashboard } from '../../aws/partitions.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import { isLoopbackHost } from '../../core/settings/schema.ts';
import { asStoreFailure } from './aws-failures.ts';
import { SESSION_ENDED_URL } from '../../aws/console-page.ts';
import { readConsoleQuestion } from '../../aws/console-question.ts';
import type { CredentialStore, Issued, IssueRequest } from './credential-store.ts';
import type { AwsAccess, StorePorts } from './ports.ts';
import { checkRoles, type RoleIssuer, roleNamed, type StoreRole } from './roles.ts';

export interface ConsoleRole extends StoreRole {
  /** Where its sessions may begin: whole addresses, or beginnings with `*`; default: every page of its partition's console. */
  readonly destinations?: readonly string[];
}

/** IAM user guide, custom identity brokers: a sign-in token is good for 15 minutes. */
const URL_LIFE_MS = 15 * 60_000;
/** Answers about alarms and dashboards are shared among callers for so long, in ms. */
const SHARED_MS = 10_000;
const MOST_SHARED = 1000;

/**
 * The console through the server: no AWS credential reaches the caller. What is given follows from the destination of the
 * request, which the device's rules have allowed already:
 *
 * - an address of the console → a login URL that leads there, signed in as the role, in a session of the caller's name;
 * - `alarms:REGION?name=A&name=B&prefix=P` → those of the alarms that ring;
 * - `list-dashboards:REGION[?prefix=P]` → names of dashboards.
 */
export function consoleStore(
  ports: StorePorts,
  aws: AwsAccess,
  issuer: RoleIssuer,
  roles: Readonly<Record<string, ConsoleRole>>,
): CredentialStore {
  const { fetch, clock } = ports;
  const { timeoutMs } = aws;
  checkRoles(roles);
  const clockOffset: ClockOffset = { ms: 0 };
  const shared = new Map<string, { readonly answer: Promise<Issued>; readonly since: number }>();
  const held = new Map(
    Object.entries(roles).map(([name, role]) => [
      name,
      holding(clock, async () => (await issuer.assumeForServer(role)).session),
    ]),
  );

  async function login(role: ConsoleRole, request: IssueRequest): Promise<Issued> {
    const { destination } = request;
    const region = placeOfDashboard(destination).region ?? role.region ?? aws.region;
    const { partition } = parseRoleArn(role.arn);
    const federationUrl = aws.federationUrl ?? federationUrlOf(partition, region);
    checkAddress(federationUrl, 'stores.aws.federationUrl');
    checkDestination(role, destination, federationUrl);
    const { session, chained } = await issuer.assumeFor(role, request);
    const { signinToken, duration } = await getSigninToken({
      fetch,
      clock,
      federationUrl,
      credentials: session.credentials,
      roleArn: role.arn,
      chained,
      memory: issuer.memory,
      timeoutMs,
    });
    const now = clock.now();
    return {
      kind: 'login-url',
      url: buildLoginUrl({ federationUrl, signinToken, issuer: SESSION_ENDED_URL, destination }),
      expiresAt: now + URL_LIFE_MS,
      sessionEndsAt: now + lifetimeSeconds(duration, session.credentials.expiresAt, now) * 1000,
    };
  }

  /** Asks CloudWatch as the role; once more with fresh credentials where those that are held are refused. */
  async function ask(role: ConsoleRole, { source: { id }, destination }: IssueRequest): Promise<Issued> {
    const question = readConsoleQuestion(destination);
    if (question === undefined) throw refused('asks for nothing that this store knows');
    if (partitionOfRegion(question.region) !== parseRoleArn(role.arn).partition) {
      throw refused(`is in another partition than the role ${id}`);
    }
    const endpoint = aws.endpoints.cloudwatch ?? aws.endpoints.all;
    const send = async (credentials: {
      accessKeyId: string;
      secretAccessKey: string;
      sessionToken: string;
    }): Promise<Issued> => {
      const options = {
        fetch,
        clock,
        credentials,
        region: question.region,
        timeoutMs,
        clockOffset,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(question.prefix === undefined ? {} : { prefix: question.prefix }),
      };
      if (question.kind === 'dashboards') return { kind: 'dashboards', names: await listDashboards(options) };
      const ringing = await describeAlarms({ ...options, names: question.names });
      return { kind: 'alarms', inAlarm: ringing.map(({ name }) => name) };
    };
    const credentials = held.get(id);
    if (credentials === undefined) throw new Error(`no role ${id}`);
    try {
      return await send((await credentials.get()).credentials);
    } catch (error) {
      if (!(error instanceof AppError) || !/^(ALARMS|DASHBOARDS)_REFUSED$/.test(error.code)) throw error;
      return send((await credentials.renew()).credentials);
    }
  }

  /** The same question of many walls at about the same time is asked once. */
  function askShared(role: ConsoleRole, request: IssueRequest): Promise<Issued> {
    const key = `${request.source.id} ${request.destination}`;
    const now = clock.monotonic();
    const known = shared.get(key);
    if (known !== undefined && now - known.since < SHARED_MS) return known.answer;
    for (const [old, { since }] of shared)
      if (now - since >= SHARED_MS || shared.size >= MOST_SHARED) shared.delete(old);
    const answer = ask(role, request);
    const entry = { answer, since: now };
    shared.set(key, entry);
    answer.catch(() => {
      if (shared.get(key) === entry) shared.delete(key);
    });
    return answer;
  }

  return {
    name: 'console',
    async issue(request) {
      const role = roleNamed(roles, request);
      try {
        return await (/^https?:/.test(request.destination) ? login(role, request) : askShared(role, request));
      } catch (error) {
        throw asStoreFailure(toAppError(error), 'AWS');
      }
    },
  };
}

/** Throws STORE_REFUSED for a destination that is no page of the role's own console, or not among those of the role. */
function checkDestination({ arn, destinations }: ConsoleRole, destination: string, federationUrl: string): void {
  const url = new URL(destination);
  // An address of this machine is a console only where the whole of AWS is a stand-in on this machine.
  const isStandIn = isLoopbackHost(new URL(federationUrl).hostname);
  const hosts: ConsoleHosts = isStandIn ? hostsOf({ destinationUrl: destination, federationUrl }) : consoleHosts();
  if (!hosts.isConsole(url) || hosts.isSignIn(url)) throw refused('is no page of the AWS console');
  const { partition } = placeOfDashboard(destination);
  if (partition !== undefined && partition !== parseRoleArn(arn).partition) {
    throw refused(`is in another partition than the role ${arn}`);
  }
  const isAmong = destinations?.some((one) =>
    one.endsWith('*') ? destination.startsWith(one.slice(0, -1)) : destination === one,
  );
  if (isAmong === false) throw refused('is not among the destinations of the role');
}

function refused(why: string): AppError {
  return new AppError('STORE_REFUSED', `The destination that was asked for ${why}.`);
}

import ipaddr from 'ipaddr.js';
import { assumeRole, type ClockOffset, type RoleOptions, type RoleSession } from '../../aws/assume-role.ts';
import { createDurationMemory, type DurationMemory } from '../../aws/duration-memory.ts';
import { parseRoleArn } from '../../aws/partitions.ts';
import { type LockedNetwork, lockedSessionPolicy } from '../../aws/session-policy.ts';
import { AppError } from '../../core/errors.ts';
import type { IssueRequest } from './credential-store.ts';
import type { AwsAccess, StorePorts } from './ports.ts';
import { sessionNameOf } from './session-name.ts';

/** A role that the server may assume for callers; the name in a source stands for it. */
export interface StoreRole {
  readonly arn: string;
  /** Region of the calls to STS; default: the server's. */
  readonly region?: string;
  readonly durationSeconds?: number;
  readonly externalId?: string;
  /** JSON text of a session policy that narrows the role down. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
  /** Networks that the credentials work from: the caller's as the server sees it, or those named. Default: anywhere. */
  readonly lock?: 'caller' | LockedNetwork;
}

export interface AssumedRole {
  readonly session: RoleSession;
  /** Assumed with temporary credentials. */
  readonly chained: boolean;
}

/** Roles assumed with the server's own credentials; durations that AWS granted are remembered. */
export interface RoleIssuer {
  readonly memory: DurationMemory;
  /** For a caller: the session has its name, and its network where the role is locked. Rejects with STS_*, STORE_REFUSED. */
  assumeFor(role: StoreRole, request: IssueRequest): Promise<AssumedRole>;
  /** For questions of the server's own: never locked to a caller. */
  assumeForServer(role: StoreRole): Promise<AssumedRole>;
}

const SERVER_SESSION = 'vigil-server';

export function createRoleIssuer(ports: StorePorts, aws: AwsAccess): RoleIssuer {
  const { fetch, clock, logger } = ports;
  const memory = createDurationMemory(clock);
  const clockOffset: ClockOffset = { ms: 0 };
  const endpoint = aws.endpoints.sts ?? aws.endpoints.all;

  async function assume(role: StoreRole, sessionName: string, policy: string | undefined): Promise<AssumedRole> {
    const credentials = await aws.credentials();
    const { durationSeconds, externalId, policyArns, tags, transitiveTagKeys, sourceIdentity } = role;
    const options: RoleOptions = {
      arn: role.arn,
      sessionName,
      ...(durationSeconds === undefined ? {} : { durationSeconds }),
      ...(externalId === undefined ? {} : { externalId }),
      ...(policy === undefined ? {} : { policy }),
      ...(policyArns === undefined ? {} : { policyArns }),
      ...(tags === undefined ? {} : { tags }),
      ...(transitiveTagKeys === undefined ? {} : { transitiveTagKeys }),
      ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    };
    const session = await assumeRole({
      fetch,
      clock,
      logger,
      credentials,
      role: options,
      region: role.region ?? aws.region,
      ...(endpoint === undefined ? {} : { endpoint }),
      timeoutMs: aws.timeoutMs,
      memory,
      clockOffset,
    });
    return { session, chained: credentials.sessionToken !== undefined };
  }

  return {
    memory,
    assumeFor: (role, request) => assume(role, sessionNameOf(request.caller), policyFor(role, request)),
    assumeForServer: (role) => assume(role, SERVER_SESSION, role.policy),
  };
}

/** The session policy of a role for a caller. Throws STORE_REFUSED where the network to lock to is not known. */
export function policyFor(role: StoreRole, request: Pick<IssueRequest, 'address'>): string | undefined {
  const { lock, policy, policyArns } = role;
  if (lock === undefined) return policy;
  return lockedSessionPolicy({
    roleArn: role.arn,
    network: lock === 'caller' ? networkOf(request.address) : lock,
    ...(policy === undefined ? {} : { policy }),
    ...(policyArns === undefined ? {} : { policyArns }),
  });
}

/**
 * The network of a caller: its IPv4 address, or the /64 of its IPv6 address, for machines change the rest of it by themselves
 * (RFC 8981). A private address is none that AWS could see.
 */
function networkOf(address: string | undefined): LockedNetwork {
  const known = address !== undefined && ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  if (known?.range() !== 'unicast') {
    throw new AppError(
      'STORE_REFUSED',
      `Credentials cannot be locked to the network of a caller at ${known === undefined ? 'an unknown address' : known.toString()}: AWS sees another address; name the networks in the role's lock, or the trusted proxy of this server.`,
    );
  }
  if (known.kind() === 'ipv4') return { addresses: [`${known.toString()}/32`] };
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${known.toString()}/64`);
  return { addresses: [`${network.toString()}/64`] };
}

/** The role of a source's id. Throws STORE_NOT_FOUND. */
export function roleNamed<T extends StoreRole>(
  roles: Readonly<Record<string, T>>,
  { source: { store, id, version, stage } }: IssueRequest,
): T {
  const role = Object.hasOwn(roles, id) ? roles[id] : undefined;
  if (role === undefined || version !== undefined || stage !== undefined) {
    throw new AppError(
      'STORE_NOT_FOUND',
      `This server has no role ${id} in its store ${store}: name it in its settings.`,
    );
  }
  return role;
}

/** Throws SETTINGS_INVALID for a role whose ARN is none, so that a server does not start with it. */
export function checkRoles(roles: Readonly<Record<string, StoreRole>>): void {
  for (const { arn } of Object.values(roles)) parseRoleArn(arn);
}

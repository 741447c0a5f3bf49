import { AppError } from '../core/errors.ts';

/** The network that credentials are to work from: any one of these. */
export interface LockedNetwork {
  /** Public addresses and CIDR ranges, as AWS sees callers (`aws:SourceIp`): after every NAT. */
  readonly addresses?: readonly string[];
  /** Ids of VPCs whose endpoints may be called through (`aws:SourceVpc`). */
  readonly vpcs?: readonly string[];
  /** Ids of single VPC endpoints (`aws:SourceVpce`). */
  readonly endpoints?: readonly string[];
}

export interface SessionPolicyOptions {
  /** The role that is assumed. */
  readonly roleArn: string;
  readonly network: LockedNetwork;
  /** JSON of a session policy that narrows the role down; its statements take the place of "allow everything". */
  readonly policy?: string;
  /** ARNs of managed session policies that go with it. */
  readonly policyArns?: readonly string[];
}

/** STS AssumeRole: inline policy and ARNs of managed ones together, in characters. */
const MOST_CHARACTERS = 2048;
const POLICY_CHARACTERS = /^[\t\n\r\u0020-\u00ff]+$/;
const ADDRESS = /^[0-9a-fA-F.:]{2,45}(\/\d{1,3})?$/;
const VPC = /^vpc-[0-9a-f]{8,17}$/;
const VPC_ENDPOINT = /^vpce-[0-9a-f]{8,17}$/;

interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * The inline session policy that makes credentials work from one network only (IAM user guide, "global condition keys" and
 * "session policies"). Three statements:
 *
 * 1. Deny everything from elsewhere. All places stand in one statement, for its conditions must hold together: a statement
 *    for each place would refuse what comes from the others. Negated operators hold where a key is absent, and that is wanted:
 *    `aws:SourceIp` is absent for whoever comes through a VPC endpoint, and `aws:SourceVpc` for everybody else. A service
 *    that acts for the caller comes from an address of AWS's, so calls with `aws:ViaAWSService` are let be; where that key is
 *    absent the network counts (`BoolIfExists`). `aws:VpcSourceIp` is no help: anybody's VPC has the same private addresses.
 * 2. Allow everything: a session policy only narrows the role down, and without an Allow it would leave nothing. Left out
 *    beside managed session policies, for what any of them allows is allowed, and this one would undo them.
 * 3. Deny assuming the same role again: the new session would be without this policy.
 *
 * Throws STS_POLICY_INVALID for a network that is empty or none, a policy that is none, and more than 2048 characters.
 */
export function lockedSessionPolicy(options: SessionPolicyOptions): string {
  const { roleArn, policy, policyArns = [] } = options;
  const { addresses = [], vpcs = [], endpoints = [] } = options.network;
  checkAll(addresses, ADDRESS, 'address or CIDR range');
  checkAll(vpcs, VPC, 'id of a VPC');
  checkAll(endpoints, VPC_ENDPOINT, 'id of a VPC endpoint');
  if (addresses.length + vpcs.length + endpoints.length === 0) {
    throw new AppError('STS_POLICY_INVALID', 'Credentials cannot be locked to no network: name an address or a VPC.');
  }
  const places = {
    ...(vpcs.length === 0 ? {} : { 'aws:SourceVpc': vpcs }),
    ...(endpoints.length === 0 ? {} : { 'aws:SourceVpce': endpoints }),
  };
  const fromElsewhere: Statement = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: {
      ...(addresses.length === 0 ? {} : { NotIpAddressIfExists: { 'aws:SourceIp': addresses } }),
      ...(Object.keys(places).length === 0 ? {} : { StringNotEqualsIfExists: places }),
      BoolIfExists: { 'aws:ViaAWSService': 'false' },
    },
  };
  const shedding: Statement = { Effect: 'Deny', Action: 'sts:AssumeRole', Resource: roleArn };
  const everything: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };
  const allowing = policy !== undefined ? statementsOf(policy) : policyArns.length > 0 ? [] : [everything];
  const text = JSON.stringify({ Version: '2012-10-17', Statement: [fromElsewhere, ...allowing, shedding] });
  const length = text.length + policyArns.reduce((sum, arn) => sum + arn.length, 0);
  if (length > MOST_CHARACTERS || !POLICY_CHARACTERS.test(text)) {
    throw new AppError(
      'STS_POLICY_INVALID',
      `The session policies of ${roleArn} have ${length} characters with the lock to a network, and AWS takes ${MOST_CHARACTERS} of Latin-1: name fewer networks, or shorten the policy.`,
    );
  }
  return text;
}

function checkAll(texts: readonly string[], pattern: RegExp, what: string): void {
  const wrong = texts.find((text) => !pattern.test(text));
  if (wrong === undefined) return;
  throw new AppError(
    'STS_POLICY_INVALID',
    `${JSON.stringify(wrong.slice(0, 60))} is no ${what} to lock credentials to.`,
  );
}

/** The statements of a policy of the operator's, as they are. */
function statementsOf(policy: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(policy);
  } catch {
    value = undefined;
  }
  const statement = typeof value === 'object' && value !== null && 'Statement' in value ? value.Statement : undefined;
  const statements: readonly unknown[] = Array.isArray(statement) ? statement : [statement];
  if (statements.length > 0 && statements.every((one) => typeof one === 'object' && one !== null)) return statements;
  throw new AppError('STS_POLICY_INVALID', 'The session policy is no JSON with statements: correct it.');
}

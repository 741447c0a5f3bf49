import { describe, expect, it } from 'vitest';
import { type LockedNetwork, lockedSessionPolicy, type SessionPolicyOptions } from './session-policy.ts';
import { ROLE } from './testing/fakes.ts';

interface Condition {
  readonly NotIpAddressIfExists?: { readonly 'aws:SourceIp': readonly string[] };
  readonly StringNotEqualsIfExists?: Readonly<Record<string, readonly string[]>>;
  readonly BoolIfExists?: Readonly<Record<string, string>>;
}
interface Statement {
  readonly Effect: string;
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Condition;
}
type Context = Readonly<Record<string, string>>;

/** IAM's rules for these operators: keys of one statement hold together, values of a key by themselves, `IfExists` holds without the key. */
function holds(condition: Condition, context: Context): boolean {
  const ifExists = (key: string, test: (value: string) => boolean): boolean => {
    const value = context[key];
    return value === undefined || test(value);
  };
  const ips = condition.NotIpAddressIfExists?.['aws:SourceIp'];
  return (
    (ips === undefined || ifExists('aws:SourceIp', (ip) => !ips.includes(ip))) &&
    Object.entries(condition.StringNotEqualsIfExists ?? {}).every(([key, values]) =>
      ifExists(key, (value) => !values.includes(value)),
    ) &&
    Object.entries(condition.BoolIfExists ?? {}).every(([key, wanted]) => ifExists(key, (value) => value === wanted))
  );
}

function mayDo(policy: string, action: string, resource: string, context: Context): boolean {
  const { Statement } = JSON.parse(policy) as { Statement: readonly Statement[] };
  const fitting = Statement.filter(
    (one) =>
      (one.Action === '*' || one.Action === action) &&
      (one.Resource === '*' || one.Resource === resource) &&
      (one.Condition === undefined || holds(one.Condition, context)),
  );
  return fitting.some(({ Effect }) => Effect === 'Allow') && !fitting.some(({ Effect }) => Effect === 'Deny');
}

const HOME = '203.0.113.7';
const VPC = 'vpc-0123456789abcdef0';
const policyFor = (network: LockedNetwork, more: Partial<SessionPolicyOptions> = {}) =>
  lockedSessionPolicy({ roleArn: ROLE, network, ...more });

const outside = (ip: string) => ({ 'aws:SourceIp': ip, 'aws:ViaAWSService': 'false' });
const through = (vpc: string, vpce = 'vpce-0000000f') => ({
  'aws:SourceVpc': vpc,
  'aws:SourceVpce': vpce,
  'aws:VpcSourceIp': HOME,
  'aws:ViaAWSService': 'false',
});

describe('a session policy that locks to a network', () => {
  const address = { addresses: [HOME] };
  const vpc = { vpcs: [VPC] };
  const both = { addresses: [HOME], vpcs: [VPC], endpoints: ['vpce-00000001'] };
  it.each<[string, LockedNetwork, Context, boolean]>([
    ['its address', address, outside(HOME), true],
    ['another address', address, outside('198.51.100.1'), false],
    ['a VPC, by whatever private address', address, through(VPC), false],
    ['a service that acts for it', address, { 'aws:SourceIp': '198.51.100.1', 'aws:ViaAWSService': 'true' }, true],
    ['elsewhere, where that key is absent', address, { 'aws:SourceIp': '198.51.100.1' }, false],
    ['nowhere that is known', address, {}, false],
    ['its VPC', vpc, through(VPC), true],
    ['another VPC', vpc, through('vpc-0fffffffffffffff0'), false],
    ['the Internet, for a VPC', vpc, outside(HOME), false],
    ['either of two: the address', both, outside(HOME), true],
    ['either of two: the VPC', both, through(VPC), true],
    ['either of two: the endpoint', both, through('vpc-0fffffffffffffff0', 'vpce-00000001'), true],
    ['neither of two', both, through('vpc-0fffffffffffffff0'), false],
    ['neither of two, outside', both, outside('198.51.100.1'), false],
  ])('judges %s', (_what, network, context, expected) => {
    expect(mayDo(policyFor(network), 'cloudwatch:GetDashboard', '*', context)).toBe(expected);
  });

  it('cannot be shed by assuming the role again', () => {
    const policy = policyFor(address);
    expect(mayDo(policy, 'sts:AssumeRole', ROLE, outside(HOME))).toBe(false);
    expect(mayDo(policy, 'sts:AssumeRole', `${ROLE}2`, outside(HOME))).toBe(true);
  });

  it('has three statements', () => {
    expect((JSON.parse(policyFor(address)) as { Statement: unknown[] }).Statement).toHaveLength(3);
  });

  it("takes the operator's own statements in place of allowing everything", () => {
    const own = { Effect: 'Allow', Action: 'cloudwatch:GetDashboard', Resource: '*' };
    for (const Statement of [own, [own]]) {
      const policy = policyFor(address, { policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
      expect(mayDo(policy, 'cloudwatch:GetDashboard', '*', outside(HOME))).toBe(true);
      expect(mayDo(policy, 'iam:ListUsers', '*', outside(HOME))).toBe(false);
      expect(mayDo(policy, 'cloudwatch:GetDashboard', '*', outside('198.51.100.1'))).toBe(false);
    }
  });

  it('allows nothing itself beside managed policies, which would be undone by it', () => {
    const policy = policyFor(address, { policyArns: ['arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess'] });
    expect(policy).not.toContain('Allow');
  });

  it.each<[string, Partial<SessionPolicyOptions>]>([
    ['no network', { network: {} }],
    ['what is no address', { network: { addresses: ['home'] } }],
    ['quotes', { network: { addresses: ['1.1.1.1"'] } }],
    ['what is no VPC', { network: { vpcs: ['*'] } }],
    ['what is no endpoint', { network: { endpoints: [VPC] } }],
    ['a policy that is none', { network: address, policy: '{}' }],
    ['a policy that is no JSON', { network: address, policy: '{' }],
    ['too many networks', { network: { addresses: Array.from({ length: 120 }, (_, i) => `203.0.113.${i}/32`) } }],
    ['characters outside of Latin-1', { network: address, policy: '{"Statement":{"Effect":"Allow","Sid":"\u2013"}}' }],
    [
      'too much with the managed ones',
      { network: address, policyArns: Array.from({ length: 10 }, () => 'x'.repeat(190)) },
    ],
  ])('is refused for %s', (_what, options) => {
    const make = () => lockedSessionPolicy({ roleArn: ROLE, network: {}, ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'STS_POLICY_INVALID' }) as Error);
  });

  it('may have 2048 characters and no more', () => {
    const filler = (length: number) =>
      `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Sid":"${'x'.repeat(length)}"}}`;
    const empty = policyFor(address, { policy: filler(0) }).length;
    expect(policyFor(address, { policy: filler(2048 - empty) })).toHaveLength(2048);
    expect(() => policyFor(address, { policy: filler(2049 - empty) })).toThrow();
  });
});

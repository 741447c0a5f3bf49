import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Fetch } from '../core/ports.ts';
import { autoIdProviderOf } from '../credentials/auto-id.ts';
import { createSignIn, type SignInOptions, type StageReport } from './sign-in.ts';
import {
  ASSUMED,
  assumeRoleXml,
  fakeClock,
  fakeFetch,
  LASTING,
  NOW,
  ROLE,
  stsErrorXml,
  TEMPORARY,
} from './testing/fakes.ts';

const DESTINATION =
  'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/Ops';

function setUp(more: Partial<SignInOptions> = {}): {
  options: SignInOptions;
  calls: string[];
  stages: StageReport[];
  secrets: string[];
  logged: string[];
} {
  const calls: string[] = [];
  const stages: StageReport[] = [];
  const secrets: string[] = [];
  const logged: string[] = [];
  const { fetch } = fakeFetch((form, { url }) => {
    calls.push(`${form.get('Action') ?? ''} ${new URL(url).host} ${form.get('SessionDuration') ?? ''}`.trim());
    return form.get('Action') === 'AssumeRole' ? assumeRoleXml() : { body: '{"SigninToken":"sign-in-token"}' };
  });
  const options: SignInOptions = {
    fetch,
    clock: fakeClock(),
    logger: { log: (level, event, fields) => logged.push(JSON.stringify([level, event, fields])) },
    provider: autoIdProviderOf(() => Promise.resolve(`${LASTING.accessKeyId},${LASTING.secretAccessKey}`)),
    role: { arn: ROLE, sessionName: 'vigil' },
    region: 'eu-west-1',
    issuer: 'vigil://ended/',
    destination: DESTINATION,
    timeoutMs: 10_000,
    onStage: (report) => stages.push(report),
    onSecret: (value) => secrets.push(value),
    ...more,
  };
  return { options, calls, stages, secrets, logged };
}

describe('a sign-in', () => {
  it('goes from credentials to a login URL, with one call each once durations are known', async () => {
    const { options, calls, stages, secrets, logged } = setUp();
    const signIn = createSignIn(options);
    const first = await signIn.run();
    expect(first).toMatchObject({
      startedAt: NOW,
      endsAt: NOW + 43_200_000,
      roleArn: ROLE,
      assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Wall/vigil',
    });
    expect(new URL(first.loginUrl).searchParams.get('Destination')).toBe(DESTINATION);
    calls.length = 0;
    await signIn.run();
    expect(calls).toEqual(['AssumeRole sts.eu-west-1.amazonaws.com', 'getSigninToken signin.aws.amazon.com 43200']);
    expect(stages.slice(0, 3)).toEqual([
      { stage: 'credentials', durationMs: 0, detail: { provider: 'auto-id', accessKeyId: LASTING.accessKeyId } },
      { stage: 'assume-role', durationMs: 0, detail: { assumedRoleArn: first.assumedRoleArn, lifeSeconds: 3600 } },
      { stage: 'federation', durationMs: 0, detail: { lifeSeconds: 43_200 } },
    ]);
    const known = [LASTING.secretAccessKey, ASSUMED.secretAccessKey, ASSUMED.sessionToken, 'sign-in-token'];
    expect(secrets.slice(0, 4)).toEqual(known);
    for (const secret of known) expect(logged.join()).not.toContain(secret);
    expect(logged).toHaveLength(6);
  });

  it('lasts as long as the credentials when the role is chained', async () => {
    const secret = `${TEMPORARY.accessKeyId},${TEMPORARY.secretAccessKey},${TEMPORARY.sessionToken}`;
    const { options, calls } = setUp({ provider: autoIdProviderOf(() => Promise.resolve(secret)) });
    expect((await createSignIn(options).run()).endsAt).toBe(NOW + 3_600_000);
    expect(calls[1]).toBe('getSigninToken signin.aws.amazon.com');
    expect(calls).toHaveLength(2);
  });

  it('goes to the endpoints of its partition, or to those that are set', async () => {
    const china = setUp({
      role: { arn: ROLE.replace('aws', 'aws-cn'), sessionName: 'vigil' },
      region: 'cn-northwest-1',
    });
    await createSignIn(china.options).run();
    expect(china.calls.slice(0, 2)).toEqual([
      'AssumeRole sts.cn-northwest-1.amazonaws.com.cn',
      'getSigninToken cn-northwest-1.signin.amazonaws.cn 43200',
    ]);
    const own = setUp({ endpoints: { all: 'http://127.0.0.1:9000' }, federationUrl: 'http://signin.localhost:9001' });
    const signIn = createSignIn(own.options);
    expect(signIn.federationUrl).toBe('http://signin.localhost:9001/federation');
    expect((await signIn.run()).loginUrl).toMatch(/^http:\/\/signin\.localhost:9001\/federation\?Action=login&/);
    expect(own.calls[0]).toBe('AssumeRole 127.0.0.1:9000');
    const sts = setUp({ endpoints: { all: 'http://127.0.0.1:1', sts: 'http://127.0.0.1:9002' } });
    await createSignIn(sts.options).run();
    expect(sts.calls[0]).toBe('AssumeRole 127.0.0.1:9002');
  });

  it('reports the step that failed, and ends there', async () => {
    const denied: Fetch = fakeFetch(() => stsErrorXml('AccessDenied', 'no', 403)).fetch;
    const { options, stages } = setUp({ fetch: denied });
    await expect(createSignIn(options).run()).rejects.toMatchObject({ code: 'STS_ACCESS_DENIED' });
    expect(stages.map(({ stage, failure }) => [stage, failure?.code])).toEqual([
      ['credentials', undefined],
      ['assume-role', 'STS_ACCESS_DENIED'],
    ]);
    const provider = autoIdProviderOf(() => Promise.reject(new AppError('SERVER_REFUSED', 'No.')));
    await expect(createSignIn(setUp({ provider }).options).run()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
  });

  it.each<[string, Partial<SignInOptions>]>([
    ['an STS endpoint in the clear', { endpoints: { sts: 'http://sts.example.com' } }],
    ['an endpoint for all in the clear', { endpoints: { all: 'http://localhost.example.com' } }],
    ['a federation address in the clear', { federationUrl: 'http://signin.example.com/federation' }],
    ['a federation address that is none', { federationUrl: 'signin' }],
    ['a destination in the clear', { destination: 'http://console.aws.amazon.com/' }],
    ['a role that is none', { role: { arn: 'arn:aws:iam::1:role/x', sessionName: 'vigil' } }],
    ['a region that is none', { region: 'x', role: { arn: ROLE, sessionName: 'vigil' } }],
  ])('is refused with %s', async (name, more) => {
    const { options, calls } = setUp(more);
    const attempt = async (): Promise<unknown> => createSignIn(options).run();
    await expect(attempt()).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
    expect(calls, name).toEqual([]);
  });
});

describe("the role's credentials", () => {
  it('are those of the last sign-in, without another call', async () => {
    const { options, calls } = setUp();
    const signIn = createSignIn(options);
    await signIn.run();
    calls.length = 0;
    expect(await signIn.credentials()).toMatchObject({ accessKeyId: ASSUMED.accessKeyId, expiresAt: NOW + 3_600_000 });
    expect(calls).toEqual([]);
  });

  it('are had without a sign-in token, and anew when asked for', async () => {
    const { options, calls, secrets } = setUp();
    const signIn = createSignIn(options);
    expect(signIn.region).toBe('eu-west-1');
    await signIn.credentials();
    await signIn.credentials('fresh');
    expect(calls).toEqual(['AssumeRole sts.eu-west-1.amazonaws.com', 'AssumeRole sts.eu-west-1.amazonaws.com']);
    expect(secrets).toContain(ASSUMED.sessionToken);
  });

  it('are shared with a sign-in under way', async () => {
    const { options, calls } = setUp();
    const signIn = createSignIn(options);
    const [, credentials] = await Promise.all([signIn.run(), signIn.credentials('fresh')]);
    expect(credentials.accessKeyId).toBe(ASSUMED.accessKeyId);
    expect(calls.filter((call) => call.startsWith('AssumeRole'))).toHaveLength(1);
  });

  it('fail as their step does', async () => {
    const provider = { name: 'test', get: () => Promise.reject(new AppError('SERVER_REFUSED', 'No.')) };
    const signIn = createSignIn(setUp({ provider }).options);
    await expect(signIn.credentials()).rejects.toMatchObject({ code: 'SERVER_REFUSED' });
  });
});

import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '../core/errors.ts';
import type { HttpRequest } from '../core/ports.ts';
import { assumeRole, type AssumeRoleOptions } from './assume-role.ts';
import { createDurationMemory } from './duration-memory.ts';
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
  type Reply,
} from './testing/fakes.ts';

function options(fetch: AssumeRoleOptions['fetch'], more: Partial<AssumeRoleOptions> = {}): AssumeRoleOptions {
  const clock = fakeClock();
  return {
    fetch,
    clock,
    credentials: LASTING,
    role: { arn: ROLE, sessionName: 'vigil' },
    region: 'eu-west-1',
    timeoutMs: 10_000,
    memory: createDurationMemory(clock),
    logger: { log: () => undefined },
    clockOffset: { ms: 0 },
    ...more,
  };
}

async function failureOf(reply: Reply | Error, more: Partial<AssumeRoleOptions> = {}): Promise<AppError> {
  const { fetch } = fakeFetch(() => reply);
  const result = await assumeRole(options(fetch, more)).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(result).toBeInstanceOf(AppError);
  const error = result as AppError;
  for (const secret of [LASTING.secretAccessKey, TEMPORARY.sessionToken, ASSUMED.secretAccessKey, ASSUMED.sessionToken])
    expect(`${error.message} ${String(error.cause)}`).not.toContain(secret);
  return error;
}

describe('AssumeRole', () => {
  it('is one signed call to the regional endpoint with only what is configured', async () => {
    const { fetch, requests, forms } = fakeFetch(() => assumeRoleXml());
    expect(await assumeRole(options(fetch))).toEqual({
      credentials: ASSUMED,
      assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Wall/vigil',
    });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: 'https://sts.eu-west-1.amazonaws.com/',
      timeoutMs: 10_000,
    });
    expect(requests[0]?.headers?.['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-west-1\/sts\/aws4_request/,
    );
    expect(requests[0]?.headers).not.toHaveProperty('x-amz-security-token');
    expect(Object.fromEntries(forms[0] ?? [])).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'vigil',
    });
  });

  it('sends everything that is configured', async () => {
    const { fetch, requests, forms } = fakeFetch(() => assumeRoleXml());
    await assumeRole(
      options(fetch, {
        credentials: TEMPORARY,
        endpoint: 'http://127.0.0.1:99',
        role: {
          arn: ROLE,
          sessionName: 'vigil',
          durationSeconds: 1800,
          externalId: 'ext',
          policy: '{"Version":"2012-10-17"}',
          policyArns: ['arn:aws:iam::aws:policy/A'],
          tags: { site: 'hall' },
          transitiveTagKeys: ['site'],
          sourceIdentity: 'wall-1',
        },
      }),
    );
    expect(requests[0]?.url).toBe('http://127.0.0.1:99/');
    expect(requests[0]?.headers?.['x-amz-security-token']).toBe(TEMPORARY.sessionToken);
    expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
      DurationSeconds: '1800',
      ExternalId: 'ext',
      Policy: '{"Version":"2012-10-17"}',
      'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/A',
      'Tags.member.1.Key': 'site',
      'Tags.member.1.Value': 'hall',
      'TransitiveTagKeys.member.1': 'site',
      SourceIdentity: 'wall-1',
    });
  });

  it.each([
    ['the end is odd', NOW - 1, NOW + 3_600_000],
    ['AWS gives less than was asked for', NOW + 900_000, NOW + 900_000],
    ['AWS gives more', NOW + 7_200_000, NOW + 3_600_000],
  ])('counts the life from the answer when %s', async (_name, expiration, expected) => {
    const { fetch } = fakeFetch(() => assumeRoleXml(expiration));
    expect((await assumeRole(options(fetch))).credentials.expiresAt).toBe(expected);
  });

  it("counts the life by this machine's clock when that is wrong", async () => {
    const clock = fakeClock();
    clock.at = NOW - 3_000_000;
    const { fetch } = fakeFetch(() => assumeRoleXml());
    expect((await assumeRole(options(fetch, { clock }))).credentials.expiresAt).toBe(NOW + 600_000);
  });

  it('makes up the ARN that an answer leaves out', async () => {
    const { fetch } = fakeFetch(() => ({
      body: (assumeRoleXml().body ?? '').replace(/<AssumedRoleUser>[\s\S]*?<\/AssumedRoleUser>/, ''),
    }));
    expect((await assumeRole(options(fetch))).assumedRoleArn).toBe('arn:aws:sts::123456789012:assumed-role/Wall/vigil');
  });
});

describe('the duration', () => {
  const TOO_LONG = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.';
  const role = { arn: ROLE, sessionName: 'vigil', durationSeconds: 7200 };

  it('falls to an hour when the role allows no more, and that is remembered for a day', async () => {
    const { fetch, forms } = fakeFetch((form) =>
      form.get('DurationSeconds') === '7200' ? stsErrorXml('ValidationError', TOO_LONG) : assumeRoleXml(),
    );
    const clock = fakeClock();
    const same = options(fetch, { role, clock, memory: createDurationMemory(clock) });
    await assumeRole(same);
    await assumeRole(same);
    clock.at += 25 * 3_600_000;
    await assumeRole(same);
    expect(forms.map((form) => form.get('DurationSeconds'))).toEqual(['7200', '3600', '3600', '7200', '3600']);
  });

  it('is an hour at once with temporary credentials', async () => {
    const { fetch, forms } = fakeFetch(() => assumeRoleXml());
    await assumeRole(options(fetch, { role, credentials: TEMPORARY }));
    expect(forms.map((form) => form.get('DurationSeconds'))).toEqual(['3600']);
  });

  it('says what to change when even that is refused', async () => {
    expect(await failureOf(stsErrorXml('ValidationError', TOO_LONG), { role })).toMatchObject({
      code: 'STS_DURATION_TOO_LONG',
      message: `${ROLE} does not last 3600 s: raise its MaxSessionDuration in IAM, or lower role.durationSeconds.`,
    });
    const chaining =
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.';
    expect((await failureOf(stsErrorXml('ValidationError', chaining))).message).toContain('lasts one hour at most');
  });
});

const DENIED = `User: arn:aws:iam::123456789012:user/wall is not authorized to perform: sts:AssumeRole on resource: ${ROLE}`;
const date = (ms: number): { date: string } => ({ date: new Date(ms).toUTCString() });

describe('an error of AWS', () => {
  it.each<[string, Reply, ErrorCode, RegExp]>([
    [
      'denied',
      stsErrorXml('AccessDenied', DENIED, 403),
      'STS_ACCESS_DENIED',
      /user\/wall do sts:AssumeRole on .*role\/Wall: allow it in the trust policy of that role.*externalId/,
    ],
    [
      'denied tags',
      stsErrorXml('AccessDenied', DENIED.replace('AssumeRole', 'TagSession'), 403),
      'STS_ACCESS_DENIED',
      /sts:TagSession.*role\.tags/,
    ],
    [
      'denied identity',
      stsErrorXml('AccessDenied', DENIED.replace('AssumeRole', 'SetSourceIdentity'), 403),
      'STS_ACCESS_DENIED',
      /sts:SetSourceIdentity.*role\.sourceIdentity/,
    ],
    [
      'denied without MFA',
      stsErrorXml('AccessDenied', 'MultiFactorAuthentication failed', 403),
      'STS_ACCESS_DENIED',
      /without MFA/,
    ],
    [
      'denied by the organisation',
      stsErrorXml('AccessDenied', `${DENIED} with an explicit deny in a service control policy`, 403),
      'STS_ACCESS_DENIED',
      /service control policy/,
    ],
    [
      'denied explicitly',
      stsErrorXml('AccessDenied', `${DENIED} with an explicit deny in a resource-based policy`, 403),
      'STS_ACCESS_DENIED',
      /explicitly/,
    ],
    [
      'denied by a boundary',
      stsErrorXml('AccessDenied', `${DENIED} because no permissions boundary allows it`, 403),
      'STS_ACCESS_DENIED',
      /permissions boundary/,
    ],
    [
      'unknown key',
      stsErrorXml('InvalidClientTokenId', 'The security token included in the request is invalid.', 403),
      'STS_CREDENTIALS_INVALID',
      /AKIAIOSFODNN7EXAMPLE/,
    ],
    [
      'wrong secret',
      stsErrorXml('SignatureDoesNotMatch', 'The request signature we calculated does not match', 403),
      'STS_CREDENTIALS_INVALID',
      /does not belong to the access key/,
    ],
    [
      'expired',
      stsErrorXml('ExpiredToken', 'The security token included in the request is expired', 403),
      'STS_CREDENTIALS_EXPIRED',
      /expired/,
    ],
    [
      'clock ahead',
      stsErrorXml(
        'SignatureDoesNotMatch',
        'Signature not yet current: 1 is still later than 2',
        403,
        date(NOW - 720_000),
      ),
      'STS_CLOCK_SKEW',
      /12 min ahead of AWS's.*NTP/,
    ],
    [
      'clock behind',
      stsErrorXml('SignatureDoesNotMatch', 'Signature expired: 1 is now earlier than 2', 403, date(NOW + 400_000)),
      'STS_CLOCK_SKEW',
      /7 min behind/,
    ],
    [
      'wrong secret, and a wrong clock that was put right',
      stsErrorXml('SignatureDoesNotMatch', 'No match', 403, date(NOW + 36e5)),
      'STS_CREDENTIALS_INVALID',
      /does not belong to the access key/,
    ],
    [
      'a signature that was lost on the way',
      stsErrorXml('MissingAuthenticationToken', 'Request is missing Authentication Token', 403),
      'STS_REQUEST_INVALID',
      /something between here and AWS changes it; check the proxy and aws\.endpoints/,
    ],
    [
      'a signature that was cut on the way',
      stsErrorXml('IncompleteSignature', "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
      'STS_REQUEST_INVALID',
      /something between here and AWS changes it/,
    ],
    [
      'the region of another endpoint',
      stsErrorXml('SignatureDoesNotMatch', 'Credential should be scoped to a valid region.', 403),
      'STS_REQUEST_INVALID',
      /eu-west-1: let aws\.region and aws\.endpoints\.sts name the same region/,
    ],
    [
      'clock wrong, no date',
      { ...stsErrorXml('RequestExpired', 'Request has expired.'), headers: {} },
      'STS_CLOCK_SKEW',
      /differs too much/,
    ],
    [
      'region',
      stsErrorXml('RegionDisabledException', 'STS is not activated', 403),
      'STS_REGION_DISABLED',
      /eu-west-1 for account 123456789012/,
    ],
    [
      'policy',
      stsErrorXml('MalformedPolicyDocument', 'Syntax errors in policy.'),
      'STS_POLICY_INVALID',
      /role\.policy/,
    ],
    [
      'packed policy',
      stsErrorXml('PackedPolicyTooLarge', 'Packed size of session tags consumes 130% of allotted space.'),
      'STS_POLICY_INVALID',
      /130 %/,
    ],
    [
      'field',
      stsErrorXml(
        'ValidationError',
        '1 validation error detected: Value &apos;x&apos; at &apos;externalId&apos; failed',
      ),
      'STS_REQUEST_INVALID',
      /role\.externalId/,
    ],
    [
      'list field',
      stsErrorXml('ValidationError', "Value at 'tags.1.member.value' failed"),
      'STS_REQUEST_INVALID',
      /role\.tags/,
    ],
    ['something new', stsErrorXml('NovelException', 'x'), 'STS_REQUEST_INVALID', /NovelException/],
    [
      'throttled',
      stsErrorXml('Throttling', 'Rate exceeded', 400, { 'retry-after': '7' }),
      'STS_THROTTLED',
      /tries again later/,
    ],
    ['throttled without words', { status: 429, headers: { 'retry-after': '7' } }, 'STS_THROTTLED', /later/],
    ['down', stsErrorXml('ServiceUnavailable', '', 503), 'STS_UNAVAILABLE', /ServiceUnavailable/],
    ['down in HTML', { status: 502, body: '<html>Bad gateway</html>' }, 'STS_UNAVAILABLE', /502/],
  ])('has its code and sentence: %s', async (_name, reply, code, sentence) => {
    const error = await failureOf(reply);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
    expect(error.retryAfterMs).toBe(code === 'STS_THROTTLED' ? 7000 : undefined);
  });

  it('is never quoted: what AWS says of a wrong signature holds the whole request', async () => {
    const error = await failureOf(
      stsErrorXml('SignatureDoesNotMatch', `x-amz-security-token:${TEMPORARY.sessionToken}`, 403),
    );
    expect(error.code).toBe('STS_CREDENTIALS_INVALID');
  });
});

describe('a wrong clock', () => {
  const signedAt = (request: HttpRequest | undefined): number => {
    const stamp = request?.headers?.['x-amz-date'] ?? '';
    return Date.parse(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  };

  it.each([
    ['a week ahead', 7 * 86_400_000],
    ['ten minutes behind', -600_000],
  ])('that is %s is made up for, once refused, and then at once', async (_name, aheadMs) => {
    const { fetch, requests } = fakeFetch((_form, request) => {
      const server = Date.now() - aheadMs;
      return Math.abs(signedAt(request) - server) > 300_000
        ? stsErrorXml('SignatureDoesNotMatch', 'Signature expired: x', 403, date(server))
        : assumeRoleXml();
    });
    const logged: unknown[] = [];
    const clock = { ...fakeClock(), now: () => Date.now() };
    const same = options(fetch, { clock, logger: { log: (...line) => logged.push(line) } });
    await assumeRole(same);
    expect(requests).toHaveLength(2);
    expect(logged).toEqual([['warn', 'clock.skew', { aheadSeconds: expect.any(Number) as number }]]);
    expect(Math.abs(same.clockOffset.ms + aheadMs)).toBeLessThan(60_000);
    await assumeRole(same);
    expect(requests).toHaveLength(3);
  });

  it('is the reason only when AWS still says so, and is not tried without a Date', async () => {
    const { fetch, requests } = fakeFetch(() => stsErrorXml('RequestExpired', 'Request has expired.', 400));
    await expect(assumeRole(options(fetch))).rejects.toMatchObject({ code: 'STS_CLOCK_SKEW' });
    expect(requests).toHaveLength(2);
    const dateless = fakeFetch(() => ({ ...stsErrorXml('RequestExpired', 'Request has expired.'), headers: {} }));
    await expect(assumeRole(options(dateless.fetch))).rejects.toMatchObject({ code: 'STS_CLOCK_SKEW' });
    expect(dateless.requests).toHaveLength(1);
  });
});

describe('a bad answer is STS_ANSWER_UNREADABLE', () => {
  const whole = assumeRoleXml().body ?? '';
  it.each<[string, Reply]>([
    ['empty', { status: 200 }],
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><html><br><p>Log in' }],
    ['JSON', { status: 200, body: '{"a":1}' }],
    ['rubbish', { status: 200, body: '\u0000\u0001<<<>>&&' }],
    ['cut off', { status: 200, body: whole.slice(0, whole.length / 2) }],
    ['without a token', { status: 200, body: whole.replace(/<SessionToken>.*?<\/SessionToken>/s, '') }],
    [
      'with a token of spaces',
      { status: 200, body: whole.replace(/<SessionToken>.*?<\/SessionToken>/s, '<SessionToken>a b</SessionToken>') },
    ],
    ['of another action', { status: 200, body: '<GetCallerIdentityResponse/>' }],
    ['deep', { status: 200, body: '<a>'.repeat(15_000) }],
    ['a redirect', { status: 302, headers: { location: 'http://portal.test/' } }],
    ['not found in HTML', { status: 404, body: '<html>404</html>' }],
    ['no content', { status: 204 }],
  ])('%s', async (_name, reply) => {
    const error = await failureOf(reply);
    expect(error.code).toBe('STS_ANSWER_UNREADABLE');
    expect(error.message).toContain('sts.eu-west-1.amazonaws.com');
  });

  it('too large; and what the network does keeps its code', async () => {
    expect((await failureOf(new AppError('ANSWER_TOO_LARGE', 'x'))).code).toBe('STS_ANSWER_UNREADABLE');
    for (const code of ['NETWORK_TIMEOUT', 'NETWORK_INTERRUPTED', 'NETWORK_TLS', 'NETWORK_PROXY'] as const)
      expect(await failureOf(new AppError(code, 'As the port says.'))).toMatchObject({
        code,
        message: 'As the port says.',
      });
  });
});

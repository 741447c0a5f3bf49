import { createHash } from 'node:crypto';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAINED_ROLE, ROLE, USER, assume, startStage, stsClient } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

const GUARDED = 'arn:aws:iam::111122223333:role/Guarded';
const STRANGER = 'arn:aws:iam::111122223333:role/Stranger';
const OPEN = 'arn:aws:iam::111122223333:role/path/Open';
const POLICY = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] });

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({
    roles: {
      [ROLE]: { maxSessionDurationSeconds: 7200 },
      [CHAINED_ROLE]: { maxSessionDurationSeconds: 43200 },
      [GUARDED]: { maxSessionDurationSeconds: 3600, externalId: 'harbour-7' },
      [STRANGER]: { maxSessionDurationSeconds: 3600, trusts: ['arn:aws:iam::111122223333:user/somebody-else'] },
      [OPEN]: { maxSessionDurationSeconds: 43200, allowTags: true, allowSourceIdentity: true },
    },
  });
});
afterAll(() => stage.stop());

function send(input: Partial<AssumeRoleCommandInput>): Promise<unknown> {
  return assume(stage, input);
}

describe('AssumeRole', () => {
  it('gives temporary credentials that work', async () => {
    const command = new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'wall-7', DurationSeconds: 7200 });
    const answer = await stsClient(stage).send(command);
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(answer.AssumedRoleUser?.Arn).toBe('arn:aws:sts::111122223333:assumed-role/Wall/wall-7');
    expect(answer).not.toHaveProperty('PackedPolicySize');
    expect(answer.SessionTokenSize).toBe(answer.Credentials?.SessionToken?.length);
    const life = (answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now();
    expect(Math.abs(life - 7_200_000)).toBeLessThan(60_000);
    const identity = await stsClient(stage, await assume(stage)).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({
      Account: '111122223333',
      Arn: 'arn:aws:sts::111122223333:assumed-role/Wall/wall',
    });
  });

  const refused: [what: string, input: Partial<AssumeRoleCommandInput>, code: string, text: string][] = [
    ['a missing role arn', { RoleArn: undefined }, 'ValidationError', "Value null at 'roleArn'"],
    ['a short role arn', { RoleArn: 'arn:role' }, 'ValidationError', 'length greater than or equal to 20'],
    ['nonsense as role arn', { RoleArn: 'role/AndAVeryLongNameOfIt' }, 'ValidationError', 'is invalid'],
    ['a short session name', { RoleSessionName: 'x' }, 'ValidationError', 'length greater than or equal to 2'],
    ['a long session name', { RoleSessionName: 'x'.repeat(65) }, 'ValidationError', 'length less than or equal to 64'],
    [
      'a space in the session name',
      { RoleSessionName: 'a b' },
      'ValidationError',
      String.raw`regular expression pattern: [\w+=,.@-]*`,
    ],
    ['899 seconds', { DurationSeconds: 899 }, 'ValidationError', 'value greater than or equal to 900'],
    ['43201 seconds', { DurationSeconds: 43201 }, 'ValidationError', 'value less than or equal to 43200'],
    [
      'more than the role allows',
      { DurationSeconds: 7201 },
      'ValidationError',
      'exceeds the MaxSessionDuration set for this role',
    ],
    ['a short external id', { ExternalId: 'x' }, 'ValidationError', "at 'externalId'"],
    ['a long policy', { Policy: `${POLICY}${' '.repeat(2048)}` }, 'ValidationError', "at 'policy'"],
    ['characters a policy must not have', { Policy: `${POLICY}\u2013` }, 'ValidationError', "at 'policy'"],
    ['a policy that is not JSON', { Policy: '{' }, 'MalformedPolicyDocumentException', 'invalid Json'],
    ['a policy without version', { Policy: '{"Statement":[]}' }, 'MalformedPolicyDocumentException', 'version'],
    [
      'a policy without effect',
      { Policy: POLICY.replace('Effect', 'Affect') },
      'MalformedPolicyDocumentException',
      'Syntax errors',
    ],
    [
      'a policy with a principal',
      { Policy: POLICY.replace('"Effect"', '"Principal":"*","Effect"') },
      'MalformedPolicyDocumentException',
      'principal',
    ],
    [
      'tags that the trust policy does not allow',
      { Tags: [{ Key: 'a', Value: 'b' }] },
      'AccessDenied',
      'sts:TagSession',
    ],
    ['a source identity that it does not allow', { SourceIdentity: 'wall' }, 'AccessDenied', 'sts:SetSourceIdentity'],
    ['a tag key without length', { Tags: [{ Key: '', Value: 'b' }] }, 'ValidationError', 'tags.1.member.key'],
    [
      '51 tags',
      { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${String(i)}`, Value: '' })) },
      'ValidationError',
      "at 'tags'",
    ],
    [
      '11 managed policies',
      { PolicyArns: Array.from({ length: 11 }, () => ({ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })) },
      'ValidationError',
      "at 'policyArns'",
    ],
    [
      'a role that does not exist',
      { RoleArn: `${ROLE}Absent` },
      'AccessDenied',
      'not authorized to perform: sts:AssumeRole on resource',
    ],
    ['a role that trusts somebody else', { RoleArn: STRANGER }, 'AccessDenied', 'sts:AssumeRole'],
    ['a missing external id', { RoleArn: GUARDED }, 'AccessDenied', 'sts:AssumeRole'],
    ['a wrong external id', { RoleArn: GUARDED, ExternalId: 'harbour-8' }, 'AccessDenied', 'sts:AssumeRole'],
    [
      'the same tag twice',
      {
        RoleArn: OPEN,
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      },
      'InvalidParameterValue',
      'Duplicate tag keys',
    ],
    [
      'a transitive key that is no tag',
      { RoleArn: OPEN, TransitiveTagKeys: ['b'] },
      'ValidationError',
      'transitive tag key',
    ],
  ];
  it.each(refused)('refuses %s', async (_what, input, code, text) => {
    await expect(send(input)).rejects.toMatchObject({ name: code, message: expect.stringContaining(text) as unknown });
  });

  it('takes 403 for a refusal and 400 for a mistake', async () => {
    await expect(send({ RoleArn: STRANGER })).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(send({ DurationSeconds: 899 })).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  });

  it('names every broken field at once', async () => {
    await expect(send({ RoleSessionName: 'x', DurationSeconds: 1 })).rejects.toThrow(/^2 validation errors detected: /);
  });

  it('accepts what the role asks for', async () => {
    await assume(stage, { RoleArn: GUARDED, ExternalId: 'harbour-7' });
    const input = {
      RoleArn: OPEN,
      RoleSessionName: 'wall',
      SourceIdentity: 'wall',
      Tags: [{ Key: 'site', Value: 'quay' }],
      Policy: POLICY,
    };
    const answer = await stsClient(stage).send(new AssumeRoleCommand(input));
    expect(answer.SourceIdentity).toBe('wall');
    // Read by name: the SDK marks the field as deprecated, servers go on sending it.
    const packed = Number(Object.entries(answer).find(([name]) => name === 'PackedPolicySize')?.[1]);
    expect(packed).toBeGreaterThan(0);
    expect(packed).toBeLessThan(100);
  });

  it('refuses a policy that does not pack', async () => {
    const noise = createHash('shake256', { outputLength: 1300 }).update('noise').digest('base64');
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Sid: noise, Effect: 'Allow', Action: '*', Resource: '*' },
    });
    await expect(send({ RoleArn: OPEN, Policy: policy })).rejects.toMatchObject({
      name: 'PackedPolicyTooLargeException',
    });
  });

  it('holds chained roles to one hour', async () => {
    const first = await assume(stage);
    const chained = { RoleArn: CHAINED_ROLE, RoleSessionName: 'wall' };
    const client = stsClient(stage, first);
    await client.send(new AssumeRoleCommand({ ...chained, DurationSeconds: 3600 }));
    await expect(client.send(new AssumeRoleCommand({ ...chained, DurationSeconds: 3601 }))).rejects.toThrow(
      /1 hour session limit for roles assumed by role chaining/,
    );
    await stsClient(stage).send(new AssumeRoleCommand({ ...chained, DurationSeconds: 43200 }));
  });

  it('follows the control: denied, allowed again, removed', async () => {
    stage.control.denyRole(ROLE);
    await expect(send({})).rejects.toMatchObject({ name: 'AccessDenied' });
    stage.control.allowRole(ROLE);
    await send({});
    stage.control.setRole(ROLE, undefined);
    await expect(send({})).rejects.toMatchObject({ name: 'AccessDenied' });
    stage.control.setRole(ROLE, { maxSessionDurationSeconds: 7200 });
    await send({});
  });
});

describe('Signature Version 4 at STS', () => {
  const whoami = new GetCallerIdentityCommand({});

  it('knows a key that does not exist from a secret that is wrong', async () => {
    await expect(stsClient(stage, { ...USER, accessKeyId: 'AKIANOBODY' }).send(whoami)).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
      $metadata: { httpStatusCode: 403 },
    });
    await expect(stsClient(stage, { ...USER, secretAccessKey: 'wrong' }).send(whoami)).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('wants the session token that belongs to the key', async () => {
    const [mine, other] = [await assume(stage), await assume(stage)];
    const { accessKeyId, secretAccessKey } = mine;
    await expect(stsClient(stage, { ...mine, sessionToken: other.sessionToken }).send(whoami)).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
    await expect(stsClient(stage, { accessKeyId, secretAccessKey }).send(whoami)).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
    await expect(stsClient(stage, { ...USER, sessionToken: 'made-up' }).send(whoami)).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
  });

  it('wants the region of the endpoint', async () => {
    await expect(stsClient(stage, USER, 'us-east-1').send(whoami)).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      message: 'Credential should be scoped to a valid region.',
    });
  });

  it('notices a body, a header or a query that was changed under way', async () => {
    for (const tamper of ['body', 'header', 'query'] as const) {
      const client = stsClient(stage);
      client.middlewareStack.add(
        (next) => (args) => {
          const sent = args.request as { body: string; headers: Record<string, string>; query: Record<string, string> };
          if (tamper === 'body') sent.body = sent.body.replace('DurationSeconds=900', 'DurationSeconds=901');
          else if (tamper === 'header')
            sent.headers['x-amz-date'] = (sent.headers['x-amz-date'] ?? '').replace(/\dZ$/, (d) =>
              d === '0Z' ? '1Z' : '0Z',
            );
          else sent.query['extra'] = '1';
          return next(args);
        },
        { step: 'finalizeRequest', priority: 'low' },
      );
      const command = new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'wall', DurationSeconds: 900 });
      await expect(client.send(command), tamper).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    }
  });

  it('refuses a request without signature, and one whose headers are not all signed', async () => {
    const body = 'Action=GetCallerIdentity&Version=2011-06-15';
    const plain = await fetch(stage.urls.sts, { method: 'POST', body });
    expect([plain.status, await plain.text()]).toEqual([403, expect.stringContaining('MissingAuthenticationToken')]);
    const client = stsClient(stage);
    client.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-amz-extra'] = 'unsigned';
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await expect(client.send(whoami)).rejects.toMatchObject({ name: 'IncompleteSignature' });
  });
});

describe('time at STS', () => {
  it('tolerates less than five minutes of skew, and lets the SDK correct more', async () => {
    const late = await startStage();
    try {
      late.advance(4 * 60_000);
      await stsClient(late).send(new GetCallerIdentityCommand({}));
      late.advance(2 * 60_000);
      const client = stsClient(late);
      await expect(client.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
        name: 'SignatureDoesNotMatch',
        message: expect.stringMatching(/^Signature expired: /) as unknown,
      });
      // The SDK learned the server's time from the Date header of the refusal.
      await client.send(new GetCallerIdentityCommand({}));
      late.advance(-12 * 60_000);
      await expect(stsClient(late).send(new GetCallerIdentityCommand({}))).rejects.toThrow(
        /^Signature not yet current: /,
      );
    } finally {
      await late.stop();
    }
  });

  it('ends credentials on time', async () => {
    const late = await startStage();
    try {
      const temporary = await assume(late, { DurationSeconds: 900 });
      late.advance(901_000);
      const client = stsClient(late, temporary);
      await expect(client.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
        name: 'ExpiredToken',
        $metadata: { httpStatusCode: 403 },
      });
    } finally {
      await late.stop();
    }
  });
});

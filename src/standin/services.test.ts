import { CloudWatchClient, ListDashboardsCommand } from '@aws-sdk/client-cloudwatch';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READER, USER, assume, startStage } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

interface Access {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

let stage: Stage;
beforeAll(async () => {
  const names = ['Main', 'Night', 'Ops-1', 'Ops-2', 'Ops-3'];
  stage = await startStage({ dashboards: names.map((name) => ({ name })), dashboardPageSize: 2 });
});
afterAll(() => stage.stop());

const wrong = (access: Access): Access => ({ ...access, secretAccessKey: 'wrong' });
const common = { region: 'eu-west-1', maxAttempts: 1 };

describe('Secrets Manager', () => {
  const client = (credentials: Access = READER, region = 'eu-west-1'): SecretsManagerClient =>
    new SecretsManagerClient({ ...common, region, credentials, endpoint: stage.urls.secretsmanager });
  const get = (input: { VersionId?: string; VersionStage?: string } = {}): Promise<string | undefined> =>
    client()
      .send(new GetSecretValueCommand({ SecretId: 'rotating', ...input }))
      .then((answer) => answer.SecretString);

  it('keeps the version before, and finds versions by stage and by id', async () => {
    const ids = ['one', 'two', 'three'].map((value) => stage.control.setSecret('rotating', value));
    expect(await get()).toBe('three');
    expect(await get({ VersionStage: 'AWSCURRENT' })).toBe('three');
    expect(await get({ VersionStage: 'AWSPREVIOUS' })).toBe('two');
    expect(await Promise.all(ids.map((VersionId) => get({ VersionId })))).toEqual(['one', 'two', 'three']);
    const answer = await client().send(new GetSecretValueCommand({ SecretId: 'rotating' }));
    expect(answer).toMatchObject({ Name: 'rotating', VersionStages: ['AWSCURRENT'], VersionId: ids[2] });
    expect((await client().send(new GetSecretValueCommand({ SecretId: answer.ARN }))).SecretString).toBe('three');
  });

  it('has AWS names for what is not there', async () => {
    await expect(client().send(new GetSecretValueCommand({ SecretId: 'absent' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(get({ VersionStage: 'NOSUCH' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(get({ VersionId: '11111111-2222-3333-4444-555555555555' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(get({ VersionId: 'short' })).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('authenticates and authorises', async () => {
    const command = new GetSecretValueCommand({ SecretId: 'wall-dashboards' });
    await expect(client(wrong(READER)).send(command)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    await expect(client({ ...READER, accessKeyId: 'AKIANOBODY' }).send(command)).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    await expect(client(READER, 'us-east-1').send(command)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    await expect(client(USER).send(command)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect((await client(await assume(stage)).send(command)).SecretString).toBe('first');
  });
});

describe('CloudWatch', () => {
  const client = (credentials: Access = READER): CloudWatchClient =>
    new CloudWatchClient({ ...common, credentials, endpoint: stage.urls.cloudwatch });

  it('lists dashboards page by page', async () => {
    const names: (string | undefined)[] = [];
    let pages = 0;
    let token: string | undefined;
    do {
      const answer = await client().send(new ListDashboardsCommand(token === undefined ? {} : { NextToken: token }));
      names.push(...(answer.DashboardEntries ?? []).map((entry) => entry.DashboardName));
      token = answer.NextToken;
      pages++;
    } while (token !== undefined);
    expect([pages, names]).toEqual([3, ['Main', 'Night', 'Ops-1', 'Ops-2', 'Ops-3']]);
  });

  it('filters by prefix and describes each entry', async () => {
    const { DashboardEntries: entries } = await client().send(
      new ListDashboardsCommand({ DashboardNamePrefix: 'Night' }),
    );
    expect(entries).toHaveLength(1);
    expect(entries?.[0]).toMatchObject({
      DashboardArn: 'arn:aws:cloudwatch::111122223333:dashboard/Night',
      LastModified: expect.any(Date) as unknown,
    });
  });

  it('refuses bad input and bad callers', async () => {
    await expect(client().send(new ListDashboardsCommand({ NextToken: 'made-up' }))).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
    await expect(client().send(new ListDashboardsCommand({ DashboardNamePrefix: 'a b' }))).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
    await expect(client(wrong(READER)).send(new ListDashboardsCommand({}))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    await expect(client(USER).send(new ListDashboardsCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('S3', () => {
  const client = (credentials: Access = READER, region = 'eu-west-1'): S3Client =>
    new S3Client({ ...common, region, credentials, endpoint: stage.urls.s3, forcePathStyle: true });
  const object = { Bucket: 'keys', Key: 'info2048.bin' };

  it('serves objects, also under names that need encoding', async () => {
    const answer = await client().send(new GetObjectCommand(object));
    expect(await answer.Body?.transformToString()).toBe('entropy');
    expect(answer.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    const odd = await client().send(new GetObjectCommand({ Bucket: 'keys', Key: 'folder/a b+c.txt' }));
    expect(await odd.Body?.transformToString()).toBe('odd name');
    const head = await client().send(new HeadObjectCommand(object));
    expect([head.ETag, head.ContentLength]).toEqual([answer.ETag, 7]);
  });

  it('answers 304 while the object is the one that the client has', async () => {
    const { ETag } = await client().send(new HeadObjectCommand(object));
    const again = (): Promise<unknown> => client().send(new GetObjectCommand({ ...object, IfNoneMatch: ETag }));
    await expect(again()).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    stage.control.putObject('keys', 'info2048.bin', Buffer.from('rotated'));
    await expect(again()).resolves.toMatchObject({ $metadata: { httpStatusCode: 200 } });
    await expect(client().send(new GetObjectCommand({ ...object, IfMatch: ETag }))).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
  });

  it('has AWS names for what is wrong', async () => {
    await expect(client().send(new GetObjectCommand({ Bucket: 'keys', Key: 'absent' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
    await expect(client().send(new GetObjectCommand({ Bucket: 'absent', Key: 'a' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    await expect(client(USER).send(new GetObjectCommand(object))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(client(wrong(READER)).send(new GetObjectCommand(object))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    });
    await expect(
      client({ ...READER, accessKeyId: 'AKIANOBODY' }).send(new GetObjectCommand(object)),
    ).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await expect(
      client({ ...(await assume(stage)), sessionToken: 'x' }).send(new GetObjectCommand(object)),
    ).rejects.toMatchObject({ name: 'InvalidToken' });
  });

  it('refuses the wrong region, a clock far off, and expired credentials', async () => {
    await expect(client(READER, 'eu-central-1').send(new GetObjectCommand(object))).rejects.toMatchObject({
      name: 'AuthorizationHeaderMalformed',
    });
    const late = await startStage();
    try {
      const temporary = await assume(late, { DurationSeconds: 900 });
      late.advance(10 * 60_000);
      const at = (credentials: Access): Promise<unknown> =>
        new S3Client({ ...common, credentials, endpoint: late.urls.s3, forcePathStyle: true }).send(
          new GetObjectCommand(object),
        );
      await at(temporary);
      late.advance(6 * 60_000);
      await expect(at(READER)).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' });
      await expect(at(temporary)).rejects.toMatchObject({ name: 'ExpiredToken' });
    } finally {
      await late.stop();
    }
  });
});

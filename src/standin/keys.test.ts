import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READER, startStage, stsClient, USER } from './testing/setup.ts';
import type { Stage } from './testing/setup.ts';

const ROTATOR = {
  name: 'rotator',
  accessKeyId: 'AKIAROTATOR',
  secretAccessKey: 'rotator-secret',
  allow: ['iam:*', 'sts:*'],
};
type Access = Pick<typeof READER, 'accessKeyId' | 'secretAccessKey'>;

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ users: [READER, USER, ROTATOR] });
});
afterAll(() => stage.stop());

const common = { region: 'eu-west-1', maxAttempts: 1 };
const named = (name: string) => ({ name });

describe('IAM', () => {
  const iam = (credentials: Access = ROTATOR): IAMClient =>
    new IAMClient({ ...common, region: 'us-east-1', credentials, endpoint: stage.urls.iam });
  const keys = async () =>
    (await iam().send(new ListAccessKeysCommand({}))).AccessKeyMetadata?.map((one) => [one.AccessKeyId, one.Status]);

  it('gives a user two keys and no third, and takes them away again', async () => {
    const { AccessKey } = await iam().send(new CreateAccessKeyCommand({}));
    const second = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    expect(AccessKey).toMatchObject({ UserName: 'rotator', Status: 'Active' });
    expect(await keys()).toEqual([
      ['AKIAROTATOR', 'Active'],
      [second.accessKeyId, 'Active'],
    ]);
    await expect(iam().send(new CreateAccessKeyCommand({ UserName: 'rotator' }))).rejects.toMatchObject(
      named('LimitExceededException'),
    );
    const whoami = () => stsClient(stage, second).send(new GetCallerIdentityCommand({}));
    expect((await whoami()).Arn).toMatch(/user\/rotator$/);
    const used = await iam().send(new GetAccessKeyLastUsedCommand({ AccessKeyId: second.accessKeyId }));
    expect(used.AccessKeyLastUsed?.LastUsedDate).toBeInstanceOf(Date);

    const AccessKeyId = second.accessKeyId;
    await iam().send(new UpdateAccessKeyCommand({ AccessKeyId, Status: 'Inactive' }));
    await expect(whoami()).rejects.toMatchObject(named('InvalidClientTokenId'));
    await expect(iam().send(new CreateAccessKeyCommand({}))).rejects.toMatchObject(named('LimitExceededException'));
    await iam().send(new UpdateAccessKeyCommand({ AccessKeyId, Status: 'Active' }));
    await whoami();
    await iam().send(new DeleteAccessKeyCommand({ AccessKeyId }));
    await expect(whoami()).rejects.toMatchObject(named('InvalidClientTokenId'));
    await expect(iam().send(new DeleteAccessKeyCommand({ AccessKeyId }))).rejects.toMatchObject(
      named('NoSuchEntityException'),
    );
    expect(await keys()).toEqual([['AKIAROTATOR', 'Active']]);
  });

  it('makes new keys known elsewhere a little later, where it is told to', async () => {
    stage.control.setNewKeyDelay(10_000);
    const { AccessKey } = await iam().send(new CreateAccessKeyCommand({}));
    const access = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    const whoami = () => stsClient(stage, access).send(new GetCallerIdentityCommand({}));
    await expect(whoami()).rejects.toMatchObject(named('InvalidClientTokenId'));
    stage.advance(11_000);
    await whoami();
    stage.control.setNewKeyDelay(0);
    await iam().send(new DeleteAccessKeyCommand({ AccessKeyId: access.accessKeyId }));
  });

  it('authenticates and authorises', async () => {
    const list = new ListAccessKeysCommand({});
    await expect(iam({ ...ROTATOR, secretAccessKey: 'x' }).send(list)).rejects.toMatchObject(
      named('SignatureDoesNotMatch'),
    );
    await expect(iam(USER).send(list)).rejects.toMatchObject(named('AccessDenied'));
    await expect(iam().send(new ListAccessKeysCommand({ UserName: 'nobody' }))).rejects.toMatchObject(
      named('NoSuchEntityException'),
    );
    const elsewhere = new IAMClient({ ...common, region: 'eu-west-1', credentials: ROTATOR, endpoint: stage.urls.iam });
    await expect(elsewhere.send(list)).rejects.toMatchObject(named('SignatureDoesNotMatch'));
  });
});

describe('KMS', () => {
  const kms = (credentials: Access = READER) => new KMSClient({ ...common, credentials, endpoint: stage.urls.kms });
  const KeyId = '11111111-2222-3333-4444-555555555555';
  const EncryptionContext = { vigil: 'secret wall' };

  it('gives data keys back for the same context only', async () => {
    const made = await kms().send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }));
    const blob = made.CiphertextBlob ?? new Uint8Array();
    const opened = await kms().send(new DecryptCommand({ CiphertextBlob: blob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Buffer.from(made.Plaintext ?? [1]));
    const refused = named('InvalidCiphertextException');
    await expect(kms().send(new DecryptCommand({ CiphertextBlob: blob }))).rejects.toMatchObject(refused);
    const changed = Uint8Array.from(blob, (byte, at) => (at === blob.length - 1 ? byte ^ 1 : byte));
    await expect(kms().send(new DecryptCommand({ CiphertextBlob: changed, EncryptionContext }))).rejects.toMatchObject(
      refused,
    );
  });

  it('has no other keys, and lets nobody in without permission', async () => {
    const wish = new GenerateDataKeyCommand({ KeyId: 'other', KeySpec: 'AES_256' });
    await expect(kms().send(wish)).rejects.toMatchObject(named('NotFoundException'));
    await expect(kms(USER).send(wish)).rejects.toMatchObject(named('AccessDeniedException'));
  });
});

describe('versions of a secret', () => {
  const secrets = () =>
    new SecretsManagerClient({ ...common, credentials: READER, endpoint: stage.urls.secretsmanager });
  const SecretId = 'wall-dashboards';
  const get = async (VersionStage: string) =>
    (await secrets().send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;

  it('wait, become current by a move of the label, and leave the one before as previous', async () => {
    const ClientRequestToken = '00000000-0000-4000-8000-000000000001';
    const put = (SecretString: string) =>
      secrets().send(
        new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken, VersionStages: ['AWSPENDING'] }),
      );
    await put('second');
    await put('second');
    await expect(put('another')).rejects.toMatchObject(named('ResourceExistsException'));
    expect([await get('AWSCURRENT'), await get('AWSPENDING')]).toEqual(['first', 'second']);

    const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: ClientRequestToken };
    await expect(secrets().send(new UpdateSecretVersionStageCommand(move))).rejects.toMatchObject(
      named('InvalidParameterException'),
    );
    const { VersionIdsToStages = {} } = await secrets().send(new DescribeSecretCommand({ SecretId }));
    const RemoveFromVersionId = Object.keys(VersionIdsToStages).find((id) =>
      VersionIdsToStages[id]?.includes('AWSCURRENT'),
    );
    await secrets().send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId }));
    expect([await get('AWSCURRENT'), await get('AWSPREVIOUS')]).toEqual(['second', 'first']);
    await secrets().send(
      new UpdateSecretVersionStageCommand({
        SecretId,
        VersionStage: 'AWSPENDING',
        RemoveFromVersionId: ClientRequestToken,
      }),
    );
    await expect(get('AWSPENDING')).rejects.toMatchObject(named('ResourceNotFoundException'));
  });
});

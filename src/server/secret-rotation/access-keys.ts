import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { partitionOfRegion, stsEndpointOf } from '../../aws/partitions.ts';
import { AppError } from '../../core/errors.ts';
import type { Fetch } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import { SDK_CLIENT_OPTIONS, sdkRequestHandler } from '../../keys/sdk-request-handler.ts';
import { storeFailureOf } from '../stores/aws-failures.ts';
import type { AwsAccess } from '../stores/ports.ts';

/** A lasting key of a user, as IAM lists it. */
export interface AccessKey {
  readonly id: string;
  readonly isActive: boolean;
}

/** IAM's access keys. All calls reject with STORE_REFUSED, STORE_NOT_FOUND, STORE_UNAVAILABLE and STORE_ANSWER_UNREADABLE. */
export interface AccessKeys {
  /** The ARN of whoever has these credentials (GetCallerIdentity, which takes no permission). */
  whoAmI(credentials: AwsCredentials): Promise<string>;
  list(as: AwsCredentials, user: string): Promise<readonly AccessKey[]>;
  create(as: AwsCredentials, user: string): Promise<{ readonly id: string; readonly secret: string }>;
  /** Nothing happens to a key that is gone. */
  deactivate(as: AwsCredentials, user: string, id: string): Promise<void>;
  /** Nothing happens to a key that is gone. */
  remove(as: AwsCredentials, user: string, id: string): Promise<void>;
  /** Whether AWS has seen it in use; that may be told some hours late. */
  wasUsed(as: AwsCredentials, id: string): Promise<boolean>;
}

const LONGEST_ANSWER = 256 * 1024;

/** IAM and STS through the Fetch port. IAM is one for a whole partition, in its first region. */
export function awsAccessKeys(fetch: Fetch, aws: Omit<AwsAccess, 'credentials'>): AccessKeys {
  const { region, endpoints, timeoutMs } = aws;
  const requestHandler = sdkRequestHandler(fetch, { timeoutMs, maxBytes: LONGEST_ANSWER });
  const iamEndpoint = endpoints.iam ?? endpoints.all;

  async function iam<T>(
    as: AwsCredentials,
    what: string,
    action: string,
    send: (client: IAMClient) => Promise<T>,
  ): Promise<T> {
    const client = new IAMClient({
      region: partitionOfRegion(region).firstRegion,
      ...(iamEndpoint === undefined ? {} : { endpoint: iamEndpoint }),
      credentials: plain(as),
      requestHandler,
      ...SDK_CLIENT_OPTIONS,
    });
    try {
      return await send(client);
    } catch (error) {
      throw storeFailureOf(error, { service: 'AWS IAM', what, action: `iam:${action}` });
    } finally {
      client.destroy();
    }
  }

  const unlessGone = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORE_NOT_FOUND') throw error;
    }
  };

  return {
    async whoAmI(credentials) {
      const client = new STSClient({
        region,
        endpoint: endpoints.sts ?? endpoints.all ?? stsEndpointOf(region),
        credentials: plain(credentials),
        requestHandler,
        ...SDK_CLIENT_OPTIONS,
      });
      try {
        const { Arn } = await client.send(new GetCallerIdentityCommand({}));
        if (Arn !== undefined) return Arn;
      } catch (error) {
        const what = `who has the key ${credentials.accessKeyId}`;
        throw storeFailureOf(error, { service: 'AWS STS', what, action: 'sts:GetCallerIdentity' });
      } finally {
        client.destroy();
      }
      throw new AppError(
        'STORE_ANSWER_UNREADABLE',
        'AWS STS does not say whose the key is: check that no proxy answers for it.',
      );
    },
    async list(as, UserName) {
      const { AccessKeyMetadata } = await iam(as, `the keys of the user ${UserName}`, 'ListAccessKeys', (client) =>
        client.send(new ListAccessKeysCommand({ UserName })),
      );
      // What is no answer of IAM's reads as an empty one, and a user who is asked about here has a key.
      if (AccessKeyMetadata === undefined || AccessKeyMetadata.length === 0) {
        throw new AppError(
          'STORE_ANSWER_UNREADABLE',
          `AWS IAM lists no keys of ${UserName}: check that no proxy answers for it.`,
        );
      }
      return AccessKeyMetadata.flatMap(({ AccessKeyId, Status }) =>
        AccessKeyId === undefined ? [] : [{ id: AccessKeyId, isActive: Status === 'Active' }],
      );
    },
    async create(as, UserName) {
      const { AccessKey } = await iam(as, `a new key of the user ${UserName}`, 'CreateAccessKey', (client) =>
        client.send(new CreateAccessKeyCommand({ UserName })),
      );
      const { AccessKeyId: id, SecretAccessKey: secret } = AccessKey ?? {};
      if (id === undefined || secret === undefined) {
        throw new AppError('STORE_ANSWER_UNREADABLE', 'AWS IAM gave no new key: check that no proxy answers for it.');
      }
      return { id, secret };
    },
    deactivate: (as, UserName, AccessKeyId) =>
      unlessGone(
        iam(as, `the key ${AccessKeyId}`, 'UpdateAccessKey', (client) =>
          client.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: 'Inactive' })),
        ),
      ),
    remove: (as, UserName, AccessKeyId) =>
      unlessGone(
        iam(as, `the key ${AccessKeyId}`, 'DeleteAccessKey', (client) =>
          client.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId })),
        ),
      ),
    async wasUsed(as, AccessKeyId) {
      const { AccessKeyLastUsed } = await iam(
        as,
        `the use of the key ${AccessKeyId}`,
        'GetAccessKeyLastUsed',
        (client) => client.send(new GetAccessKeyLastUsedCommand({ AccessKeyId })),
      );
      return AccessKeyLastUsed?.LastUsedDate !== undefined;
    },
  };
}

function plain({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

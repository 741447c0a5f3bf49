import type { AwsAccess, AwsEndpoints } from './ports.ts';
import { environmentCredentials } from './own-credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Other addresses than AWS's, by the variables that the AWS SDKs have for them. */
export function environmentEndpoints(env: Environment): AwsEndpoints {
  const named = {
    all: env['AWS_ENDPOINT_URL'],
    sts: env['AWS_ENDPOINT_URL_STS'],
    secretsmanager: env['AWS_ENDPOINT_URL_SECRETS_MANAGER'],
    cloudwatch: env['AWS_ENDPOINT_URL_CLOUDWATCH'],
    kms: env['AWS_ENDPOINT_URL_KMS'],
    iam: env['AWS_ENDPOINT_URL_IAM'],
  };
  return Object.fromEntries(Object.entries(named).filter(([, address]) => address !== undefined && address !== ''));
}

/** AWS by the environment alone; undefined where it names no region. */
export function environmentAccess(
  env: Environment,
  region: string | undefined,
  timeoutMs: number,
): AwsAccess | undefined {
  const where = region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (where === undefined || where === '') return undefined;
  return { credentials: environmentCredentials(env), region: where, endpoints: environmentEndpoints(env), timeoutMs };
}

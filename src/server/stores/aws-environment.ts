import { checkAddress } from '../../aws/destination.ts';
import type { AwsAccess, AwsEndpoints } from './ports.ts';
import { environmentCredentials } from './own-credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLES: Readonly<Record<keyof AwsEndpoints, string>> = {
  all: 'AWS_ENDPOINT_URL',
  sts: 'AWS_ENDPOINT_URL_STS',
  secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  cloudwatch: 'AWS_ENDPOINT_URL_CLOUDWATCH',
  kms: 'AWS_ENDPOINT_URL_KMS',
  iam: 'AWS_ENDPOINT_URL_IAM',
};

/** Other addresses than AWS's, by the variables that the AWS SDKs have for them. Throws SETTINGS_INVALID for one in the clear. */
export function environmentEndpoints(env: Environment): AwsEndpoints {
  const found = Object.entries(VARIABLES).flatMap(([name, variable]) => {
    const address = env[variable];
    if (address === undefined || address === '') return [];
    checkAddress(address, variable);
    return [[name, address] as const];
  });
  return Object.fromEntries(found);
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

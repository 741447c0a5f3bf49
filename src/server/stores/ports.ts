import type { Clock, Fetch, Logger } from '../../core/ports.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import type { Audit } from '../audit/audit.ts';

/** What the stores run on. */
export interface StorePorts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of what needs more than a refusal: a wrapped answer that somebody opened before. */
  readonly audit: Audit;
}

/** How AWS is reached, the same for all stores. */
export interface AwsAccess {
  /** The server's own credentials, asked for with each call; rejects with STORE_REFUSED or SETTINGS_MISSING. */
  readonly credentials: () => Promise<AwsCredentials>;
  readonly region: string;
  /** Instead of AWS's own addresses. */
  readonly endpoints: AwsEndpoints;
  /** Instead of that of the role's partition. */
  readonly federationUrl?: string;
  /** For each call, in ms. */
  readonly timeoutMs: number;
}

export interface AwsEndpoints {
  readonly all?: string;
  readonly sts?: string;
  readonly secretsmanager?: string;
  readonly cloudwatch?: string;
  readonly kms?: string;
  readonly iam?: string;
}

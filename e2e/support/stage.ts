import type { KeySet } from '../../src/standin/index.ts';
import {
  type RequestRecord,
  type ServiceName,
  type Standin,
  type StandinOptions,
  startStandin,
} from '../../src/standin/index.ts';
import { waitUntil } from '../../scripts/lib/process.mjs';

export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/WallDashboards`;
export const SECRET_NAME = 'wall-dashboards';
export const USER = {
  name: 'wall',
  accessKeyId: 'AKIAE2EWALLDASHBOARD',
  secretAccessKey: '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',
};
/** May read the keys' bucket, and nothing else. */
export const READER = {
  name: 'reader',
  accessKeyId: 'AKIAE2EENTROPYREADER',
  secretAccessKey: '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',
  allow: ['s3:*'],
};
export const DASHBOARD = 'Operations';

/** A stand-in for AWS and the auto-id server, and what a wall is told of it. */
export interface Stage extends Standin {
  /** The reference clients' variables, the folder of the keys, and the endpoints: nothing else. */
  readonly environment: Readonly<Record<string, string>>;
  dashboardUrl(name: string): string;
  /** What has been asked of a service so far, newest last. */
  asked(service: ServiceName, action?: string): readonly RequestRecord[];
  /** Waits until a service has been asked for this more than `before` times. */
  isAsked(service: ServiceName, action: string, before?: number): Promise<void>;
}

/** @param keysDir where the keys are published for clients */
export async function openStage(keys: KeySet, keysDir: string, options: StandinOptions = {}): Promise<Stage> {
  const standin = await startStandin({
    account: ACCOUNT,
    regions: [REGION],
    users: [USER, READER],
    roles: { [ROLE]: { maxSessionDurationSeconds: 3600 } },
    secrets: { [SECRET_NAME]: `${USER.accessKeyId},${USER.secretAccessKey}` },
    dashboards: [{ name: DASHBOARD }, { name: 'Restricted', denied: true }],
    pollMs: 500,
    failuresBeforeEnd: 2,
    keys,
    keysDir,
    ...options,
  });
  const { urls, control } = standin;
  const dashboardUrl = (name: string) =>
    `${urls.console}/cloudwatch/home?region=${REGION}#dashboards:name=${encodeURIComponent(name)}`;
  const asked = (service: ServiceName, action?: string) =>
    control.requests().filter((one) => one.service === service && (action === undefined || one.action === action));
  return {
    ...standin,
    environment: {
      AUTO_ID_API_ENDPOINT: urls.autoid,
      AUTO_ID_SECRET_NAME: SECRET_NAME,
      AUTO_ID_KEYS_DIR: keysDir,
      ASSUME_ROLE_ARN: ROLE,
      ASSUME_ROLE_SESSION_NAME: 'wall',
      VISIT_URL: dashboardUrl(DASHBOARD),
      AWS_REGION: REGION,
      VIGIL_FEDERATION_URL: urls.federation,
      AWS_ENDPOINT_URL_STS: urls.sts,
    },
    dashboardUrl,
    asked,
    async isAsked(service, action, before = 0) {
      await waitUntil(() => asked(service, action).length > before, {
        what: `${service} was not asked for ${action}`,
        timeoutMs: 60_000,
      });
    },
  };
}

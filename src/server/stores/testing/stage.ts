/** What the tests of the stores share: a stand-in of AWS and Vault, ports, and requests. */
import { AppError } from '../../../core/errors.ts';
import { createNodeClock } from '../../../node/clock.ts';
import { createNodeFetch } from '../../../node/http.ts';
import { startStage, type Stage } from '../../../standin/testing/setup.ts';
import type { StandinOptions } from '../../../standin/index.ts';
import type { Audit, AuditEvent } from '../../audit/audit.ts';
import { canonicalDestination } from '../destination.ts';
import type { IssueRequest } from '../credential-store.ts';
import type { AwsAccess, StorePorts } from '../ports.ts';
import { parseSource } from '../source.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '111122223333';
export const SERVER = { name: 'server', accessKeyId: 'AKIASERVER', secretAccessKey: 'server-secret', allow: ['*'] };
export const roleArn = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;

/** An audit log that keeps its lines. */
export function recordingAudit(): Audit & { readonly events: AuditEvent[] } {
  const events: AuditEvent[] = [];
  return {
    events,
    append(event) {
      events.push(event);
      return Promise.resolve();
    },
  };
}

export interface StoreStage {
  readonly stage: Stage;
  readonly ports: StorePorts;
  readonly aws: AwsAccess;
  readonly events: readonly AuditEvent[];
}

export async function storeStage(options: StandinOptions = {}): Promise<StoreStage> {
  const stage = await startStage({ users: [SERVER], ...options });
  const audit = recordingAudit();
  const { urls } = stage;
  return {
    stage,
    events: audit.events,
    ports: { fetch: createNodeFetch(), clock: createNodeClock(), logger: { log: () => undefined }, audit },
    aws: {
      credentials: () => Promise.resolve(SERVER),
      region: REGION,
      endpoints: {
        sts: urls.sts,
        secretsmanager: urls.secretsmanager,
        cloudwatch: urls.cloudwatch,
        kms: urls.kms,
        iam: urls.iam,
      },
      federationUrl: urls.federation,
      timeoutMs: 5000,
    },
  };
}

/** A request as the server makes it after its checks. */
export function requestFor(source: string, destination = '', more: Partial<IssueRequest> = {}): IssueRequest {
  const parsed = parseSource(source);
  const canonical = canonicalDestination(destination);
  if (parsed === undefined || canonical === undefined) throw new Error(`no request: ${source} ${destination}`);
  return {
    source: parsed,
    destination: canonical,
    caller: { id: 'd1', name: 'lobby-1' },
    address: '52.94.76.7',
    ...more,
  };
}

/** What a store rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (thrown instanceof AppError) return thrown;
  throw thrown;
}

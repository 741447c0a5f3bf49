/** What the stand-in is told and what it offers. Durations are in the unit their name says; times are ms since the epoch. */
import type { KeySet } from './autoid-keys.ts';
import type { VaultControl, VaultOptions } from './vault/options.ts';
import type { DataFault, DataScope, PageFault, PageTrick, SessionScope } from './misbehaviour.ts';

export type ServiceName =
  'autoid' | 'sts' | 'secretsmanager' | 's3' | 'cloudwatch' | 'federation' | 'console' | 'iam' | 'kms' | 'vault';

export const SERVICES: readonly ServiceName[] = [
  'autoid',
  'sts',
  'secretsmanager',
  's3',
  'cloudwatch',
  'federation',
  'console',
  'iam',
  'kms',
  'vault',
];

/** An IAM user with one long-lived access key. `allow` lists actions (`s3:GetObject`, `s3:*`, `*`); default `['sts:*']`. */
export interface UserOptions {
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly allow?: readonly string[];
  /** 12 digits; default: the option `account`. */
  readonly account?: string;
}

/**
 * A role, in whatever account its ARN names. `trusts` lists principal ARNs (a user, a role, or `arn:aws:iam::ACCOUNT:root`);
 * default: everybody. Tags and SourceIdentity are refused unless the trust policy allows them, as on a real account.
 */
export interface RoleOptions {
  readonly maxSessionDurationSeconds: number;
  readonly externalId?: string;
  readonly trusts?: readonly string[];
  readonly allowTags?: boolean;
  readonly allowSourceIdentity?: boolean;
  readonly allow?: readonly string[];
}

/** Temporary credentials that exist from the start, for what AssumeRole cannot make. `session` is GetSessionToken's kind. */
export interface TemporaryCredentialOptions {
  readonly kind: 'assumed-role' | 'session' | 'federated-user';
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
  readonly chained?: boolean;
}

export interface DashboardOptions {
  readonly name: string;
  /** The dashboard exists, and viewing it is refused. */
  readonly denied?: boolean;
  /** The log widget's own call is refused for ever, whatever the session. */
  readonly deniedWidget?: boolean;
  /** So many more widgets have a call each, at the address of all the others, that is refused for ever. */
  readonly deniedWidgets?: number;
  /** Names of the roles that may view it; default: all of its account. */
  readonly roles?: readonly string[];
}

export const ALARM_TYPES = ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'] as const;
export type AlarmType = (typeof ALARM_TYPES)[number];
export const ALARM_STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;
export type AlarmState = (typeof ALARM_STATES)[number];

export interface AlarmOptions {
  readonly name: string;
  /** Default: the first of `regions`. */
  readonly region?: string;
  /** Default `MetricAlarm`. */
  readonly type?: AlarmType;
  /** Default `OK`. */
  readonly state?: AlarmState;
  readonly reason?: string;
}

export interface AccountOptions {
  readonly alias?: string;
  readonly dashboards?: readonly DashboardOptions[];
  readonly alarms?: readonly AlarmOptions[];
}

/** A dashboard, and the number (0 to 255) by which its strip tells it apart on the screen. */
export interface KnownDashboard {
  readonly account: string;
  readonly name: string;
  readonly id: number;
}

/** What an open page does once its calls fail because the session ended. */
export type OnSessionEnd = 'redirect' | 'dialog' | 'silent' | 'issuer';

export interface StandinOptions {
  /** 12 digits; default 111122223333. */
  readonly account?: string;
  readonly accountAlias?: string;
  /** Regions whose endpoints answer; the first is the console's default. Default `['eu-west-1']`. */
  readonly regions?: readonly string[];
  readonly users?: readonly UserOptions[];
  readonly temporaryCredentials?: readonly TemporaryCredentialOptions[];
  readonly roles?: Readonly<Record<string, RoleOptions>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Ids of symmetric KMS keys of `account`, in the first of `regions`; default one, `11111111-2222-3333-4444-555555555555`. */
  readonly kmsKeys?: readonly string[];
  readonly vault?: VaultOptions;
  /** Those of `account`. */
  readonly dashboards?: readonly DashboardOptions[];
  /** Alarms of `account`. */
  readonly alarms?: readonly AlarmOptions[];
  /** Other accounts, by their 12 digits. A role belongs to the account in its ARN and sees that one's dashboards alone. */
  readonly accounts?: Readonly<Record<string, AccountOptions>>;
  /** Bucket → key → bytes. */
  readonly objects?: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;
  readonly keys?: KeySet;
  /** Refuse proofs that cover fewer than 128 distinct offsets, as Vigil's own server will. Default true; the reference accepts them. */
  readonly strictProofs?: boolean;
  /** Wall clock in ms; default `Date.now`. */
  readonly now?: () => number;
  /** Upper bound on a console session's life, in seconds. */
  readonly sessionSeconds?: number;
  /** A sign-in token works once only. Default false (unconfirmed on the real service). */
  readonly singleUseTokens?: boolean;
  readonly onSessionEnd?: OnSessionEnd;
  /** How often an open dashboard asks for data, in ms. Default 5000. */
  readonly pollMs?: number;
  /** Failing polls in a row before an open page acts on `onSessionEnd`. Default 3. */
  readonly failuresBeforeEnd?: number;
  /** Entries per ListDashboards page. Default 1000. */
  readonly dashboardPageSize?: number;
  /** First of consecutive ports (services in order, then control). Default 0: any free ports. */
  readonly portBase?: number;
  /** Certificate and key in PEM: every service speaks HTTPS. The certificate must cover 127.0.0.1 and the *.localhost hosts. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /**
   * What the browser's side is called: `aws.amazon.com` for AWS's own names at port 443, behind somebody who leads them here. Needs
   * `tls`. Default `localhost`, at the ports of the services.
   */
  readonly domain?: 'localhost' | 'aws.amazon.com';
  /** Where the key set is published for clients (`info2048.bin`, `public.pem`); written at start and by `publishKeys`. */
  readonly keysDir?: string;
}

/** How a service misbehaves. `ms` is milliseconds. */
export type Fault =
  | { readonly kind: 'down' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'not-json' }
  | { readonly kind: 'cut-off' }
  | { readonly kind: 'huge' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'hang' };

/** One answered request. Holds no secret: `detail` is a role, a dashboard, an object key or an error code. */
export interface RequestRecord {
  readonly order: number;
  readonly at: number;
  readonly service: ServiceName;
  readonly method: string;
  readonly action: string;
  /** 0 when no answer was completed (reset, hang, cut off). */
  readonly status: number;
  readonly detail?: string;
}

/** A console session; `number` names it where its id, which is a secret, must not stand. Times are ms since the epoch. */
export interface KnownSession {
  readonly number: number;
  readonly account: string;
  /** Name of the role. */
  readonly role: string;
  readonly startedAt: number;
  readonly endsAt: number;
  readonly isLive: boolean;
}

/** A console page that was served. */
export interface PageLoad {
  /** Counted over all pages; its strip shows it modulo 256. */
  readonly load: number;
  readonly at: number;
  readonly session: number;
  readonly account: string;
  readonly role: string;
  /** Known once the page has asked for data. */
  readonly dashboard?: string;
  /** How it misbehaved, if it was told to. */
  readonly fault?: string;
}

/** A data call of a page, answered or not. */
export interface DataCall {
  readonly at: number;
  /** The page load that it came from; NaN when the page did not say. */
  readonly load: number;
  /** 0 for one without a live session. */
  readonly session: number;
  readonly account: string;
  readonly role: string;
  /** '' for the list of dashboards. */
  readonly dashboard: string;
  readonly part: 'main' | 'log' | 'widget';
  /** 0 when no answer was completed. */
  readonly status: number;
  /** Count of answers with data that this dashboard has had; its strip shows it modulo 256. Only where there was data. */
  readonly dataSeq?: number;
  readonly fault?: string;
  /** What the page was told to do by this answer. */
  readonly trick?: string;
}

export interface ServiceUrls {
  /** Base of the auto-id API; clients append `/Stage/verify`. */
  readonly autoid: string;
  readonly sts: string;
  readonly secretsmanager: string;
  readonly s3: string;
  readonly cloudwatch: string;
  /** With its path, `/federation`. */
  readonly federation: string;
  /** `http://console.localhost:PORT`, to build destinations from. */
  readonly console: string;
  readonly iam: string;
  readonly kms: string;
  /** Without `/v1`. */
  readonly vault: string;
}

export interface Control {
  /** Revokes the console sessions meant, by default all; returns how many of them were live. */
  endSessionsNow(scope?: SessionScope): number;
  /** Upper bound on the life of console sessions from now on, in seconds; undefined lifts it. */
  setSessionSeconds(seconds: number | undefined): void;
  setOnSessionEnd(mode: OnSessionEnd): void;
  /** The server forgets its keys and uses new ones, which it returns. Clients do not have them until they are published. */
  rotateKeys(): Promise<KeySet>;
  /** Writes the current public half of the key set into `dir` (default: the option `keysDir`). */
  publishKeys(dir?: string): Promise<void>;
  /** The service misbehaves until `heal`, or for the next `times` requests (`down` always until `heal`). */
  fail(service: ServiceName, fault: Fault, times?: number): Promise<void>;
  /** Ends the faults of one service, or of all; the console's are those of data calls and pages too. */
  heal(service?: ServiceName): Promise<void>;
  /** Data calls misbehave until `healData`, or for the next `times` of them. The newest order that fits a call is followed. */
  failData(fault: DataFault, scope?: DataScope, times?: number): void;
  /** Takes back the orders of `failData` whose scope names all that this one names; without a scope, all. */
  healData(scope?: DataScope): void;
  /** Page loads misbehave until `healPages`, or for the next `times`. */
  failPages(fault: PageFault, scope?: SessionScope, times?: number): void;
  /** Open pages do this at their next data answer; the next `times` pages only, by default one. */
  tellPages(trick: PageTrick, scope?: DataScope, times?: number): void;
  /** Takes back orders of `failPages` and `tellPages`, as `healData`. What a page has done stays done. */
  healPages(scope?: DataScope): void;
  /** A new version of a secret; the one before becomes AWSPREVIOUS. Returns the version id. */
  setSecret(name: string, value: string): string;
  /** New access keys are unknown to all services but IAM for so many ms, as on the real service for some seconds; 0: all are known at once. */
  setNewKeyDelay(ms: number): void;
  readonly vault: VaultControl;
  /** Creates or replaces a role; undefined removes it. */
  setRole(arn: string, role: RoleOptions | undefined): void;
  /** AssumeRole on this role is refused until `allowRole`. */
  denyRole(arn: string): void;
  allowRole(arn: string): void;
  /** Replaces the dashboards of one account; default: the option `account`. */
  setDashboards(dashboards: readonly DashboardOptions[], account?: string): void;
  /** All dashboards, with the numbers in their strips. */
  dashboards(): readonly KnownDashboard[];
  /** Replaces the alarms of one account in all regions; default: the option `account`. */
  setAlarms(alarms: readonly AlarmOptions[], account?: string): void;
  /** Puts one alarm into a state. Defaults: the option `account`, the first of `regions`. Throws when there is no such alarm. */
  setAlarmState(name: string, state: AlarmState, where?: { account?: string; region?: string; reason?: string }): void;
  /** Stores an object and returns its ETag. */
  putObject(bucket: string, key: string, bytes: Uint8Array): string;
  /** Every request waits `ms` before it is handled and its answer `ms` before it is sent. */
  addLatency(ms: number): void;
  /** Console sessions that are live now. */
  liveSessions(scope?: SessionScope): number;
  /** All console sessions, oldest first. */
  sessions(): readonly KnownSession[];
  /** Console pages that were served, oldest first. */
  pageLoads(scope?: DataScope): readonly PageLoad[];
  /** Data calls, oldest first. */
  dataCalls(scope?: DataScope): readonly DataCall[];
  requests(): readonly RequestRecord[];
  clearRequests(): void;
}

export interface Standin {
  readonly urls: ServiceUrls;
  /** Where each service listens on 127.0.0.1, whatever its address is outside. */
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly controlApi: { readonly url: string; readonly token: string };
  readonly keys: () => KeySet;
  readonly control: Control;
  stop(): Promise<void>;
}

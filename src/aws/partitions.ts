import { AppError } from '../core/errors.ts';

export type PartitionId = 'aws' | 'aws-cn' | 'aws-us-gov' | 'aws-eusc';

/** One of AWS's separate worlds; accounts, roles and sign-in never cross from one to another. */
export interface Partition {
  readonly id: PartitionId;
  /** Used when nothing names a region. Its sign-in host has no region in front, where such a host exists. */
  readonly firstRegion: string;
  readonly serviceDomain: string;
  readonly signInDomain: string;
  readonly consoleDomain: string;
  readonly regionPattern: RegExp;
}

/** AWS General Reference, sign-in and console endpoints. */
const PARTITIONS: readonly Partition[] = [
  {
    id: 'aws-cn',
    firstRegion: 'cn-north-1',
    serviceDomain: 'amazonaws.com.cn',
    signInDomain: 'signin.amazonaws.cn',
    consoleDomain: 'console.amazonaws.cn',
    regionPattern: /^cn-/,
  },
  {
    id: 'aws-us-gov',
    firstRegion: 'us-gov-west-1',
    serviceDomain: 'amazonaws.com',
    signInDomain: 'signin.amazonaws-us-gov.com',
    consoleDomain: 'console.amazonaws-us-gov.com',
    regionPattern: /^us-gov-/,
  },
  {
    id: 'aws-eusc',
    firstRegion: 'eusc-de-east-1',
    serviceDomain: 'amazonaws.eu',
    signInDomain: 'signin.amazonaws-eusc.eu',
    consoleDomain: 'console.amazonaws-eusc.eu',
    regionPattern: /^eusc-/,
  },
  {
    id: 'aws',
    firstRegion: 'us-east-1',
    serviceDomain: 'amazonaws.com',
    signInDomain: 'signin.aws.amazon.com',
    consoleDomain: 'console.aws.amazon.com',
    regionPattern: /^(?!us-iso|eu-iso)/,
  },
];

const REGION = /^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/;

/** All partitions. */
export function partitions(): readonly Partition[] {
  return PARTITIONS;
}

/** The partition of a region. Throws SETTINGS_INVALID for what is no region, or one of a partition Vigil does not know. */
export function partitionOfRegion(region: string): Partition {
  const found = REGION.test(region) ? PARTITIONS.find(({ regionPattern }) => regionPattern.test(region)) : undefined;
  if (found !== undefined) return found;
  throw new AppError(
    'SETTINGS_INVALID',
    `aws.region must be a region of AWS such as us-east-1, not ${quoted(region)}.`,
  );
}

export interface RoleArn {
  readonly partition: Partition;
  readonly account: string;
  /** With its path, as in the ARN. */
  readonly path: string;
  /** Without its path. */
  readonly name: string;
}

/** The parts of a role's ARN. Throws SETTINGS_INVALID. */
export function parseRoleArn(arn: string): RoleArn {
  const [, id, account, path] = /^arn:([a-z-]+):iam::(\d{12}):role\/([\w+=,.@/-]{1,512})$/.exec(arn) ?? [];
  const partition = PARTITIONS.find((one) => one.id === id);
  const name = path?.split('/').at(-1);
  if (partition === undefined || account === undefined || path === undefined || name === undefined || name === '') {
    throw new AppError(
      'SETTINGS_INVALID',
      `role.arn must be the ARN of a role such as arn:aws:iam::123456789012:role/Wall, not ${quoted(arn)}.`,
    );
  }
  return { partition, account, path, name };
}

/** The regional endpoint of STS. Throws SETTINGS_INVALID for an unknown region. */
export function stsEndpointOf(region: string): string {
  return `https://sts.${region}.${partitionOfRegion(region).serviceDomain}`;
}

/**
 * The federation endpoint of a partition, seen from a region: one host for the whole of aws; elsewhere the bare host is
 * that of the first region, and other regions have their own.
 */
export function federationUrlOf(partition: Partition, region: string): string {
  const isBare = partition.id === 'aws' || (partition.id !== 'aws-eusc' && region === partition.firstRegion);
  return `https://${isBare ? '' : `${region}.`}${partition.signInDomain}/federation`;
}

export interface DashboardPlace {
  readonly partition?: Partition;
  readonly region?: string;
}

/** What a dashboard's URL says of its region (host, else `?region=`) and partition. Empty for what is no console URL. */
export function placeOfDashboard(dashboardUrl: string): DashboardPlace {
  if (!URL.canParse(dashboardUrl)) return {};
  const { hostname, searchParams } = new URL(dashboardUrl);
  const labels = hostname.split('.');
  const partition = PARTITIONS.find(({ consoleDomain }) => isAtOrBelow(hostname, consoleDomain));
  const inHost = labels[labels.indexOf('console') - 1];
  const region = [inHost, searchParams.get('region') ?? undefined].find((one) => one !== undefined && REGION.test(one));
  return { ...(partition === undefined ? {} : { partition }), ...(region === undefined ? {} : { region }) };
}

export interface RegionOptions {
  readonly configured?: string;
  readonly dashboardUrl?: string;
  readonly roleArn: string;
  /** What sentences call the three: the settings' paths of them. */
  readonly fields?: { readonly configured: string; readonly dashboardUrl: string; readonly roleArn: string };
}

const FIELDS = { configured: 'aws.region', dashboardUrl: 'dashboard.url', roleArn: 'role.arn' };

/**
 * The region of AWS calls: the configured one, else the dashboard's, else the first of the role's partition. Throws
 * SETTINGS_INVALID when role, region and dashboard do not belong to one partition.
 */
export function regionFor(options: RegionOptions): string {
  const { fields = FIELDS } = options;
  const { partition } = parseRoleArn(options.roleArn);
  const place = placeOfDashboard(options.dashboardUrl ?? '');
  const region = options.configured ?? place.region ?? partition.firstRegion;
  if (partitionOfRegion(region) !== partition) {
    const what = options.configured === undefined ? `${fields.dashboardUrl}'s region` : fields.configured;
    throw new AppError(
      'SETTINGS_INVALID',
      `${fields.roleArn} is in the partition ${partition.id}, and ${what} ${region} is not: take both from one partition.`,
    );
  }
  if (place.partition !== undefined && place.partition !== partition) {
    throw new AppError(
      'SETTINGS_INVALID',
      `${fields.roleArn} is in the partition ${partition.id} and ${fields.dashboardUrl} in ${place.partition.id}: take both from one.`,
    );
  }
  return region;
}

/** Whether `host` is `domain` or a name below it, label by label. */
export function isAtOrBelow(host: string, domain: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return name === domain || name.endsWith(`.${domain}`);
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

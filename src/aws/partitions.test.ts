import { describe, expect, it } from 'vitest';
import {
  federationUrlOf,
  parseRoleArn,
  partitionOfRegion,
  placeOfDashboard,
  regionFor,
  stsEndpointOf,
} from './partitions.ts';

const role = (partition: string): string => `arn:${partition}:iam::123456789012:role/team/Wall`;

describe('partitions', () => {
  it.each([
    ['us-east-1', 'aws', 'https://sts.us-east-1.amazonaws.com', 'https://signin.aws.amazon.com/federation'],
    ['eu-central-1', 'aws', 'https://sts.eu-central-1.amazonaws.com', 'https://signin.aws.amazon.com/federation'],
    ['cn-north-1', 'aws-cn', 'https://sts.cn-north-1.amazonaws.com.cn', 'https://signin.amazonaws.cn/federation'],
    [
      'cn-northwest-1',
      'aws-cn',
      'https://sts.cn-northwest-1.amazonaws.com.cn',
      'https://cn-northwest-1.signin.amazonaws.cn/federation',
    ],
    [
      'us-gov-west-1',
      'aws-us-gov',
      'https://sts.us-gov-west-1.amazonaws.com',
      'https://signin.amazonaws-us-gov.com/federation',
    ],
    [
      'us-gov-east-1',
      'aws-us-gov',
      'https://sts.us-gov-east-1.amazonaws.com',
      'https://us-gov-east-1.signin.amazonaws-us-gov.com/federation',
    ],
    [
      'eusc-de-east-1',
      'aws-eusc',
      'https://sts.eusc-de-east-1.amazonaws.eu',
      'https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation',
    ],
  ])('%s', (region, id, sts, federation) => {
    const partition = partitionOfRegion(region);
    expect(partition.id).toBe(id);
    expect(stsEndpointOf(region)).toBe(sts);
    expect(federationUrlOf(partition, region)).toBe(federation);
  });

  it.each(['', 'nowhere', 'us-east-1.evil.test', 'us-east-1/', 'us-iso-east-1', 'US-EAST-1'])(
    '%j is no region',
    (region) => {
      expect(() => partitionOfRegion(region)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error);
    },
  );

  it('reads role ARNs', () => {
    expect(parseRoleArn(role('aws-cn'))).toMatchObject({
      partition: { id: 'aws-cn' },
      account: '123456789012',
      path: 'team/Wall',
      name: 'Wall',
    });
    for (const arn of [
      '',
      role('aws-moon'),
      'arn:aws:iam::1:role/x',
      'arn:aws:iam::123456789012:user/x',
      `${role('aws')}/`,
    ])
      expect(() => parseRoleArn(arn)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }) as Error);
  });

  it.each([
    ['https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1', 'aws', 'eu-west-1'],
    ['https://console.aws.amazon.com/cloudwatch/home?region=eu-west-3#dashboards', 'aws', 'eu-west-3'],
    ['https://123456789012-abc1.ap-south-1.console.aws.amazon.com/cloudwatch/home', 'aws', 'ap-south-1'],
    ['https://console.amazonaws.cn/cloudwatch/home', 'aws-cn', undefined],
    ['https://us-gov-east-1.console.amazonaws-us-gov.com/x', 'aws-us-gov', 'us-gov-east-1'],
    ['http://eu-west-1.console.localhost:8080/cloudwatch/home', undefined, 'eu-west-1'],
    ['https://console.aws.amazon.com.evil.test/?region=x', undefined, undefined],
    ['no url', undefined, undefined],
  ])('finds the place of %s', (url, partition, region) => {
    const place = placeOfDashboard(url);
    expect(place.partition?.id).toBe(partition);
    expect(place.region).toBe(region);
  });

  it('takes the region from the settings, the dashboard, or the partition, and none across partitions', () => {
    const dashboardUrl = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home';
    expect(regionFor({ roleArn: role('aws'), configured: 'us-west-2', dashboardUrl })).toBe('us-west-2');
    expect(regionFor({ roleArn: role('aws'), dashboardUrl })).toBe('eu-west-1');
    expect(regionFor({ roleArn: role('aws-cn') })).toBe('cn-north-1');
    for (const options of [
      { roleArn: role('aws-cn'), dashboardUrl },
      { roleArn: role('aws'), configured: 'cn-north-1' },
      { roleArn: role('aws'), dashboardUrl: 'https://console.amazonaws.cn/cloudwatch/home', configured: 'us-east-1' },
    ])
      expect(() => regionFor(options)).toThrow(/partition/);
  });
});

/** CloudWatch: ListDashboards and DescribeAlarms, in the JSON 1.0 protocol that today's SDK speaks. */
import { accountOf } from './accounts.ts';
import type { Account } from './accounts.ts';
import { describeAlarms } from './alarms.ts';
import type { Handler } from './http.ts';
import { jsonHandler } from './json-service.ts';
import type { JsonResult } from './json-service.ts';
import { accountIn } from './world.ts';
import type { World } from './world.ts';

/** Dashboards count as modified at this moment, so that answers do not change between runs. */
const LAST_MODIFIED = Date.UTC(2026, 9, 1) / 1000;

function listDashboards(account: Account, pageSize: number, input: Record<string, unknown>): JsonResult {
  const invalid = (message: string): JsonResult => ({
    failure: {
      code: 'com.amazonaws.cloudwatch#InvalidParameterValueException',
      message,
      queryCode: 'InvalidParameterValue',
    },
  });
  const { DashboardNamePrefix: prefix = '', NextToken: token } = input;
  if (typeof prefix !== 'string' || prefix.length > 255 || !/^[\w-]*$/.test(prefix)) {
    return invalid('DashboardNamePrefix must be 1 to 255 characters of A-Z, a-z, 0-9, "-" and "_".');
  }
  let start = 0;
  if (token !== undefined) {
    const m =
      typeof token === 'string' ? /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString('latin1')) : null;
    if (m === null) return invalid('The NextToken is not valid.');
    start = Number(m[1]);
  }
  const fitting = account.dashboards.filter(({ name }) => name.startsWith(prefix));
  const end = start + pageSize;
  const entries = fitting.slice(start, end).map(({ name }) => ({
    DashboardName: name,
    DashboardArn: `arn:aws:cloudwatch::${account.id}:dashboard/${name}`,
    LastModified: LAST_MODIFIED,
    Size: 2048 + name.length,
  }));
  const next = end < fitting.length ? { NextToken: Buffer.from(`from:${String(end)}`).toString('base64url') } : {};
  return { result: { DashboardEntries: entries, ...next } };
}

export function cloudWatchHandler(world: World): Handler {
  return jsonHandler(world, {
    service: 'monitoring',
    version: '1.0',
    targetPrefix: 'GraniteServiceVersion20100801',
    resource: (_input, caller) => `arn:aws:cloudwatch::${accountOf(caller.arn)}:dashboard/*`,
    operations: {
      ListDashboards: (input, caller) => listDashboards(accountIn(world, caller), world.dashboardPageSize, input),
      DescribeAlarms: (input, caller, region) => describeAlarms(accountIn(world, caller), region, input),
    },
  });
}

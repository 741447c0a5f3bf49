import { ListDashboardsCommand, type ListDashboardsCommandInput } from '@aws-sdk/client-cloudwatch';
import type { ClockOffset } from './assume-role.ts';
import { callCloudWatch, type CloudWatchOptions, endless, MOST_PAGES } from './cloudwatch-call.ts';
import { DASHBOARDS_QUESTION } from './cloudwatch-errors.ts';

export interface ListDashboardsOptions extends CloudWatchOptions {
  /** Only those whose names begin so: at most 255 of A-Z, a-z, 0-9, - and _. */
  readonly prefix?: string;
}

/**
 * Names of the dashboards of the credentials' account, in CloudWatch's order (CloudWatch API, ListDashboards; dashboards are
 * the same in all regions). Throws DASHBOARDS_REFUSED (a person must do something), DASHBOARDS_UNAVAILABLE (it may pass),
 * SETTINGS_INVALID for a bad region, and what the Fetch port throws.
 */
export async function listDashboards(options: ListDashboardsOptions): Promise<readonly string[]> {
  const { prefix = '' } = options;
  const clockOffset: ClockOffset = options.clockOffset ?? { ms: 0 };
  const names: string[] = [];
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const input: ListDashboardsCommandInput = {
      ...(prefix === '' ? {} : { DashboardNamePrefix: prefix }),
      ...(token === undefined ? {} : { NextToken: token }),
    };
    const output = await callCloudWatch({ ...options, clockOffset }, DASHBOARDS_QUESTION, (client) =>
      client.send(new ListDashboardsCommand(input)),
    );
    for (const { DashboardName } of output.DashboardEntries ?? []) {
      if (DashboardName !== undefined) names.push(DashboardName);
    }
    token = output.NextToken;
    if (token === undefined || token === '') return names;
  }
  throw endless(options.region, DASHBOARDS_QUESTION);
}

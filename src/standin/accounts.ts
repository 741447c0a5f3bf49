/** The accounts side by side: each with its dashboards and its alarms, so that nobody sees what is another account's. */
import { createHash } from 'node:crypto';
import type { AccountOptions, AlarmOptions, AlarmState, AlarmType, DashboardOptions, KnownDashboard } from './types.ts';

/** An alarm of one account and region. Times are ms since the epoch. */
export interface Alarm {
  readonly name: string;
  readonly region: string;
  readonly type: AlarmType;
  readonly configuredAt: number;
  state: AlarmState;
  reason: string;
  stateUpdatedAt: number;
  stateChangedAt: number;
}

export interface Account {
  /** 12 digits. */
  readonly id: string;
  alias: string;
  dashboards: readonly DashboardOptions[];
  alarms: readonly Alarm[];
}

/** Numbers that tell a dashboard apart on the screen; there are no more in the strip. */
const IDS = 256;

/** All accounts of the stand-in. An account that nobody has told it about is empty. */
export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #ids = new Map<string, number>();
  readonly #regions: readonly string[];
  readonly #now: () => number;

  constructor(regions: readonly string[], now: () => number) {
    this.#regions = regions;
    this.#now = now;
  }

  /** Throws a TypeError when the id is not 12 digits. */
  get(id: string): Account {
    const known = this.#accounts.get(id);
    if (known !== undefined) return known;
    if (!/^\d{12}$/.test(id)) throw new TypeError(`An account's id has 12 digits, and ${id} has not.`);
    const account: Account = { id, alias: id, dashboards: [], alarms: [] };
    this.#accounts.set(id, account);
    return account;
  }

  add(id: string, options: AccountOptions): void {
    const account = this.get(id);
    if (options.alias !== undefined) account.alias = options.alias;
    if (options.dashboards !== undefined) this.setDashboards(id, options.dashboards);
    if (options.alarms !== undefined) this.setAlarms(id, options.alarms);
  }

  setDashboards(id: string, dashboards: readonly DashboardOptions[]): void {
    for (const { name } of dashboards) this.dashboardId(id, name);
    this.get(id).dashboards = dashboards;
  }

  /**
   * The number, 0 to 255, that a dashboard's strip shows: by its account and name, or the next free one, and never another
   * one's later. Throws a RangeError when all are taken.
   */
  dashboardId(account: string, name: string): number {
    const key = `${account}/${name}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const taken = new Set(this.#ids.values());
    if (taken.size >= IDS) throw new RangeError(`There are no more than ${IDS} dashboards.`);
    let id = createHash('sha256').update(key).digest()[0] ?? 0;
    while (taken.has(id)) id = (id + 1) % IDS;
    this.#ids.set(key, id);
    return id;
  }

  dashboards(): KnownDashboard[] {
    return [...this.#accounts.values()].flatMap(({ id: account, dashboards }) =>
      dashboards.map(({ name }) => ({ account, name, id: this.dashboardId(account, name) })),
    );
  }

  /** Takes the place of the account's alarms, in all regions. An alarm that was there keeps the time of its last change. */
  setAlarms(id: string, alarms: readonly AlarmOptions[]): void {
    const account = this.get(id);
    const now = this.#now();
    account.alarms = alarms.map(
      ({ name, region = this.#regions[0] ?? '', type = 'MetricAlarm', state = 'OK', reason }) => {
        const before = account.alarms.find((one) => one.name === name && one.region === region);
        return {
          name,
          region,
          type,
          state,
          reason: reason ?? reasonFor(state),
          configuredAt: now,
          stateUpdatedAt: now,
          stateChangedAt: before?.state === state ? before.stateChangedAt : now,
        };
      },
    );
  }

  /** Throws a TypeError when there is no such alarm. */
  setAlarmState(id: string, name: string, state: AlarmState, region = this.#regions[0] ?? '', reason?: string): void {
    const alarm = this.get(id).alarms.find((one) => one.name === name && one.region === region);
    if (alarm === undefined) throw new TypeError(`Account ${id} has no alarm ${name} in ${region}.`);
    const now = this.#now();
    if (alarm.state !== state) alarm.stateChangedAt = now;
    alarm.state = state;
    alarm.stateUpdatedAt = now;
    alarm.reason = reason ?? reasonFor(state);
  }
}

function reasonFor(state: AlarmState): string {
  switch (state) {
    case 'ALARM':
      return 'Threshold Crossed: 1 datapoint was greater than the threshold.';
    case 'OK':
      return 'Threshold Crossed: 1 datapoint was not greater than the threshold.';
    case 'INSUFFICIENT_DATA':
      return 'Insufficient Data: 1 datapoint was unknown.';
  }
}

/** The account of an ARN (`arn:partition:service:region:ACCOUNT:resource`), '' for none. */
export function accountOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}

/** The world that the command is told of in a file (`--world`): accounts with their roles, dashboards and alarms. */
import { z } from 'zod';
import { ALARM_STATES, ALARM_TYPES } from './types.ts';
import type { AccountOptions, RoleOptions, StandinOptions } from './types.ts';

const name = z.string().min(1).max(255);

/** A dashboard as `DashboardOptions` tells. */
export const dashboardInput = z.strictObject({
  name,
  denied: z.boolean().exactOptional(),
  deniedWidget: z.boolean().exactOptional(),
  deniedWidgets: z.number().int().min(0).max(20).exactOptional(),
  roles: z.array(name).exactOptional(),
});

/** An alarm as `AlarmOptions` tells. */
export const alarmInput = z.strictObject({
  name,
  region: name.exactOptional(),
  type: z.enum(ALARM_TYPES).exactOptional(),
  state: z.enum(ALARM_STATES).exactOptional(),
  reason: z.string().exactOptional(),
});

const role = z.strictObject({
  maxSessionDurationSeconds: z.number().int().min(3600).max(43_200).default(3600),
  externalId: name.exactOptional(),
  trusts: z.array(name).exactOptional(),
  allowTags: z.boolean().exactOptional(),
  allowSourceIdentity: z.boolean().exactOptional(),
  allow: z.array(name).exactOptional(),
});

const worldFile = z.strictObject({
  regions: z
    .array(z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/))
    .min(1)
    .default(['eu-west-1']),
  /** By account; users and secrets live in the first. Roles by their names. */
  accounts: z
    .record(
      z.string().regex(/^\d{12}$/),
      z.strictObject({
        alias: name.exactOptional(),
        roles: z.record(z.string().regex(/^[\w+=,.@-]{1,64}$/), role),
        dashboards: z.array(dashboardInput).default([]),
        alarms: z.array(alarmInput).default([]),
      }),
    )
    .refine((accounts) => Object.values(accounts).some(({ roles }) => Object.keys(roles).length > 0), {
      message: 'there is no role in any account',
    }),
});

/** What a world file says, as options of the stand-in. */
export interface FileWorld extends Pick<StandinOptions, 'account' | 'accounts' | 'regions' | 'roles'> {
  readonly account: string;
  readonly regions: readonly string[];
  readonly roles: Readonly<Record<string, RoleOptions>>;
  readonly accounts: Readonly<Record<string, AccountOptions>>;
}

/**
 * Reads a world file's text.
 * @throws {Error} with one sentence that says where it is wrong
 */
export function parseWorld(text: string): FileWorld {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('The world is not JSON.');
  }
  const parsed = worldFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`The world is wrong at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
  }
  const { regions, accounts } = parsed.data;
  const roles = Object.entries(accounts).flatMap(([account, { roles: own }]) =>
    Object.entries(own).map(([roleName, options]) => [`arn:aws:iam::${account}:role/${roleName}`, options] as const),
  );
  return {
    account: Object.keys(accounts)[0] ?? '',
    regions,
    roles: Object.fromEntries(roles),
    accounts: Object.fromEntries(
      Object.entries(accounts).map(([id, { alias, dashboards, alarms }]) => [
        id,
        alias === undefined ? { dashboards, alarms } : { alias, dashboards, alarms },
      ]),
    ),
  };
}

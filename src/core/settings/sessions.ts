/** Roles and dashboards by name, those that have none included. */
import { DEFAULT_NAME } from './field-kinds.ts';
import type { Settings } from './schema.ts';

export { DEFAULT_NAME } from './field-kinds.ts';

/** A role as its session needs it, whichever group it stands in. */
export type SessionSettings = Omit<Settings['roles'][string], 'arn' | 'sessionName'> & {
  readonly arn?: string;
  readonly sessionName: string;
  /** Dotted path of its group, for sentences. */
  readonly path: string;
};

/** What the settings say of a session: `default` is the `role` group. Undefined for a name that they do not have. */
export function sessionSettings(settings: Settings, name: string): SessionSettings | undefined {
  if (name === DEFAULT_NAME) return { ...settings.role, path: 'role' };
  const role = Object.hasOwn(settings.roles, name) ? settings.roles[name] : undefined;
  if (role === undefined) return undefined;
  return { ...role, sessionName: role.sessionName ?? settings.role.sessionName, path: `roles.${name}` };
}

/** A dashboard, whichever group it stands in. */
export type DashboardSettings = Omit<Settings['dashboards'][string], 'url' | 'role'> & {
  readonly url?: string;
  /** Name of the session that it is looked at with. */
  readonly session: string;
  /** Dotted path of its group, for sentences. */
  readonly path: string;
};

/** What the settings say of a dashboard: `default` is the `dashboard` group. Undefined for a name that they do not have. */
export function dashboardSettings(settings: Settings, name: string): DashboardSettings | undefined {
  if (name === DEFAULT_NAME) return { ...settings.dashboard, session: DEFAULT_NAME, path: 'dashboard' };
  const found = Object.hasOwn(settings.dashboards, name) ? settings.dashboards[name] : undefined;
  if (found === undefined) return undefined;
  const { role, ...rest } = found;
  return { ...rest, session: role ?? DEFAULT_NAME, path: `dashboards.${name}` };
}

/** A session and the name of a dashboard to lead it to. */
export interface Target {
  readonly session: string;
  readonly dashboard: string;
}

/**
 * The target that is meant where not both are given: a dashboard's own session; a session's first dashboard that has an
 * address, which is the one without a name if that is its own. Names that the settings do not have stay as they are.
 */
export function targetOf(settings: Settings, given: Partial<Target>): Target {
  const { dashboard } = given;
  if (dashboard !== undefined) {
    return { session: given.session ?? dashboardSettings(settings, dashboard)?.session ?? DEFAULT_NAME, dashboard };
  }
  const session = given.session ?? DEFAULT_NAME;
  const own = [DEFAULT_NAME, ...Object.keys(settings.dashboards)].find((name) => {
    const found = dashboardSettings(settings, name);
    return found?.session === session && found.url !== undefined;
  });
  return { session, dashboard: own ?? DEFAULT_NAME };
}

/** What to ask the auto-id server for in a session's name: `store,id[,version[,stage]]`. */
export function credentialSourceOf(settings: Settings, session = DEFAULT_NAME): string | undefined {
  const own = session === DEFAULT_NAME ? undefined : sessionSettings(settings, session);
  const sourceOf = ({ credentialSource, secret }: { credentialSource?: string; secret?: string }) =>
    credentialSource ?? (secret === undefined ? undefined : `secretsmanager,${secret}`);
  return (own === undefined ? undefined : sourceOf(own)) ?? sourceOf(settings.server);
}

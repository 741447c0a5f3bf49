/** What no field can know alone: whether the names that settings refer to exist, and whether fields fit each other. */
import { staleComplaint } from './display-schema.ts';
import { DEFAULT_NAME, isLoopbackHost } from './field-kinds.ts';
import { hasTransitiveTags } from './role-schema.ts';
import type { Settings } from './schema.ts';
import { nearestOf } from './words.ts';

/** A field that does not fit the others. */
export interface Misfit {
  /** Dotted path of the field. */
  readonly path: string;
  /** The place inside the field, such as `[0].show[1]`; empty for the field itself. */
  readonly place: string;
  /** A verb phrase. */
  readonly complaint: string;
}

/** Everything that does not fit, where every field is good by itself. */
export function misfitsOf(settings: Settings): readonly Misfit[] {
  const misfits: Misfit[] = [];
  const add = (path: string, place: string, complaint: string) => misfits.push({ path, place, complaint });

  if (!hasTransitiveTags(settings.role.tags, settings.role.transitiveTagKeys ?? [])) {
    add('role.transitiveTagKeys', '', 'must name keys of role.tags only');
  }
  const { refreshSeconds, staleAfterSeconds } = settings.dashboard;
  const stale = staleComplaint(refreshSeconds, staleAfterSeconds);
  if (stale !== undefined) add('dashboard.staleAfterSeconds', '', stale);

  const roles = [...Object.keys(settings.roles), DEFAULT_NAME];
  for (const [name, { role }] of Object.entries(settings.dashboards)) {
    if (role === undefined || roles.includes(role)) continue;
    add('dashboards', `.${name}.role`, `must name an entry of roles (the nearest is ${nearestOf(roles, role)})`);
  }

  const dashboards = [...Object.keys(settings.dashboards), DEFAULT_NAME];
  const refer = (place: string, dashboard: string) => {
    if (dashboards.includes(dashboard)) return;
    const nearest = nearestOf(dashboards, dashboard);
    add('displays', place, `must name an entry of dashboards (the nearest is ${nearest})`);
  };
  const names = new Map<string, number>();
  const matches = new Map<string, number>();
  /** Notes who was first, and complains of everybody after. */
  const first = (seen: Map<string, number>, key: string, index: number, place: string, what: string) => {
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else add('displays', place, `must not be ${what} of displays[${before}]`);
  };
  for (const [index, { name, match, show, alarms }] of (settings.displays ?? []).entries()) {
    for (const [turn, { dashboard }] of show.entries()) refer(`[${index}].show[${turn}].dashboard`, dashboard);
    if (alarms !== undefined) refer(`[${index}].alarms.dashboard`, alarms.dashboard);
    first(names, displayName(name, index), index, `[${index}].name`, 'the name');
    const wanted = JSON.stringify(Object.entries(match ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (wanted !== '[]') first(matches, wanted, index, `[${index}].match`, 'the same as that');
  }

  if (settings.keys.source === 'server' && settings.server.protocol !== 'v2') {
    add('keys.source', '', 'must not be server unless server.protocol is v2');
  }
  const { host, token } = settings.health;
  if (!isLoopbackHost(host) && token === undefined) {
    add('health.host', '', 'must be an address of this machine itself (127.0.0.1) unless health.token is set');
  }
  return misfits;
}

/** What a display goes by. @param index its place in the list */
export function displayName(name: string | undefined, index: number): string {
  return name ?? `display-${index + 1}`;
}

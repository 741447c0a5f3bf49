/**
 * Settings from several places, merged field by field. A bad value is reported and skipped, so that it hides neither
 * the other problems nor the good values beside it.
 *
 *   defaults < policy defaults < user settings < environment < flags < locked policy
 */
import type { ErrorCode } from '../errors.ts';
import { complaintOf } from './complaint.ts';
import { type Field, FIELDS, type Group, nearestPath, ROOT, setValueAt, valueAt } from './fields.ts';
import { misfitsOf } from './references.ts';
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from './schema.ts';
import { upgradeSettings } from './upgrade.ts';
import { plain } from './words.ts';

export { plain } from './words.ts';

/** The layers, weakest first. `npm configuration` fills one field only, the registry, and yields to all but defaults. */
export const LAYER_NAMES = [
  'defaults',
  'npm configuration',
  'policy defaults',
  'user settings',
  'environment',
  'flags',
  'locked policy',
] as const;
export type LayerName = (typeof LAYER_NAMES)[number];

/** Where a value stands: its layer, and the file, variable or flag that says it (empty for defaults). */
export interface SettingsSource {
  readonly layer: LayerName;
  readonly name: string;
}

/** What one layer says. */
export interface SettingsLayer {
  readonly layer: LayerName;
  /** The file's path, or what the layer is called where each field has an origin of its own. */
  readonly name: string;
  /** Not checked yet: whatever stood in the file or the environment. */
  readonly values: unknown;
  /** By field path: the variable or flag, where it is not `name`. */
  readonly origins?: Readonly<Record<string, string>>;
  /** By field path: line in the file, from 1. */
  readonly lines?: Readonly<Record<string, number>>;
}

export interface SettingsProblem {
  readonly code: ErrorCode;
  /** Dotted path of the field, empty for a whole file. */
  readonly path: string;
  /** Says where, which field, and what is allowed. Never holds a value. */
  readonly sentence: string;
  readonly source: SettingsSource;
}

export interface MergedSettings {
  readonly settings: Settings;
  /** By field path; a field that nobody has set and that has no default is not in it. */
  readonly sources: Readonly<Record<string, SettingsSource>>;
  readonly problems: readonly SettingsProblem[];
}

/** More problems of one layer than this are counted, not told. */
const MOST_PROBLEMS = 50;

interface Good {
  readonly field: Field;
  readonly value: unknown;
}

interface LayerResult {
  readonly good: readonly Good[];
  readonly problems: readonly SettingsProblem[];
}

/** The file with the line nearest to a place inside a field, or whatever else says the field. */
function whereOf(layer: SettingsLayer, path: string, places: readonly string[]): string {
  const name = layer.origins?.[path] ?? layer.name;
  const line = ['', ...places].map((place) => layer.lines?.[`${path}${place}`]).findLast((one) => one !== undefined);
  return line === undefined ? name : `${name}, line ${line}`;
}

/** Reads one layer against the schema. Never throws. */
function readLayer(layer: SettingsLayer): LayerResult {
  const good: Good[] = [];
  const problems: SettingsProblem[] = [];
  let untold = 0;

  const sourceOf = (path: string): SettingsSource => ({
    layer: layer.layer,
    name: layer.origins?.[path] ?? layer.name,
  });
  const complain = (path: string, shownPath: string, complaint: string, places: readonly string[] = []) => {
    if (problems.length >= MOST_PROBLEMS) {
      untold += 1;
      return;
    }
    const source = sourceOf(path);
    const where = whereOf(layer, path, places);
    const subject = shownPath === '' ? '' : `: ${shownPath}`;
    problems.push({ code: 'SETTINGS_INVALID', path, sentence: `${where}${subject} ${complaint}.`, source });
  };

  const readField = (field: Field, value: unknown) => {
    if (value === null) {
      complain(field.path, field.path, 'has no value: give it one, or remove the line');
      return;
    }
    if (typeof value === 'object' && Object.hasOwn(value, '__proto__')) {
      complain(field.path, field.path, 'must not have a key named __proto__');
      return;
    }
    try {
      const result = field.schema.safeParse(value);
      if (result.success) {
        good.push({ field, value: result.data });
        return;
      }
      const { places, shown, complaint } = complaintOf(result.error.issues);
      complain(field.path, `${field.path}${shown}`, complaint, places);
    } catch {
      complain(field.path, field.path, 'has a value that cannot be read');
    }
  };

  const readGroup = (group: Group, values: unknown) => {
    // A group whose lines are all commented out reads as null: nothing is said.
    if (values === null || values === undefined) return;
    if (typeof values !== 'object' || Array.isArray(values)) {
      complain(group.path, group.path, 'must be a group of fields');
      return;
    }
    for (const name of Object.keys(values)) {
      // Editors find the published JSON schema by it.
      if (group === ROOT && name === '$schema') continue;
      const member = group.members.get(name);
      const value = (values as Record<string, unknown>)[name];
      if (member === undefined) {
        const path = group.path === '' ? name : `${group.path}.${name}`;
        const shown = group.path === '' ? plain(name) : `${group.path}.${plain(name)}`;
        complain(path, shown, `is not a field of Vigil's settings (the nearest is ${nearestPath(group, name)})`);
      } else if ('members' in member) {
        readGroup(member, value);
      } else if (value !== undefined) {
        readField(member, value);
      }
    }
  };

  const upgraded = upgradeSettings(layer.values);
  if ('complaint' in upgraded) complain('version', '', upgraded.complaint);
  else readGroup(ROOT, upgraded.values);
  if (untold > 0) {
    problems.push({
      code: 'SETTINGS_INVALID',
      path: '',
      sentence: `${layer.name} has ${untold} more problems.`,
      source: { layer: layer.layer, name: layer.name },
    });
  }
  return { good, problems };
}

/** Fields that say the same thing in two ways: the one from the stronger layer stands alone. */
const ALTERNATIVES = [['server.secret', 'server.credentialSource']] as const;

function rank(layer: LayerName): number {
  return LAYER_NAMES.indexOf(layer);
}

/**
 * Merges layers given in any order. Never throws: whatever is wrong with a layer becomes a problem (SETTINGS_INVALID),
 * and its field keeps the value of the next weaker layer.
 */
export function mergeSettings(layers: readonly SettingsLayer[]): MergedSettings {
  const tree: Record<string, unknown> = {};
  const sources: Record<string, SettingsSource> = {};
  const problems: SettingsProblem[] = [];

  const put = (field: Field, value: unknown, source: SettingsSource) => {
    for (const pair of ALTERNATIVES) {
      const other = pair.find((path) => path !== field.path);
      const earlier = other === undefined ? undefined : sources[other];
      if (!(pair as readonly string[]).includes(field.path) || other === undefined || earlier === undefined) continue;
      if (earlier.layer === source.layer) {
        problems.push({
          code: 'SETTINGS_INVALID',
          path: field.path,
          sentence: `${source.name}: ${field.path} must not stand beside ${other}: they say the same in two ways.`,
          source,
        });
        return;
      }
      setValueAt(tree, other, undefined);
      Reflect.deleteProperty(sources, other);
    }
    setValueAt(tree, field.path, value);
    sources[field.path] = source;
  };

  for (const field of FIELDS) {
    const value = valueAt(DEFAULT_SETTINGS, field.path);
    if (value !== undefined) put(field, value, { layer: 'defaults', name: '' });
  }
  for (const layer of [...layers].sort((a, b) => rank(a.layer) - rank(b.layer))) {
    const result = readLayer(layer);
    problems.push(...result.problems);
    for (const { field, value } of result.good) {
      put(field, value, { layer: layer.layer, name: layer.origins?.[field.path] ?? layer.name });
    }
  }
  // Every value has passed its own field's check, so this can only build the type.
  const settings = settingsSchema.parse(tree);
  problems.push(...misfitProblems(settings, layers, sources, problems));
  return { settings, sources, problems };
}

/** Misfits as problems of the layer that says the field; silent where a name may be missing because of another problem. */
function misfitProblems(
  settings: Settings,
  layers: readonly SettingsLayer[],
  sources: Readonly<Record<string, SettingsSource>>,
  known: readonly SettingsProblem[],
): SettingsProblem[] {
  const isBad = (path: string) => known.some((problem) => problem.path === path);
  return misfitsOf(settings)
    .slice(0, MOST_PROBLEMS)
    .flatMap(({ path, place, complaint }) => {
      const source = sources[path];
      if (source === undefined) return [];
      if ((path === 'displays' && isBad('dashboards')) || (path === 'dashboards' && isBad('roles'))) return [];
      if (path === 'health.host' && isBad('health.token')) return [];
      const says = (layer: SettingsLayer) =>
        layer.layer === source.layer && (layer.origins?.[path] ?? layer.name) === source.name;
      const places = Array.from(place.matchAll(/\.[^.[]+|\[\d+\]/g), ({ index, 0: part }) =>
        place.slice(0, index + part.length),
      );
      const where = whereOf(layers.find(says) ?? { ...source, values: {} }, path, places);
      return [{ code: 'SETTINGS_INVALID', path, sentence: `${where}: ${path}${place} ${complaint}.`, source } as const];
    });
}

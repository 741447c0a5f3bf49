/** The settings schema as a list of fields, for everything that goes through them one by one. */
import type { z } from 'zod';
import { fieldNotes, settingsSchema } from './schema.ts';
import { distance } from './words.ts';

/** One field that holds a value, as against a group of fields. */
export interface Field {
  /** Dotted path, such as `keys.npm.scope`. */
  readonly path: string;
  readonly schema: z.ZodType;
  readonly secret: boolean;
  readonly isPath: boolean;
}

/** A group of fields, by name. */
export interface Group {
  readonly path: string;
  readonly members: ReadonlyMap<string, Field | Group>;
}

interface Wrapper {
  unwrap(): z.core.$ZodType;
}
interface ObjectSchema {
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

function membersOf(schema: z.core.$ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  if (schema._zod.def.type === 'prefault') return membersOf((schema as unknown as Wrapper).unwrap());
  if (schema._zod.def.type === 'object') return (schema as unknown as ObjectSchema).shape;
  return undefined;
}

function groupOf(shape: Readonly<Record<string, z.ZodType>>, path: string): Group {
  const members = new Map<string, Field | Group>();
  for (const [name, schema] of Object.entries(shape)) {
    const memberPath = path === '' ? name : `${path}.${name}`;
    const inner = membersOf(schema);
    const notes = fieldNotes.get(schema);
    members.set(
      name,
      inner === undefined
        ? { path: memberPath, schema, secret: notes?.secret === true, isPath: notes?.path === true }
        : groupOf(inner, memberPath),
    );
  }
  return { path, members };
}

/** The whole schema as nested groups. */
export const ROOT: Group = groupOf(settingsSchema.shape, '');

function flatten(group: Group): Field[] {
  return [...group.members.values()].flatMap((member) => ('members' in member ? flatten(member) : [member]));
}

/** Every field, in the schema's order. */
export const FIELDS: readonly Field[] = flatten(ROOT);

const BY_PATH = new Map(FIELDS.map((field) => [field.path, field]));

/** The field at a dotted path. */
export function fieldAt(path: string): Field | undefined {
  return BY_PATH.get(path);
}

/** A value inside nested plain objects by dotted path; own properties only. */
export function valueAt(tree: unknown, path: string): unknown {
  let value = tree;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Sets a value (undefined removes it) in nested plain objects by a known field's path; makes the groups on the way. */
export function setValueAt(tree: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? path;
  let group = tree;
  for (const name of names) {
    const next = Object.hasOwn(group, name) ? group[name] : undefined;
    if (typeof next === 'object' && next !== null) {
      group = next as Record<string, unknown>;
    } else {
      const made: Record<string, unknown> = {};
      group[name] = made;
      group = made;
    }
  }
  if (value === undefined) Reflect.deleteProperty(group, last);
  else group[last] = value;
}

/** A field's value fit to be shown: secrets and the logins of URLs are left out. */
export function shownValue(field: Field, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (field.secret) return '(hidden)';
  if (typeof value === 'string' && URL.canParse(value)) {
    const url = new URL(value);
    if (url.username !== '' || url.password !== '') return `${url.protocol}//(hidden)@${url.host}${url.pathname}`;
  }
  return value;
}

/** The known field or group that an unknown name in `group` was most likely meant to be, as a dotted path. */
export function nearestPath(group: Group, name: string): string {
  const candidates: { path: string; far: number }[] = [];
  for (const [known, member] of group.members) candidates.push({ path: member.path, far: distance(name, known) });
  for (const { path } of FIELDS) {
    // A field of another group must fit better than one of this group.
    candidates.push({ path, far: distance(name, path.slice(path.lastIndexOf('.') + 1)) + 0.5 });
  }
  return candidates.reduce((best, next) => (next.far < best.far ? next : best), { path: '', far: Infinity }).path;
}

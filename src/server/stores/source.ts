import type { CredentialSource } from './credential-store.ts';

/** Longest source text looked at, in characters: store, id (512), version (64) and stage (256) with their commas. */
const LONGEST_SOURCE = 1024;
/** Names of stores are ours: lower case, no digits needed. */
const STORE = /^[a-z]{1,32}$/;
/** What names and ARNs of Secrets Manager, IAM roles and paths of Vault are made of. No comma, `*`, space or other alphabet. */
const ID = /^[A-Za-z0-9/_+=.@:-]{1,512}$/;
/** GetSecretValue, VersionId (32 to 64 characters); a number for Vault. */
const VERSION = /^[A-Za-z0-9-]{1,64}$/;
/** GetSecretValue, VersionStage (to 256 characters); the name of a field for Vault. */
const STAGE = /^[A-Za-z0-9/_+=.@-]{1,256}$/;

/**
 * Reads `store,id[,version[,stage]]`. There is one spelling of each source, and only empty fields at the end may be left
 * out or written: nothing is trimmed, folded or decoded, so that what was allowed is what is asked for. An id that a path
 * could read in two ways (`.`, `..` or nothing between slashes) is none. Undefined for everything else.
 */
export function parseSource(text: string): CredentialSource | undefined {
  if (text.length > LONGEST_SOURCE) return undefined;
  const fields = text.split(',');
  if (fields.length < 2 || fields.length > 4) return undefined;
  const [store = '', id = '', version = '', stage = ''] = fields;
  if (!STORE.test(store) || !isId(id)) return undefined;
  if ((version !== '' && !VERSION.test(version)) || (stage !== '' && !STAGE.test(stage))) return undefined;
  return { store, id, ...(version === '' ? {} : { version }), ...(stage === '' ? {} : { stage }) };
}

/** The source in its one spelling; `parseSource` of it gives the same source again. */
export function formatSource({ store, id, version = '', stage = '' }: CredentialSource): string {
  return [store, id, version, stage].join(',').replace(/,{1,2}$/, '');
}

/** Whether a text is the name of a store as sources spell it. */
export function isStoreName(text: string): boolean {
  return STORE.test(text);
}

/** Whether a text is an id as sources spell it. A slash may lead, as in names of Secrets Manager. */
export function isId(text: string): boolean {
  return ID.test(text) && hasPlainSegments(text);
}

/** No segment between slashes that a path would drop or climb by; the first may be empty. */
function hasPlainSegments(text: string): boolean {
  const [first = '', ...rest] = text.split('/');
  const climbs = (part: string) => part === '.' || part === '..';
  return !climbs(first) && rest.every((part) => part !== '' && !climbs(part));
}

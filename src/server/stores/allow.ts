import { AppError } from '../../core/errors.ts';
import type { AllowRule } from '../devices/device.ts';
import type { CredentialSource } from './credential-store.ts';
import { canonicalDestination } from './destination.ts';
import { isId, isStoreName } from './source.ts';

/**
 * Whether one of the rules lets a device have `source` for `destination`. Both are taken as `parseSource` and
 * `canonicalDestination` give them; whatever is not in its one spelling matches nothing. Comparison is by characters,
 * case included. A rule covers all versions and stages of a secret. A rule that is malformed matches nothing.
 */
export function isAllowed(rules: readonly AllowRule[], source: CredentialSource, destination: string): boolean {
  if (!isStoreName(source.store) || !isId(source.id) || canonicalDestination(destination) !== destination) return false;
  const wanted = `${source.store},${source.id}`;
  return rules.some(
    (rule) => isRule(rule) && fits(rule.source, wanted) && fitsDestination(rule.destination, destination),
  );
}

/**
 * Reads a rule as people write it: `store:id[,destination]` (or `store,id[,destination]`), id and destination with or
 * without a trailing `*`. Throws USAGE for what is none.
 *
 * - `secretsmanager:wall-dashboards`
 * - `console:wall,https://eu-west-1.console.aws.amazon.com/cloudwatch/*`
 * - `console:wall,alarms:*`
 */
export function parseAllowRule(text: string): AllowRule {
  const [, store = '', id = '', destination] = /^([^:,]*)[:,]([^,]*)(?:,(.*))?$/s.exec(text) ?? [];
  const source = `${store},${id}`;
  const rule: AllowRule =
    destination === undefined || destination === '' ? { source } : { source, destination: canonicalEnd(destination) };
  if (isRule(rule)) return rule;
  throw new AppError(
    'USAGE',
    `${JSON.stringify(text.slice(0, 100))} is no rule: write store:id or store:id,destination, the id or the destination with * at its end or without, and an address with its host and the / after it.`,
  );
}

/** A rule as `parseAllowRule` reads it. */
export function formatAllowRule({ source, destination }: AllowRule): string {
  const text = source.replace(',', ':');
  return destination === undefined ? text : `${text},${destination}`;
}

function isRule({ source, destination }: AllowRule): boolean {
  const [store = '', id = '', ...more] = source.split(',');
  if (more.length > 0 || !isStoreName(store)) return false;
  const begins = id.endsWith('*') ? id.slice(0, -1) : undefined;
  const isIdRule = begins === undefined ? isId(id) : isBeginning(begins);
  return isIdRule && (destination === undefined || isDestinationRule(destination));
}

/** The beginning of an id: nothing, or an id that may end in a slash. */
function isBeginning(text: string): boolean {
  return text === '' || text === '/' || isId(text.endsWith('/') ? text.slice(0, -1) : text);
}

function isDestinationRule(destination: string): boolean {
  const isOpen = destination.endsWith('*');
  const begins = isOpen ? destination.slice(0, -1) : destination;
  if (begins === '') return isOpen;
  // Elsewhere than at the end it looks like a pattern and would be none.
  if (begins.includes('*')) return false;
  if (!isOpen) return canonicalDestination(begins) === begins;
  // One that stops within the first word, or within the host, would let in whatever begins so.
  if (!begins.includes(':')) return false;
  if (/^https?:/i.test(begins) && !/^https?:\/\/[^/?#]+\//.test(begins)) return false;
  return canonicalDestination(begins) === begins;
}

/** A destination as a person wrote it: an address is brought into its one spelling. */
function canonicalEnd(destination: string): string {
  const isOpen = destination.endsWith('*');
  const text = isOpen ? destination.slice(0, -1) : destination;
  // The host alone, opened, would gain a slash here that nobody wrote: `isRule` refuses it as it was written.
  if (isOpen && /^https?:[/\\]*[^/?#\\]*$/i.test(text)) return destination;
  const canonical = canonicalDestination(text);
  return canonical === undefined ? destination : `${canonical}${isOpen ? '*' : ''}`;
}

function fits(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

function fitsDestination(pattern: string | undefined, destination: string): boolean {
  return pattern === undefined ? destination === '' : fits(pattern, destination);
}

/** What a wall without AWS credentials asks the server about its role's account. */
export type ConsoleQuestion =
  | { readonly kind: 'dashboards'; readonly region: string; readonly prefix?: string }
  | { readonly kind: 'alarms'; readonly region: string; readonly names: readonly string[]; readonly prefix?: string };

const MOST_NAMES = 100;
/** CloudWatch API: names of alarms have 1 to 255 characters; those of dashboards letters, digits, `-` and `_`. */
const LONGEST_NAME = 255;
const REGION = /^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/;

/** Reads `alarms:REGION?name=A&name=B&prefix=P` or `list-dashboards:REGION[?prefix=P]`; undefined for anything else. */
export function readConsoleQuestion(destination: string): ConsoleQuestion | undefined {
  const [, word, region = '', query = ''] = /^([a-z-]+):([^?]*)(?:\?(.*))?$/.exec(destination) ?? [];
  if (!REGION.test(region)) return undefined;
  const parameters = new URLSearchParams(query);
  const names = parameters.getAll('name');
  const prefixes = parameters.getAll('prefix');
  const [prefix] = prefixes;
  const isLength = (name: string) => name.length >= 1 && name.length <= LONGEST_NAME;
  if (prefixes.length > 1 || [...names, ...prefixes].some((name) => !isLength(name))) return undefined;
  if ([...parameters.keys()].some((key) => key !== 'name' && key !== 'prefix')) return undefined;
  const end = prefix === undefined ? {} : { prefix };
  if (word === 'alarms' && names.length <= MOST_NAMES && names.length + prefixes.length > 0) {
    return { kind: 'alarms', region, names, ...end };
  }
  if (word === 'list-dashboards' && names.length === 0 && /^[\w-]*$/.test(prefix ?? '')) {
    return { kind: 'dashboards', region, ...end };
  }
  return undefined;
}

/** A destination of protocol 2 has no more bytes. */
const LONGEST_DESTINATION = 2048;

/**
 * The destinations that ask it, each of at most 2048 characters, which `readConsoleQuestion` reads again: many alarms are asked about
 * in several. A name that is too long for one by itself is left out, since no alarm has it.
 */
export function formatConsoleQuestion(question: ConsoleQuestion): readonly string[] {
  const { kind, region, prefix } = question;
  const start = `${kind === 'alarms' ? 'alarms' : 'list-dashboards'}:${region}`;
  const names = kind === 'alarms' ? question.names.filter((name) => name.length <= LONGEST_NAME) : [];
  const parts = [
    ...names.map((name) => `name=${encodeURIComponent(name)}`),
    ...(prefix === undefined ? [] : [`prefix=${encodeURIComponent(prefix)}`]),
  ].filter((part) => start.length + 1 + part.length <= LONGEST_DESTINATION);
  if (parts.length === 0) return kind === 'alarms' ? [] : [start];
  const asked: string[] = [];
  let current = '';
  for (const part of parts) {
    const longer = current === '' ? `${start}?${part}` : `${current}&${part}`;
    if (longer.length > LONGEST_DESTINATION) {
      asked.push(current);
      current = `${start}?${part}`;
    } else {
      current = longer;
    }
  }
  return [...asked, current];
}

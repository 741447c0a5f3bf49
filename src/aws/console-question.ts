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

/** The destination that asks it; `readConsoleQuestion` reads the same again. */
export function formatConsoleQuestion(question: ConsoleQuestion): string {
  const parts = [
    ...(question.kind === 'alarms' ? question.names.map((name) => `name=${encodeURIComponent(name)}`) : []),
    ...(question.prefix === undefined ? [] : [`prefix=${encodeURIComponent(question.prefix)}`]),
  ];
  const word = question.kind === 'alarms' ? 'alarms' : 'list-dashboards';
  return `${word}:${question.region}${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
}

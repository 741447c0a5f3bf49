/** Version numbers as Semantic Versioning 2.0.0 has them, without build metadata: that would make two versions equal. */

const NUMBER = '(?:0|[1-9]\\d{0,8})';
const IDENTIFIER = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const VERSION = new RegExp(`^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?$`);
const LONGEST = 64;

/** Whether it is a version number that we go by; such a text is a safe name of a folder on every system. */
export function isVersion(text: string): boolean {
  return text.length <= LONGEST && VERSION.test(text);
}

/**
 * Below zero when `a` is the lower version, above when it is the higher one, zero when they are equal (SemVer 2.0.0, section 11).
 * What is no version is lower than every version.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  // A pre-release is lower than its release.
  if (left.before.length === 0 || right.before.length === 0) {
    return Number(left.before.length === 0) - Number(right.before.length === 0);
  }
  for (let i = 0; i < Math.max(left.before.length, right.before.length); i++) {
    const difference = compareIdentifiers(left.before[i], right.before[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

interface Parts {
  readonly numbers: readonly number[];
  readonly before: readonly string[];
}

function partsOf(text: string): Parts | undefined {
  const match = text.length <= LONGEST ? VERSION.exec(text) : null;
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), before: match[4] === undefined ? [] : match[4].split('.') };
}

function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return Number(a) - Number(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Every test that docs/threat-model.md names is there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(`${root}docs/threat-model.md`, 'utf8');
const named = [...text.matchAll(/`((?:src|e2e)\/[^\s`]+) › ([^`]+)`/g)].map(([, file = '', title = '']) => [
  file,
  title,
]);
const ATTACKERS = [
  'A stolen wall',
  'A cloned disk',
  'A malicious network',
  'A leaked npm token that reads',
  'A leaked npm token that writes',
  'A curious third party',
  'A compromised server store',
];

/** Whether a test file has a test of this title, quoted as source has it, with what it does after it. */
function has(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const quoted = quote + title.replaceAll(quote, `\\${quote}`) + quote;
    return (
      source.includes(`(${quoted},`) ||
      new RegExp(`^\\s*${escaped(quoted)},\\s*(?:[A-Z_]+,\\s*)?(async )?\\(`, 'm').test(source)
    );
  });
}

function escaped(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

describe('the threat model', () => {
  it.each(named)('names a test that is there: %s › %s', (file = '', title = '') => {
    expect(has(readFileSync(root + file, 'utf8'), title)).toBe(true);
  });

  it('would miss one that is not', () => {
    const [[file = '', title = ''] = []] = named;
    expect(has(readFileSync(root + file, 'utf8'), `${title} not`)).toBe(false);
  });

  it.each(ATTACKERS)('says of %s what protocols 1 and 2 give, and by which tests', (attacker) => {
    const [, section = ''] = new RegExp(`^## ${attacker}$([\\s\\S]*?)(?=^## )`, 'm').exec(text) ?? [];
    expect(section).toMatch(/v1/);
    expect(section).toMatch(/v2/);
    expect(section.match(/ › /g)?.length ?? 0).toBeGreaterThan(3);
  });
});

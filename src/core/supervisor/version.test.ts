import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, isVersion } from './version.ts';

describe('versions', () => {
  it('are ordered as SemVer 2.0.0 orders its own examples', () => {
    const inOrder = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.9.0',
      '1.10.0',
      '2.0.0',
    ];
    const shuffled = [...inOrder].reverse();
    expect(shuffled.sort(compareVersions)).toEqual(inOrder);
  });

  it.each([
    '1.2',
    'v1.2.3',
    '1.2.3+build',
    '01.2.3',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3-a..b',
    '../1.2.3',
    '',
    `1.2.3-${'a'.repeat(64)}`,
  ])('%j is none', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(compareVersions(text, '0.0.0')).toBeLessThan(0);
  });

  it('are ordered the same from both sides', () => {
    const one = fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(12), fc.constantFrom('', '-a', '-a.1', '-1', '-rc.10', '-rc.9'))
      .map(([a, b, c, before]) => `${a}.${b}.${c}${before}`);
    fc.assert(
      fc.property(one, one, (a, b) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        expect(compareVersions(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

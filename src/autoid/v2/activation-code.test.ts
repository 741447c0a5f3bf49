import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatActivationCode, newActivationCode, parseActivationCode } from './activation-code.ts';
import { random } from './testing/world.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const isAccepted = (text: string): boolean => {
  try {
    parseActivationCode(text);
    return true;
  } catch {
    return false;
  }
};

describe('an activation code', () => {
  it('is read however it is typed', () => {
    for (let i = 0; i < 200; i++) {
      const code = newActivationCode(random);
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/);
      const canonical = parseActivationCode(code);
      expect(formatActivationCode(canonical)).toBe(code);
      expect(parseActivationCode(` ${code.toLowerCase().replaceAll('-', ' ')}\n`)).toBe(canonical);
      expect(parseActivationCode(code.replaceAll('0', 'o').replaceAll('1', 'l'))).toBe(canonical);
    }
  });

  it('is refused with any one character wrong, and any two neighbours swapped', () => {
    const canonical = parseActivationCode(newActivationCode(random));
    for (let at = 0; at < canonical.length; at++) {
      for (const one of ALPHABET) {
        const changed = canonical.slice(0, at) + one + canonical.slice(at + 1);
        expect(isAccepted(changed)).toBe(changed === canonical);
      }
      const swapped =
        canonical.slice(0, at) +
        canonical
          .slice(at, at + 2)
          .split('')
          .reverse()
          .join('') +
        canonical.slice(at + 2);
      expect(isAccepted(swapped)).toBe(swapped === canonical);
    }
  });

  it('is one in about a thousand of what is typed at random, and whatever is typed gets an answer', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        if (isAccepted(text)) return;
        expect(() => parseActivationCode(text)).toThrow(
          expect.objectContaining({ code: 'ENROL_CODE_INVALID' }) as Error,
        );
      }),
    );
    expect(isAccepted('x'.repeat(1_000_000))).toBe(false);
    expect(isAccepted('U'.repeat(28))).toBe(false);
  });

  it('says nothing of itself in its error', () => {
    const code = newActivationCode(random);
    const wrong = code.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect(() => parseActivationCode(wrong)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(wrong.slice(0, 4)) as string }) as Error,
    );
  });
});

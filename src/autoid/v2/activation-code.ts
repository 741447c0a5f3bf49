import { AppError } from '../../core/errors.ts';
import type { Random } from '../../core/ports.ts';
import { randomBytes } from '../random.ts';

/** Crockford's base32: no I, L, O and U, which are read as 1, 1, 0 and not at all. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 26 characters of 5 bits: 130 random bits. */
const SECRET_LENGTH = 26;
const CHECK_LENGTH = 2;
const GROUP = 4;
/** The largest prime below 32^2: every wrong character and every two neighbours swapped change the remainder. */
const CHECK_PRIME = 1021;

/** A fresh activation code as it is printed: seven groups of four. A secret until it is used. */
export function newActivationCode(random: Random): string {
  const secret = Array.from(randomBytes(random, SECRET_LENGTH), (byte) => ALPHABET.charAt(byte & 31)).join('');
  return formatActivationCode(secret + checkOf(secret));
}

/** The code as it is printed, from its canonical 28 characters. */
export function formatActivationCode(canonical: string): string {
  return (canonical.match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-');
}

/**
 * The canonical 28 characters of a code as somebody typed it: any case, with or without dashes and spaces. Throws
 * ENROL_CODE_INVALID, whose sentence holds nothing of the code.
 */
export function parseActivationCode(text: string): string {
  const typed = text.length > 200 ? '' : text;
  const canonical = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  if (canonical.length !== SECRET_LENGTH + CHECK_LENGTH || !/^[0-9A-HJKMNP-TV-Z]*$/.test(canonical)) {
    throw new AppError(
      'ENROL_CODE_INVALID',
      'The activation code must have 28 letters and digits in seven groups of four: enter it as it was printed.',
    );
  }
  const secret = canonical.slice(0, SECRET_LENGTH);
  if (checkOf(secret) !== canonical.slice(SECRET_LENGTH)) {
    throw new AppError(
      'ENROL_CODE_INVALID',
      'The activation code has a wrong or swapped character somewhere: compare it with what was printed.',
    );
  }
  return canonical;
}

function checkOf(secret: string): string {
  let remainder = 0;
  for (const one of secret) remainder = (remainder * 32 + ALPHABET.indexOf(one)) % CHECK_PRIME;
  return ALPHABET.charAt(remainder >> 5) + ALPHABET.charAt(remainder & 31);
}

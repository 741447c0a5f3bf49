import { AppError } from '../core/errors.ts';
import type { Random } from '../core/ports.ts';

const ATTEMPTS = 1000;

/** The error for a source of randomness that answers too few bytes, or the same again and again. */
export function brokenRandomness(): AppError {
  return new AppError(
    'INTERNAL',
    "This machine's source of randomness does not work, and nothing can be sealed without it: restart the machine.",
  );
}

/** `length` cryptographically random bytes; INTERNAL when the source gives another number of them. */
export function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(random.bytes(length));
  if (bytes.length !== length) throw brokenRandomness();
  return bytes;
}

/**
 * A whole number, uniform in [0, bound), bound at most 65536: two bytes, drawn again where they would favour small
 * numbers. INTERNAL when a thousand draws bring none, which only a broken source does.
 */
export function uniform(random: Random, bound: number): number {
  const limit = 65536 - (65536 % bound);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [high = 0, low = 0] = randomBytes(random, 2);
    const drawn = high * 256 + low;
    if (drawn < limit) return drawn % bound;
  }
  throw brokenRandomness();
}

import type { Random } from '../../../core/ports.ts';

/** Real randomness, for tests whose outcome does not depend on it. */
export const realRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => 0.5,
};

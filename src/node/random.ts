import { randomFillSync } from 'node:crypto';
import type { Random } from '../core/ports.ts';

/** Randomness as a port: `bytes` from the operating system's generator, `fraction` for jitter. */
export function createNodeRandom(): Random {
  return {
    bytes: (length) => randomFillSync(new Uint8Array(length)),
    fraction: () => Math.random(),
  };
}

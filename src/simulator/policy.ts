import { DEFAULT_PACE, type SessionPolicy } from '../core/session/state.ts';

/** What the simulated wall is configured with: the product's defaults (a call's limit of 20 s, a paint deadline of 45 s). */
export const PAINT_DEADLINE_MS = 45_000;
export const CALL_LIMIT_MS = 20_000;
export const POLICY = {
  backoff: { firstMs: 5_000, longestMs: 300_000 },
  attemptMs: 8 * CALL_LIMIT_MS + PAINT_DEADLINE_MS,
  settledMs: 600_000,
  keepPictureMs: 10_000,
  nudges: { most: 12, ms: 3_600_000 },
  pace: DEFAULT_PACE,
} as const satisfies SessionPolicy;

/** A wall looks at its deadlines this often, whatever else happens, in ms. */
export const RECHECK_MS = 30_000;
/** How often a wall asks whether the machine is connected, in ms. */
export const ONLINE_CHECK_MS = 2_000;
/** How long a view that was on top stays beneath the one that followed it, in ms. */
export const LINGER_MS = 500;
/** How long a sign-in page may stand while a view is entering, in ms. */
export const SIGN_IN_GRACE_MS = 5_000;
/** Clearing a partition that takes longer is given up, and the partition with it, in ms. */
export const CLEAR_WITHIN_MS = 10_000;
/** Longest that a server's Retry-After is obeyed, in ms. */
export const LONGEST_RETRY_AFTER_MS = 3_600_000;

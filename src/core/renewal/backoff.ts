/** How long to wait between attempts that fail. */
export interface BackoffPolicy {
  /** Wait after the first failure, in ms. */
  readonly firstMs: number;
  /** Longest wait, in ms. */
  readonly longestMs: number;
}

export const DEFAULT_BACKOFF: BackoffPolicy = { firstMs: 5_000, longestMs: 300_000 };

/**
 * Between sign-ins. No wait is longer than 75 s, so that every wall is live again within 90 s of the server's return; 10 000
 * walls then try some 180 times a second while it is away (`npm run bench:server` has such a fleet).
 */
export const SIGN_IN_BACKOFF: BackoffPolicy = { firstMs: 5_000, longestMs: 75_000 };

/**
 * The wait before the next attempt, in ms: doubled with each failure up to the longest, of which the upper half is jitter, so that a
 * fleet that failed together does not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter", equal jitter).
 * A server's own wish (`Retry-After`) is honoured where it is longer, up to an hour.
 * @param failures consecutive failures so far, at least 1
 * @param fraction uniform in [0, 1)
 */
export function backoffMs(policy: BackoffPolicy, failures: number, fraction: number, retryAfterMs = 0): number {
  const doubled = policy.firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30);
  const ceiling = Math.min(doubled, policy.longestMs);
  const wait = ceiling / 2 + (ceiling / 2) * fraction;
  return Math.round(Math.max(wait, Math.min(retryAfterMs, 3_600_000)));
}

/**
 * When a session is renewed first, in ms of its age: at 50-60 % of its life, spread by the device's jitter so that a fleet does
 * not come at once, or at the configured age where that is earlier. What is left of its life is room for retries.
 * @param lifeMs how long the session lasts from sign-in
 * @param fraction uniform in [0, 1)
 * @param maxAgeMs the configured maximum age, if any
 */
export function renewalAgeMs(lifeMs: number, fraction: number, maxAgeMs?: number): number {
  const age = lifeMs * (0.5 + 0.1 * fraction);
  return Math.max(0, Math.round(maxAgeMs === undefined ? age : Math.min(age, maxAgeMs)));
}

import { DEFAULT_SUPERVISOR_POLICY, type SupervisorPolicy } from '../../../core/supervisor/state.ts';
import { DEFAULT_TIMES, type Times } from '../options.ts';

/** Short times, none of which decides about a wall that is well: those that do are long, and tests shorten them for walls that are not. */
export const QUICK: SupervisorPolicy = {
  ...DEFAULT_SUPERVISOR_POLICY,
  backoff: { firstMs: 20, longestMs: 200 },
  slowBackoff: { firstMs: 100, longestMs: 200 },
  graceMs: 20_000,
  insistMs: 0,
  checks: { startingMs: 20, liveMs: 50, otherMs: 20 },
  steadyMs: 50,
  trialBackoff: { firstMs: 200, longestMs: 400 },
};

export const QUICK_RUN: { readonly policy: SupervisorPolicy; readonly times: Times } = {
  policy: QUICK,
  times: { ...DEFAULT_TIMES, scanMs: 50 },
};

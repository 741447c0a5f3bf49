/** How old a surface's data are, and what is done about it. */
import type { PlannedDashboard } from '../plan/plan.ts';
import { type Instant, after, hasCome } from '../renewal/deadline.ts';
import type { Shown } from './state.ts';

/** Stale data that a fresh load has not mended within this time are said to be stale over the picture, in ms. */
export const SAY_AFTER_MS = 60_000;

export function isStale(shown: Shown, dashboard: PlannedDashboard, now: Instant): boolean {
  return hasCome(after(shown.dataAt, dashboard.staleAfterMs), now);
}

/** Whether it is time to load the dashboard afresh: its refresh is due, or its data are stale. */
export function wantsRefresh(shown: Shown, dashboard: PlannedDashboard, now: Instant): boolean {
  if (dashboard.refreshMs !== undefined && hasCome(after(shown.paintedAt, dashboard.refreshMs), now)) return true;
  return isStale(shown, dashboard, now);
}

/** Whether the picture must be marked: its data are stale, and neither a fresh load nor a renewal has mended that in time. */
export function mustBeSaid(shown: Shown, dashboard: PlannedDashboard, now: Instant): boolean {
  return hasCome(after(shown.dataAt, dashboard.staleAfterMs + SAY_AFTER_MS), now);
}

/** When the freshness of a picture next asks for something. */
export function freshnessDeadlines(shown: Shown, dashboard: PlannedDashboard): readonly Instant[] {
  const stale = after(shown.dataAt, dashboard.staleAfterMs);
  const said = after(stale, SAY_AFTER_MS);
  return dashboard.refreshMs === undefined ? [stale, said] : [after(shown.paintedAt, dashboard.refreshMs), stale, said];
}

import type { SessionStatus, SurfaceStatus, WallStatus } from '../status.ts';

export const AT = Date.UTC(2026, 10, 22, 12);
const MINUTE = 60_000;

export const WAITING: SessionStatus = {
  name: 'sales',
  phase: 'waiting',
  since: AT - 10 * MINUTE,
  nextTryAt: AT + 20_000,
  failures: 4,
  renewals: 0,
  failuresByCode: {},
};

export const LIVE: SessionStatus = {
  name: 'ops',
  phase: 'live',
  since: AT - 10 * MINUTE,
  endsAt: AT + 50 * MINUTE,
  renewsAt: AT + 23 * MINUTE,
  failures: 0,
  renewals: 3,
  failuresByCode: { STS_UNAVAILABLE: 2, NETWORK_DNS: 1 },
};

/** Showing, and nothing known of when anything came. */
export const UNDATED: SurfaceStatus = {
  name: 'left',
  state: 'showing',
  display: { id: 7, label: 'HDMI-1', bounds: { x: 0, y: 0, width: 1920, height: 1080 } },
  dashboard: 'orders',
  session: 'ops',
  staleAfterMs: 3 * MINUTE,
  stale: false,
  failuresByCode: { CONSOLE_LOAD_FAILED: 5 },
};

export const SHOWING: SurfaceStatus = { ...UNDATED, paintedAt: AT - 9 * MINUTE, dataAt: AT - MINUTE };

export const NIGHT: SurfaceStatus = { name: 'right', state: 'night', stale: false, failuresByCode: {} };
export const UNPLUGGED: SurfaceStatus = { name: 'top', state: 'unplugged', stale: false, failuresByCode: {} };

/** A wall that is well, but for what is said otherwise. */
export function wallStatus(changes: Partial<WallStatus> = {}): WallStatus {
  return {
    at: AT,
    version: '1.2.3',
    electron: '33.2.1',
    startedAt: AT - 60 * MINUTE,
    restarts: 2,
    safeMode: false,
    sessions: [LIVE],
    surfaces: [SHOWING],
    memoryBytes: { Browser: 200_000_000, Tab: 300_000_000 },
    faults: { 'renderer-gone': 1 },
    ...changes,
  };
}

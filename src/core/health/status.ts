/** What a wall tells of itself: the one source of the health page, the metrics and the JSON state. */
import type { ErrorCode, Failure } from '../errors.ts';

/**
 * How a session is doing. All instants are ms since the epoch, reckoned from the status's own `at`, so that a clock that was
 * set meanwhile makes no age wrong.
 */
export interface SessionStatus {
  readonly name: string;
  readonly phase: 'idle' | 'signing-in' | 'waiting' | 'live' | 'renewing';
  /** Since when the session is signed in while it is live or renewing, since when it is not otherwise. */
  readonly since: number;
  /** While it is live or renewing: when the console session ends, and when its renewal is due. */
  readonly endsAt?: number;
  readonly renewsAt?: number;
  /** What the last try came to, if it failed. */
  readonly failure?: Failure;
  readonly nextTryAt?: number;
  /** Failed tries in a row. */
  readonly failures: number;
  /** Renewals that went live, since the program's start. */
  readonly renewals: number;
  /** Failed tries by code, since the program's start. */
  readonly failuresByCode: Readonly<Record<string, number>>;
}

export const SURFACE_STATES = ['notice', 'entering', 'showing', 'swapping', 'dark', 'night', 'unplugged'] as const;
export type SurfaceStateName = (typeof SURFACE_STATES)[number];

export interface DisplayStatus {
  readonly id: number;
  /** Empty where the system gives none. */
  readonly label: string;
  /** In device-independent pixels. */
  readonly bounds: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

/** What is known of the alarms that may take a surface over. */
export interface AlarmStatus {
  /** Whether they have the surface, by the last answer. */
  readonly ringing: boolean;
  /** Names of those that ring, at most ten. */
  readonly names: readonly string[];
  /** When AWS last answered, ms since the epoch. */
  readonly answeredAt?: number;
  /** Why the last question was not answered. */
  readonly failure?: Failure;
}

export interface SurfaceStatus {
  readonly name: string;
  readonly state: SurfaceStateName;
  /** Absent while it is unplugged. */
  readonly display?: DisplayStatus;
  /** It is unplugged and would be black now anyway: displays that sleep may vanish as if they were unplugged. */
  readonly atNight?: boolean;
  /** What it shows, or is to show, and the session for that; absent at night. */
  readonly dashboard?: string;
  readonly session?: string;
  /** When the picture on it was put there, ms since the epoch. */
  readonly paintedAt?: number;
  /** When the page last got data, ms since the epoch. */
  readonly dataAt?: number;
  /** Data older than this is stale, in ms. */
  readonly staleAfterMs?: number;
  /** The state machine's own verdict. */
  readonly stale: boolean;
  /** What the last load of the dashboard that it is to show came to, if it failed. */
  readonly failure?: Failure;
  /** Loads of its dashboards that failed, by code, since the program's start. */
  readonly failuresByCode: Readonly<Record<string, number>>;
  readonly alarm?: AlarmStatus;
}

export interface WallStatus {
  /** When this was taken, ms since the epoch. */
  readonly at: number;
  readonly version: string;
  readonly electron: string;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** How often the program was started anew after it had ended, by its supervisor or by itself. */
  readonly restarts: number;
  readonly safeMode: boolean;
  readonly sessions: readonly SessionStatus[];
  readonly surfaces: readonly SurfaceStatus[];
  /** Resident memory by type of process (`Browser`, `Tab`, `GPU`, `Utility`, …), in bytes. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** What the watchdogs met since the program's start, by kind (`renderer-gone`, `page-hung`, `gpu-gone`, …). */
  readonly faults: Readonly<Record<string, number>>;
}

/**
 * Why a wall is not healthy:
 * - `NO_SURFACE`: it has none yet, for it has no settings that it could go by;
 * - `NO_DISPLAY`: every display is unplugged, and not because it sleeps at night;
 * - `NO_PICTURE`: a surface shows the notice, no dashboard;
 * - `PICTURE_OLD`: a surface shows the last picture that it has, of a page that is gone;
 * - `DATA_STALE`: the data on a surface is older than its dashboard allows, or nothing is known of its age.
 */
export type HealthCode = 'NO_SURFACE' | 'NO_DISPLAY' | 'NO_PICTURE' | 'PICTURE_OLD' | 'DATA_STALE';

export interface Unhealthy {
  readonly ok: false;
  readonly code: HealthCode;
  /** One sentence, for people. */
  readonly reason: string;
  /** The surface that it is about; absent where it is about all. */
  readonly surface?: string;
  /** What the session of that surface fails by, or else its dashboard, if they do. */
  readonly failure?: ErrorCode;
}

export interface Healthy {
  readonly ok: true;
  /** Surfaces with a live dashboard; 0 when it is night on all that have a display. */
  readonly showing: number;
}

export type Health = Healthy | Unhealthy;

/** The worst first: where several surfaces are ill, it is the one that is told. */
const BY_GRAVITY: readonly HealthCode[] = ['NO_PICTURE', 'PICTURE_OLD', 'DATA_STALE'];

/**
 * Whether the wall does what it hangs there for: every surface that has a display shows a live dashboard with fresh data, or is black
 * because it is night. A surface without a display is healthy as long as another has one: displays are switched off by people.
 * A session that fails to renew does not count before its picture or data is old, nor does safe mode by itself.
 * @param nowMs ms since the epoch; ages are taken against it
 */
export function judgeHealth(status: WallStatus, nowMs: number): Health {
  const { surfaces } = status;
  if (surfaces.length === 0) {
    return { ok: false, code: 'NO_SURFACE', reason: 'The wall has not begun: it waits for settings it can go by.' };
  }
  if (surfaces.every(({ state, atNight }) => state === 'unplugged' && atNight !== true)) {
    const reason = 'No display is plugged in: connect one, or correct what the surfaces say of their displays.';
    return { ok: false, code: 'NO_DISPLAY', reason };
  }
  const judged = surfaces.map((surface) => judgeSurface(surface, status, nowMs));
  const ill = judged.filter((health): health is Unhealthy => !health.ok);
  for (const code of BY_GRAVITY) {
    const found = ill.find((health) => health.code === code);
    if (found !== undefined) return found;
  }
  return { ok: true, showing: judged.reduce((sum, health) => sum + (health.ok ? health.showing : 0), 0) };
}

/** The same for one surface; without a display it is healthy. */
export function judgeSurface(surface: SurfaceStatus, status: WallStatus, nowMs: number): Health {
  const { name, state } = surface;
  const session = status.sessions.find((one) => one.name === surface.session);
  const failure = session?.failure ?? surface.failure;
  const ill = (code: HealthCode, what: string): Unhealthy => ({
    ok: false,
    code,
    reason: `Surface ${name} ${what}${failure === undefined ? '.' : ` (${failure.code}): ${failure.sentence}`}`,
    surface: name,
    ...(failure === undefined ? {} : { failure: failure.code }),
  });
  switch (state) {
    case 'night':
    case 'unplugged':
      return { ok: true, showing: 0 };
    case 'notice':
    case 'entering':
      return ill('NO_PICTURE', 'shows no dashboard');
    case 'dark':
      return ill('PICTURE_OLD', 'shows the last picture of a dashboard that is gone');
    case 'showing':
    case 'swapping': {
      const age = dataAgeMs(surface, nowMs);
      if (age === undefined) return ill('DATA_STALE', 'shows data of unknown age');
      const limit = surface.staleAfterMs ?? Infinity;
      return surface.stale || age > limit
        ? ill('DATA_STALE', `shows data that is ${spoken(age)} old`)
        : { ok: true, showing: 1 };
    }
  }
}

/** Age of the data on a surface in ms, at least 0: since it last got some, else since it was painted; undefined if never. */
export function dataAgeMs({ dataAt, paintedAt }: SurfaceStatus, nowMs: number): number | undefined {
  const at = dataAt ?? paintedAt;
  return at === undefined ? undefined : Math.max(0, nowMs - at);
}

function spoken(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

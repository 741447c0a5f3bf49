/** What a wall is to show, where and when, made from the settings once: plain data that the state machines go by. */

/** Monday is 1, Sunday is 7 (ISO 8601). */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Part of the day in minutes after local midnight, 0 to 1440; where `to` is not later than `from` it goes on past midnight. */
export interface HoursOfDay {
  readonly from: number;
  readonly to: number;
}

/** Hours on certain days; hours that go past midnight belong to the day that they begin on. */
export interface Period {
  readonly hours?: HoursOfDay;
  readonly days?: readonly Weekday[];
}

export interface PlaylistEntry extends Period {
  /** Name of the dashboard. */
  readonly dashboard: string;
  /** How long it shows before the next one, in ms. */
  readonly dwellMs: number;
}

/** Which display is meant; all that is named must fit. Nothing named: any display that no other surface claims. */
export interface DisplayMatch {
  readonly id?: number;
  readonly label?: string;
  /** Size and position in device-independent pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly x?: number;
  readonly y?: number;
  readonly primary?: boolean;
}

/** Alarms that take a surface over while one of them is in ALARM. */
export interface AlarmWatch {
  /** The dashboard that takes over. */
  readonly dashboard: string;
  /** Session whose credentials ask for the alarms. */
  readonly session: string;
  readonly region?: string;
  /** Names of alarms, or a prefix of their names; at least one of the two. */
  readonly names?: readonly string[];
  readonly prefix?: string;
  /** Time between two questions, in ms. */
  readonly everyMs: number;
}

export interface PlannedSurface {
  readonly name: string;
  readonly display: DisplayMatch;
  readonly playlist: readonly PlaylistEntry[];
  /** When it is black. */
  readonly night: readonly Period[];
  readonly alarms?: AlarmWatch;
}

export interface PlannedDashboard {
  readonly name: string;
  /** Name of the session that it is looked at with. */
  readonly session: string;
  readonly url: string;
  readonly zoom: number;
  /** Loaded afresh this often, in ms; undefined: never. */
  readonly refreshMs?: number;
  /** Data older than this is stale, in ms. */
  readonly staleAfterMs: number;
}

export interface WallPlan {
  /** IANA name of the time zone that hours and days are meant in; undefined: the machine's own. */
  readonly timeZone?: string;
  /** Names of the sessions, one per role. */
  readonly sessions: readonly string[];
  readonly dashboards: Readonly<Record<string, PlannedDashboard>>;
  readonly surfaces: readonly PlannedSurface[];
}

/** What a surface is to show. */
export type Showing = { readonly kind: 'dashboard'; readonly dashboard: string } | { readonly kind: 'night' };

/** What a surface is to show now, until when (wall-clock ms since the epoch; Infinity: for good), and what comes then. */
export interface Programme {
  readonly now: Showing;
  readonly until: number;
  readonly next: Showing;
}

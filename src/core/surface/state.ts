/** What a surface's state machine is made of: what fills one display, and the view that is to follow. */
import type { Failure } from '../errors.ts';
import type { Instant } from '../renewal/deadline.ts';
import type { Partition, Wait } from '../session/state.ts';

/** One console page. */
export interface View {
  readonly id: number;
  readonly dashboard: string;
  /** Name of the session that it belongs to. */
  readonly session: string;
  readonly partition: Partition;
  /** The session's sign-in whose cookies it lives on. */
  readonly generation: number;
  /** When that session ends, as far as is known. */
  readonly endsAt: Instant;
  /** It opens with the login URL of its generation. */
  readonly signsIn: boolean;
}

/** A view that is being loaded beneath what shows, or has painted there and waits for its time. */
export interface Incoming {
  readonly view: View;
  readonly painted?: { readonly at: Instant; readonly verified: boolean };
  readonly dataAt?: Instant;
}

/** A view that shows. */
export interface Shown {
  readonly view: View;
  /** False when it was put up without the readiness probe. */
  readonly verified: boolean;
  readonly paintedAt: Instant;
  /** When data last reached the page. */
  readonly dataAt: Instant;
  /** Its page wanted to give way to something that is no dashboard: it is to be opened afresh. */
  readonly doubted?: Failure;
  /** Its session was found to be over then; the picture still stands. */
  readonly lostAt?: Instant;
  /** A load afresh has failed since data last came. */
  readonly refreshFailed: boolean;
  /** Its session's renewal was asked for since data last came. */
  readonly renewalAsked: boolean;
}

export type Base =
  | { readonly kind: 'unplugged' }
  /** Our own page says what goes on. */
  | { readonly kind: 'notice' }
  /** The last picture of a dashboard, dimmed; its data are from then. */
  | { readonly kind: 'dark'; readonly dashboard: string; readonly dataAt: Instant }
  | { readonly kind: 'night' }
  | { readonly kind: 'showing'; readonly shown: Shown };

/** What the last loads of a dashboard came to. */
export interface Trouble {
  readonly reason: Failure;
  readonly failures: number;
  readonly nextTry: Wait;
}

export interface Surface {
  readonly base: Base;
  readonly incoming?: Incoming;
  /** By the name of the dashboard, those whose last load failed. */
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** Views in a row that ended, or were doubted, soon after they had been raised. */
  readonly deaths: number;
  /** An alarm of its set is in ALARM. */
  readonly ringing: boolean;
}

export const UNPLUGGED_SURFACE: Surface = {
  base: { kind: 'unplugged' },
  troubles: new Map(),
  deaths: 0,
  ringing: false,
};

/** The field's word for what a surface does. */
export type SurfaceKind = 'unplugged' | 'notice' | 'entering' | 'showing' | 'swapping' | 'dark' | 'night';

export function kindOf({ base, incoming }: Surface): SurfaceKind {
  if (incoming === undefined) return base.kind;
  if (base.kind === 'showing') return 'swapping';
  return base.kind === 'notice' ? 'entering' : base.kind;
}

export type SurfaceEvent =
  | { readonly type: 'plugged' }
  | { readonly type: 'unplugged' }
  | { readonly type: 'painted'; readonly view: number; readonly verified: boolean }
  | { readonly type: 'load-failed'; readonly view: number; readonly failure: Failure }
  /** The view's session is over; its picture still stands. */
  | { readonly type: 'lost'; readonly view: number; readonly failure: Failure }
  /** The view's page was about to give way to an error; its picture still stands. */
  | { readonly type: 'doubted'; readonly view: number; readonly failure: Failure }
  /** The view's picture is gone: its renderer ended or hangs, or the page is blank. */
  | { readonly type: 'gone'; readonly view: number; readonly failure: Failure }
  /** Data reached the view's page. */
  | { readonly type: 'data'; readonly view: number }
  /** Nothing fresh can be had of this session. */
  | { readonly type: 'session-dark'; readonly session: string }
  /** Connectivity came back or the machine woke; `atOnce`: the operator asks. */
  | { readonly type: 'nudge'; readonly atOnce?: true }
  | { readonly type: 'alarm'; readonly ringing: boolean };

export type SurfaceEffect =
  | { readonly type: 'open'; readonly view: View }
  /** Put the view on top; what was on top stays until it is closed. */
  | { readonly type: 'raise'; readonly view: number }
  /** Put our own page on top. */
  | { readonly type: 'cover' }
  | { readonly type: 'close'; readonly view: number }
  /** What the view's sign-in came to. */
  | { readonly type: 'report-entered'; readonly view: View; readonly verified: boolean }
  | { readonly type: 'report-entry-failed'; readonly view: View; readonly failure: Failure }
  | { readonly type: 'report-lost'; readonly view: View; readonly failure: Failure }
  /** Its data stay stale although the page was loaded afresh: its session may be the reason. */
  | { readonly type: 'report-stale'; readonly view: View };

export type SurfaceStep = readonly [Surface, readonly SurfaceEffect[]];

/** What the state machine of a whole wall is made of: any number of sessions and surfaces. */
import type { Failure } from '../errors.ts';
import type { Programme, WallPlan } from '../plan/plan.ts';
import type { Instant } from '../renewal/deadline.ts';
import type { Partition, Session, SessionPolicy } from '../session/state.ts';
import type { Surface, View } from '../surface/state.ts';

export interface Wall {
  readonly sessions: ReadonlyMap<string, Session>;
  readonly surfaces: ReadonlyMap<string, Surface>;
  /** Views made so far; the newest one's id. */
  readonly views: number;
  /** Partitions that were used and have not been cleared since, as `partition/session`. */
  readonly used: ReadonlySet<string>;
}

export type WallEvent =
  /** Looked at the clock: at the start, on deadlines, every 30 s, on resume. */
  | { readonly type: 'clock' }
  /** The surfaces that have a display. */
  | { readonly type: 'displays'; readonly plugged: readonly string[] }
  | { readonly type: 'signed-in'; readonly session: string; readonly attempt: number; readonly lifeMs: number }
  | { readonly type: 'sign-in-failed'; readonly session: string; readonly attempt: number; readonly failure: Failure }
  | { readonly type: 'painted'; readonly view: number; readonly verified: boolean }
  | { readonly type: 'load-failed'; readonly view: number; readonly failure: Failure }
  | { readonly type: 'lost'; readonly view: number; readonly failure: Failure }
  | { readonly type: 'doubted'; readonly view: number; readonly failure: Failure }
  | { readonly type: 'gone'; readonly view: number; readonly failure: Failure }
  | { readonly type: 'data'; readonly view: number }
  /** All cookies are gone, whatever session they were of. */
  | { readonly type: 'cookies-gone'; readonly failure: Failure }
  | { readonly type: 'alarm'; readonly surface: string; readonly ringing: boolean }
  /** Connectivity came back or the machine woke. */
  | { readonly type: 'nudge' }
  /** The operator asks for a sign-in now. */
  | { readonly type: 'renew-now' };

export type WallEffect =
  /** Obtain a login URL; the partition is the one that it will be entered in. */
  | { readonly type: 'sign-in'; readonly session: string; readonly attempt: number; readonly partition: Partition }
  /** The sign-in is over without a view: whatever was prepared for it is to be thrown away. */
  | { readonly type: 'abandon'; readonly session: string; readonly attempt: number }
  /** Load a view beneath what shows: by the login URL of its generation where it signs in, else by its dashboard's address. */
  | { readonly type: 'open'; readonly surface: string; readonly view: View }
  | { readonly type: 'raise'; readonly surface: string; readonly view: number }
  /** Our own page on top, with what `faceOf` says. */
  | { readonly type: 'cover'; readonly surface: string }
  | { readonly type: 'close'; readonly surface: string; readonly view: number }
  /** Its last view has left: empty the partition. */
  | { readonly type: 'clear'; readonly session: string; readonly partition: Partition };

export interface WallContext {
  readonly now: Instant;
  /** Uniform in [0, 1), anew each time it is read. */
  readonly fraction: number;
  readonly policy: SessionPolicy;
  readonly plan: WallPlan;
  /** What a surface's programme says at a time (wall-clock ms). */
  readonly programme: (surface: string, wallMs: number) => Programme;
}

export type WallStep = readonly [Wall, readonly WallEffect[]];

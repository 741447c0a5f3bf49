/** What a session's state machine is made of: states, events, effects. */
import type { Failure } from '../errors.ts';
import type { BackoffPolicy } from '../renewal/backoff.ts';
import type { Instant } from '../renewal/deadline.ts';

/**
 * The session's in-memory partitions. Two are used in turn; the third one is for when a display cannot follow a renewal, so that its picture
 * keeps the place of the next.
 */
export const PARTITIONS = ['a', 'b', 'c'] as const;
export type Partition = (typeof PARTITIONS)[number];

/** A sign-in under way. A result that names another id is late and is ignored. */
export interface Attempt {
  readonly id: number;
  readonly partition: Partition;
  readonly step: 'obtaining' | 'entering';
  /** Failures in a row before this attempt. */
  readonly failures: number;
  /** When it is given up, by the monotonic clock. */
  readonly giveUpAt: Instant;
  /** Known once the login URL is there. */
  readonly endsAt?: Instant;
  /** A nudge came meanwhile: should it fail, the next try comes as soon as a nudge may bring it. */
  readonly nudged?: true;
}

/** A session that is signed in. */
export interface Live {
  /** The sign-in that it came from. */
  readonly attempt: number;
  readonly partition: Partition;
  readonly since: Instant;
  readonly endsAt: Instant;
  /** False when it went live at the deadline without the readiness probe. */
  readonly verified: boolean;
}

/** A wait before the next attempt: until when, and the earliest a nudge may bring it forward to. */
export interface Wait {
  readonly until: Instant;
  readonly notBefore: Instant;
}

/** What the last try came to that failed. */
export interface Failed {
  readonly reason: Failure;
  /** In a row. */
  readonly failures: number;
  readonly nextTry: Wait;
  /** The sign-in itself succeeded: what failed is the dashboard that it opened. */
  readonly byEntry?: true;
}

/** The next renewal: when it is due by the session's age, and what the last try came to, if it failed. */
export interface Renewal {
  readonly at: Instant;
  readonly failed?: Failed;
}

export type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'signing-in'; readonly attempt: Attempt; readonly reason?: Failure }
  | ({ readonly kind: 'waiting' } & Failed)
  | { readonly kind: 'live'; readonly live: Live; readonly renewal: Renewal }
  | { readonly kind: 'renewing'; readonly live: Live; readonly attempt: Attempt; readonly renewal: Renewal };

export interface Session {
  readonly phase: Phase;
  /** Sign-ins begun so far; the newest one's id. */
  readonly attempts: number;
  /** The partition whose picture the surfaces may still show. */
  readonly held?: Partition;
  /** Sessions in a row that were lost before they had settled. */
  readonly losses: number;
  /** The last tries that nudges brought forward, by the monotonic clock, oldest first. */
  readonly hastened: readonly number[];
  /** Where sign-ins came one by one, each as long after the other as the policy's pace says, so far they would reach by the monotonic clock. */
  readonly pacedTo: number;
}

export const IDLE_SESSION: Session = {
  phase: { kind: 'idle' },
  attempts: 0,
  losses: 0,
  hastened: [],
  pacedTo: -Infinity,
};

export type SessionEvent =
  | { readonly type: 'start' }
  /** Looked at the clock: on deadlines, every 30 s, on resume. */
  | { readonly type: 'clock' }
  /** A login URL is there, for a session of this length from now, in ms. */
  | { readonly type: 'signed-in'; readonly attempt: number; readonly lifeMs: number }
  | { readonly type: 'sign-in-failed'; readonly attempt: number; readonly failure: Failure }
  /** A page of the console has opened in the attempt's partition. */
  | { readonly type: 'entered'; readonly attempt: number; readonly verified: boolean }
  | { readonly type: 'entry-failed'; readonly attempt: number; readonly failure: Failure }
  | { readonly type: 'lost'; readonly partition: Partition; readonly failure: Failure }
  /** Connectivity came back or the machine woke: a waiting try may come at once, but never before its `notBefore`. */
  | { readonly type: 'nudge' }
  /** The operator asks for a sign-in now. */
  | { readonly type: 'renew-now' }
  /** Its pages get no data, and it may be the reason: it is renewed as soon as the pace allows. */
  | { readonly type: 'renew-soon' };

export type SessionEffect =
  /** Obtain a login URL; the partition is the one it will be entered in. */
  | { readonly type: 'sign-in'; readonly attempt: number; readonly partition: Partition }
  /** Stop what belongs to the attempt; nothing of it is on the wall. */
  | { readonly type: 'abandon'; readonly attempt: number }
  /** Nothing fresh can be shown of this session: the surfaces say why. */
  | { readonly type: 'dark'; readonly reason: Failure };

export interface SessionPolicy {
  readonly backoff: BackoffPolicy;
  /** Renew at this age at the latest, in ms. */
  readonly maxAgeMs?: number;
  /** An attempt that has not ended after this long is given up, in ms. */
  readonly attemptMs: number;
  /** A session lost within this time of going live counts as a failure, in ms, so that losses cannot storm. */
  readonly settledMs: number;
  /** The picture of a session that was lost stays for a wait of at most this length, in ms. */
  readonly keepPictureMs: number;
  /** How many tries nudges may bring forward in a time of `ms`, so that connectivity that comes and goes cannot storm. */
  readonly nudges: { readonly most: number; readonly ms: number };
  /**
   * Sign-ins that answer no failure, but sessions that grow old or end, come every `everyMs` at most, of which `atOnce` may follow
   * each other at once: sessions that are granted for a minute must not make a storm.
   */
  readonly pace: { readonly everyMs: number; readonly atOnce: number };
}

/** No more than 960 sign-ins a day, and 20 at once. */
export const DEFAULT_PACE: SessionPolicy['pace'] = { everyMs: 90_000, atOnce: 20 };

export interface SessionContext {
  readonly now: Instant;
  /** Uniform in [0, 1). */
  readonly fraction: number;
  readonly policy: SessionPolicy;
  /** A surface shows a dashboard of this session, or soon will: only then it is signed in and renewed. */
  readonly needed: boolean;
  /** The partitions, other than the one that is held, in which pictures of older sign-ins stand that are still good; the oldest first. */
  readonly occupied: readonly Partition[];
}

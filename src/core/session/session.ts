/**
 * The state machine of one console session, that is of one (account, role).
 *
 *  idle ─► signing-in ─► live ─► renewing ─► live'      a failed renewal: live stays, next try by backoff
 *              ▲  │ fail   │ lost    │ over and still failing
 *              │  ▼        ▼         ▼
 *              └─ waiting ◄──────────┘
 *
 * It owns three partitions, two of which are used in turn; the one a sign-in enters is never the one that is live.
 */
import type { Failure } from '../errors.ts';
import { backoffMs } from '../renewal/backoff.ts';
import { type Instant, after, hasCome, hasElapsed } from '../renewal/deadline.ts';
import { LONGEST_SECONDS } from '../renewal/duration-ladder.ts';
import { renewalAgeMs } from '../renewal/renewal-time.ts';
import {
  type Attempt,
  type Failed,
  type Live,
  PARTITIONS,
  type Partition,
  type Phase,
  type Renewal,
  type Session,
  type SessionContext,
  type SessionEffect,
  type SessionEvent,
  type SessionPolicy,
  type Wait,
} from './state.ts';

export type SessionStep = readonly [Session, readonly SessionEffect[]];

/** One step of a session. Events that do not fit the phase change nothing. */
export function reduceSession(session: Session, event: SessionEvent, context: SessionContext): SessionStep {
  const { phase } = session;
  switch (event.type) {
    case 'start':
      return phase.kind === 'idle' ? begin(session, 0, context) : [session, []];
    case 'clock':
      return onClock(session, context);
    case 'signed-in':
      return onSignedIn(session, event, context);
    case 'sign-in-failed':
    case 'entry-failed':
      return attemptOf(phase)?.id === event.attempt
        ? fail(session, event.failure, context, event.type === 'entry-failed')
        : [session, []];
    case 'entered':
      return onEntered(session, event, context);
    case 'lost':
      return onLost(session, event, context);
    case 'nudge':
      return onNudge(session, context);
    case 'renew-now':
      if (phase.kind === 'waiting') return begin(session, phase.failures, context);
      if (phase.kind === 'live' && !isBlocked(session, context))
        return begin(session, phase.renewal.failed?.failures ?? 0, context);
      return [session, []];
    case 'renew-soon':
      return onRenewSoon(session, context);
  }
}

/** When the session next wants to look at the clock; empty when nothing is pending. */
export function sessionDeadlines(
  session: Session,
  context: Pick<SessionContext, 'needed' | 'occupied'>,
): readonly Instant[] {
  const { phase } = session;
  const { needed } = context;
  switch (phase.kind) {
    case 'idle':
      return [];
    case 'signing-in':
      return [phase.attempt.giveUpAt];
    case 'waiting':
      return needed ? waitDeadlines(phase) : [];
    case 'live': {
      const { live, renewal } = phase;
      const due = renewal.failed === undefined ? [renewal.at] : waitDeadlines(renewal.failed);
      if (!needed) return [live.endsAt];
      return [...due, live.endsAt, ...(isOccupied(session, context) ? [lastCall(phase)] : [])];
    }
    case 'renewing':
      return [phase.attempt.giveUpAt, phase.live.endsAt];
  }
}

/** Another dashboard may be wanted by the time that a wait may end, see `isHastened` in `core/wall`. */
function waitDeadlines({ nextTry, byEntry }: Failed): readonly Instant[] {
  return byEntry === true ? [nextTry.until, nextTry.notBefore] : [nextTry.until];
}

function attemptOf(phase: Phase): Attempt | undefined {
  return phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt : undefined;
}

/** A partition that no good picture stands in. */
function freePartition({ held }: Session, { occupied }: Pick<SessionContext, 'occupied'>): Partition | undefined {
  return PARTITIONS.find((partition) => partition !== held && !occupied.includes(partition));
}

const isOccupied = (session: Session, context: Pick<SessionContext, 'occupied'>) =>
  freePartition(session, context) === undefined;

/**
 * A renewal waits until there is room for it; but not for longer than half of the time that it has. The display that has been unable to
 * follow for longest goes dark then, rather than all those that can when the session ends.
 */
function isBlocked(session: Session, context: Pick<SessionContext, 'occupied' | 'now'>): boolean {
  const { phase } = session;
  return isOccupied(session, context) && !(phase.kind === 'live' && hasCome(lastCall(phase), context.now));
}

function lastCall({ live, renewal }: Pick<Extract<Phase, { kind: 'live' }>, 'live' | 'renewal'>): Instant {
  return after(renewal.at, (live.endsAt.monotonic - renewal.at.monotonic) / 2);
}

/** Never the one with a live picture; where the session is not live, rather its own than one with a picture that is still good. */
function partitionFor(session: Session, context: SessionContext): Partition {
  const { held = 'a', phase } = session;
  const [oldest = held] = context.occupied;
  return freePartition(session, context) ?? (phase.kind === 'live' ? oldest : held);
}

/** The earliest, by the monotonic clock, that a sign-in may come which answers no failure. */
function pacedFrom({ pacedTo }: Session, { pace }: SessionPolicy): number {
  return pacedTo - pace.everyMs * (pace.atOnce - 1);
}

/** Begins without a failure before it, unless that has been done too often of late. One that has settled is no storm. */
function beginInTime(session: Session, context: SessionContext): SessionStep {
  const { phase } = session;
  if (!context.needed) return [session, []];
  if (phase.kind === 'live' && hasSettled(phase.live, context)) return begin(toIdle(session), 0, context);
  const wait = pacedFrom(session, context.policy) - context.now.monotonic;
  if (wait <= 0) return begin(toIdle(session), 0, context);
  const notBefore = after(context.now, Math.min(wait, context.policy.backoff.firstMs));
  const nextTry = { until: after(context.now, wait), notBefore };
  return goDark(session, { reason: tooShort(context), failures: 0, nextTry });
}

const toIdle = (session: Session): Session => ({ ...session, phase: { kind: 'idle' } });

function tooShort({ policy }: SessionContext): Failure {
  const seconds = Math.round(policy.pace.everyMs / 1000);
  return {
    code: 'CONSOLE_SIGNED_OUT',
    sentence: `Sessions end so soon that one every ${seconds} seconds is not enough; check the role's session duration and this machine's clock.`,
  };
}

function begin(session: Session, failures: number, context: SessionContext): SessionStep {
  const { phase } = session;
  if (!context.needed) return [session, []];
  const attempt: Attempt = {
    id: session.attempts + 1,
    partition: partitionFor(session, context),
    step: 'obtaining',
    failures,
    giveUpAt: after(context.now, context.policy.attemptMs),
  };
  const effects: SessionEffect[] = [{ type: 'sign-in', attempt: attempt.id, partition: attempt.partition }];
  const isFresh = phase.kind !== 'live' || !hasSettled(phase.live, context);
  const { now, policy } = context;
  const { everyMs, atOnce } = policy.pace;
  const pacedTo = Math.min(Math.max(session.pacedTo, now.monotonic), now.monotonic + everyMs * (atOnce - 1)) + everyMs;
  const base = { ...session, attempts: attempt.id, losses: isFresh ? session.losses : 0, pacedTo };
  if (phase.kind === 'live' || phase.kind === 'renewing') {
    return [{ ...base, phase: { kind: 'renewing', live: phase.live, renewal: phase.renewal, attempt } }, effects];
  }
  const reason = phase.kind === 'waiting' ? { reason: phase.reason } : {};
  return [{ ...base, phase: { kind: 'signing-in', attempt, ...reason } }, effects];
}

function onClock(session: Session, context: SessionContext): SessionStep {
  const { phase } = session;
  const { now, policy } = context;
  const attempt = attemptOf(phase);
  if (attempt !== undefined && hasElapsed(attempt.giveUpAt, now)) {
    if (!context.needed) return drop(session, attempt, context);
    const seconds = Math.round(policy.attemptMs / 1000);
    return fail(
      session,
      { code: 'NETWORK_TIMEOUT', sentence: `The sign-in did not finish within ${seconds} seconds. It is tried again.` },
      context,
    );
  }
  switch (phase.kind) {
    case 'waiting':
      return hasElapsed(phase.nextTry.until, now) ? begin(session, phase.failures, context) : [session, []];
    case 'renewing':
      return hasCome(phase.live.endsAt, now)
        ? [{ ...session, phase: { kind: 'signing-in', attempt: phase.attempt } }, []]
        : [session, []];
    case 'live': {
      const { failed } = phase.renewal;
      if (hasCome(phase.live.endsAt, now)) {
        // One that lived to its end was no quick loss.
        const over = hasSettled(phase.live, context) ? { ...session, losses: 0 } : session;
        if (failed !== undefined) return goDark(over, failed);
        return context.needed ? beginInTime(over, context) : [rest(over), []];
      }
      const due =
        failed === undefined
          ? hasCome(phase.renewal.at, now) && pacedFrom(session, policy) <= now.monotonic
          : hasElapsed(failed.nextTry.until, now);
      return due && !isBlocked(session, context) ? begin(session, failed?.failures ?? 0, context) : [session, []];
    }
    case 'idle':
      return beginInTime(session, context);
    case 'signing-in':
      return [session, []];
  }
}

/** Nothing of the session is kept but what keeps it from storming. */
function rest({ attempts, losses, hastened, pacedTo }: Session): Session {
  return { phase: { kind: 'idle' }, attempts, losses, hastened, pacedTo };
}

/** Gives up an attempt that nobody needs any more: no failure, and no reason to wait; but what failed before is not forgotten. */
function drop(session: Session, attempt: Attempt, { now }: SessionContext): SessionStep {
  const { phase } = session;
  const effects: SessionEffect[] = [{ type: 'abandon', attempt: attempt.id }];
  if (phase.kind === 'renewing') {
    return [{ ...session, phase: { kind: 'live', live: phase.live, renewal: phase.renewal } }, effects];
  }
  const { failures } = attempt;
  if (phase.kind !== 'signing-in' || phase.reason === undefined || failures === 0) return [rest(session), effects];
  const waiting: Phase = { kind: 'waiting', reason: phase.reason, failures, nextTry: { until: now, notBefore: now } };
  return [{ ...rest(session), phase: waiting }, effects];
}

function onSignedIn(
  session: Session,
  event: Extract<SessionEvent, { type: 'signed-in' }>,
  context: SessionContext,
): SessionStep {
  const { phase } = session;
  const attempt = attemptOf(phase);
  if (attempt?.id !== event.attempt || attempt.step !== 'obtaining') return [session, []];
  const entering: Attempt = {
    ...attempt,
    step: 'entering',
    endsAt: after(context.now, Math.min(event.lifeMs, LONGEST_SECONDS * 1000)),
  };
  return [withAttempt(session, entering), []];
}

function withAttempt(session: Session, attempt: Attempt): Session {
  const { phase } = session;
  if (phase.kind !== 'signing-in' && phase.kind !== 'renewing') return session;
  return { ...session, phase: { ...phase, attempt } };
}

function onEntered(
  session: Session,
  event: Extract<SessionEvent, { type: 'entered' }>,
  context: SessionContext,
): SessionStep {
  const attempt = attemptOf(session.phase);
  if (attempt?.id !== event.attempt || attempt.endsAt === undefined) return [session, []];
  const { now, policy, fraction } = context;
  const lifeMs = Math.max(0, attempt.endsAt.monotonic - now.monotonic);
  const live: Live = {
    attempt: attempt.id,
    partition: attempt.partition,
    since: now,
    endsAt: attempt.endsAt,
    verified: event.verified,
  };
  const age = renewalAgeMs(lifeMs, fraction, policy.maxAgeMs);
  const at = after(now, Math.max(age, pacedFrom(session, policy) - now.monotonic));
  const next: Session = { ...session, phase: { kind: 'live', live, renewal: { at } }, held: attempt.partition };
  return [next, []];
}

function onLost(
  session: Session,
  event: Extract<SessionEvent, { type: 'lost' }>,
  context: SessionContext,
): SessionStep {
  const { phase } = session;
  if (phase.kind !== 'live' && phase.kind !== 'renewing') return [session, []];
  const { live } = phase;
  if (live.partition !== event.partition) return [session, []];
  // It had come to its end, as after sleep: that is no loss.
  if (hasCome(live.endsAt, context.now)) return onClock(session, context);
  if (phase.kind === 'renewing') {
    return [{ ...session, phase: { kind: 'signing-in', attempt: phase.attempt, reason: event.failure } }, []];
  }
  const { failed } = phase.renewal;
  if (failed === undefined && hasSettled(live, context)) {
    const over = { ...session, losses: 0 };
    return context.needed ? beginInTime(over, context) : [rest(over), []];
  }
  const losses = failed === undefined ? session.losses + 1 : session.losses;
  const wait = failed ?? { failures: losses, nextTry: waitAfter(losses, event.failure, context) };
  const next: Failed = { ...wait, reason: event.failure };
  // The last picture stays for a short wait: nothing better is there until the next try has been made.
  if (next.nextTry.until.monotonic - context.now.monotonic <= context.policy.keepPictureMs) {
    return [{ ...session, losses, phase: { kind: 'waiting', ...next } }, []];
  }
  return goDark({ ...session, losses }, next);
}

function onRenewSoon(session: Session, { now, policy }: SessionContext): SessionStep {
  const { phase } = session;
  // One that fails already is being tried again.
  if (phase.kind !== 'live' || phase.renewal.failed !== undefined) return [session, []];
  const at = after(now, Math.max(0, pacedFrom(session, policy) - now.monotonic));
  if (at.monotonic >= phase.renewal.at.monotonic) return [session, []];
  return [{ ...session, phase: { ...phase, renewal: { at } } }, []];
}

const hasSettled = ({ since }: Live, { now, policy }: SessionContext) =>
  now.monotonic - since.monotonic >= policy.settledMs;

function onNudge(session: Session, context: SessionContext): SessionStep {
  const { phase } = session;
  const { now } = context;
  if (phase.kind === 'signing-in' || phase.kind === 'renewing') {
    return [withAttempt(session, { ...phase.attempt, nudged: true }), []];
  }
  if (phase.kind === 'waiting') {
    const [next, nextTry] = hasten(session, phase.nextTry, context);
    if (nextTry === phase.nextTry) return [session, []];
    if (hasElapsed(nextTry.until, now)) return begin(next, phase.failures, context);
    return [{ ...next, phase: { ...phase, nextTry } }, []];
  }
  if (phase.kind === 'live' && phase.renewal.failed !== undefined && !isBlocked(session, context)) {
    const { failed } = phase.renewal;
    const [next, nextTry] = hasten(session, failed.nextTry, context);
    if (nextTry === failed.nextTry) return [session, []];
    if (hasElapsed(nextTry.until, now)) return begin(next, failed.failures, context);
    const renewal: Renewal = { ...phase.renewal, failed: { ...failed, nextTry } };
    return [{ ...next, phase: { ...phase, renewal } }, []];
  }
  return [session, []];
}

/** The breaker: brings a wait forward to the earliest that it may end, unless that has been done too often of late. */
function hasten(session: Session, wait: Wait, { now, policy }: SessionContext): readonly [Session, Wait] {
  const { most, ms } = policy.nudges;
  const recent = session.hastened.filter((at) => now.monotonic - at < ms);
  if (wait.until.monotonic <= wait.notBefore.monotonic || recent.length >= most) return [session, wait];
  return [
    { ...session, hastened: [...recent, now.monotonic] },
    { until: wait.notBefore, notBefore: wait.notBefore },
  ];
}

function waitAfter(failures: number, failure: Failure, { now, policy, fraction }: SessionContext): Wait {
  const ms = backoffMs(policy.backoff, failures, fraction, failure.retryAfterMs);
  return {
    until: after(now, ms),
    notBefore: after(now, Math.min(ms, Math.max(policy.backoff.firstMs, failure.retryAfterMs ?? 0))),
  };
}

function fail(before: Session, failure: Failure, context: SessionContext, byEntry = false): SessionStep {
  const { phase } = before;
  if (phase.kind !== 'signing-in' && phase.kind !== 'renewing') return [before, []];
  const { attempt } = phase;
  const failures = attempt.failures + 1;
  const unhastened = waitAfter(failures, failure, context);
  const [session, nextTry] = attempt.nudged ? hasten(before, unhastened, context) : [before, unhastened];
  const failed: Failed = { reason: failure, failures, nextTry, ...(byEntry ? { byEntry } : {}) };
  const abandon: SessionEffect = { type: 'abandon', attempt: attempt.id };
  if (phase.kind === 'renewing' && !hasCome(phase.live.endsAt, context.now)) {
    return [
      { ...session, phase: { kind: 'live', live: phase.live, renewal: { ...phase.renewal, failed } } },
      [abandon],
    ];
  }
  const [dark, effects] = goDark(session, failed);
  return [dark, [abandon, ...effects]];
}

function goDark(session: Session, failed: Failed): SessionStep {
  return [{ ...rest(session), phase: { kind: 'waiting', ...failed } }, [{ type: 'dark', reason: failed.reason }]];
}

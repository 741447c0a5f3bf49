/**
 * The state machine of one surface's alarms: when AWS is asked next, and whether the alarms have the surface.
 *
 *  due ─► asking ─► answered: ringing or not, next question after `everyMs`
 *   ▲       │ failed: the last answer holds, next question by backoff; after `keepMs` without an answer the surface is handed back
 *   └───────┘
 *
 * A takeover must not outlive what is known: a dashboard of an alarm that may be over for hours is stale information too. Nothing is
 * taken over on a failure, ever.
 */
import type { Failure } from '../errors.ts';
import { type BackoffPolicy, DEFAULT_BACKOFF, backoffMs } from '../renewal/backoff.ts';
import { type Instant, after, hasCome, hasElapsed } from '../renewal/deadline.ts';

export interface AlarmPolicy {
  /** From the beginning of one question to that of the next, in ms. */
  readonly everyMs: number;
  /** For questions that fail. `firstMs` is also the least time between two questions, however often something nudges. */
  readonly backoff: BackoffPolicy;
  /** How long an answer holds while later questions fail, in ms. */
  readonly keepMs: number;
  /** A question that has not ended after this long has failed, in ms. */
  readonly giveUpMs: number;
}

/** An answer holds for five minutes, or for three questions where they are rarer. */
export function alarmPolicy(everyMs: number): AlarmPolicy {
  return { everyMs, backoff: DEFAULT_BACKOFF, keepMs: Math.max(300_000, 3 * everyMs), giveUpMs: 60_000 };
}

interface Question {
  readonly id: number;
  readonly askedAt: Instant;
  readonly giveUpAt: Instant;
  /** Something happened meanwhile: what it says may be of before, so the next one comes soon. */
  readonly nudged?: true;
}

export interface AlarmState {
  /** Questions asked so far; the newest one's id. */
  readonly questions: number;
  /** The one under way. */
  readonly question?: Question;
  /** When the next one is due, and the earliest that a nudge may bring it forward to; neither before the first. */
  readonly next?: { readonly until: Instant; readonly notBefore: Instant };
  /** Whether the alarms have the surface. */
  readonly ringing: boolean;
  readonly answeredAt?: Instant;
  /** Questions that failed in a row, and what the last one came to. */
  readonly failures: number;
  readonly failure?: Failure;
}

export const UNASKED: AlarmState = { questions: 0, ringing: false, failures: 0 };

export type AlarmEvent =
  /** Looked at the clock: at the start, on deadlines, every 30 s. */
  | { readonly type: 'clock' }
  /** The machine woke, the network or the session is back. */
  | { readonly type: 'nudge' }
  | { readonly type: 'answered'; readonly question: number; readonly ringing: boolean }
  | { readonly type: 'failed'; readonly question: number; readonly failure: Failure };

export type AlarmEffect =
  | { readonly type: 'ask'; readonly question: number }
  /** The alarms take the surface, or hand it back; `unanswered`: because nothing is known any more. */
  | { readonly type: 'ringing'; readonly ringing: boolean; readonly unanswered: boolean };

export interface AlarmContext {
  readonly now: Instant;
  /** Uniform in [0, 1). */
  readonly fraction: number;
  readonly policy: AlarmPolicy;
}

export type AlarmStep = readonly [AlarmState, readonly AlarmEffect[]];

/** One step. What a question comes to after it was given up changes nothing. */
export function reduceAlarms(state: AlarmState, event: AlarmEvent, context: AlarmContext): AlarmStep {
  switch (event.type) {
    case 'clock':
      return onClock(state, context);
    case 'nudge':
      return onNudge(state, context);
    case 'answered':
      return state.question?.id === event.question ? onAnswered(state, event.ringing, context) : [state, []];
    case 'failed':
      return state.question?.id === event.question ? onFailed(state, event.failure, context) : [state, []];
  }
}

/** When the state wants to look at the clock next. */
export function alarmDeadlines(state: AlarmState, policy: AlarmPolicy): readonly Instant[] {
  const { question, next } = state;
  const due = question === undefined ? (next === undefined ? [] : [next.until]) : [question.giveUpAt];
  const over = keptUntil(state, policy);
  return over === undefined ? due : [...due, over];
}

/** Until when an answer that could not be renewed holds; undefined while there is nothing to hand back. */
function keptUntil({ ringing, failures, answeredAt }: AlarmState, { keepMs }: AlarmPolicy): Instant | undefined {
  return ringing && failures > 0 && answeredAt !== undefined ? after(answeredAt, keepMs) : undefined;
}

function ask(state: AlarmState, { now, policy }: AlarmContext): AlarmStep {
  const id = state.questions + 1;
  const question: Question = { id, askedAt: now, giveUpAt: after(now, policy.giveUpMs) };
  return [{ ...state, questions: id, question }, [{ type: 'ask', question: id }]];
}

function onClock(state: AlarmState, context: AlarmContext): AlarmStep {
  const { now, policy } = context;
  const { question, next } = state;
  if (question !== undefined && hasElapsed(question.giveUpAt, now)) {
    const sentence = `AWS was asked for the alarms and did not answer within ${Math.round(policy.giveUpMs / 1000)} seconds. It is asked again.`;
    return onFailed(state, { code: 'ALARMS_UNAVAILABLE', sentence }, context);
  }
  const [kept, effects] = handBack(state, context);
  if (question !== undefined || (next !== undefined && !hasElapsed(next.until, now))) return [kept, effects];
  const [asking, asked] = ask(kept, context);
  return [asking, [...effects, ...asked]];
}

/** Ends a takeover that nothing has confirmed for too long, by either clock: a machine that slept knows nothing. */
function handBack(state: AlarmState, { now, policy }: AlarmContext): AlarmStep {
  const over = keptUntil(state, policy);
  if (over === undefined || !hasCome(over, now)) return [state, []];
  return [{ ...state, ringing: false }, [{ type: 'ringing', ringing: false, unanswered: true }]];
}

function onNudge(state: AlarmState, context: AlarmContext): AlarmStep {
  const { question, next } = state;
  if (question !== undefined) return [{ ...state, question: { ...question, nudged: true } }, []];
  if (next === undefined || hasElapsed(next.notBefore, context.now)) return ask(state, context);
  return [{ ...state, next: { ...next, until: next.notBefore } }, []];
}

function onAnswered(state: AlarmState, ringing: boolean, { now, policy }: AlarmContext): AlarmStep {
  const { question, questions } = state;
  const from = question?.askedAt ?? now;
  const notBefore = after(now, policy.backoff.firstMs);
  const regular = after(from, policy.everyMs);
  const until = question?.nudged === true || regular.monotonic < now.monotonic ? notBefore : regular;
  const next: AlarmState = { questions, next: { until, notBefore }, ringing, answeredAt: now, failures: 0 };
  return [next, ringing === state.ringing ? [] : [{ type: 'ringing', ringing, unanswered: false }]];
}

function onFailed(state: AlarmState, failure: Failure, context: AlarmContext): AlarmStep {
  const { now, policy, fraction } = context;
  const { question, ...rest } = state;
  const failures = state.failures + 1;
  const waitMs = backoffMs(policy.backoff, failures, fraction, failure.retryAfterMs);
  // A server's own wish holds against nudges.
  const notBeforeMs = Math.min(waitMs, Math.max(policy.backoff.firstMs, failure.retryAfterMs ?? 0));
  const notBefore = after(now, notBeforeMs);
  const until = question?.nudged === true ? notBefore : after(now, waitMs);
  return handBack({ ...rest, next: { until, notBefore }, failures, failure }, context);
}

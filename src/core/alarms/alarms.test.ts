import { describe, expect, it } from 'vitest';
import type { Failure } from '../errors.ts';
import { after, type Instant } from '../renewal/deadline.ts';
import {
  type AlarmEffect,
  type AlarmEvent,
  type AlarmState,
  UNASKED,
  alarmDeadlines,
  alarmPolicy,
  reduceAlarms,
} from './alarms.ts';

const POLICY = alarmPolicy(60_000);
const FAILURE: Failure = { code: 'ALARMS_UNAVAILABLE', sentence: 'It does not work.' };

/** One watch on a clock that is moved by hand. */
class Watch {
  now: Instant = { wall: 1_000_000_000, monotonic: 0 };
  state: AlarmState = UNASKED;
  effects: AlarmEffect[] = [];

  tell(event: AlarmEvent): readonly AlarmEffect[] {
    const [state, effects] = reduceAlarms(this.state, event, { now: this.now, fraction: 0.999, policy: POLICY });
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  /** Lets time pass and looks at the clock. */
  wait(ms: number): readonly AlarmEffect[] {
    this.now = after(this.now, ms);
    return this.tell({ type: 'clock' });
  }

  answer(ringing: boolean): readonly AlarmEffect[] {
    return this.tell({ type: 'answered', question: this.state.questions, ringing });
  }

  fail(failure = FAILURE): readonly AlarmEffect[] {
    return this.tell({ type: 'failed', question: this.state.questions, failure });
  }
}

function started(): Watch {
  const watch = new Watch();
  watch.wait(0);
  return watch;
}

const ask = (question: number): AlarmEffect => ({ type: 'ask', question });
const TAKEN: AlarmEffect = { type: 'ringing', ringing: true, unanswered: false };
const OVER: AlarmEffect = { type: 'ringing', ringing: false, unanswered: false };
const UNKNOWN: AlarmEffect = { type: 'ringing', ringing: false, unanswered: true };

describe('questions', () => {
  it('begin at once and come at even times, however long the answers take', () => {
    const watch = started();
    expect(watch.effects).toEqual([ask(1)]);
    watch.now = after(watch.now, 7_000);
    watch.answer(false);
    expect(watch.wait(52_999)).toEqual([]);
    expect(watch.wait(1)).toEqual([ask(2)]);
  });

  it('are never two at a time', () => {
    const watch = started();
    expect(watch.wait(10_000)).toEqual([]);
    expect(watch.tell({ type: 'nudge' })).toEqual([]);
    expect(watch.state.questions).toBe(1);
  });

  it('come after a pause when an answer took longer than the time between them', () => {
    const watch = started();
    const policy = { ...POLICY, giveUpMs: 600_000 };
    watch.now = after(watch.now, 200_000);
    const context = { now: watch.now, fraction: 0, policy };
    const [state] = reduceAlarms(watch.state, { type: 'answered', question: 1, ringing: false }, context);
    expect(state.next?.until).toEqual(after(watch.now, 5_000));
  });

  it('that fail are repeated by backoff', () => {
    const watch = started();
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      watch.fail();
      const waitMs = (watch.state.next?.until.monotonic ?? NaN) - watch.now.monotonic;
      waits.push(Math.round(waitMs / 1000));
      expect(watch.wait(waitMs - 1)).toEqual([]);
      expect(watch.wait(1)).toHaveLength(1);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
    watch.answer(false);
    expect(watch.state).toMatchObject({ failures: 0 });
    expect(watch.state.failure).toBeUndefined();
    expect(watch.wait(60_000)).toHaveLength(1);
  });

  it('that never end are given up, and what they come to then is not heard', () => {
    const watch = started();
    expect(watch.wait(59_999)).toEqual([]);
    expect(alarmDeadlines(watch.state, POLICY)).toEqual([after(watch.now, 1)]);
    watch.wait(1);
    expect(watch.state).toMatchObject({ failures: 1, failure: { code: 'ALARMS_UNAVAILABLE' } });
    expect(watch.tell({ type: 'answered', question: 1, ringing: true })).toEqual([]);
    expect(watch.state.ringing).toBe(false);
    watch.wait(5_000);
    expect(watch.tell({ type: 'failed', question: 1, failure: FAILURE })).toEqual([]);
    expect(watch.state.question?.id).toBe(2);
  });

  it.each([-86_400_000, 86_400_000])('keep their pace when the clock is set by %i ms', (ms) => {
    const watch = started();
    watch.answer(false);
    watch.now = { ...watch.now, wall: watch.now.wall + ms };
    expect(watch.wait(59_999)).toEqual([]);
    expect(watch.wait(1)).toEqual([ask(2)]);
  });
});

describe('a nudge', () => {
  it('brings the next question, and not more than one in five seconds', () => {
    const watch = started();
    watch.answer(false);
    expect(watch.tell({ type: 'nudge' })).toEqual([]);
    expect(watch.wait(4_999)).toEqual([]);
    expect(watch.wait(1)).toEqual([ask(2)]);
    watch.answer(false);
    watch.now = after(watch.now, 30_000);
    expect(watch.tell({ type: 'nudge' })).toEqual([ask(3)]);
    const begun = watch.state.questions;
    for (let second = 0; second < 60; second++) {
      watch.wait(1_000);
      if (watch.state.question !== undefined) watch.answer(false);
      watch.tell({ type: 'nudge' });
    }
    expect(watch.state.questions - begun).toBeLessThanOrEqual(12);
  });

  it('ends the wait after failures', () => {
    const watch = started();
    for (let i = 0; i < 8; i++) {
      watch.fail();
      watch.wait(300_000);
    }
    watch.fail();
    watch.now = after(watch.now, 6_000);
    expect(watch.tell({ type: 'nudge' })).toHaveLength(1);
  });

  it('during a question brings another one soon after it, whatever it came to', () => {
    for (const end of ['answer', 'fail'] as const) {
      const watch = started();
      for (let i = 0; i < 6; i++) {
        watch.fail();
        watch.wait(300_000);
      }
      watch.tell({ type: 'nudge' });
      if (end === 'answer') watch.answer(true);
      else watch.fail();
      expect(watch.wait(5_000)).toEqual([ask(8)]);
    }
  });

  it("does not break a server's wish to be left alone", () => {
    const watch = started();
    watch.fail({ ...FAILURE, retryAfterMs: 90_000 });
    watch.tell({ type: 'nudge' });
    expect(watch.wait(89_000)).toEqual([]);
    expect(watch.wait(1_000)).toEqual([ask(2)]);
  });

  it('before the first look asks once', () => {
    const watch = new Watch();
    expect(watch.tell({ type: 'nudge' })).toEqual([ask(1)]);
    expect(watch.wait(0)).toEqual([]);
  });
});

describe('the takeover', () => {
  it('begins and ends with the answers, and is told once', () => {
    const watch = started();
    expect(watch.answer(true)).toEqual([TAKEN]);
    watch.wait(60_000);
    expect(watch.answer(true)).toEqual([]);
    watch.wait(60_000);
    expect(watch.answer(false)).toEqual([OVER]);
    watch.wait(60_000);
    expect(watch.answer(false)).toEqual([]);
  });

  it('never begins by a failure', () => {
    const watch = started();
    for (let i = 0; i < 20; i++) {
      watch.fail();
      watch.wait(300_000);
    }
    expect(watch.effects.filter(({ type }) => type === 'ringing')).toEqual([]);
  });

  it('holds for five minutes while questions fail, then the surface is handed back once', () => {
    const watch = started();
    watch.answer(true);
    watch.wait(60_000);
    watch.fail();
    while (watch.now.monotonic < 299_000) {
      watch.wait(1_000);
      expect(watch.state.ringing).toBe(true);
      if (watch.state.question !== undefined) watch.fail();
    }
    const told = watch.effects.length;
    watch.wait(1_000);
    watch.wait(1_000);
    expect(watch.effects.slice(told).filter(({ type }) => type === 'ringing')).toEqual([UNKNOWN]);
  });

  it('wakes the watch when it is to be handed back', () => {
    const watch = started();
    watch.answer(true);
    const over = after(watch.now, POLICY.keepMs);
    expect(alarmDeadlines(watch.state, POLICY)).not.toContainEqual(over);
    watch.wait(60_000);
    watch.fail();
    expect(alarmDeadlines(watch.state, POLICY)).toContainEqual(over);
  });

  it('holds for three questions where they are rare', () => {
    expect(alarmPolicy(600_000).keepMs).toBe(1_800_000);
  });

  it('comes back when AWS answers again', () => {
    const watch = started();
    watch.answer(true);
    watch.wait(60_000);
    watch.fail();
    expect(watch.wait(300_000)).toContainEqual(UNKNOWN);
    expect(watch.answer(true)).toEqual([TAKEN]);
  });

  it('outlasts a sleep until a question has failed', () => {
    const watch = started();
    watch.answer(true);
    // The monotonic clock stands still while the machine sleeps.
    watch.now = { ...watch.now, wall: watch.now.wall + 8 * 3_600_000 };
    watch.now = after(watch.now, 6_000);
    expect(watch.tell({ type: 'nudge' })).toEqual([ask(2)]);
    expect(watch.wait(0)).toEqual([]);
    expect(watch.fail()).toEqual([UNKNOWN]);
  });

  it('is handed back in time although the clock was set back', () => {
    const watch = started();
    watch.answer(true);
    watch.wait(60_000);
    watch.fail();
    watch.now = { ...watch.now, wall: watch.now.wall - 86_400_000 };
    expect(watch.wait(240_000)).toContainEqual(UNKNOWN);
  });
});

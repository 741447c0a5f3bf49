import { describe, expect, it } from 'vitest';
import type { Failure } from '../errors.ts';
import type { Instant } from '../renewal/deadline.ts';
import { reduceSession, sessionDeadlines } from './session.ts';
import {
  DEFAULT_PACE,
  IDLE_SESSION,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type Partition,
  type SessionPolicy,
} from './state.ts';

const HOUR = 3_600_000;
const policy: SessionPolicy = {
  backoff: { firstMs: 5_000, longestMs: 300_000 },
  attemptMs: 120_000,
  settledMs: 60_000,
  keepPictureMs: 60_000,
  nudges: { most: 3, ms: 3_600_000 },
  pace: DEFAULT_PACE,
};
const refused: Failure = { code: 'SERVER_REFUSED', sentence: 'The server refused.' };
const signedOut: Failure = { code: 'CONSOLE_SIGNED_OUT', sentence: 'The session ended.' };

/** A session with a clock to turn. */
class Bench {
  session: Session = IDLE_SESSION;
  now: Instant = { wall: 1_700_000_000_000, monotonic: 1_000 };
  fraction = 0.5;
  policy = policy;
  needed = true;
  occupied: readonly Partition[] = [];

  tell(event: SessionEvent): readonly SessionEffect[] {
    const [next, effects] = reduceSession(this.session, event, {
      now: this.now,
      fraction: this.fraction,
      policy: this.policy,
      needed: this.needed,
      occupied: this.occupied,
    });
    this.session = next;
    return effects;
  }

  pass(ms: number): readonly SessionEffect[] {
    this.now = { wall: this.now.wall + ms, monotonic: this.now.monotonic + ms };
    return this.tell({ type: 'clock' });
  }

  /** Start to live, with a session of an hour. */
  goLive(): void {
    this.tell({ type: 'start' });
    this.signIn();
  }

  signIn(lifeMs = HOUR): void {
    const attempt = this.session.attempts;
    this.tell({ type: 'signed-in', attempt, lifeMs });
    this.tell({ type: 'entered', attempt, verified: true });
  }

  get kind(): string {
    return this.session.phase.kind;
  }
}

const types = (effects: readonly SessionEffect[]) => effects.map(({ type }) => type);

describe('a session', () => {
  it('signs in, enters and goes live', () => {
    const bench = new Bench();
    expect(bench.tell({ type: 'start' })).toEqual([{ type: 'sign-in', attempt: 1, partition: 'a' }]);
    bench.tell({ type: 'signed-in', attempt: 1, lifeMs: HOUR });
    expect(bench.session.phase).toMatchObject({ attempt: { step: 'entering', partition: 'a' } });
    expect(bench.tell({ type: 'entered', attempt: 1, verified: true })).toEqual([]);
    expect(bench.kind).toBe('live');
  });

  it('renews between half and 60 % of its life, in the other partition, and then lets the old one go', () => {
    const bench = new Bench();
    bench.goLive();
    expect(bench.pass(HOUR * 0.5)).toEqual([]);
    expect(bench.pass(HOUR * 0.06)).toEqual([{ type: 'sign-in', attempt: 2, partition: 'b' }]);
    expect(bench.kind).toBe('renewing');
    bench.tell({ type: 'signed-in', attempt: 2, lifeMs: HOUR });
    expect(bench.session.phase).toMatchObject({ attempt: { step: 'entering', partition: 'b' } });
    bench.tell({ type: 'entered', attempt: 2, verified: false });
    expect(bench.session).toMatchObject({ held: 'b', phase: { kind: 'live', live: { partition: 'b', attempt: 2 } } });
    expect(bench.session.phase).toMatchObject({ kind: 'live', live: { partition: 'b', verified: false } });
  });

  it('renews at the configured age where that is earlier', () => {
    const bench = new Bench();
    bench.policy = { ...policy, maxAgeMs: 60_000 };
    bench.goLive();
    expect(types(bench.pass(59_999))).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('stays live when a renewal fails, and tries again by backoff', () => {
    const bench = new Bench();
    bench.goLive();
    bench.pass(HOUR * 0.56);
    expect(types(bench.tell({ type: 'sign-in-failed', attempt: 2, failure: refused }))).toEqual(['abandon']);
    expect(bench.kind).toBe('live');
    expect(types(bench.pass(2_499))).toEqual([]);
    expect(types(bench.pass(1_251))).toEqual(['sign-in']);
    bench.tell({ type: 'sign-in-failed', attempt: 3, failure: refused });
    expect(types(bench.pass(5_000))).toEqual([]);
    expect(types(bench.pass(2_500))).toEqual(['sign-in']);
  });

  it('waits longer with each failure, up to the longest wait, and goes on for ever', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    const waits: number[] = [];
    for (let n = 1; n <= 20; n += 1) {
      bench.tell({ type: 'sign-in-failed', attempt: n, failure: refused });
      const [deadline] = sessionDeadlines(bench.session, bench);
      waits.push((deadline?.monotonic ?? NaN) - bench.now.monotonic);
      bench.pass(waits.at(-1) ?? 0);
      expect(bench.kind).toBe('signing-in');
    }
    expect(waits.slice(0, 3)).toEqual([3_750, 7_500, 15_000]);
    expect(Math.max(...waits)).toBe(225_000);
  });

  it('goes dark and lets the partition go when the session is over and renewal still fails', () => {
    const bench = new Bench();
    bench.goLive();
    bench.pass(HOUR * 0.56);
    bench.tell({ type: 'sign-in-failed', attempt: 2, failure: { ...refused, retryAfterMs: HOUR } });
    const effects = bench.pass(HOUR * 0.44);
    expect(effects).toEqual([{ type: 'dark', reason: expect.objectContaining({ code: 'SERVER_REFUSED' }) as unknown }]);
    expect(bench.kind).toBe('waiting');
  });

  it('keeps the picture while a renewal that began in time outlasts the session', () => {
    const bench = new Bench();
    bench.goLive();
    bench.pass(HOUR * 0.56);
    bench.policy = { ...policy, attemptMs: 10 * HOUR };
    bench.tell({ type: 'sign-in-failed', attempt: 2, failure: refused });
    bench.pass(10_000);
    expect(bench.kind).toBe('renewing');
    expect(bench.pass(HOUR)).toEqual([]);
    expect(bench.kind).toBe('signing-in');
    bench.tell({ type: 'signed-in', attempt: 3, lifeMs: HOUR });
    bench.tell({ type: 'entered', attempt: 3, verified: true });
    expect(bench.session).toMatchObject({ held: 'b', phase: { kind: 'live', live: { partition: 'b', attempt: 3 } } });
  });

  it('signs in again at once when a settled session is lost, and keeps the last picture meanwhile', () => {
    const bench = new Bench();
    bench.goLive();
    bench.pass(120_000);
    expect(bench.tell({ type: 'lost', partition: 'a', failure: signedOut })).toEqual([
      { type: 'sign-in', attempt: 2, partition: 'b' },
    ]);
    bench.tell({ type: 'signed-in', attempt: 2, lifeMs: HOUR });
    expect(bench.session.phase).toMatchObject({ attempt: { step: 'entering', partition: 'b' } });
  });

  it('waits a backoff step when a session is lost as soon as it is live, longer each time, and keeps the picture', () => {
    const bench = new Bench();
    bench.goLive();
    const waits: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const partition = bench.session.held ?? 'a';
      expect(bench.tell({ type: 'lost', partition, failure: signedOut })).toEqual([]);
      expect(bench.session.held).toBe(partition);
      const [deadline] = sessionDeadlines(bench.session, bench);
      waits.push((deadline?.monotonic ?? NaN) - bench.now.monotonic);
      bench.pass(waits.at(-1) ?? 0);
      bench.signIn();
    }
    expect(waits).toEqual([3_750, 7_500, 15_000, 30_000]);
  });

  it('keeps to its backoff when a session is lost whose renewals fail, and shows no old picture for long', () => {
    const bench = new Bench();
    bench.goLive();
    bench.pass(HOUR * 0.56);
    bench.tell({ type: 'sign-in-failed', attempt: 2, failure: { ...refused, retryAfterMs: 600_000 } });
    expect(types(bench.tell({ type: 'lost', partition: 'a', failure: signedOut }))).toEqual(['dark']);
    expect(types(bench.pass(599_999))).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('takes the picture of a lost session down when the try after it fails', () => {
    const bench = new Bench();
    bench.goLive();
    bench.tell({ type: 'lost', partition: 'a', failure: signedOut });
    bench.pass(5_000);
    expect(types(bench.tell({ type: 'sign-in-failed', attempt: 2, failure: refused }))).toEqual(['abandon', 'dark']);
    expect(bench.session.held).toBeUndefined();
  });

  it('takes the loss of another partition for none', () => {
    const bench = new Bench();
    bench.goLive();
    expect(bench.tell({ type: 'lost', partition: 'b', failure: signedOut })).toEqual([]);
    expect(bench.kind).toBe('live');
  });

  it('gives up an attempt that never ends, and ignores its late results', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    expect(types(bench.pass(120_000))).toEqual(['abandon', 'dark']);
    expect(bench.tell({ type: 'signed-in', attempt: 1, lifeMs: HOUR })).toEqual([]);
    bench.pass(5_000);
    expect(bench.tell({ type: 'sign-in-failed', attempt: 1, failure: refused })).toEqual([]);
    expect(bench.kind).toBe('signing-in');
  });

  it('renews at once after the machine slept past the session, though the monotonic clock stood still', () => {
    const bench = new Bench();
    bench.goLive();
    bench.now = { wall: bench.now.wall + 12 * HOUR, monotonic: bench.now.monotonic + 5 };
    expect(types(bench.tell({ type: 'clock' }))).toEqual(['sign-in']);
  });

  it('renews in time although the clock was set back by a year', () => {
    const bench = new Bench();
    bench.goLive();
    bench.now = { wall: bench.now.wall - 365 * 24 * HOUR, monotonic: bench.now.monotonic + HOUR * 0.56 };
    expect(types(bench.tell({ type: 'clock' }))).toEqual(['sign-in']);
  });

  it('does not let a clock set forward hasten a wait', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    bench.tell({ type: 'sign-in-failed', attempt: 1, failure: refused });
    bench.now = { wall: bench.now.wall + 24 * HOUR, monotonic: bench.now.monotonic + 10 };
    expect(bench.tell({ type: 'clock' })).toEqual([]);
  });

  it('comes at once on a nudge after a long wait, but never within the first step', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    for (let n = 1; n <= 6; n += 1) {
      bench.tell({ type: 'sign-in-failed', attempt: n, failure: refused });
      if (n < 6) bench.pass(300_000);
    }
    bench.pass(1_000);
    expect(bench.tell({ type: 'nudge' })).toEqual([]);
    expect(types(bench.pass(3_999))).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('lets a nudge that comes while a try is under way hasten the one after it', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    for (let n = 1; n <= 8; n += 1) {
      if (n === 8) expect(bench.tell({ type: 'nudge' })).toEqual([]);
      bench.tell({ type: 'sign-in-failed', attempt: n, failure: refused });
      if (n < 8) bench.pass(300_000);
    }
    expect(types(bench.pass(4_999))).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('heeds no more nudges than its breaker allows', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    for (let n = 1; n <= 10; n += 1) {
      bench.tell({ type: 'sign-in-failed', attempt: n, failure: refused });
      if (n < 10) bench.pass(300_000);
    }
    let begun = 0;
    for (let n = 0; n < 20; n += 1) {
      bench.tell({ type: 'nudge' });
      begun += bench.pass(5_000).filter(({ type }) => type === 'sign-in').length;
      bench.tell({ type: 'sign-in-failed', attempt: bench.session.attempts, failure: refused });
    }
    expect(begun).toBeLessThanOrEqual(4);
  });

  it('takes no session to last longer than AWS lets one', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    bench.signIn(365 * 24 * HOUR);
    expect(types(bench.pass(12 * HOUR * 0.6))).toEqual(['sign-in']);
  });

  it("keeps a server's wish to be left alone, whatever nudges it", () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    bench.tell({ type: 'sign-in-failed', attempt: 1, failure: { ...refused, retryAfterMs: 60_000 } });
    bench.pass(30_000);
    expect(bench.tell({ type: 'nudge' })).toEqual([]);
    expect(types(bench.pass(29_999))).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('renews on demand, one at a time', () => {
    const bench = new Bench();
    bench.goLive();
    expect(types(bench.tell({ type: 'renew-now' }))).toEqual(['sign-in']);
    expect(bench.tell({ type: 'renew-now' })).toEqual([]);
  });

  it('makes no storm of sessions that live for a minute', () => {
    const bench = new Bench();
    bench.policy = { ...policy, settledMs: 600_000 };
    bench.tell({ type: 'start' });
    let begun = 1;
    let longestDark = 0;
    let dark = 0;
    for (let second = 0; second < 24 * 3_600; second += 1) {
      if (bench.session.phase.kind === 'signing-in' || bench.session.phase.kind === 'renewing') bench.signIn(60_000);
      begun += bench.pass(1_000).filter(({ type }) => type === 'sign-in').length;
      dark = bench.session.phase.kind === 'waiting' ? dark + 1 : 0;
      longestDark = Math.max(longestDark, dark);
    }
    expect(begun).toBeLessThanOrEqual(20 + (24 * HOUR) / 90_000);
    // Each stands for as long as it was granted.
    expect(longestDark).toBeLessThanOrEqual(31);
  });

  it('lets a nudge bring forward what only its pace holds back', () => {
    const bench = new Bench();
    bench.policy = { ...policy, settledMs: 600_000 };
    bench.tell({ type: 'start' });
    for (let seconds = 0; bench.session.phase.kind !== 'waiting'; seconds += 1) {
      if (bench.session.phase.kind === 'signing-in' || bench.session.phase.kind === 'renewing') bench.signIn(60_000);
      bench.pass(1_000);
    }
    expect(types(bench.tell({ type: 'nudge' }))).toEqual([]);
    expect(types(bench.pass(5_000))).toEqual(['sign-in']);
  });

  it('does not forget what failed when nobody needs it for a while', () => {
    const bench = new Bench();
    bench.tell({ type: 'start' });
    for (let n = 1; n <= 8; n += 1) {
      bench.tell({ type: 'sign-in-failed', attempt: n, failure: refused });
      bench.pass(300_000);
    }
    bench.needed = false;
    expect(types(bench.pass(120_000))).toEqual(['abandon']);
    expect(types(bench.pass(HOUR))).toEqual([]);
    bench.needed = true;
    expect(types(bench.pass(1))).toEqual(['sign-in']);
    bench.tell({ type: 'sign-in-failed', attempt: bench.session.attempts, failure: refused });
    expect(types(bench.pass(149_999))).toEqual([]);
  });

  it('counts quick losses anew after a session that lived to its end', () => {
    const bench = new Bench();
    bench.goLive();
    for (let losses = 1; losses <= 5; losses += 1) {
      bench.tell({ type: 'lost', partition: bench.session.held ?? 'a', failure: signedOut });
      bench.pass(300_000);
      bench.signIn(2 * 60_000);
    }
    expect(bench.session.losses).toBe(5);
    bench.occupied = ['a', 'b', 'c'];
    bench.pass(2 * 60_000);
    expect(bench.session.losses).toBe(0);
  });

  it('takes no session for lost whose life is over', () => {
    const bench = new Bench();
    bench.goLive();
    // It slept, and the page tells before anybody has looked at the clock.
    bench.now = { wall: bench.now.wall + 2 * HOUR, monotonic: bench.now.monotonic + 1_000 };
    expect(types(bench.tell({ type: 'lost', partition: 'a', failure: signedOut }))).toEqual(['sign-in']);
    expect(bench.session.losses).toBe(0);
  });

  it('renews a few times at once where it is told to, then by its pace', () => {
    const bench = new Bench();
    bench.policy = { ...policy, maxAgeMs: 10_000 };
    bench.goLive();
    const ages: number[] = [];
    for (let second = 1; ages.length < 40; second += 1) {
      if (bench.pass(1_000).some(({ type }) => type === 'sign-in')) {
        ages.push(second);
        bench.signIn();
      }
    }
    const gaps = ages.map((age, at) => age - (ages[at - 1] ?? 0));
    expect(gaps.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 10));
    expect(gaps.slice(-10)).toEqual(Array.from({ length: 10 }, () => 90));
  });

  it('renews for stale data as soon as its pace allows', () => {
    const bench = new Bench();
    bench.goLive();
    expect(types([...bench.tell({ type: 'renew-soon' }), ...bench.pass(0)])).toEqual(['sign-in']);
    for (let renewals = 0; renewals < 18; renewals += 1) {
      bench.signIn();
      expect(types([...bench.tell({ type: 'renew-soon' }), ...bench.pass(0)])).toEqual(['sign-in']);
    }
    bench.signIn();
    expect(types([...bench.tell({ type: 'renew-soon' }), ...bench.pass(89_999)])).toEqual([]);
    expect(types(bench.pass(1))).toEqual(['sign-in']);
  });

  it('takes the third partition where a good picture stands in the second', () => {
    const bench = new Bench();
    bench.goLive();
    bench.occupied = ['b'];
    expect(bench.pass(0.56 * HOUR)).toMatchObject([{ type: 'sign-in', partition: 'c' }]);
  });

  it('waits no longer for the place of the next than half of the time that is left', () => {
    const bench = new Bench();
    bench.goLive();
    bench.occupied = ['b', 'c'];
    expect(types(bench.pass(0.77 * HOUR))).toEqual([]);
    expect(bench.pass(0.01 * HOUR)).toMatchObject([{ type: 'sign-in', partition: 'b' }]);
  });
});

/**
 * The simulated wall: the product's own state machines, their effects performed as src/main/wall/wall.ts performs them, on simulated
 * time. One session on one surface, as there.
 */
import type { Failure } from '../core/errors.ts';
import type { Instant } from '../core/renewal/deadline.ts';
import { reduceSession, sessionDeadlines } from '../core/session/session.ts';
import {
  IDLE_SESSION,
  type Partition,
  type Session,
  type SessionContext,
  type SessionEffect,
  type SessionEvent,
} from '../core/session/state.ts';
import { noticeOf } from '../core/surface/notice.ts';
import { type SurfaceEffect, type SurfaceEvent, type SurfaceState, reduceSurface } from '../core/surface/surface.ts';
import type { Chance } from './chance.ts';
import type { Oracle } from './oracle.ts';
import { Partitions } from './partitions.ts';
import { LINGER_MS, LONGEST_RETRY_AFTER_MS, POLICY, RECHECK_MS } from './policy.ts';
import type { Ticket } from './ticket.ts';
import { Gate, type Happening, type Timeline } from './timeline.ts';
import { SimulatedView } from './view.ts';

/** What a sign-in brings: a login, and how long the session will last from now, in ms. */
export interface SignedIn {
  readonly ticket: Ticket;
  readonly lifeMs: number;
}

/** What the world does for a wall. */
export interface Services {
  signIn(done: (result: SignedIn | Failure) => void): void;
  /** Loads the login URL in a view, and from then on does to its page what happens to pages. */
  enter(view: SimulatedView, ticket: Ticket): void;
  /** How long a view's renderer takes to start, in ms. */
  makingMs(): number;
}

interface Warm {
  readonly made: Gate;
  view: SimulatedView | undefined;
}

const NETWORK_SERVICE_GONE: Failure = { code: 'CONSOLE_SIGNED_OUT', sentence: 'The network service ended.' };
const LONGEST_TIMER_MS = 2_000_000_000;

export class Wall {
  readonly partitions: Partitions;
  readonly #timeline: Timeline;
  readonly #oracle: Oracle;
  readonly #services: Services;
  readonly #context: SessionContext;
  readonly #takesEveryLook: boolean;
  readonly #views = new Map<number, SimulatedView>();
  readonly #warm = new Map<number, Warm>();
  readonly #lingering = new Set<SimulatedView>();
  readonly #leaving: Partial<Record<Partition, Gate>> = {};
  readonly #tickets = new Map<number, Ticket>();
  #session: Session = IDLE_SESSION;
  #surface: SurfaceState = { kind: 'notice' };
  #onTop: SimulatedView | undefined;
  #timer: Happening | undefined;
  #recheck: Happening | undefined;
  #seenPhase: Session['phase'] | undefined;
  #byOperator = false;

  /** @param takesEveryLook whether looks that cannot see anything new are taken all the same */
  constructor(timeline: Timeline, chance: Chance, oracle: Oracle, services: Services, takesEveryLook = false) {
    this.#takesEveryLook = takesEveryLook;
    this.#timeline = timeline;
    this.#oracle = oracle;
    this.#services = services;
    this.partitions = new Partitions(timeline, chance, oracle);
    this.#context = {
      get now() {
        return timeline.instant();
      },
      get fraction() {
        return chance.fraction();
      },
      policy: POLICY,
    };
  }

  /** Views that are not closed, those still without a page among them. */
  get views(): readonly SimulatedView[] {
    const warm = [...this.#warm.values()].flatMap(({ view }) => (view === undefined ? [] : [view]));
    return [...this.#views.values(), ...warm];
  }

  start(): void {
    this.#tell({ type: 'start' });
  }

  nudge(): void {
    this.#tell({ type: 'clock' });
    this.#oracle.nudged();
    this.#tell({ type: 'nudge' });
  }

  networkServiceGone(): void {
    this.partitions.forsake();
    const { held } = this.#session;
    if (held !== undefined) this.#lost(held, NETWORK_SERVICE_GONE);
  }

  renewNow(): void {
    this.#byOperator = true;
    this.#tell({ type: 'renew-now' });
    this.#byOperator = false;
  }

  /** After sleep or a change of the clock the next look may see what no timer was set for. */
  clocksMoved(): void {
    this.#planRecheck('next');
  }

  #tell(event: SessionEvent): void {
    const before = this.#session;
    const [next, effects] = reduceSession(before, event, this.#context);
    this.#session = next;
    if ('attempt' in event && event.attempt !== this.#oracle.inFlight && next !== before) {
      this.#oracle.break('what comes late changes nothing', `${event.type} of attempt ${event.attempt}`);
    }
    if (next !== before || effects.length > 0) {
      this.#oracle.write(() => `session ${event.type}: ${before.phase.kind} -> ${next.phase.kind} ${typesOf(effects)}`);
    }
    for (const effect of effects) this.#performSession(effect);
    this.#arm(sessionDeadlines(this.#session));
    if (this.#session.phase !== this.#seenPhase) {
      this.#seenPhase = this.#session.phase;
      this.#planRecheck('state');
      this.#checkSession();
    }
  }

  #tellSurface(event: SurfaceEvent): void {
    const before = this.#surface;
    const [next, effects] = reduceSurface(before, event);
    this.#surface = next;
    this.#oracle.write(() => `surface ${event.type}: ${before.kind} -> ${next.kind} ${typesOf(effects)}`);
    for (const effect of effects) this.#performSurface(effect);
  }

  #lost(partition: Partition, failure: Failure): void {
    const { phase } = this.#session;
    const isLive = phase.kind === 'live' || phase.kind === 'renewing';
    if (isLive && phase.live.partition === partition) this.#oracle.sessionLost();
    this.#tell({ type: 'lost', partition, failure });
  }

  #performSession(effect: SessionEffect): void {
    switch (effect.type) {
      case 'sign-in':
        this.#oracle.attemptBegan(effect.attempt, this.#byOperator);
        this.#warm.set(effect.attempt, this.#make(effect.attempt, effect.partition));
        this.#signIn(effect.attempt);
        return;
      case 'enter':
        this.#tellSurface({
          type: 'enter',
          view: { attempt: effect.attempt, partition: effect.partition },
          loginUrl: effect.loginUrl,
        });
        return;
      case 'abandon':
        this.#oracle.attemptFailed(effect.attempt, this.#retryAfterMs);
        this.#tellSurface({ type: 'abandon', attempt: effect.attempt });
        this.#leaving[effect.partition] = this.#discard(effect.attempt);
        this.partitions.release(effect.partition, this.#leaving[effect.partition]);
        return;
      case 'release':
        this.partitions.release(effect.partition, this.#leaving[effect.partition]);
        return;
      case 'dark':
        this.#tellSurface({ type: 'dark' });
        return;
    }
  }

  #performSurface(effect: SurfaceEffect): void {
    switch (effect.type) {
      case 'open':
        this.#open(effect.view.attempt);
        return;
      case 'raise': {
        const view = this.#views.get(effect.attempt);
        if (view === undefined) return;
        this.#oracle.raised(view);
        this.#onTop = view;
        return;
      }
      case 'raise-notice':
        this.#oracle.raised(undefined);
        this.#onTop = undefined;
        return;
      case 'close':
        this.#close(effect.attempt);
        return;
      case 'report-entered':
        this.#tell({ type: 'entered', attempt: effect.attempt, verified: effect.verified });
        this.#oracle.attemptEntered(effect.attempt);
        return;
      case 'report-entry-failed':
        this.#fail('entry-failed', effect.attempt, effect.failure);
        return;
      case 'report-lost':
        this.#lost(effect.partition, effect.failure);
        return;
    }
  }

  #retryAfterMs = 0;

  #fail(type: 'sign-in-failed' | 'entry-failed', attempt: number, failure: Failure): void {
    this.#retryAfterMs = failure.retryAfterMs ?? 0;
    this.#tell({ type, attempt, failure });
    this.#retryAfterMs = 0;
  }

  #signIn(attempt: number): void {
    this.#services.signIn((result) => {
      if ('code' in result) {
        this.#fail('sign-in-failed', attempt, result);
        return;
      }
      const { lifeMs } = result;
      this.#tickets.clear();
      this.#tickets.set(attempt, result.ticket);
      this.#tell({ type: 'signed-in', attempt, loginUrl: `https://login/${attempt}`, lifeMs });
    });
  }

  /** A view for an attempt, its renderer started while the login URL is still being obtained. */
  #make(attempt: number, partition: Partition): Warm {
    const warm: Warm = { made: new Gate(this.#timeline), view: undefined };
    this.partitions.acquire(partition, (jar) => {
      this.#timeline.later(this.#services.makingMs(), () => {
        warm.view = new SimulatedView({ attempt, partition }, jar, {
          painted: (verified) => {
            this.#tellSurface({ type: 'painted', attempt, verified });
          },
          loadFailed: (failure) => {
            this.#tellSurface({ type: 'load-failed', attempt, failure });
          },
          lost: (failure) => {
            this.#tellSurface({ type: 'lost', attempt, failure });
          },
          gone: (failure) => {
            this.#tellSurface({ type: 'view-gone', attempt, failure });
          },
        });
        warm.made.open();
      });
    });
    return warm;
  }

  #open(attempt: number): void {
    const warm = this.#warm.get(attempt);
    if (warm === undefined) return;
    warm.made.then(() => {
      const ticket = this.#tickets.get(attempt);
      if (warm.view === undefined || ticket === undefined || !this.#isIncoming(attempt)) return;
      this.#warm.delete(attempt);
      this.#views.set(attempt, warm.view);
      const { jar } = warm.view;
      if (jar.isBeingCleared || jar.cookie !== undefined || jar.views.size > 1) {
        this.#oracle.break('a partition is entered only when it has been cleared', jar.name);
      }
      this.#services.enter(warm.view, ticket);
    });
  }

  #discard(attempt: number): Gate {
    const gone = new Gate(this.#timeline);
    const warm = this.#warm.get(attempt);
    this.#warm.delete(attempt);
    if (warm === undefined) gone.open();
    else {
      warm.made.then(() => {
        warm.view?.close();
        gone.open();
      });
    }
    return gone;
  }

  #isIncoming(attempt: number): boolean {
    const surface = this.#surface;
    return (surface.kind === 'entering' || surface.kind === 'swapping') && surface.incoming.attempt === attempt;
  }

  /** Takes a view off the wall; one that was live lingers beneath what followed it. */
  #close(attempt: number): void {
    const view = this.#views.get(attempt);
    if (view === undefined) return;
    this.#views.delete(attempt);
    this.#oracle.closed(view);
    view.retire();
    if (!view.isLive) {
      view.close();
      return;
    }
    const left = new Gate(this.#timeline);
    this.#leaving[view.view.partition] = left;
    this.#lingering.add(view);
    this.#timeline.later(LINGER_MS, () => {
      this.#lingering.delete(view);
      view.close();
      left.open();
    });
  }

  /** As src/main/wall/clockwork.ts does. */
  #arm(deadlines: readonly Instant[]): void {
    this.#timeline.cancel(this.#timer);
    this.#timer = undefined;
    if (deadlines.length === 0) return;
    const now = this.#timeline.instant();
    let soonest = LONGEST_TIMER_MS;
    for (const deadline of deadlines) {
      for (const wait of [deadline.wall - now.wall, deadline.monotonic - now.monotonic]) {
        soonest = Math.min(soonest, wait <= 0 ? 1_000 : wait + 5);
      }
    }
    this.#timer = this.#timeline.later(soonest, () => {
      this.#tell({ type: 'clock' });
    });
  }

  /**
   * The look that a wall takes every 30 s. A look is left out where it cannot see anything new: while none of the instants that the session
   * holds has come by either clock since the look before.
   * @param news what else than time has changed since the last look; `next`: the next look is taken whatever the session holds
   */
  #planRecheck(news: 'next' | 'state' | 'none'): void {
    this.#timeline.cancel(this.#recheck);
    this.#recheck = undefined;
    const now = this.#timeline.instant();
    const waits: number[] = [];
    collectWaits(this.#session.phase, now, waits);
    let soonest = this.#takesEveryLook || news === 'next' ? 0 : Infinity;
    for (const wait of waits) {
      if (wait > 0) soonest = Math.min(soonest, wait);
      else if (news === 'state') soonest = 0;
    }
    if (soonest === Infinity) return;
    const seen = Math.ceil((now.monotonic + soonest) / RECHECK_MS) * RECHECK_MS;
    // Not the one that is just being taken.
    const at = seen - now.monotonic > 1 ? seen : seen + RECHECK_MS;
    this.#recheck = this.#timeline.later(at - now.monotonic, () => {
      const phase = this.#seenPhase;
      this.#tell({ type: 'clock' });
      if (this.#seenPhase === phase) this.#planRecheck('none');
    });
  }

  #checkSession(): void {
    const { phase } = this.#session;
    const deadlines = sessionDeadlines(this.#session);
    const now = this.#timeline.monotonic();
    const isSound = deadlines.every(({ wall, monotonic }) => Number.isFinite(wall) && Number.isFinite(monotonic));
    if (phase.kind !== 'idle' && (deadlines.length === 0 || !isSound)) {
      this.#oracle.break('every state that waits has a deadline', phase.kind);
    }
    const soonest = Math.min(...deadlines.map(({ monotonic }) => monotonic));
    if (phase.kind === 'waiting' && soonest - now > LONGEST_RETRY_AFTER_MS + 1) {
      this.#oracle.break('no wait is longer than it may be', `${soonest - now} ms`);
    }
    if ((phase.kind === 'signing-in' || phase.kind === 'renewing') && soonest - now > POLICY.attemptMs + 1) {
      this.#oracle.break('no attempt is longer than it may be', `${soonest - now} ms`);
    }
  }

  /** What must hold between any two things that happen. */
  check(): void {
    const { phase } = this.#session;
    const surface = this.#surface;
    const view = surface.kind === 'showing' || surface.kind === 'swapping' ? surface.view : undefined;
    const incoming = surface.kind === 'entering' || surface.kind === 'swapping' ? surface.incoming : undefined;
    if (this.#onTop?.attempt !== view?.attempt) this.#oracle.break('the surface shows what it says', surface.kind);
    if (phase.kind === 'live' || phase.kind === 'renewing') {
      if (view?.partition !== phase.live.partition) this.#oracle.break('a live session is on the wall', surface.kind);
    }
    let live = 0;
    for (const one of this.#views.values()) {
      if (one.isLive && !one.isRetired) live += 1;
      if (one.attempt !== view?.attempt && one.attempt !== incoming?.attempt) {
        this.#oracle.break('no view is leaked', `attempt ${one.attempt} while ${surface.kind}`);
      }
    }
    if (live > 1) this.#oracle.break('never two live views');
    for (const attempt of this.#warm.keys()) {
      const current = phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt.id : undefined;
      if (attempt !== current) this.#oracle.break('no view is leaked', `attempt ${attempt} was never opened`);
    }
    let open = 0;
    for (const jar of this.partitions.jars) open += jar.views.size;
    // One whose making outlasted its attempt closes as soon as it is made.
    if (open > this.#views.size + this.#warm.size + this.#lingering.size + 1) {
      this.#oracle.break('no view is leaked', `${open} open`);
    }
    if (view === undefined && phase.kind === 'waiting') {
      const notice = noticeOf(this.#session);
      if (notice.code === undefined || notice.nextTryAt !== phase.nextTry.until.wall) {
        this.#oracle.break('the notice says why and when', notice.kind);
      }
    }
  }
}

const typesOf = (effects: readonly { readonly type: string }[]) => effects.map(({ type }) => type).join(' ');

function collectWaits(value: unknown, now: Instant, waits: number[]): void {
  if (typeof value !== 'object' || value === null) return;
  if ('wall' in value && 'monotonic' in value) {
    if (typeof value.wall === 'number') waits.push(value.wall - now.wall);
    if (typeof value.monotonic === 'number') waits.push(value.monotonic - now.monotonic);
    return;
  }
  for (const part of Object.values(value)) collectWaits(part, now, waits);
}

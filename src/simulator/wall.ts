/**
 * The simulated wall: the product's own state machine, its effects performed as src/main/wall/wall.ts performs them, on simulated time.
 */
import type { Failure } from '../core/errors.ts';
import type { Programme, WallPlan } from '../core/plan/plan.ts';
import { programmeAt } from '../core/playlist/programme.ts';
import { type Instant, hasCome } from '../core/renewal/deadline.ts';
import type { Session } from '../core/session/state.ts';
import type { View } from '../core/surface/state.ts';
import { kindOf } from '../core/surface/state.ts';
import type { WallContext, WallEffect, WallEvent, Wall as WallState } from '../core/wall/state.ts';
import { newWall, reduceWall, reduceWallWithInstants, wallInstants } from '../core/wall/wall.ts';
import type { Chance } from './chance.ts';
import { checkWall } from './check-wall.ts';
import type { Oracle } from './oracle.ts';
import { LINGER_MS, POLICY, RECHECK_MS } from './policy.ts';
import { Runtime } from './runtime.ts';
import type { Ticket } from './ticket.ts';
import { Gate, type Happening, type Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';

/** What a sign-in brings: a login, and how long the session will last from now, in ms. */
export interface SignedIn {
  readonly ticket: Ticket;
  readonly lifeMs: number;
}

/** What the world does for a wall. */
export interface Services {
  signIn(session: string, done: (result: SignedIn | Failure) => void): void;
  /** Loads a login URL, or without one the dashboard's own address, and from then on does to the page what happens to pages. */
  enter(view: SimulatedView, login: Ticket | undefined): void;
  /** How long a view's renderer takes to start, in ms. */
  makingMs(): number;
}

export interface OpenView {
  readonly surface: string;
  readonly view: View;
  page: SimulatedView | undefined;
  isRaised: boolean;
  isClosed: boolean;
}

const NETWORK_SERVICE_GONE: Failure = { code: 'CONSOLE_SIGNED_OUT', sentence: 'The network service ended.' };
const UNPROVED: Failure = { code: 'CONSOLE_NOT_PAINTED', sentence: 'It was not proved, and something better shows.' };
const LONGEST_TIMER_MS = 2_000_000_000;
const LATE_MS = 5;

export class Wall {
  readonly plan: WallPlan;
  readonly runtimes = new Map<string, Runtime>();
  readonly opened = new Map<number, OpenView>();
  readonly #timeline: Timeline;
  readonly #oracle: Oracle;
  readonly #services: Services;
  readonly context: WallContext;
  readonly #takesEveryLook: boolean;
  readonly #queue: WallEvent[] = [];
  state: WallState;
  /** What the wall goes by, as of the last event. */
  instants: readonly Instant[] = [];
  #isTelling = false;
  #plugged: readonly string[];
  #timer: Happening | undefined;
  #recheck: Happening | undefined;
  #seen: WallState | undefined;
  /** The event that is being taken. */
  #event: WallEvent = { type: 'clock' };

  /** @param takesEveryLook whether looks that cannot see anything new are taken all the same */
  constructor(
    plan: WallPlan,
    timeline: Timeline,
    chance: Chance,
    oracle: Oracle,
    services: Services,
    takesEveryLook = false,
  ) {
    this.plan = plan;
    this.#takesEveryLook = takesEveryLook;
    this.#timeline = timeline;
    this.#oracle = oracle;
    this.#services = services;
    this.#plugged = plan.surfaces.map(({ name }) => name);
    for (const name of plan.sessions) {
      const makingMs = () => services.makingMs();
      this.runtimes.set(name, new Runtime(name, timeline, chance, oracle, makingMs));
    }
    const programme = programmesOf(plan);
    this.context = {
      get now() {
        return timeline.instant();
      },
      get fraction() {
        return chance.fraction();
      },
      policy: POLICY,
      plan,
      programme,
    };
    this.state = newWall({ plan });
  }

  /** Views that are not closed, those still without a page among them. */
  get views(): readonly SimulatedView[] {
    return [...this.runtimes.values()].flatMap(({ views }) => [...views]);
  }

  start(): void {
    this.#tell({ type: 'displays', plugged: this.#plugged });
  }

  nudge(): void {
    this.#tell({ type: 'clock' });
    this.#oracle.nudged();
    this.#tell({ type: 'nudge' });
  }

  networkServiceGone(): void {
    for (const runtime of this.runtimes.values()) runtime.forsake();
    this.#tell({ type: 'cookies-gone', failure: NETWORK_SERVICE_GONE });
  }

  renewNow(): void {
    this.#oracle.asked();
    this.#tell({ type: 'renew-now' });
  }

  setPlugged(surface: string, isPlugged: boolean): void {
    const others = this.#plugged.filter((name) => name !== surface);
    this.#plugged = isPlugged ? [...others, surface] : others;
    this.#oracle.plugged(surface, isPlugged);
    this.#tell({ type: 'displays', plugged: this.#plugged });
  }

  alarm(surface: string, ringing: boolean): void {
    this.#oracle.rings(surface, ringing);
    this.#tell({ type: 'alarm', surface, ringing });
  }

  /** After sleep or a change of the clock the next look may see what no timer was set for. */
  clocksMoved(): void {
    this.#planRecheck('next');
  }

  #tell(event: WallEvent): void {
    this.#queue.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    this.#isTelling = false;
  }

  #take(event: WallEvent): void {
    const before = this.state;
    this.#event = event;
    const [next, effects, instants] = reduceWallWithInstants(before, event, this.context);
    this.state = next;
    if ('attempt' in event && event.attempt !== this.#oracle.ledger(event.session).inFlight && next !== before) {
      // Whatever was due at the moment may have changed something; the attempt's own session may not.
      if (next.sessions.get(event.session) !== before.sessions.get(event.session) && !isDue(before, this.context)) {
        this.#oracle.break('what comes late changes nothing', `${event.type} of attempt ${event.attempt}`);
      }
    }
    if (next !== before) this.#oracle.write(() => describe(event, before, next, effects));
    for (const [name, session] of next.sessions) this.#account(name, before.sessions.get(name), session);
    for (const effect of effects) this.#perform(effect);
    this.instants = instants;
    this.#arm(instants);
    if (this.state !== this.#seen) {
      this.#seen = this.state;
      this.#planRecheck('state', instants);
    }
  }

  /** Tells the oracle what became of a session, before its next attempt is told of. */
  #account(name: string, before: Session | undefined, after: Session): void {
    if (before === undefined || before === after) return;
    const ledger = this.#oracle.ledger(name);
    const was = liveOf(before)?.attempt;
    const is = liveOf(after)?.attempt;
    if (is !== undefined && is !== was) ledger.entered(is);
    const attempt = attemptOf(before);
    const next = attemptOf(after);
    // It went live, was over by the clock already, and is signed in anew, all in one step.
    const isFollowed = attempt !== undefined && next !== undefined && next !== attempt;
    if (isFollowed && this.#event.type === 'painted') ledger.entered(attempt);
    else if (attempt !== undefined && attempt !== attemptOf(after) && attempt !== is) {
      if (waitOf(after) === waitOf(before) || waitOf(after) === undefined) ledger.dropped(attempt);
      else {
        const retryAfterMs = 'failure' in this.#event ? (this.#event.failure.retryAfterMs ?? 0) : 0;
        // A display that is unplugged takes the page with it that was to be opened there.
        const isByEntry = 'view' in this.#event || this.#event.type === 'displays';
        ledger.failed(attempt, retryAfterMs, isByEntry ? 'entry' : 'sign-in');
      }
    }
    const old = liveOf(before);
    const isEarly = old !== undefined && !hasCome(old.endsAt, this.#timeline.instant());
    if (isEarly && is === undefined && isLoss(this.#event)) ledger.lost();
  }

  #perform(effect: WallEffect): void {
    switch (effect.type) {
      case 'sign-in':
        this.#oracle.begins(effect.session, effect.attempt, this.#event.type === 'renew-now');
        this.runtimes.get(effect.session)?.warm(effect.attempt, effect.partition);
        this.#signIn(effect.session, effect.attempt);
        return;
      case 'abandon':
        this.runtimes.get(effect.session)?.abandon(effect.attempt);
        return;
      case 'open':
        this.#oracle.loads(effect.surface, effect.view.dashboard, effect.view.signsIn);
        this.#open({
          surface: effect.surface,
          view: effect.view,
          page: undefined,
          isRaised: false,
          isClosed: false,
        });
        return;
      case 'raise': {
        const open = this.opened.get(effect.view);
        if (open?.page === undefined) {
          this.#oracle.break('only a view that is there is raised', `view ${effect.view}`);
          return;
        }
        open.isRaised = true;
        this.#oracle.raised(effect.surface, open.page);
        return;
      }
      case 'cover':
        this.#oracle.raised(effect.surface, undefined, (session) => {
          const found = this.state.sessions.get(session);
          return found !== undefined && liveOf(found) !== undefined;
        });
        return;
      case 'close':
        this.#close(effect.view);
        return;
      case 'clear':
        this.runtimes.get(effect.session)?.clear(effect.partition);
        return;
    }
  }

  #signIn(session: string, attempt: number): void {
    this.#services.signIn(session, (result) => {
      if ('code' in result) {
        this.#tell({ type: 'sign-in-failed', session, attempt, failure: result });
        return;
      }
      // One that comes too late is nobody's any more.
      if (this.state.sessions.get(session)?.attempts === attempt) {
        this.runtimes.get(session)?.keepLogin(attempt, result.ticket);
      }
      this.#tell({ type: 'signed-in', session, attempt, lifeMs: result.lifeMs });
    });
  }

  #open(open: OpenView): void {
    const { view } = open;
    const { id, session, partition, generation, signsIn } = view;
    const runtime = this.runtimes.get(session);
    if (runtime === undefined) return;
    this.opened.set(id, open);
    const made = new Gate(this.#timeline);
    runtime.leaves(partition, made);
    runtime.viewFor(partition, signsIn ? generation : undefined, (page) => {
      made.open();
      if (open.isClosed) {
        runtime.closed(page);
        return;
      }
      open.page = page;
      page.bind(open.surface, view, {
        painted: (verified) => {
          this.#tell({ type: 'painted', view: id, verified });
          if (!open.isClosed) this.#oracle.painted(open.surface, page);
        },
        loadFailed: (failure) => {
          this.#oracle.loadFailed(open.surface, page, failure);
          this.#tell({ type: 'load-failed', view: id, failure });
        },
        lost: (failure) => {
          this.#tell({ type: 'lost', view: id, failure });
        },
        gone: (failure) => {
          this.#oracle.died(open.surface, page);
          this.#tell({ type: 'gone', view: id, failure });
        },
        doubted: (failure) => {
          this.#oracle.died(open.surface, page);
          this.#tell({ type: 'doubted', view: id, failure });
        },
        data: () => {
          this.#tell({ type: 'data', view: id });
        },
      });
      const login = signsIn ? runtime.takeLogin(generation) : undefined;
      const { jar } = page;
      if (signsIn && (jar.isBeingCleared || jar.cookie !== undefined || jar.views.size > 1)) {
        this.#oracle.break('a partition is entered only when it has been cleared', jar.name);
      }
      if (signsIn && login === undefined) this.#oracle.break('a login URL is used once', `view ${id}`);
      this.#services.enter(page, login);
    });
  }

  /** Takes a view off the wall; one that was on top lingers beneath what followed it. */
  #close(id: number): void {
    const open = this.opened.get(id);
    if (open === undefined) return;
    this.opened.delete(id);
    open.isClosed = true;
    const { page } = open;
    const runtime = this.runtimes.get(open.view.session);
    if (page === undefined || runtime === undefined) return;
    this.#oracle.closed(open.surface, page);
    page.retire();
    const isUnproved = this.#event.type === 'painted' && this.#event.view === id && !page.isVerified;
    const hasBetter = this.#oracle.onTop(open.surface)?.view?.dashboard === open.view.dashboard;
    if (isUnproved && hasBetter && !open.isRaised) this.#oracle.loadFailed(open.surface, page, UNPROVED);
    if (!open.isRaised) {
      runtime.closed(page);
      return;
    }
    const left = new Gate(this.#timeline);
    runtime.leaves(open.view.partition, left);
    this.#timeline.later(LINGER_MS, () => {
      runtime.closed(page);
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
    for (const { wall, monotonic } of deadlines) {
      // As `wallDeadlines`: what lies in the past has been seen to.
      if (monotonic <= now.monotonic) continue;
      soonest = Math.min(soonest, monotonic - now.monotonic + LATE_MS);
      if (wall > now.wall) soonest = Math.min(soonest, wall - now.wall + LATE_MS);
    }
    this.#timer = this.#timeline.later(soonest, () => {
      this.#tell({ type: 'clock' });
    });
  }

  /**
   * The look that a wall takes every 30 s. A look is left out where it cannot see anything new: while none of the instants that the wall
   * goes by has come by either clock since the look before.
   * @param news what else than time has changed since the last look; `next`: the next look is taken whatever the wall goes by
   */
  #planRecheck(news: 'next' | 'state' | 'none', instants = wallInstants(this.state, this.context)): void {
    this.#timeline.cancel(this.#recheck);
    this.#recheck = undefined;
    const now = this.#timeline.instant();
    let soonest = this.#takesEveryLook || news === 'next' ? 0 : Infinity;
    for (const { wall, monotonic } of instants) {
      if (wall > now.wall) soonest = Math.min(soonest, wall - now.wall);
      else if (news === 'state') soonest = 0;
      if (monotonic > now.monotonic) soonest = Math.min(soonest, monotonic - now.monotonic);
      else if (news === 'state') soonest = 0;
    }
    if (soonest === Infinity) return;
    const seen = Math.ceil((now.monotonic + soonest) / RECHECK_MS) * RECHECK_MS;
    // Not the one that is just being taken.
    const at = seen - now.monotonic > 1 ? seen : seen + RECHECK_MS;
    this.#recheck = this.#timeline.later(at - now.monotonic, () => {
      const state = this.#seen;
      this.#tell({ type: 'clock' });
      if (this.#seen === state) this.#planRecheck('none');
    });
  }

  /** What must hold between any two things that happen. */
  check(): void {
    const isNew = this.#checked !== this.state;
    this.#checked = this.state;
    this.#unchecked = isNew ? 0 : this.#unchecked + 1;
    // Nothing that a wall has not been told of can break it, but for what grows old: a look now and then is enough for that.
    if (this.#unchecked % 8 !== 0) return;
    checkWall(this, this.#oracle, this.#timeline, isNew);
  }

  #checked: WallState | undefined;
  #unchecked = 0;
}

/** The plan's programmes by surface; asked for millions of times. */
function programmesOf(plan: WallPlan): (surface: string, wallMs: number) => Programme {
  const surfaces = new Map(plan.surfaces.map((surface) => [surface.name, surface]));
  return (name, wallMs) => {
    const surface = surfaces.get(name);
    if (surface === undefined) throw new Error(`no surface ${name}`);
    return programmeAt(surface, plan.timeZone, wallMs);
  };
}

/** Whether an event tells that a session is over. */
function isLoss(event: WallEvent): boolean {
  if (event.type === 'load-failed') return event.failure.code === 'CONSOLE_SIGNED_OUT';
  return event.type === 'lost' || event.type === 'cookies-gone';
}

/** Whether a look at the clock alone would change the wall. */
function isDue(before: WallState, context: WallContext): boolean {
  return reduceWall(before, { type: 'clock' }, context)[0] !== before;
}

const liveOf = ({ phase }: Session) => (phase.kind === 'live' || phase.kind === 'renewing' ? phase.live : undefined);
const attemptOf = ({ phase }: Session) =>
  phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt.id : undefined;

function waitOf({ phase }: Session) {
  if (phase.kind === 'waiting') return phase.nextTry;
  return phase.kind === 'live' || phase.kind === 'renewing' ? phase.renewal.failed?.nextTry : undefined;
}

function describe(event: WallEvent, before: WallState, after: WallState, effects: readonly WallEffect[]): string {
  const parts: string[] = [];
  for (const [name, session] of after.sessions) {
    const was = before.sessions.get(name);
    if (was !== session) parts.push(`session ${name}: ${was?.phase.kind ?? ''} -> ${session.phase.kind}`);
  }
  for (const [name, surface] of after.surfaces) {
    const was = before.surfaces.get(name);
    if (was !== undefined && was !== surface) parts.push(`surface ${name}: ${kindOf(was)} -> ${kindOf(surface)}`);
  }
  return `${event.type}: ${parts.join(', ')} ${effects.map(({ type }) => type).join(' ')}`;
}

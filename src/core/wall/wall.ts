/**
 * The state machine of a wall: its sessions, its surfaces, and what they tell each other.
 *
 * A session is signed in while a surface shows a dashboard of it or soon will. Its login URL is opened by one surface, the others follow
 * by their dashboards' own addresses. One of its partitions is cleared when the last view has left it.
 */
import type { Failure } from '../errors.ts';
import type { BackoffPolicy } from '../renewal/backoff.ts';
import { type Instant, hasElapsed } from '../renewal/deadline.ts';
import { reduceSession, sessionDeadlines } from '../session/session.ts';
import {
  type Failed,
  IDLE_SESSION,
  PARTITIONS,
  type Partition,
  type Phase,
  type Session,
  type SessionContext,
  type SessionEffect,
  type SessionEvent,
  type SessionPolicy,
} from '../session/state.ts';
import { type Entry, type SettleContext, type Wants, settle, surfaceDeadlines } from '../surface/settle.ts';
import { type Surface, type SurfaceEffect, type SurfaceEvent, UNPLUGGED_SURFACE, type View } from '../surface/state.ts';
import {
  type SurfaceContext,
  dropIncoming,
  forgottenAt,
  goDark,
  reduceSurface,
  shownOf,
  viewsOf,
} from '../surface/surface.ts';
import { entryOf, isGood, isUsed, neededDashboards, occupiedPartitions, wantsOf } from './outlook.ts';
import type { Wall, WallContext, WallEffect, WallEvent, WallStep } from './state.ts';

/** A wall before anything has happened; its displays are told with a `displays` event. */
export function newWall({ plan }: Pick<WallContext, 'plan'>): Wall {
  return {
    sessions: new Map(plan.sessions.map((name) => [name, IDLE_SESSION])),
    surfaces: new Map(plan.surfaces.map(({ name }) => [name, UNPLUGGED_SURFACE])),
    views: 0,
    used: new Set(),
  };
}

/** One step of a wall. */
export function reduceWall(wall: Wall, event: WallEvent, context: WallContext): WallStep {
  return taken(wall, event, context).done();
}

/** One step of a wall, and what `wallInstants` says of what comes of it. */
export function reduceWallWithInstants(
  wall: Wall,
  event: WallEvent,
  context: WallContext,
): readonly [...WallStep, readonly Instant[]] {
  const turn = taken(wall, event, context);
  return [...turn.done(), turn.deadlines()];
}

function taken(wall: Wall, event: WallEvent, context: WallContext): Turn {
  const turn = new Turn(wall, context);
  turn.take(event);
  turn.settle();
  return turn;
}

/** When the wall next wants to look at the clock; what lies in the past has been seen to. */
export function wallDeadlines(wall: Wall, context: WallContext): readonly Instant[] {
  return wallInstants(wall, context).filter(({ monotonic }) => monotonic > context.now.monotonic);
}

/** Every instant that the wall goes by, those that have come among them. */
export function wallInstants(wall: Wall, context: WallContext): readonly Instant[] {
  return new Turn(wall, context).deadlines();
}

// Rounds in which surfaces and sessions may answer each other before something must be wrong.
const MOST_ROUNDS = 1_000;

/** One step in the making; what the surfaces must know of the moment they ask of it. */
class Turn implements SettleContext, SurfaceContext {
  readonly #before: Wall;
  readonly #context: WallContext;
  readonly #now: Instant;
  #sessions: ReadonlyMap<string, Session>;
  #surfaces: ReadonlyMap<string, Surface>;
  #used: ReadonlySet<string>;
  /** Sessions that some surface needs, as long as no surface has changed. */
  #needed: ReadonlySet<string> | undefined;
  readonly #effects: WallEffect[] = [];
  readonly #wants = new Map<string, Wants>();
  /** How sessions' dashboards can be opened, as long as nothing has changed. */
  readonly #entries = new Map<string, Entry>();
  #views: number;

  constructor(wall: Wall, context: WallContext) {
    this.#before = wall;
    this.#context = context;
    this.#now = context.now;
    this.#sessions = wall.sessions;
    this.#surfaces = wall.surfaces;
    this.#used = wall.used;
    this.#views = wall.views;
  }

  take(event: WallEvent): void {
    switch (event.type) {
      case 'clock':
        return;
      case 'displays':
        for (const name of this.#surfaces.keys()) {
          this.#tellSurface(name, { type: event.plugged.includes(name) ? 'plugged' : 'unplugged' });
        }
        return;
      case 'signed-in':
      case 'sign-in-failed':
        this.#tellSession(event.session, event);
        return;
      case 'cookies-gone':
        this.#onCookiesGone(event.failure);
        return;
      case 'alarm':
        this.#tellSurface(event.surface, { type: 'alarm', ringing: event.ringing });
        this.#wants.delete(event.surface);
        this.#needed = undefined;
        return;
      case 'nudge':
        for (const name of this.#sessions.keys()) this.#tellSession(name, { type: 'nudge' });
        for (const name of this.#surfaces.keys()) this.#tellSurface(name, { type: 'nudge' });
        return;
      case 'renew-now':
        for (const name of this.#sessions.keys()) this.#tellSession(name, { type: 'renew-now' });
        for (const name of this.#surfaces.keys()) this.#tellSurface(name, { type: 'nudge', atOnce: true });
        return;
      default:
        for (const [name, surface] of this.#surfaces) {
          if (viewsOf(surface).some(({ id }) => id === event.view)) this.#tellSurface(name, event);
        }
    }
  }

  /** Lets every session and surface do what is due, until nothing changes any more. */
  settle(): void {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      let isQuiet = true;
      for (const [name, session] of this.#sessions) {
        this.#tellSession(name, { type: 'clock' });
        if (this.#isHastened(name)) this.#tellSession(name, { type: 'nudge' });
        isQuiet &&= this.#sessions.get(name) === session;
      }
      for (const name of this.#inTurn()) {
        const surface = this.#surfaces.get(name);
        if (surface === undefined) continue;
        const [next, effects] = settle(surface, this.#wantsOf(name), this);
        if (next === surface) continue;
        isQuiet = false;
        this.#apply(name, next, effects);
      }
      if (isQuiet) return;
    }
    throw new Error('the wall does not settle');
  }

  deadlines(): readonly Instant[] {
    const deadlines: Instant[] = [];
    for (const [name, session] of this.#sessions) {
      deadlines.push(...sessionDeadlines(session, this.#sessionContext(name, session)));
    }
    for (const [name, surface] of this.#surfaces) {
      deadlines.push(...surfaceDeadlines(surface, this.#wantsOf(name), this));
      for (const trouble of surface.troubles.values()) deadlines.push(forgottenAt(trouble));
    }
    return deadlines;
  }

  done(): WallStep {
    const { sessions, surfaces } = this.#before;
    const isSame = this.#sessions === sessions && this.#surfaces === surfaces;
    if (isSame && this.#effects.length === 0) return [this.#before, []];
    this.#clearLeft();
    const next = { sessions: this.#sessions, surfaces: this.#surfaces, views: this.#views, used: this.#used };
    return [next, this.#effects];
  }

  /**
   * Where a login URL waits, surfaces that need something of its session which has not failed come first, then those whose failures lie
   * longest back: it is not for the dashboard that never opens.
   */
  #inTurn(): Iterable<string> {
    if (!this.isLoginWaiting) return this.#surfaces.keys();
    const logins = [...this.#sessions.keys()].filter((name) => this.entryOf(name).login !== undefined);
    const failed = new Map([...this.#surfaces].map(([name, one]) => [name, this.#failedAt(name, one, logins)]));
    const of = (name: string) => failed.get(name) ?? 0;
    return [...this.#surfaces.keys()].sort((one, other) => of(one) - of(other));
  }

  /** When the dashboards of some sessions that a surface needs failed, as far as is known: the earliest of them, 0 for one that did not. */
  #failedAt(name: string, surface: Surface, sessions: readonly string[]): number {
    const failedAt = neededDashboards(surface, this.#wantsOf(name), this.#now)
      .filter((dashboard) => sessions.includes(this.dashboards[dashboard]?.session ?? ''))
      .map((dashboard) => surface.troubles.get(dashboard)?.nextTry.until.monotonic ?? 0);
    return Math.min(...failedAt);
  }

  #wantsOf(name: string): Wants {
    const known = this.#wants.get(name);
    if (known !== undefined) return known;
    const planned = this.#context.plan.surfaces.find((one) => one.name === name);
    const programme = this.#context.programme(name, this.#now.wall);
    const ringing = this.#surfaces.get(name)?.ringing === true;
    const wants = wantsOf(planned ?? {}, ringing, programme);
    this.#wants.set(name, wants);
    return wants;
  }

  // What a surface must know of the moment.
  get now(): Instant {
    return this.#now;
  }

  get dashboards(): WallContext['plan']['dashboards'] {
    return this.#context.plan.dashboards;
  }

  get nextViewId(): number {
    return this.#views + 1;
  }

  entryOf(session: string): Entry {
    const known = this.#entries.get(session);
    if (known !== undefined) return known;
    const entry = entryOf(this.#sessions.get(session), session, this.#surfaces.values());
    this.#entries.set(session, entry);
    return entry;
  }

  get isLoginWaiting(): boolean {
    for (const [name, { phase }] of this.#sessions) {
      if (isEntering(phase) && this.entryOf(name).login !== undefined) return true;
    }
    return false;
  }

  // Drawn only where it is needed, so that a look which sees nothing new leaves no trace.
  get fraction(): number {
    return this.#context.fraction;
  }

  get backoff(): BackoffPolicy {
    return this.#context.policy.backoff;
  }

  #sessionContext(name: string, session: Session): SessionContext {
    return new SessionMoment(this.#context, this.#now, this, name, session);
  }

  isNeeded(session: string): boolean {
    return this.#neededSessions().has(session);
  }

  occupiedPartitions(name: string, session: Session): readonly Partition[] {
    return occupiedPartitions(session, name, this.#surfaces.values(), this.#now);
  }

  /** The last sign-in failed with the dashboard that it opened, and another one is wanted now. */
  #isHastened(name: string): boolean {
    const failed = failedOf(this.#sessions.get(name));
    if (failed?.byEntry !== true || !hasElapsed(failed.nextTry.notBefore, this.#now)) return false;
    for (const [surfaceName, surface] of this.#surfaces) {
      for (const dashboard of neededDashboards(surface, this.#wantsOf(surfaceName), this.#now)) {
        if (this.dashboards[dashboard]?.session !== name) continue;
        if (isGood(dashboard, this.#surfaces.values(), this.#now)) return true;
      }
    }
    return false;
  }

  #neededSessions(): ReadonlySet<string> {
    if (this.#needed !== undefined) return this.#needed;
    const needed = new Set<string>();
    for (const [name, surface] of this.#surfaces) {
      for (const dashboard of neededDashboards(surface, this.#wantsOf(name), this.#now)) {
        const session = this.#context.plan.dashboards[dashboard]?.session;
        if (session !== undefined) needed.add(session);
      }
    }
    this.#needed = needed;
    return needed;
  }

  #setSession(name: string, next: Session): void {
    if (this.#sessions.get(name) === next) return;
    this.#sessions = new Map(this.#sessions).set(name, next);
    this.#entries.clear();
  }

  #setSurface(name: string, next: Surface): void {
    if (this.#surfaces.get(name) === next) return;
    this.#surfaces = new Map(this.#surfaces).set(name, next);
    this.#needed = undefined;
    this.#entries.clear();
  }

  #tellSession(name: string, event: SessionEvent): void {
    const session = this.#sessions.get(name);
    if (session === undefined) return;
    const [next, effects] = reduceSession(session, event, this.#sessionContext(name, session));
    this.#setSession(name, next);
    for (const effect of effects) this.#performSession(name, effect);
  }

  #performSession(name: string, effect: SessionEffect): void {
    switch (effect.type) {
      case 'sign-in': {
        const { attempt, partition } = effect;
        this.#evict(name, partition);
        // Whatever was left in it must not meet the new sign-in.
        if (this.#used.has(keyOf(name, partition))) this.#effects.push({ type: 'clear', session: name, partition });
        this.#used = new Set(this.#used).add(keyOf(name, partition));
        this.#effects.push({ type: 'sign-in', session: name, attempt, partition });
        return;
      }
      case 'abandon':
        for (const [surfaceName, surface] of this.#surfaces) {
          const view = surface.incoming?.view;
          const isIts = view?.signsIn === true && view.session === name && view.generation === effect.attempt;
          if (isIts) this.#apply(surfaceName, ...dropIncoming(surface));
        }
        this.#effects.push({ type: 'abandon', session: name, attempt: effect.attempt });
        return;
      case 'dark':
        for (const surfaceName of this.#surfaces.keys()) {
          this.#tellSurface(surfaceName, { type: 'session-dark', session: name });
        }
        return;
    }
  }

  /** Whatever is left of an older sign-in leaves the partition that a new one is to enter. */
  #evict(session: string, partition: Partition): void {
    const isIn = (view: View | undefined) => view?.session === session && view.partition === partition;
    for (const name of this.#surfaces.keys()) {
      const surface = this.#surfaces.get(name);
      if (surface !== undefined && isIn(surface.incoming?.view)) this.#apply(name, ...dropIncoming(surface));
      const left = this.#surfaces.get(name);
      if (left !== undefined && isIn(shownOf(left)?.view)) this.#apply(name, ...goDark(left));
    }
  }

  #tellSurface(name: string, event: SurfaceEvent): void {
    const surface = this.#surfaces.get(name);
    if (surface === undefined) return;
    const step = reduceSurface(surface, event, this);
    this.#apply(name, ...step);
  }

  #apply(name: string, next: Surface, effects: readonly SurfaceEffect[]): void {
    this.#setSurface(name, next);
    for (const effect of effects) this.#performSurface(name, effect);
  }

  #performSurface(surface: string, effect: SurfaceEffect): void {
    switch (effect.type) {
      case 'open':
        this.#views = effect.view.id;
        this.#effects.push({ ...effect, surface });
        return;
      case 'raise':
      case 'cover':
      case 'close':
        this.#effects.push({ ...effect, surface });
        return;
      case 'report-entered': {
        const { session, generation } = effect.view;
        this.#tellSession(session, { type: 'entered', attempt: generation, verified: effect.verified });
        return;
      }
      case 'report-entry-failed': {
        const { session, generation: attempt } = effect.view;
        const { failure } = effect;
        // The console let the session in; what it refuses is this dashboard.
        if (isOfDashboard(failure)) this.#tellSession(session, { type: 'entered', attempt, verified: false });
        else this.#tellSession(session, { type: 'entry-failed', attempt, failure });
        return;
      }
      case 'report-lost': {
        const { session, partition, generation } = effect.view;
        if (this.#liveOf(session)?.attempt !== generation) return;
        this.#tellSession(session, { type: 'lost', partition, failure: effect.failure });
        // The other surfaces' pages live on the same cookies, whether they have noticed or not.
        for (const [name, other] of this.#surfaces) {
          const view = shownOf(other)?.view;
          if (name === surface || view?.session !== session || view.generation !== generation) continue;
          this.#tellSurface(name, { type: 'lost', view: view.id, failure: effect.failure });
        }
        return;
      }
      case 'report-stale':
        this.#tellSession(effect.view.session, { type: 'renew-soon' });
    }
  }

  #liveOf(name: string) {
    const phase = this.#sessions.get(name)?.phase;
    return phase?.kind === 'live' || phase?.kind === 'renewing' ? phase.live : undefined;
  }

  #onCookiesGone(failure: Failure): void {
    for (const [name, surface] of this.#surfaces) {
      const shown = shownOf(surface);
      if (shown !== undefined) this.#tellSurface(name, { type: 'lost', view: shown.view.id, failure });
    }
    for (const name of this.#sessions.keys()) {
      // One that is being entered lived on cookies, too.
      const phase = this.#sessions.get(name)?.phase;
      const attempt = phase?.kind === 'signing-in' || phase?.kind === 'renewing' ? phase.attempt : undefined;
      const live = this.#liveOf(name);
      if (live !== undefined) this.#tellSession(name, { type: 'lost', partition: live.partition, failure });
      // No dashboard is to blame.
      if (attempt?.step === 'entering')
        this.#tellSession(name, { type: 'sign-in-failed', attempt: attempt.id, failure });
    }
  }

  #clearLeft(): void {
    for (const key of this.#used) {
      const [name, partition] = partsOf(key);
      const session = this.#sessions.get(name);
      if (session === undefined || isUsed(session, name, partition, this.#surfaces.values())) continue;
      const used = new Set(this.#used);
      used.delete(key);
      this.#used = used;
      this.#effects.push({ type: 'clear', session: name, partition });
    }
  }
}

/** What a session must know of the moment; looked up only where it asks, for most looks at the clock see nothing new. */
class SessionMoment implements SessionContext {
  readonly #context: WallContext;
  readonly #turn: Turn;
  readonly #name: string;
  readonly #session: Session;
  readonly now: Instant;

  constructor(context: WallContext, now: Instant, turn: Turn, name: string, session: Session) {
    this.#context = context;
    this.now = now;
    this.#turn = turn;
    this.#name = name;
    this.#session = session;
  }

  get policy(): SessionPolicy {
    return this.#context.policy;
  }

  get fraction(): number {
    return this.#context.fraction;
  }

  get needed(): boolean {
    return this.#turn.isNeeded(this.#name);
  }

  get occupied(): readonly Partition[] {
    return this.#turn.occupiedPartitions(this.#name, this.#session);
  }
}

const keyOf = (session: string, partition: Partition) => `${partition}/${session}`;

function partsOf(key: string): readonly [string, Partition] {
  const partition = PARTITIONS.find((one) => key.startsWith(`${one}/`));
  return [key.slice(2), partition ?? 'a'];
}

const isEntering = (phase: Phase) =>
  (phase.kind === 'signing-in' || phase.kind === 'renewing') && phase.attempt.step === 'entering';

/** What the last try of a session came to, while it waits for the next. */
function failedOf(session: Session | undefined): Failed | undefined {
  const phase = session?.phase;
  if (phase?.kind === 'waiting') return phase;
  return phase?.kind === 'live' ? phase.renewal.failed : undefined;
}

/** Refusals of one dashboard, which say nothing of the session. */
function isOfDashboard({ code }: Failure): boolean {
  return code === 'CONSOLE_ACCESS_DENIED' || code === 'CONSOLE_DASHBOARD_MISSING';
}

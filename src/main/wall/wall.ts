import type { Session as ElectronSession } from 'electron';
import { type Failure, toAppError } from '../../core/errors.ts';
import type { Programme, WallPlan } from '../../core/plan/plan.ts';
import type { Clock, Logger, Random } from '../../core/ports.ts';
import type { SessionPolicy } from '../../core/session/state.ts';
import type { View } from '../../core/surface/state.ts';
import type { StripText } from '../../core/surface/notice.ts';
import { faceOf } from '../../core/wall/face.ts';
import type { WallContext, WallEffect, WallEvent, Wall as WallState } from '../../core/wall/state.ts';
import { newWall, reduceWall, wallDeadlines } from '../../core/wall/wall.ts';
import { Clockwork } from './clockwork.ts';
import type { ConsoleView, ConsoleViewEvents } from './console-view.ts';
import { type ConsoleSession, SessionRuntime, type SignedIn } from './session-runtime.ts';
import type { SurfaceWindow } from './surface-window.ts';
import { logChanges, logStrip } from './wall-log.ts';

export interface WallOptions {
  readonly plan: WallPlan;
  readonly programme: (surface: string, wallMs: number) => Programme;
  readonly consoles: ReadonlyMap<string, ConsoleSession>;
  /** Applied to each partition before its first load (proxy, certificates). */
  readonly prepareSession: (session: ElectronSession) => Promise<void>;
  readonly paintDeadlineMs: number;
  readonly policy: SessionPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told after every event, with the states before and after it. */
  readonly onChange: (before: WallState, after: WallState, event: WallEvent) => void;
}

// What is left at least of a session that was just begun, however the clock was set while it was.
const SHORTEST_LIFE_MS = 60_000;
// Long enough for a few frames on a slow machine.
const LINGER_MS = 500;

interface OpenView {
  readonly surface: string;
  readonly view: View;
  console?: ConsoleView;
  isRaised: boolean;
  isClosed: boolean;
}

/** Performs what the wall's state machine decides, and tells it what came of it. */
export class Wall {
  readonly #options: WallOptions;
  readonly #clockwork: Clockwork;
  readonly #runtimes = new Map<string, SessionRuntime>();
  readonly #windows = new Map<string, SurfaceWindow>();
  readonly #views = new Map<number, OpenView>();
  /** Closed, but still to be seen: their pages may lead nowhere else either. */
  readonly #lingering = new Set<ConsoleView>();
  /** What is said over the pictures, by surface. */
  readonly #strips = new Map<string, StripText | undefined>();
  readonly #queue: WallEvent[] = [];
  #state: WallState;
  #isTelling = false;
  #stopped = false;

  constructor(options: WallOptions) {
    this.#options = options;
    this.#state = newWall(options);
    for (const [name, page] of options.consoles) {
      const { prepareSession, paintDeadlineMs, logger } = options;
      const viewOf = (id: number) => this.#viewOfContents(id);
      this.#runtimes.set(
        name,
        new SessionRuntime({ name, console: page, prepareSession, viewOf, paintDeadlineMs, logger }),
      );
    }
    this.#clockwork = new Clockwork(options.clock, () => {
      this.tell({ type: 'clock' });
    });
  }

  get state(): WallState {
    return this.#state;
  }

  /** What the state machine is to know of the moment. */
  context(): WallContext {
    const { policy, plan, programme, random } = this.#options;
    return {
      now: this.#clockwork.now(),
      get fraction() {
        return random.fraction();
      },
      policy,
      plan,
      programme,
    };
  }

  /** The windows of the surfaces that have a display. Those that lost theirs may be closed when this returns. */
  setWindows(windows: ReadonlyMap<string, SurfaceWindow>): void {
    for (const name of this.#windows.keys()) if (!windows.has(name)) this.#windows.delete(name);
    for (const [name, window] of windows) this.#windows.set(name, window);
    this.tell({ type: 'displays', plugged: [...windows.keys()] });
  }

  /** The machine woke up, or the network came back. */
  nudge(): void {
    this.tell({ type: 'clock' });
    this.tell({ type: 'nudge' });
  }

  /** The network service died, and the cookies with it (Electron keeps in-memory cookies there). */
  networkServiceGone(): void {
    for (const runtime of this.#runtimes.values()) runtime.forsake();
    const sentence = 'The network service of this machine ended, and the session with it. Vigil signs in again.';
    this.tell({ type: 'cookies-gone', failure: { code: 'CONSOLE_SIGNED_OUT', sentence } });
  }

  /** Hears nothing any more: the process is about to end, and its views with it. */
  deaf(): void {
    this.#stopped = true;
    this.#clockwork.stop();
  }

  /** Closes every view and timer; resolves when the partitions are empty. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#clockwork.stop();
    for (const id of [...this.#views.keys()]) this.#close(id, 0);
    await Promise.all([...this.#runtimes.values()].map((runtime) => runtime.stop()));
  }

  /** Takes an event. Those that come while one is being taken wait their turn. */
  tell(event: WallEvent): void {
    this.#queue.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined && !this.#stopped; next = this.#queue.shift()) {
        this.#take(next);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  #take(event: WallEvent): void {
    const before = this.#state;
    // One moment for all of it: a deadline that passes while the effects are performed must not count as seen to.
    const context = this.context();
    const [next, effects] = reduceWall(before, event, context);
    this.#state = next;
    if ('view' in event && 'failure' in event) this.#logTrouble(event);
    logChanges(this.#options.logger, before, next);
    for (const effect of effects) this.#perform(effect);
    this.#clockwork.arm(wallDeadlines(next, context));
    this.#showFaces();
    this.#options.onChange(before, next, event);
  }

  #logTrouble({ type, view, failure }: Extract<WallEvent, { view: number; failure: Failure }>): void {
    const open = this.#views.get(view);
    if (open === undefined) return;
    const { code, sentence: reason } = failure;
    this.#options.logger.log('warn', `view.${type}`, { view, surface: open.surface, code, reason });
  }

  #showFaces(): void {
    const context = this.context();
    for (const [name, window] of this.#windows) {
      const face = faceOf(this.#state, name, context);
      if (face === undefined) continue;
      window.show(face);
      logStrip(this.#options.logger, name, this.#strips.get(name), face.strip);
      this.#strips.set(name, face.strip);
    }
  }

  #perform(effect: WallEffect): void {
    switch (effect.type) {
      case 'sign-in':
        this.#runtimes.get(effect.session)?.warm(effect.attempt, effect.partition);
        void this.#signIn(effect.session, effect.attempt);
        return;
      case 'abandon':
        this.#runtimes.get(effect.session)?.abandon(effect.attempt);
        return;
      case 'open': {
        const open: OpenView = { surface: effect.surface, view: effect.view, isRaised: false, isClosed: false };
        this.#views.set(effect.view.id, open);
        void this.#open(open);
        return;
      }
      case 'raise':
        this.#raise(effect.surface, effect.view);
        return;
      case 'cover':
        for (const open of this.#views.values()) if (open.surface === effect.surface) open.console?.onTop(false);
        this.#windows.get(effect.surface)?.window.raiseBase();
        return;
      case 'close':
        this.#close(effect.view, LINGER_MS);
        return;
      case 'clear':
        void this.#runtimes.get(effect.session)?.clear(effect.partition);
        return;
    }
  }

  async #signIn(session: string, attempt: number): Promise<void> {
    const runtime = this.#runtimes.get(session);
    if (runtime === undefined) return;
    const begun = this.#clockwork.now();
    let signedIn: SignedIn;
    try {
      signedIn = await runtime.signIn();
    } catch (error) {
      const failure = this.#failureOf(error, 'session.sign-in-error');
      this.tell({ type: 'sign-in-failed', session, attempt, failure });
      return;
    }
    const { loginUrl, startedAt, endsAt } = signedIn;
    // Reckoned by what passed, not by the time of day: the clock may have been set meanwhile.
    const now = this.#clockwork.now();
    const passed = Math.max(0, now.monotonic - begun.monotonic, now.wall - begun.wall);
    const lifeMs = Math.max(SHORTEST_LIFE_MS, endsAt - startedAt - passed);
    // One that comes too late is nobody's any more.
    if (this.#state.sessions.get(session)?.attempts === attempt) runtime.keepLogin(attempt, loginUrl);
    this.tell({ type: 'signed-in', session, attempt, lifeMs });
  }

  async #open(open: OpenView): Promise<void> {
    const { view } = open;
    const { id, partition, generation, signsIn } = view;
    const dashboard = this.#options.plan.dashboards[view.dashboard];
    const runtime = this.#runtimes.get(view.session);
    if (dashboard === undefined || runtime === undefined) return;
    try {
      const target = { id, dashboardUrl: dashboard.url, zoom: dashboard.zoom, events: this.#eventsOf(open) };
      const made = runtime.viewFor(target, partition, signsIn ? generation : undefined);
      runtime.leaves(partition, made.then(ignore, ignore));
      const console = await made;
      if (open.isClosed || this.#stopped) {
        console.close();
        return;
      }
      open.console = console;
      const url = signsIn ? runtime.takeLogin(generation, dashboard.url) : dashboard.url;
      if (url === undefined) {
        const sentence = 'The login URL was gone before the page could be opened. It is tried again.';
        this.tell({ type: 'load-failed', view: id, failure: { code: 'CONSOLE_LOAD_FAILED', sentence } });
        return;
      }
      this.#windows.get(open.surface)?.window.addBeneath(console.webContentsView);
      console.enter(url);
    } catch (error) {
      this.tell({ type: 'load-failed', view: id, failure: this.#failureOf(error, 'view.open-error') });
    }
  }

  #eventsOf(open: OpenView): ConsoleViewEvents {
    const { id } = open.view;
    return {
      painted: (verified) => {
        if (!verified) this.#options.logger.log('warn', 'view.unverified', { view: id });
        this.tell({ type: 'painted', view: id, verified });
      },
      loadFailed: (failure) => {
        this.tell({ type: 'load-failed', view: id, failure });
      },
      lost: (failure) => {
        this.tell({ type: 'lost', view: id, failure });
      },
      doubted: (failure) => {
        this.tell({ type: 'doubted', view: id, failure });
      },
      gone: (failure) => {
        this.tell({ type: 'gone', view: id, failure });
      },
      data: () => {
        this.tell({ type: 'data', view: id });
      },
      pictured: (picture) => {
        if (open.isRaised && !open.isClosed) this.#windows.get(open.surface)?.keepPicture(picture);
      },
    };
  }

  #raise(surface: string, id: number): void {
    const open = this.#views.get(id);
    const window = this.#windows.get(surface);
    if (open?.console === undefined || window === undefined) return;
    for (const other of this.#views.values()) if (other.surface === surface) other.console?.onTop(false);
    open.isRaised = true;
    window.forgetPicture();
    window.window.raise(open.console.webContentsView);
    open.console.onTop(true);
  }

  /** Takes a view off the wall. One that was on top lingers beneath for a few frames, until the next one has been presented. */
  #close(id: number, lingerMs: number): void {
    const open = this.#views.get(id);
    if (open === undefined) return;
    this.#views.delete(id);
    open.isClosed = true;
    const { console } = open;
    if (console === undefined) return;
    const window = this.#windows.get(open.surface);
    const take = () => {
      this.#lingering.delete(console);
      window?.window.remove(console.webContentsView);
      console.close();
    };
    this.#lingering.add(console);
    console.retire();
    if (!open.isRaised || lingerMs === 0 || window === undefined) {
      take();
      return;
    }
    const left = new Promise<void>((resolve) => {
      setTimeout(() => {
        take();
        resolve();
      }, lingerMs);
    });
    this.#runtimes.get(open.view.session)?.leaves(open.view.partition, left);
  }

  #viewOfContents(contentsId: number): ConsoleView | undefined {
    for (const { console } of this.#views.values()) if (console?.contentsId === contentsId) return console;
    return [...this.#lingering].find((one) => one.contentsId === contentsId);
  }

  #failureOf(error: unknown, event: string): Failure {
    const failure = toAppError(error);
    if (failure.code === 'INTERNAL') this.#options.logger.log('error', event, { error });
    return failure.toFailure();
  }
}

const ignore = () => undefined;

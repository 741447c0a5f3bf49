import type { Session as ElectronSession } from 'electron';
import { type Failure, toAppError } from '../../core/errors.ts';
import type { Clock, Logger, Random } from '../../core/ports.ts';
import { reduceSession, sessionDeadlines } from '../../core/session/session.ts';
import {
  IDLE_SESSION,
  type Partition,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionPolicy,
} from '../../core/session/state.ts';
import { type Notice, noticeOf } from '../../core/surface/notice.ts';
import { type SurfaceEffect, type SurfaceEvent, type SurfaceState, reduceSurface } from '../../core/surface/surface.ts';
import { Clockwork } from './clockwork.ts';
import { ConsoleView } from './console-view.ts';
import type { KioskWindow } from './kiosk-window.ts';
import { type PageKind, swallowLastPages, watchDataCalls } from './navigation-guard.ts';
import type { NoticeView } from './notice-view.ts';
import { Partitions } from './partitions.ts';
import { logTransition } from './session-log.ts';

/** What a sign-in brings: the login URL, and the console session's life (wall-clock ms since the epoch). */
export interface SignedIn {
  readonly loginUrl: string;
  readonly startedAt: number;
  readonly endsAt: number;
}

export interface WallOptions {
  readonly window: KioskWindow;
  readonly notice: NoticeView;
  readonly signIn: () => Promise<SignedIn>;
  readonly classify: (url: string) => PageKind;
  /** Applied to each partition before its first load (proxy, certificates). */
  readonly prepareSession: (session: ElectronSession) => Promise<void>;
  readonly zoom: number;
  readonly paintDeadlineMs: number;
  readonly policy: SessionPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told after every change. */
  readonly onChange: (session: Session, surface: SurfaceState) => void;
}

// What is left at least of a session that was just begun, however the clock was set while it was.
const SHORTEST_LIFE_MS = 60_000;
// Long enough for a few frames on a slow machine.
const LINGER_MS = 200;

/** One session on one surface: performs what the two state machines decide, and tells them what came of it. */
export class Wall {
  readonly #options: WallOptions;
  readonly #partitions: Partitions;
  readonly #clockwork: Clockwork;
  readonly #views = new Map<number, ConsoleView>();
  /** Views of attempts whose login URL is still being obtained. */
  readonly #warm = new Map<number, Promise<ConsoleView>>();
  readonly #partitionOf = new Map<number, Partition>();
  readonly #prepared = new WeakMap<ElectronSession, Promise<void>>();
  #session: Session = IDLE_SESSION;
  #surface: SurfaceState = { kind: 'notice' };
  #stopped = false;
  /** Until when a partition's last view lingers. */
  readonly #leaving: Partial<Record<Partition, Promise<void>>> = {};

  constructor(options: WallOptions) {
    this.#options = options;
    this.#partitions = new Partitions(
      'console',
      (session) => {
        const viewOf = (id: number) => [...this.#views.values()].find((view) => view.contentsId === id);
        swallowLastPages(session, viewOf);
        watchDataCalls(session, viewOf);
        this.#prepared.set(session, options.prepareSession(session));
      },
      options.logger,
    );
    this.#clockwork = new Clockwork(options.clock, () => {
      this.#tell({ type: 'clock' });
    });
  }

  start(): void {
    this.#tell({ type: 'start' });
  }

  /** The machine woke up, or the network came back. */
  nudge(): void {
    this.#tell({ type: 'clock' });
    this.#tell({ type: 'nudge' });
  }

  /** The network service died, and the cookies with it (Electron keeps in-memory cookies there). */
  networkServiceGone(): void {
    this.#partitions.forsake();
    const { held } = this.#session;
    if (held === undefined) return;
    const sentence = 'The network service of this machine ended, and the session with it. Vigil signs in again.';
    this.#tell({ type: 'lost', partition: held, failure: { code: 'CONSOLE_SIGNED_OUT', sentence } });
  }

  renewNow(): void {
    this.#tell({ type: 'renew-now' });
  }

  /** Closes every view and timer; resolves when the partitions are empty. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#clockwork.stop();
    for (const attempt of [...this.#views.keys()]) this.#close(attempt, 0);
    await Promise.all([...this.#warm.keys()].map((attempt) => this.#discard(attempt)));
    await Promise.all([this.#partitions.release('a'), this.#partitions.release('b')]);
  }

  #tell(event: SessionEvent): void {
    if (this.#stopped) return;
    const before = this.#session;
    const [next, effects] = reduceSession(before, event, {
      now: this.#clockwork.now(),
      fraction: this.#options.random.fraction(),
      policy: this.#options.policy,
    });
    this.#session = next;
    logTransition(this.#options.logger, before, next);
    for (const effect of effects) this.#performSession(effect);
    this.#clockwork.arm(sessionDeadlines(this.#session));
    this.#changed();
  }

  #tellSurface(event: SurfaceEvent): void {
    if (this.#stopped) return;
    const before = this.#surface;
    const [next, effects] = reduceSurface(before, event);
    this.#surface = next;
    if (next.kind !== before.kind) this.#options.logger.log('info', `surface.${next.kind}`);
    for (const effect of effects) this.#performSurface(effect);
    this.#changed();
  }

  #performSession(effect: SessionEffect): void {
    switch (effect.type) {
      case 'sign-in': {
        const warm = this.#make(effect.attempt, effect.partition);
        // Told to whoever opens it; an attempt that fails before that has nothing to tell of it.
        warm.catch(() => undefined);
        this.#warm.set(effect.attempt, warm);
        void this.#signIn(effect.attempt);
        return;
      }
      case 'enter':
        this.#tellSurface({
          type: 'enter',
          view: { attempt: effect.attempt, partition: effect.partition },
          loginUrl: effect.loginUrl,
        });
        return;
      case 'abandon':
        this.#tellSurface({ type: 'abandon', attempt: effect.attempt });
        this.#leaving[effect.partition] = this.#discard(effect.attempt);
        this.#release(effect.partition);
        return;
      case 'release':
        this.#release(effect.partition);
        return;
      case 'dark':
        this.#tellSurface({ type: 'dark' });
        return;
    }
  }

  #performSurface(effect: SurfaceEffect): void {
    switch (effect.type) {
      case 'open':
        void this.#open(effect.view.attempt, effect.loginUrl);
        return;
      case 'raise': {
        const view = this.#views.get(effect.attempt);
        if (view !== undefined) this.#options.window.raise(view.webContentsView);
        return;
      }
      case 'raise-notice':
        this.#options.window.raiseBase();
        return;
      case 'close':
        this.#close(effect.attempt, LINGER_MS);
        return;
      case 'report-entered':
        if (!effect.verified) this.#options.logger.log('warn', 'view.unverified', { attempt: effect.attempt });
        this.#tell({ type: 'entered', attempt: effect.attempt, verified: effect.verified });
        return;
      case 'report-entry-failed':
        this.#tell({ type: 'entry-failed', attempt: effect.attempt, failure: effect.failure });
        return;
      case 'report-lost':
        this.#tell({ type: 'lost', partition: effect.partition, failure: effect.failure });
        return;
    }
  }

  async #signIn(attempt: number): Promise<void> {
    const begun = this.#clockwork.now();
    try {
      const { loginUrl, startedAt, endsAt } = await this.#options.signIn();
      // Reckoned by what passed, not by the time of day: the clock may have been set meanwhile.
      const now = this.#clockwork.now();
      const passed = Math.max(0, now.monotonic - begun.monotonic, now.wall - begun.wall);
      const lifeMs = Math.max(SHORTEST_LIFE_MS, endsAt - startedAt - passed);
      this.#tell({ type: 'signed-in', attempt, loginUrl, lifeMs });
    } catch (error) {
      this.#tell({ type: 'sign-in-failed', attempt, failure: this.#failureOf(error, 'session.sign-in-error') });
    }
  }

  /** A view for an attempt, its renderer started while the login URL is still being obtained. Rejects with what Electron says. */
  async #make(attempt: number, partition: Partition): Promise<ConsoleView> {
    const options = this.#options;
    const session = await this.#partitions.acquire(partition);
    this.#partitionOf.set(attempt, partition);
    await this.#prepared.get(session);
    return new ConsoleView({
      id: attempt,
      session,
      classify: options.classify,
      zoom: options.zoom,
      paintDeadlineMs: options.paintDeadlineMs,
      signInGraceMs: 5_000,
      logger: options.logger,
      events: {
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
        data: () => undefined,
        pictured: () => undefined,
      },
    });
  }

  async #open(attempt: number, loginUrl: string): Promise<void> {
    try {
      const view = await this.#warm.get(attempt);
      if (view === undefined || this.#stopped || !this.#isIncoming(attempt)) return;
      this.#warm.delete(attempt);
      this.#views.set(attempt, view);
      this.#options.window.addBeneath(view.webContentsView);
      view.enter(loginUrl);
    } catch (error) {
      this.#tellSurface({ type: 'load-failed', attempt, failure: this.#failureOf(error, 'view.open-error') });
    }
  }

  /** Closes the view of an attempt that never got to be opened. */
  async #discard(attempt: number): Promise<void> {
    const warm = this.#warm.get(attempt);
    this.#warm.delete(attempt);
    await warm?.then(
      (view) => {
        view.close();
      },
      () => undefined,
    );
  }

  #isIncoming(attempt: number): boolean {
    const surface = this.#surface;
    return (surface.kind === 'entering' || surface.kind === 'swapping') && surface.incoming.attempt === attempt;
  }

  /** Takes a view off the wall. One that was on top lingers beneath for a few frames, until the next one has been presented. */
  #close(attempt: number, lingerMs: number): void {
    const view = this.#views.get(attempt);
    if (view === undefined) return;
    this.#views.delete(attempt);
    const partition = this.#partitionOf.get(attempt) ?? 'a';
    this.#partitionOf.delete(attempt);
    const take = () => {
      this.#options.window.remove(view.webContentsView);
      view.close();
    };
    if (!view.isLive || lingerMs === 0) {
      view.retire();
      take();
      return;
    }
    view.retire();
    this.#leaving[partition] = new Promise((resolve) => {
      setTimeout(() => {
        take();
        resolve();
      }, lingerMs);
    });
  }

  /** Clears a partition once its last view has left. */
  #release(partition: Partition): void {
    void this.#partitions.release(partition, this.#leaving[partition]);
  }

  #failureOf(error: unknown, event: string): Failure {
    const failure = toAppError(error);
    if (failure.code === 'INTERNAL') this.#options.logger.log('error', event, { error });
    return failure.toFailure();
  }

  #changed(): void {
    if (this.#stopped) return;
    const notice: Notice = noticeOf(this.#session);
    this.#options.notice.show(notice);
    this.#options.onChange(this.#session, this.#surface);
  }
}

import type { Session as ElectronSession } from 'electron';
import { withDestination } from '../../aws/destination.ts';
import type { Logger } from '../../core/ports.ts';
import { PARTITIONS, type Partition } from '../../core/session/state.ts';
import { ConsoleView, type ConsoleViewEvents } from './console-view.ts';
import { type GuardedView, type PageKind, swallowLastPages, watchDataCalls } from './navigation-guard.ts';
import { Partitions } from './partitions.ts';

/** What a sign-in brings: the login URL, and the console session's life (wall-clock ms since the epoch). */
export interface SignedIn {
  readonly loginUrl: string;
  readonly startedAt: number;
  readonly endsAt: number;
}

/** How one session signs in, and what its pages are. */
export interface ConsoleSession {
  /** One sign-in; rejects with an AppError. */
  readonly signIn: () => Promise<SignedIn>;
  /** What an address is to a view of a dashboard. */
  readonly classify: (url: string, dashboardUrl: string) => PageKind;
}

export interface SessionRuntimeOptions {
  readonly name: string;
  readonly console: ConsoleSession;
  /** Applied to each partition before its first load (proxy, certificates). */
  readonly prepareSession: (session: ElectronSession) => Promise<void>;
  readonly viewOf: (contentsId: number) => GuardedView | undefined;
  readonly paintDeadlineMs: number;
  readonly logger: Logger;
}

/** What a view is to be opened for. */
export interface Target {
  readonly id: number;
  readonly dashboardUrl: string;
  readonly zoom: number;
  readonly events: ConsoleViewEvents;
}

interface Warm {
  readonly attempt: number;
  readonly partition: Partition;
  readonly made: Promise<UnboundView>;
}

const SIGN_IN_GRACE_MS = 5_000;
const PREPARE_WITHIN_MS = 10_000;

/** The partitions, login URLs and views of one console session. */
export class SessionRuntime {
  readonly #options: SessionRuntimeOptions;
  readonly #partitions: Partitions;
  readonly #prepared = new WeakMap<ElectronSession, Promise<void>>();
  /** The view of the attempt whose login URL is still being obtained. */
  #warm: Warm | undefined;
  #login: { readonly attempt: number; readonly url: string } | undefined;
  /** What the last view of a partition still lingers for. */
  readonly #leaving: Record<Partition, Set<Promise<void>>> = { a: new Set(), b: new Set(), c: new Set() };

  constructor(options: SessionRuntimeOptions) {
    this.#options = options;
    this.#partitions = new Partitions(
      `console-${options.name}`,
      (session) => {
        swallowLastPages(session, options.viewOf);
        watchDataCalls(session, options.viewOf);
        const prepared = options.prepareSession(session);
        // Told to each view that waits for it.
        prepared.catch(() => undefined);
        this.#prepared.set(session, prepared);
      },
      options.logger,
    );
  }

  signIn(): Promise<SignedIn> {
    return this.#options.console.signIn();
  }

  /** Starts a renderer for an attempt while its login URL is still being obtained. */
  warm(attempt: number, partition: Partition): void {
    void this.#discardWarm();
    const made = this.#make(partition);
    // Told to whoever opens it; an attempt that fails before that has nothing to tell of it.
    made.catch(() => undefined);
    this.#warm = { attempt, partition, made };
  }

  keepLogin(attempt: number, url: string): void {
    this.#login = { attempt, url };
  }

  /** The login URL of an attempt, once, leading to a dashboard. */
  takeLogin(attempt: number, dashboardUrl: string): string | undefined {
    if (this.#login?.attempt !== attempt) return undefined;
    const { url } = this.#login;
    this.#login = undefined;
    return withDestination(url, dashboardUrl);
  }

  /** Throws away what was prepared for an attempt. */
  abandon(attempt: number): void {
    if (this.#login?.attempt === attempt) this.#login = undefined;
    if (this.#warm?.attempt === attempt) this.leaves(this.#warm.partition, this.#discardWarm());
  }

  /** A view for a dashboard; the warm one where it was made for that attempt. Rejects with what Electron says. */
  async viewFor(target: Target, partition: Partition, attempt: number | undefined): Promise<ConsoleView> {
    const warm = this.#warm;
    if (attempt === undefined || warm?.attempt !== attempt) return (await this.#make(partition)).bind(target);
    this.#warm = undefined;
    return (await warm.made).bind(target);
  }

  /** The partition is not cleared before this. */
  leaves(partition: Partition, left: Promise<void>): void {
    const leaving = this.#leaving[partition];
    leaving.add(left);
    void left.finally(() => leaving.delete(left));
  }

  /** Clears a partition once its views have left; the next view in it waits for that. */
  clear(partition: Partition): Promise<void> {
    return this.#partitions.release(
      partition,
      Promise.all(this.#leaving[partition]).then(() => undefined),
    );
  }

  /** The network service died: what was made before may never answer again. */
  forsake(): void {
    void this.#discardWarm();
    this.#partitions.forsake();
  }

  async stop(): Promise<void> {
    await this.#discardWarm();
    await Promise.all(PARTITIONS.map((partition) => this.clear(partition)));
  }

  async #discardWarm(): Promise<void> {
    const warm = this.#warm;
    this.#warm = undefined;
    await warm?.made.then(
      (view) => {
        view.close();
      },
      () => undefined,
    );
  }

  async #make(partition: Partition): Promise<UnboundView> {
    const { console: page, paintDeadlineMs, logger } = this.#options;
    const session = await this.#partitions.acquire(partition);
    try {
      await withLimit(PREPARE_WITHIN_MS, this.#prepared.get(session));
    } catch (error) {
      // What could not be prepared once never can be: the next view gets a fresh one.
      this.#partitions.giveUp(partition);
      throw error;
    }
    return new UnboundView((target, told) => {
      return new ConsoleView({
        get id() {
          return target()?.id ?? 0;
        },
        get zoom() {
          return target()?.zoom ?? 1;
        },
        session,
        classify: (url) => page.classify(url, target()?.dashboardUrl ?? ''),
        paintDeadlineMs,
        signInGraceMs: SIGN_IN_GRACE_MS,
        logger,
        events: told,
      });
    });
  }
}

/** A view whose renderer starts before it is known what it will show. */
class UnboundView {
  readonly #view: ConsoleView;
  #target: Target | undefined;

  constructor(make: (target: () => Target | undefined, events: ConsoleViewEvents) => ConsoleView) {
    const events = () => this.#target?.events;
    this.#view = make(() => this.#target, {
      painted: (verified) => events()?.painted(verified),
      loadFailed: (failure) => events()?.loadFailed(failure),
      lost: (failure) => events()?.lost(failure),
      gone: (failure) => events()?.gone(failure),
      doubted: (failure) => events()?.doubted(failure),
      data: () => events()?.data(),
      pictured: (picture) => events()?.pictured(picture),
    });
  }

  bind(target: Target): ConsoleView {
    this.#target = target;
    return this.#view;
  }

  close(): void {
    this.#view.close();
  }
}

/** Rejects when the promise has not settled in time. */
async function withLimit(ms: number, promise: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('A console session could not be prepared in time.'));
    }, ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

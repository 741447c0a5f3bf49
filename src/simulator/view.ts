import type { Failure } from '../core/errors.ts';
import type { View } from '../core/surface/state.ts';
import type { Jar } from './partitions.ts';
import type { Ticket } from './ticket.ts';

export interface ViewEvents {
  painted(verified: boolean): void;
  loadFailed(failure: Failure): void;
  lost(failure: Failure): void;
  gone(failure: Failure): void;
  doubted(failure: Failure): void;
  data(): void;
}

/** One console page, telling its wall what src/main/wall/console-view.ts tells: once settled only of a loss, once retired nothing. */
export class SimulatedView {
  readonly jar: Jar;
  isLive = false;
  hasPainted = false;
  isVerified = false;
  /** When it painted, and when data last reached it or what it took the place of, by the monotonic clock. */
  paintedMonotonic = 0;
  dataMonotonic: number | undefined;
  /** When it was about to give way to an error, by the monotonic clock. */
  doubtedMonotonic: number | undefined;
  /** It does not ask for data any more. */
  isDeaf = false;
  /** Its renderer is gone or hangs. */
  isBroken = false;
  /** The process that puts pictures on the screen has just died. */
  isUndrawn = false;
  /** When it was given an address, true time. */
  enteredAt: number | undefined;
  /** The session that its page is of, once it has signed in. */
  ticket: Ticket | undefined;
  /** Whether its page asks for data by itself, and so notices that its session is over. */
  polls = true;
  isClosed = false;
  #target: { readonly surface: string; readonly view: View; readonly events: ViewEvents } | undefined;
  #isRetired = false;
  #isSettled = false;

  constructor(jar: Jar) {
    this.jar = jar;
    jar.views.add(this);
  }

  /** What it is opened for: known later than its renderer is started. */
  bind(surface: string, view: View, events: ViewEvents): void {
    this.#target = { surface, view, events };
  }

  get view(): View | undefined {
    return this.#target?.view;
  }

  get surface(): string | undefined {
    return this.#target?.surface;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether nobody waits any more for how its entering ends. */
  get isSettled(): boolean {
    return this.#isSettled || this.#isRetired;
  }

  get hasPicture(): boolean {
    return !this.isBroken && !this.isUndrawn;
  }

  paint(verified: boolean, monotonic: number): void {
    if (this.isSettled) return;
    this.#isSettled = true;
    this.isLive = true;
    this.hasPainted = true;
    this.isVerified = verified;
    this.paintedMonotonic = monotonic;
    if (verified) this.dataMonotonic = monotonic;
    this.#target?.events.painted(verified);
  }

  /** Data reach it. */
  feed(monotonic: number): void {
    if (this.#isRetired) return;
    this.dataMonotonic = monotonic;
    this.#target?.events.data();
  }

  /** It is about to give way to an error. */
  doubt(failure: Failure, monotonic: number): void {
    if (this.#isRetired || !this.isLive || this.doubtedMonotonic !== undefined) return;
    this.doubtedMonotonic = monotonic;
    this.#target?.events.doubted(failure);
  }

  fail(failure: Failure): void {
    if (this.isSettled) return;
    this.#isSettled = true;
    this.#target?.events.loadFailed(failure);
  }

  lose(failure: Failure): void {
    if (!this.isLive) this.fail(failure);
    else if (!this.#isRetired) this.#target?.events.lost(failure);
  }

  goAway(failure: Failure): void {
    if (this.enteredAt === undefined || this.#isRetired) return;
    this.#isSettled = true;
    this.#target?.events.gone(failure);
  }

  retire(): void {
    this.#isRetired = true;
  }

  close(): void {
    this.#isRetired = true;
    this.isClosed = true;
    this.jar.views.delete(this);
  }
}

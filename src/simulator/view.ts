import type { Failure } from '../core/errors.ts';
import type { View } from '../core/surface/surface.ts';
import type { Jar } from './partitions.ts';
import type { Ticket } from './ticket.ts';

export interface ViewEvents {
  painted(verified: boolean): void;
  loadFailed(failure: Failure): void;
  lost(failure: Failure): void;
  gone(failure: Failure): void;
}

/** One console page, telling its wall what src/main/wall/console-view.ts tells: once settled only of a loss, once retired nothing. */
export class SimulatedView {
  readonly view: View;
  readonly jar: Jar;
  readonly #events: ViewEvents;
  isLive = false;
  hasPainted = false;
  /** Its renderer is gone or hangs. */
  isBroken = false;
  /** The process that puts pictures on the screen has just died. */
  isUndrawn = false;
  /** When it was given its login URL, true time. */
  enteredAt: number | undefined;
  /** The session that its page is of, once it has signed in. */
  ticket: Ticket | undefined;
  /** Whether its page asks for data by itself, and so notices that its session is over. */
  polls = true;
  isClosed = false;
  #isRetired = false;
  #isSettled = false;

  constructor(view: View, jar: Jar, events: ViewEvents) {
    this.view = view;
    this.jar = jar;
    this.#events = events;
    jar.views.add(this);
  }

  get attempt(): number {
    return this.view.attempt;
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

  paint(verified: boolean): void {
    if (this.isSettled) return;
    this.#isSettled = true;
    this.isLive = true;
    this.hasPainted = true;
    this.#events.painted(verified);
  }

  fail(failure: Failure): void {
    if (this.isSettled) return;
    this.#isSettled = true;
    this.#events.loadFailed(failure);
  }

  lose(failure: Failure): void {
    if (!this.isLive) this.fail(failure);
    else if (!this.#isRetired) this.#events.lost(failure);
  }

  goAway(failure: Failure): void {
    if (this.enteredAt === undefined || this.#isRetired) return;
    this.#isSettled = true;
    this.#events.gone(failure);
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

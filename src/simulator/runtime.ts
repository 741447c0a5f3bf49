import type { Partition } from '../core/session/state.ts';
import type { Chance } from './chance.ts';
import type { Oracle } from './oracle.ts';
import { Partitions } from './partitions.ts';
import type { Ticket } from './ticket.ts';
import { Gate, type Timeline } from './timeline.ts';
import { SimulatedView } from './view.ts';

interface Warm {
  readonly attempt: number;
  readonly partition: Partition;
  readonly made: Gate;
  view: SimulatedView | undefined;
}

/** Partitions, login and views of one console session, handled as src/main/wall/session-runtime.ts does. */
export class Runtime {
  readonly partitions: Partitions;
  readonly #timeline: Timeline;
  readonly #makingMs: () => number;
  readonly #leaving: Record<Partition, Set<Gate>> = { a: new Set(), b: new Set(), c: new Set() };
  /** Every view that is not closed. */
  readonly views = new Set<SimulatedView>();
  #warm: Warm | undefined;
  #login: { readonly attempt: number; readonly ticket: Ticket } | undefined;

  constructor(name: string, timeline: Timeline, chance: Chance, oracle: Oracle, makingMs: () => number) {
    this.#timeline = timeline;
    this.#makingMs = makingMs;
    this.partitions = new Partitions(`console-${name}`, timeline, chance, oracle);
  }

  get warmAttempt(): number | undefined {
    return this.#warm?.attempt;
  }

  warm(attempt: number, partition: Partition): void {
    this.#discardWarm();
    const warm: Warm = { attempt, partition, made: new Gate(this.#timeline), view: undefined };
    this.#warm = warm;
    this.#make(partition, (view) => {
      warm.view = view;
      warm.made.open();
    });
  }

  keepLogin(attempt: number, ticket: Ticket): void {
    this.#login = { attempt, ticket };
  }

  takeLogin(attempt: number): Ticket | undefined {
    if (this.#login?.attempt !== attempt) return undefined;
    const { ticket } = this.#login;
    this.#login = undefined;
    return ticket;
  }

  abandon(attempt: number): void {
    if (this.#login?.attempt === attempt) this.#login = undefined;
    if (this.#warm?.attempt === attempt) this.leaves(this.#warm.partition, this.#discardWarm());
  }

  viewFor(partition: Partition, attempt: number | undefined, then: (view: SimulatedView) => void): void {
    const warm = this.#warm;
    if (attempt === undefined || warm?.attempt !== attempt) {
      this.#make(partition, then);
      return;
    }
    this.#warm = undefined;
    warm.made.then(() => {
      if (warm.view !== undefined) then(warm.view);
    });
  }

  leaves(partition: Partition, left: Gate): void {
    const leaving = this.#leaving[partition];
    leaving.add(left);
    left.then(() => leaving.delete(left));
  }

  clear(partition: Partition): void {
    const left = new Gate(this.#timeline);
    const waiting = [...this.#leaving[partition]];
    let open = waiting.length;
    if (open === 0) left.open();
    for (const gate of waiting) {
      gate.then(() => {
        open -= 1;
        if (open === 0) left.open();
      });
    }
    this.partitions.release(partition, left);
  }

  forsake(): void {
    this.#discardWarm();
    this.partitions.forsake();
  }

  closed(view: SimulatedView): void {
    view.close();
    this.views.delete(view);
  }

  #discardWarm(): Gate {
    const gone = new Gate(this.#timeline);
    const warm = this.#warm;
    this.#warm = undefined;
    if (warm === undefined) gone.open();
    else {
      warm.made.then(() => {
        if (warm.view !== undefined) this.closed(warm.view);
        gone.open();
      });
    }
    return gone;
  }

  #make(partition: Partition, then: (view: SimulatedView) => void): void {
    this.partitions.acquire(partition, (jar) => {
      this.#timeline.later(this.#makingMs(), () => {
        const view = new SimulatedView(jar);
        this.views.add(view);
        then(view);
      });
    });
  }
}

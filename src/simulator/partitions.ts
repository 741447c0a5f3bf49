import { PARTITIONS, type Partition } from '../core/session/state.ts';
import type { Chance } from './chance.ts';
import type { Oracle } from './oracle.ts';
import { CLEAR_WITHIN_MS } from './policy.ts';
import type { Ticket } from './ticket.ts';
import { Gate, type Timeline } from './timeline.ts';

/** What Electron keeps under a partition's name: cookies, and the views that live in it. */
export interface Jar {
  readonly name: string;
  cookie: Ticket | undefined;
  /** Views in it that are not closed, those that have loaded nothing yet among them. */
  readonly views: Set<object>;
  isBeingCleared: boolean;
  /** The network service died under it: nothing in it is answered any more. */
  isDead: boolean;
}

/** The partitions of one console session, handled as src/main/wall/partitions.ts does. */
export class Partitions {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #oracle: Oracle;
  readonly #jars = new Map<string, Jar>();
  readonly #names: Record<Partition, string>;
  readonly #name: string;
  readonly #clearing: Partial<Record<Partition, Gate>> = {};
  #given = 0;

  constructor(name: string, timeline: Timeline, chance: Chance, oracle: Oracle) {
    this.#name = name;
    this.#names = { a: `${name}-a`, b: `${name}-b`, c: `${name}-c` };
    this.#timeline = timeline;
    this.#chance = chance;
    this.#oracle = oracle;
  }

  get jars(): Iterable<Jar> {
    return this.#jars.values();
  }

  acquire(partition: Partition, then: (jar: Jar) => void): void {
    const go = () => {
      then(this.#jar(partition));
    };
    const clearing = this.#clearing[partition];
    if (clearing === undefined) this.#timeline.soon(go);
    else clearing.then(go);
  }

  release(partition: Partition, left: Gate | undefined): void {
    const before = this.#clearing[partition];
    const cleared = new Gate(this.#timeline);
    this.#clearing[partition] = cleared;
    const clear = () => {
      this.#clear(partition, cleared);
    };
    const afterLeft = () => {
      if (before === undefined) this.#timeline.soon(clear);
      else before.then(clear);
    };
    if (left === undefined) this.#timeline.soon(afterLeft);
    else left.then(afterLeft);
  }

  forsake(): void {
    for (const partition of PARTITIONS) this.#rename(partition);
  }

  #rename(partition: Partition): void {
    this.#given += 1;
    this.#names[partition] = `${this.#name}-${partition}${this.#given}`;
  }

  #jar(partition: Partition): Jar {
    const name = this.#names[partition];
    const known = this.#jars.get(name);
    if (known !== undefined) return known;
    for (const [old, { views }] of this.#jars) {
      if (views.size === 0 && !Object.values(this.#names).includes(old)) this.#jars.delete(old);
    }
    const jar: Jar = { name, cookie: undefined, views: new Set(), isBeingCleared: false, isDead: false };
    this.#jars.set(name, jar);
    return jar;
  }

  #clear(partition: Partition, cleared: Gate): void {
    const jar = this.#jar(partition);
    if (jar.views.size > 0) this.#oracle.break('a partition is cleared only when every view has left', jar.name);
    jar.isBeingCleared = true;
    const never = this.#chance.happens(jar.isDead ? 0.3 : 0.001);
    this.#timeline.later(never ? CLEAR_WITHIN_MS : this.#chance.ofAnyMagnitude(5, 500), () => {
      jar.isBeingCleared = false;
      if (!never) jar.cookie = undefined;
      else if (this.#names[partition] === jar.name) this.#rename(partition);
      cleared.open();
    });
  }
}

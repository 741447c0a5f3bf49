import type { Instant } from '../core/renewal/deadline.ts';

/** Something that will happen. */
export interface Happening {
  /** True time, in ms since the simulation began. */
  at: number;
  readonly order: number;
  /** Whether the machine does it, which it cannot while asleep; the rest of the world goes on. */
  readonly byMachine: boolean;
  run: (() => void) | undefined;
}

const EPOCH = Date.UTC(2027, 0, 1);
const LONGEST_STANDSTILL = 100_000;

/** True time, the machine's two clocks, its timers and its sleep. Nothing here waits: time is as long as the list of what happens. */
export class Timeline {
  /** True time, in ms since the simulation began. */
  now = 0;
  /** True time of the last waking, in ms. */
  wokeAt = -Infinity;
  /** How far the wall clock is ahead of true time, in ms. */
  #ahead = 0;
  /** How long the monotonic clock has stood still, in ms. */
  #stoodStill = 0;
  #sleep: { readonly until: number; readonly monotonic: number | undefined } | undefined;
  #heap: Happening[] = [];
  #made = 0;
  #soon: (() => void)[] = [];
  #atOnce = 0;

  get isAsleep(): boolean {
    return this.#sleep !== undefined;
  }

  /** Both clocks as the machine reads them. */
  instant(): Instant {
    return { wall: this.wall(), monotonic: this.monotonic() };
  }

  wall(): number {
    return EPOCH + this.now + this.#ahead;
  }

  monotonic(): number {
    return this.#sleep?.monotonic ?? this.now - this.#stoodStill;
  }

  /** Somebody sets the wall clock. */
  setClock(byMs: number): void {
    this.#ahead += byMs;
  }

  /** The world does something at a true time. */
  at(time: number, run: () => void): Happening {
    return this.#add(Math.max(time, this.now), false, run);
  }

  /** A timer of the machine: it slips by the time that the machine sleeps. */
  later(ms: number, run: () => void): Happening {
    return this.#add(Math.max(this.now + Math.max(ms, 0), this.#sleep?.until ?? 0), true, run);
  }

  cancel(happening: Happening | undefined): void {
    if (happening !== undefined) happening.run = undefined;
  }

  /** After what happens now, before anything else: a settled promise's turn. */
  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /**
   * Puts the machine to sleep. Its timers are late by the whole sleep where the monotonic clock stands still; elsewhere those that came due
   * run after waking.
   * @param slipMs how long after waking overdue timers run
   */
  sleep(ms: number, standsStill: boolean, slipMs: number, onWake: () => void): void {
    const until = this.now + ms;
    this.at(until, () => {
      this.#sleep = undefined;
      this.wokeAt = this.now;
      if (standsStill) this.#stoodStill += ms;
      onWake();
    });
    this.#sleep = { until, monotonic: standsStill ? this.monotonic() : undefined };
    for (const happening of this.#heap) {
      if (!happening.byMachine) continue;
      happening.at = standsStill ? happening.at + ms : Math.max(happening.at, until + slipMs);
    }
    this.#heap = this.#heap.filter(({ run }) => run !== undefined);
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** Lets the next thing happen, unless that is later than `until`. False when nothing is left until then. */
  step(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = until;
        return false;
      }
      this.#removeFirst();
      const { run } = next;
      if (run === undefined) continue;
      this.#atOnce = next.at > this.now ? 0 : this.#atOnce + 1;
      if (this.#atOnce > LONGEST_STANDSTILL) throw new Error('time stands still: something goes round without end');
      this.now = next.at;
      run();
      this.#settle();
      return true;
    }
  }

  #settle(): void {
    for (let turns = 0; this.#soon.length > 0; turns += 1) {
      if (turns > LONGEST_STANDSTILL) throw new Error('something goes round without end');
      const [...due] = this.#soon;
      this.#soon = [];
      for (const run of due) run();
    }
  }

  #add(at: number, byMachine: boolean, run: () => void): Happening {
    if (!Number.isFinite(at)) throw new Error('a timer without a time');
    this.#made += 1;
    const happening: Happening = { at, order: this.#made, byMachine, run };
    this.#heap.push(happening);
    this.#rise(this.#heap.length - 1);
    return happening;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const moved = heap[from];
    if (moved === undefined) return;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(moved, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = moved;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moved = heap[from];
    if (moved === undefined) return;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      const other = heap[below + 1];
      if (child === undefined) break;
      if (other !== undefined && isBefore(other, child)) {
        below += 1;
        child = other;
      }
      if (!isBefore(child, moved)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = moved;
  }
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** A promise of the simulation: callbacks run in its own time, never in the caller's. */
export class Gate {
  readonly #timeline: Timeline;
  #isOpen = false;
  #waiting: (() => void)[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    for (const run of this.#waiting) this.#timeline.soon(run);
    this.#waiting = [];
  }

  then(run: () => void): void {
    if (this.#isOpen) this.#timeline.soon(run);
    else this.#waiting.push(run);
  }
}

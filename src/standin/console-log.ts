/** What happened at the console, by session and dashboard: page loads and data calls. Holds no secret. */
import { isWithin } from './misbehaviour.ts';
import type { DataScope } from './misbehaviour.ts';
import type { DataCall, PageLoad } from './types.ts';

/** A wall may run for days: beyond this the older half is forgotten. */
const MOST = 20_000;

function remember<T>(list: T[], entry: T): void {
  if (list.length >= MOST) list.splice(0, MOST / 2);
  list.push(entry);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class ConsoleLog {
  readonly #loads: Writable<PageLoad>[] = [];
  readonly #calls: DataCall[] = [];
  #loadCount = 0;
  /** Answers with data so far, by the dashboard's number. */
  readonly #answers = new Map<number, number>();

  /** Gives the number of a page load that begins, 1 for the first. */
  nextLoad(): number {
    this.#loadCount += 1;
    return this.#loadCount;
  }

  load(load: PageLoad): void {
    remember(this.#loads, { ...load });
  }

  /** A page's first data call tells which dashboard its load was for: the address's fragment is never sent. */
  call(call: DataCall): void {
    remember(this.#calls, call);
    const load = this.#loads.findLast((one) => one.load === call.load);
    if (load?.dashboard === undefined && load?.session === call.session && call.dashboard !== '') {
      load.dashboard = call.dashboard;
    }
  }

  /** Counts an answer with data, and gives the count. */
  nextAnswer(dashboardId: number): number {
    const count = (this.#answers.get(dashboardId) ?? 0) + 1;
    this.#answers.set(dashboardId, count);
    return count;
  }

  answers(dashboardId: number): number {
    return this.#answers.get(dashboardId) ?? 0;
  }

  loads(scope: DataScope): PageLoad[] {
    return this.#loads.filter((load) => isWithin(scope, load)).map((load) => ({ ...load }));
  }

  calls(scope: DataScope): DataCall[] {
    return this.#calls.filter((call) => isWithin(scope, call));
  }
}

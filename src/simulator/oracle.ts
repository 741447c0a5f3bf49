import type { Failure } from '../core/errors.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import { Ledger, ceilingMs } from './ledger.ts';
import { ONLINE_CHECK_MS, POLICY, RECHECK_MS } from './policy.ts';
import { Screen } from './screen.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';

/** How a wall hears of the end of a fault: connectivity comes back, it wakes, or nothing says so. */
export type FaultEnd = 'nudged' | 'woken-unannounced' | 'unannounced';

export interface Verdict {
  /** Share of the judged time, which is what no fault excuses, with what the plan says on the screen; the worst screen's. */
  readonly availability: number;
  /** Share of all time, of all screens. */
  readonly litOfAllTime: number;
  readonly judgedOfAllTime: number;
  readonly longestUnexplainedDarkSeconds: number;
  readonly longestStaleSeconds: number;
  /** Of the session that signs in most. */
  readonly signInsPerDay: number;
  readonly mostSignInsInADay: number;
  readonly brokenInvariants: readonly { readonly name: string; readonly count: number; readonly first: string }[];
}

const DAY_MS = 86_400_000;
/** Signing in and loading what else a wall shows takes no longer in this world when nothing goes wrong, in ms. */
export const NORMAL_SIGN_IN_MS = 20_000;
const HOPELESS = 1_000;

/**
 * Judges a wall by what is on its screens and by when it does what, knowing the plan and what the world does. It knows nothing of the
 * wall's code but how a plan is read.
 *
 * Dark is every moment in which a screen does not show what the plan says, with a picture of a session that is not over. It is excused
 * while a fault lasts, and afterwards for one backoff step and a normal sign-in. The step is the ceiling of the wait after as many
 * failures as the wall has had in a row; where connectivity or waking nudges the wall it is the first step only, unless it has been
 * nudged too often in the last hour; a Retry-After that a server asked for is part of the fault.
 */
export class Oracle {
  readonly #timeline: Timeline;
  readonly #journal: ((day: number, line: string) => void) | undefined;
  readonly #broken = new Map<string, { count: number; first: string }>();
  readonly #ledgers: ReadonlyMap<string, Ledger>;
  readonly #screens: ReadonlyMap<string, Screen>;
  #breaks = 0;
  #faults = 0;
  #excusedUntil = NORMAL_SIGN_IN_MS;

  /** @param journal is given a line for whatever happens, with its day */
  constructor(timeline: Timeline, plan: WallPlan, journal?: (day: number, line: string) => void) {
    this.#timeline = timeline;
    this.#journal = journal;
    const broken = (name: string, detail: string) => {
      this.break(name, detail);
    };
    this.#ledgers = new Map(plan.sessions.map((name) => [name, new Ledger(timeline, name, broken)]));
    this.#screens = new Map(
      plan.surfaces.map((surface) => [surface.name, new Screen(timeline, surface, plan.timeZone, broken)]),
    );
  }

  /** Writes into the journal, if there is one. */
  write(line: () => string): void {
    this.#journal?.(this.#timeline.now / DAY_MS, line());
  }

  /** So much is broken that the rest of the years would tell nothing new. */
  get isHopeless(): boolean {
    return this.#breaks > HOPELESS;
  }

  break(name: string, detail = ''): void {
    this.#breaks += 1;
    this.write(() => `BROKEN: ${name}: ${detail}`);
    const known = this.#broken.get(name);
    if (known !== undefined) known.count += 1;
    else this.#broken.set(name, { count: 1, first: `day ${(this.#timeline.now / DAY_MS).toFixed(5)}: ${detail}` });
  }

  ledger(session: string): Ledger {
    const ledger = this.#ledgers.get(session);
    if (ledger === undefined) throw new Error(`no session ${session}`);
    return ledger;
  }

  #screen(surface: string): Screen {
    const screen = this.#screens.get(surface);
    if (screen === undefined) throw new Error(`no surface ${surface}`);
    return screen;
  }

  onTop(surface: string): SimulatedView | undefined {
    return this.#screen(surface).shown;
  }

  faultBegins(): void {
    this.look();
    this.#faults += 1;
    this.write(() => `a fault begins, ${this.#faults} now`);
  }

  faultEnds(end: FaultEnd = 'unannounced'): void {
    this.look();
    this.#faults -= 1;
    const isNudged = end === 'nudged';
    const firstMs = POLICY.backoff.firstMs + ONLINE_CHECK_MS;
    let stepMs = isNudged ? ONLINE_CHECK_MS : 0;
    for (const ledger of this.#ledgers.values()) stepMs = Math.max(stepMs, ledger.stepMs(isNudged, firstMs));
    for (const { failures } of this.#screens.values()) {
      if (failures > 0)
        stepMs = Math.max(stepMs, isNudged ? Math.min(ceilingMs(failures), firstMs) : ceilingMs(failures));
    }
    if (end === 'woken-unannounced') stepMs = Math.max(stepMs, RECHECK_MS + 1_000);
    this.excuse(stepMs);
    this.write(() => {
      const excused = Math.round(this.#excusedUntil - this.#timeline.now);
      return `a fault ends (${end}), ${this.#faults} left; excused for ${excused} ms`;
    });
  }

  /** What the wall is to show has just changed without a warning: it needs so long, and what loading takes. */
  excuse(ms = 0): void {
    this.look();
    this.#excusedUntil = Math.max(this.#excusedUntil, this.#timeline.now + ms + NORMAL_SIGN_IN_MS);
  }

  /** The wall was told that a try may come at once. */
  nudged(): void {
    for (const ledger of this.#ledgers.values()) ledger.nudged();
  }

  // What happens to screens.

  plugged(surface: string, isPlugged: boolean): void {
    this.excuse();
    this.#screen(surface).isPlugged = isPlugged;
  }

  rings(surface: string, ringing: boolean): void {
    this.excuse();
    this.#screen(surface).isRinging = ringing;
  }

  loads(surface: string): void {
    this.#screen(surface).loads();
  }

  /** A dashboard cannot be shown, or can be again. */
  dashboardTurns(dashboard: string, how: 'bad' | 'good'): void {
    this.excuse(how === 'good' ? POLICY.backoff.longestMs : 0);
    for (const { bad } of this.#screens.values()) {
      if (how === 'bad') bad.add(dashboard);
      else bad.delete(dashboard);
    }
  }

  loadFailed(surface: string, view: SimulatedView, failure: Failure): void {
    this.#screen(surface).loadFailed(view);
    this.write(() => `${surface}: a load failed: ${failure.code}`);
  }

  died(surface: string, view: SimulatedView): void {
    this.#screen(surface).died(view);
  }

  /**
   * A view is on top; undefined: the wall's own page.
   * @param isSignedIn whether the wall has a session that is signed in
   */
  raised(
    surface: string,
    view: SimulatedView | undefined,
    isSignedIn: (session: string) => boolean = () => true,
  ): void {
    this.look();
    this.#screen(surface).raised(view, isSignedIn);
  }

  closed(surface: string, view: SimulatedView): void {
    const screen = this.#screen(surface);
    if (view !== screen.shown) return;
    if (screen.isPlugged) this.break('what is on top is not closed', `${surface}: view ${view.view?.id ?? 0}`);
    this.look();
    screen.shown = undefined;
  }

  /** Something may have changed: settles the account up to now. Call it before and after every change of what is on a screen. */
  look(): void {
    const isExcused = this.#faults > 0;
    for (const screen of this.#screens.values()) screen.look(isExcused, this.#excusedUntil);
  }

  /** Call at the end of everything that happened: what is true now holds until the next look. */
  note(): void {
    this.look();
    for (const screen of this.#screens.values()) screen.note();
  }

  /** When what a screen is to show next changes by the plan, by the wall clock in ms. */
  nextChange(): number {
    return Math.min(...[...this.#screens.values()].map((screen) => screen.nextChange()));
  }

  get longestDay(): number {
    return this.#worst(({ longestStretch }) => longestStretch)?.longestDay ?? 0;
  }

  #worst(by: (screen: Screen) => number): Screen | undefined {
    return [...this.#screens.values()].sort((one, other) => by(other) - by(one))[0];
  }

  verdict(): Verdict {
    this.look();
    const { now } = this.#timeline;
    const screens = [...this.#screens.values()];
    const ledgers = [...this.#ledgers.values()];
    const mean = (of: (screen: Screen) => number) =>
      screens.reduce((total, screen) => total + of(screen), 0) / screens.length;
    return {
      availability: rounded(Math.min(...screens.map(({ availability }) => availability))),
      litOfAllTime: rounded(mean(({ litMs }) => litMs) / now),
      judgedOfAllTime: rounded(mean(({ judgedMs }) => judgedMs) / now),
      longestUnexplainedDarkSeconds:
        Math.round(Math.max(...screens.map(({ longestStretch }) => longestStretch)) / 100) / 10,
      longestStaleSeconds: Math.round(Math.max(...screens.map(({ longestStale }) => longestStale)) / 100) / 10,
      signInsPerDay: Math.round(Math.max(...ledgers.map(({ attempts }) => attempts / (now / DAY_MS))) * 100) / 100,
      mostSignInsInADay: Math.max(...ledgers.map(({ mostInADay }) => mostInADay)),
      brokenInvariants: [...this.#broken].map(([name, { count, first }]) => ({ name, count, first })),
    };
  }
}

/** Sums of millions of lengths of time differ in their last digits with the order they are taken in. */
const rounded = (share: number) => Math.round(share * 1e9) / 1e9;

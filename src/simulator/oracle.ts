import type { Failure } from '../core/errors.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import { Ledger, ceilingMs } from './ledger.ts';
import { ONLINE_CHECK_MS, POLICY, RECHECK_MS } from './policy.ts';
import { Screen } from './screen.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';

/** How a wall hears of the end of a fault: connectivity comes back, it wakes, or nothing says so. */
export type FaultEnd = 'nudged' | 'woken-unannounced' | 'unannounced';

/** Whom a fault can hinder: one surface, one session, both where one signs in on the other; everything where nothing is named. */
export interface Scope {
  readonly surface?: string | undefined;
  readonly session?: string | undefined;
}

/** Faults under way, and the end of what they excuse. */
class Excuse {
  faults = 0;
  until = NORMAL_SIGN_IN_MS;
}

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
/** Longest that a screen may be dark without an excuse, in ms. */
const LONGEST_DARK_MS = 90_000;

/**
 * Judges a wall by what is on its screens and by when it does what, knowing the plan and what the world does. It knows nothing of the
 * wall's code but how a plan is read.
 *
 * Dark is every moment in which a screen does not show what the plan says, with a picture of a session that is not over. It is excused
 * while a fault lasts that hinders this screen, or the session of what it is to show, and afterwards for one backoff step and a normal
 * sign-in. A service that is out hinders whoever asks it, from the call that it spoils. The step is the ceiling of the wait after as many
 * failures as the wall has had in a row; where connectivity or waking nudges the wall it is the first step only, unless it has been
 * nudged too often in the last hour; a Retry-After that a server asked for is part of the fault.
 */
export class Oracle {
  readonly #timeline: Timeline;
  readonly #journal: ((day: number, line: string) => void) | undefined;
  readonly #broken = new Map<string, { count: number; first: string }>();
  readonly #ledgers: ReadonlyMap<string, Ledger>;
  readonly #screens: ReadonlyMap<string, Screen>;
  readonly #ofSessions: ReadonlyMap<string, Excuse>;
  readonly #ofScreens: ReadonlyMap<string, Excuse>;
  readonly #plan: WallPlan;
  #breaks = 0;

  /** @param journal is given a line for whatever happens, with its day */
  constructor(timeline: Timeline, plan: WallPlan, journal?: (day: number, line: string) => void) {
    this.#timeline = timeline;
    this.#plan = plan;
    this.#journal = journal;
    this.#ofSessions = new Map(plan.sessions.map((name) => [name, new Excuse()]));
    this.#ofScreens = new Map(plan.surfaces.map(({ name }) => [name, new Excuse()]));
    const broken = (name: string, detail: string) => {
      this.break(name, detail);
    };
    this.#ledgers = new Map(plan.sessions.map((name) => [name, new Ledger(timeline, name, broken)]));
    this.#screens = new Map(
      plan.surfaces.map((surface) => [surface.name, new Screen(timeline, surface, plan, broken)]),
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

  /** Something is wrong with the wall. */
  get isBroken(): boolean {
    if (this.#breaks > 0) return true;
    for (const { longestStretch } of this.#screens.values()) if (longestStretch > LONGEST_DARK_MS) return true;
    return false;
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

  faultBegins(scope: Scope = {}): void {
    this.look();
    for (const [, excuse] of this.#excuses(scope)) excuse.faults += 1;
    this.write(() => `a fault begins for ${describe(scope)}`);
  }

  faultEnds(end: FaultEnd = 'unannounced', scope: Scope = {}): void {
    this.look();
    const isNudged = end === 'nudged';
    const firstMs = POLICY.backoff.firstMs + ONLINE_CHECK_MS;
    const leastMs = end === 'woken-unannounced' ? RECHECK_MS + 1_000 : isNudged ? ONLINE_CHECK_MS : 0;
    for (const [name, excuse] of this.#excuses(scope)) {
      excuse.faults -= 1;
      const failures = this.#screens.get(name)?.failures ?? 0;
      const ofScreen = failures === 0 ? 0 : Math.min(ceilingMs(failures), isNudged ? firstMs : Infinity);
      const stepMs = this.#ledgers.get(name)?.stepMs(isNudged, firstMs) ?? ofScreen;
      // Where dashboards of a session cannot be shown, tries are taken in turn by all that are wanted.
      this.#extend(excuse, Math.max(leastMs, stepMs * (1 + this.#badOf(name).length)));
      this.write(() => `a fault of ${name} ends (${end}), excused for ${excuse.until - this.#timeline.now} ms`);
    }
  }

  /** What the wall is to show has just changed without a warning: it needs so long, and what loading takes. */
  excuse(ms = 0, scope: Scope = {}): void {
    this.look();
    for (const [, excuse] of this.#excuses(scope)) this.#extend(excuse, ms);
  }

  #extend(excuse: Excuse, ms: number): void {
    excuse.until = Math.max(excuse.until, this.#timeline.now + ms + NORMAL_SIGN_IN_MS);
  }

  *#excuses({ surface, session }: Scope): Iterable<readonly [string, Excuse]> {
    const isAll = surface === undefined && session === undefined;
    for (const one of this.#ofScreens) if (isAll || one[0] === surface) yield one;
    for (const one of this.#ofSessions) if (isAll || one[0] === session) yield one;
  }

  /** The wall was told that a try may come at once. */
  nudged(): void {
    for (const ledger of this.#ledgers.values()) ledger.nudged();
    this.asked();
  }

  /** The operator asks for everything at once. */
  asked(): void {
    for (const screen of this.#screens.values()) screen.nudged();
  }

  // What happens to screens.

  plugged(surface: string, isPlugged: boolean): void {
    // It takes with it what signs in on it.
    this.excuse(isPlugged ? 0 : POLICY.backoff.firstMs, isPlugged ? { surface } : {});
    this.#screen(surface).isPlugged = isPlugged;
    this.#screen(surface).replugged();
  }

  rings(surface: string, ringing: boolean): void {
    this.excuse(0, { surface });
    this.#screen(surface).isRinging = ringing;
  }

  /** A sign-in begins. */
  begins(session: string, attempt: number, byOperator: boolean): void {
    const isNeeded = [...this.#screens.values()].some((screen) => screen.needs(session));
    if (!isNeeded) this.break('nobody is signed in for nothing', session);
    this.ledger(session).began(attempt, byOperator);
  }

  loads(surface: string, dashboard: string, signsIn: boolean): void {
    this.#screen(surface).loads(dashboard, signsIn);
  }

  /** A dashboard cannot be shown, or can be again. */
  dashboardTurns(dashboard: string, how: 'bad' | 'good'): void {
    const session = this.#plan.dashboards[dashboard]?.session;
    // Where several cannot be shown, they are tried in turn.
    const turns = how === 'good' ? this.#badOf(session).length : 0;
    this.excuse(POLICY.backoff.longestMs * turns, { session });
    for (const { bad } of this.#screens.values()) {
      if (how === 'bad') bad.add(dashboard);
      else bad.delete(dashboard);
    }
  }

  /** No data reach a dashboard, or can again. */
  starves(dashboard: string, isStarved: boolean): void {
    if (!isStarved) this.excuse(POLICY.backoff.longestMs, { session: this.#plan.dashboards[dashboard]?.session });
    for (const { starved } of this.#screens.values()) {
      if (isStarved) starved.add(dashboard);
      else starved.delete(dashboard);
    }
  }

  /** Whether what is on a surface could be loaded afresh for so long. */
  canHaveBeenMended(surface: string, ms: number): boolean {
    const { shown, bad, starved, needed } = this.#screen(surface);
    const { dashboard = '', session } = shown?.view ?? {};
    if (bad.has(dashboard) || starved.has(dashboard)) return false;
    const excuses = [
      this.#ofScreens.get(surface),
      this.#ofSessions.get(needed ?? ''),
      this.#ofSessions.get(session ?? ''),
    ];
    return excuses.every((one) => one === undefined || (one.faults === 0 && one.until + ms < this.#timeline.now));
  }

  /** The dashboards of a session that cannot be shown. */
  #badOf(session: string | undefined): readonly string[] {
    const [screen] = this.#screens.values();
    return [...(screen?.bad ?? [])].filter((one) => this.#plan.dashboards[one]?.session === session);
  }

  loadFailed(surface: string, view: SimulatedView, failure: Failure): void {
    this.#screen(surface).loadFailed(view);
    this.write(() => `${surface}: a load failed: ${failure.code}`);
  }

  painted(surface: string, view: SimulatedView): void {
    this.#screen(surface).painted(view);
  }

  /** Its renderer is gone, or it wants to give way to an error: it is to be opened afresh. */
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
    for (const screen of this.#screens.values()) {
      const own = this.#ofScreens.get(screen.name);
      const ofSession = this.#ofSessions.get(screen.needed ?? '');
      const isExcused = (own?.faults ?? 0) > 0 || (ofSession?.faults ?? 0) > 0;
      screen.look(isExcused, Math.max(own?.until ?? 0, ofSession?.until ?? 0));
    }
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

const describe = ({ surface, session }: Scope) =>
  [surface, session].filter((one) => one !== undefined).join(' and ') || 'all';

/** A wall lived through by the clock: the product's own core, in a world where everything takes a while and goes well unless told. */
import { type AlarmState, UNASKED, alarmDeadlines, alarmPolicy, reduceAlarms } from '../../core/alarms/alarms.ts';
import type { AlarmEvent } from '../../core/alarms/alarms.ts';
import type { Failure } from '../../core/errors.ts';
import type { WallPlan } from '../../core/plan/plan.ts';
import { programmeAt } from '../../core/playlist/programme.ts';
import type { View } from '../../core/surface/state.ts';
import { faceOf } from '../../core/wall/face.ts';
import type { Wall, WallContext, WallEffect, WallEvent } from '../../core/wall/state.ts';
import { newWall, reduceWall, wallDeadlines } from '../../core/wall/wall.ts';
import { Chance } from '../chance.ts';
import { POLICY, RECHECK_MS } from '../policy.ts';
import { type Happening, Timeline } from '../timeline.ts';

/** From `from` up to, not including, `until`; ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export interface DayOptions extends Span {
  readonly plan: WallPlan;
  readonly seed: number;
  /** How long the console's sessions last, in ms. */
  readonly lifeMs: number;
  /** When the alarms are in ALARM. */
  readonly ringing: readonly Span[];
  /** When nobody can sign in for a session. */
  readonly outage?: Span & { readonly session: string };
}

/** From `at` on a surface shows a dashboard, `night`, or what else there is; ms since the epoch. */
export interface Shown {
  readonly surface: string;
  readonly at: number;
  readonly shows: string;
}

/** A page that was opened at a time, and painted at another; ms since the epoch. */
export interface Load {
  readonly surface: string;
  readonly dashboard: string;
  readonly session: string;
  /** It was opened with the login URL of a sign-in. */
  readonly signsIn: boolean;
  readonly openedAt: number;
  readonly paintedAt: number;
}

/** A sign-in, from when to when it took; one that was good gave a session up to `sessionEndsAt`. Ms since the epoch. */
export interface SignIn {
  readonly session: string;
  readonly askedAt: number;
  readonly endedAt: number;
  readonly sessionEndsAt?: number;
}

export interface Day {
  /** Each change of what a surface shows, in order. */
  readonly log: readonly Shown[];
  readonly loads: readonly Load[];
  readonly signIns: readonly SignIn[];
}

/** Timers are a little late. */
const LATE_MS = 5;
const SIGNED_OUT: Failure = { code: 'CONSOLE_SIGNED_OUT', sentence: 'The session is over.' };
const UNAVAILABLE: Failure = { code: 'STS_UNAVAILABLE', sentence: 'AWS STS does not answer.' };
/** AWS answers a question for the alarms after this time, in ms. */
export const ANSWER_MS = 300;
/** No page takes longer to load, in ms. */
export const LONGEST_LOAD_MS = 9_000;

export function liveThrough(options: DayOptions): Day {
  const life = new Life(options);
  life.run();
  return life;
}

interface Page {
  readonly surface: string;
  readonly view: View;
  isPainted: boolean;
  isClosed: boolean;
}

class Life implements Day {
  readonly log: Shown[] = [];
  readonly loads: Load[] = [];
  readonly signIns: SignIn[] = [];
  readonly #options: DayOptions;
  readonly #timeline = new Timeline();
  readonly #world: Chance;
  readonly #context: WallContext;
  readonly #pages = new Map<number, Page>();
  /** What is on top of each surface: a page, or our own. */
  readonly #top = new Map<string, Page | undefined>();
  /** By session and partition: the sign-in whose cookies are there, and when its session ends. */
  readonly #cookies = new Map<string, { readonly generation: number; readonly endsAt: number }>();
  readonly #queue: WallEvent[] = [];
  #isTelling = false;
  #state: Wall;
  #timer: Happening | undefined;

  constructor(options: DayOptions) {
    const { plan, from, seed } = options;
    const timeline = this.#timeline;
    timeline.setClock(from - timeline.wall());
    const jitter = new Chance(seed, 'jitter');
    this.#options = options;
    this.#world = new Chance(seed, 'world');
    const surfaces = new Map(plan.surfaces.map((surface) => [surface.name, surface]));
    this.#context = {
      get now() {
        return timeline.instant();
      },
      get fraction() {
        return jitter.fraction();
      },
      policy: POLICY,
      plan,
      programme: (name, wallMs) => {
        const surface = surfaces.get(name);
        if (surface === undefined) throw new Error(`no surface ${name}`);
        return programmeAt(surface, plan.timeZone, wallMs);
      },
    };
    this.#state = newWall({ plan });
  }

  run(): void {
    const { plan, from, until } = this.#options;
    this.#tell({ type: 'displays', plugged: plan.surfaces.map(({ name }) => name) });
    this.#recheck();
    for (const { name, alarms } of plan.surfaces) if (alarms !== undefined) this.#watchAlarms(name, alarms.everyMs);
    while (this.#timeline.step(until - from)) this.#look();
  }

  /** Writes down what there is to be seen, if it is something else. */
  #look(): void {
    for (const { name } of this.#options.plan.surfaces) {
      const shows = this.#seenOn(name);
      const before = this.log.findLast(({ surface }) => surface === name);
      if (before?.shows !== shows) this.log.push({ surface: name, at: this.#timeline.wall(), shows });
    }
  }

  #seenOn(name: string): string {
    const page = this.#top.get(name);
    const face = faceOf(this.#state, name, this.#context);
    if (page === undefined) return face?.pictureOf === undefined ? (face?.notice.kind ?? 'nothing') : 'dark';
    const { dashboard } = page.view;
    if (page.isClosed) return 'a hole';
    if (!page.isPainted) return `${dashboard} unpainted`;
    if (face?.strip === undefined) return dashboard;
    const { inPlaceOf } = face.strip;
    return inPlaceOf === undefined ? `${dashboard} with old data` : `${dashboard}-for-${inPlaceOf}`;
  }

  #tell(event: WallEvent): void {
    this.#queue.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const [state, effects] = reduceWall(this.#state, next, this.#context);
      this.#state = state;
      for (const effect of effects) this.#perform(effect);
    }
    this.#isTelling = false;
    this.#arm();
  }

  #arm(): void {
    this.#timeline.cancel(this.#timer);
    const now = this.#timeline.monotonic();
    const waits = wallDeadlines(this.#state, this.#context).map(({ monotonic }) => monotonic - now);
    if (waits.length === 0) return;
    this.#timer = this.#timeline.later(Math.min(...waits) + LATE_MS, () => {
      this.#tell({ type: 'clock' });
    });
  }

  #recheck(): void {
    this.#timeline.later(RECHECK_MS, () => {
      this.#tell({ type: 'clock' });
      this.#recheck();
    });
  }

  #perform(effect: WallEffect): void {
    switch (effect.type) {
      case 'sign-in':
        this.#signIn(effect.session, effect.attempt);
        return;
      case 'open':
        this.#open({ surface: effect.surface, view: effect.view, isPainted: false, isClosed: false });
        return;
      case 'raise':
        this.#top.set(effect.surface, this.#pages.get(effect.view));
        return;
      case 'cover':
        this.#top.set(effect.surface, undefined);
        return;
      case 'close': {
        const page = this.#pages.get(effect.view);
        if (page !== undefined) page.isClosed = true;
        this.#pages.delete(effect.view);
        return;
      }
      case 'clear':
        this.#cookies.delete(`${effect.session}/${effect.partition}`);
        return;
      case 'abandon':
        return;
    }
  }

  #signIn(session: string, attempt: number): void {
    const { outage, lifeMs } = this.#options;
    const askedAt = this.#timeline.wall();
    const isRefused = outage?.session === session && outage.from <= askedAt && askedAt < outage.until;
    this.#timeline.later(Math.round(this.#world.between(2_000, 15_000)), () => {
      const endedAt = this.#timeline.wall();
      if (isRefused) {
        this.signIns.push({ session, askedAt, endedAt });
        this.#tell({ type: 'sign-in-failed', session, attempt, failure: UNAVAILABLE });
        return;
      }
      this.signIns.push({ session, askedAt, endedAt, sessionEndsAt: endedAt + lifeMs });
      this.#tell({ type: 'signed-in', session, attempt, lifeMs });
    });
  }

  #open(page: Page): void {
    const { surface, view } = page;
    const { id, dashboard, session, partition, generation } = view;
    this.#pages.set(id, page);
    const jar = `${session}/${partition}`;
    const openedAt = this.#timeline.wall();
    if (view.signsIn) {
      const endsAt = this.signIns.findLast((one) => one.session === session)?.sessionEndsAt ?? -Infinity;
      this.#cookies.set(jar, { generation, endsAt });
    }
    const isIn = () => {
      const cookie = this.#cookies.get(jar);
      return cookie?.generation === generation && this.#timeline.wall() < cookie.endsAt;
    };
    this.#timeline.later(Math.round(this.#world.between(800, LONGEST_LOAD_MS)), () => {
      if (page.isClosed) return;
      if (!isIn()) {
        this.#tell({ type: 'load-failed', view: id, failure: SIGNED_OUT });
        return;
      }
      page.isPainted = true;
      const paintedAt = this.#timeline.wall();
      this.loads.push({ surface, dashboard, session, signsIn: view.signsIn, openedAt, paintedAt });
      this.#tell({ type: 'painted', view: id, verified: true });
      this.#poll(page, isIn);
    });
  }

  /** A page asks for data every minute. */
  #poll(page: Page, isIn: () => boolean): void {
    this.#timeline.later(60_000, () => {
      if (page.isClosed) return;
      const view = page.view.id;
      this.#tell(isIn() ? { type: 'data', view } : { type: 'lost', view, failure: SIGNED_OUT });
      this.#poll(page, isIn);
    });
  }

  /** Timers are not late here, so that questions are asked at full half minutes for as long as it takes. */
  #watchAlarms(surface: string, everyMs: number): void {
    const policy = alarmPolicy(everyMs);
    let state: AlarmState = UNASKED;
    let timer: Happening | undefined;
    const tell = (event: AlarmEvent): void => {
      const [next, effects] = reduceAlarms(state, event, { now: this.#timeline.instant(), fraction: 0.5, policy });
      state = next;
      for (const effect of effects) {
        if (effect.type === 'ringing') this.#tell({ type: 'alarm', surface, ringing: effect.ringing });
        else ask(effect.question);
      }
      this.#timeline.cancel(timer);
      const waits = alarmDeadlines(state, policy).map(({ monotonic }) => monotonic - this.#timeline.monotonic());
      timer = this.#timeline.later(Math.min(...waits), () => {
        tell({ type: 'clock' });
      });
    };
    const ask = (question: number) => {
      const now = this.#timeline.wall();
      const ringing = this.#options.ringing.some(({ from, until }) => from <= now && now < until);
      this.#timeline.later(ANSWER_MS, () => {
        tell({ type: 'answered', question, ringing });
      });
    };
    tell({ type: 'clock' });
  }
}

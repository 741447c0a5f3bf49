/**
 * The world around a wall: network, servers, console, clocks, sleep, and what goes wrong with them. It alone knows the truth, and tells
 * the oracle when a fault begins and ends; the wall hears what a wall can hear.
 */
import type { ErrorCode, Failure } from '../core/errors.ts';
import { Chance } from './chance.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import type { FaultEnd, Oracle, Scope } from './oracle.ts';
import { CALL_LIMIT_MS, ONLINE_CHECK_MS, PAINT_DEADLINE_MS, POLICY, RECHECK_MS, SIGN_IN_GRACE_MS } from './policy.ts';
import { type Ticket, isOver } from './ticket.ts';
import { type FaultKind, type Planned, FAULTS_A_YEAR } from './timetable.ts';
import type { Happening, Timeline } from './timeline.ts';
import type { SimulatedView } from './view.ts';
import type { Services, SignedIn, Wall } from './wall.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const AIMED_WITHIN_MS = 9 * SECOND;

type Server = 'keys' | 'auto-id' | 'sts' | 'federation' | 'console' | 'data';
type Manner = 'refuses' | 'fails' | 'hangs' | 'asks-for-patience';
type Permissions = 'right' | 'no-role' | 'no-dashboard' | 'no-widgets' | 'thrown-out';
const STEPS = ['keys', 'auto-id', 'sts', 'federation'] as const satisfies readonly Server[];

interface Attempt {
  readonly session: string;
  /** True time. */
  readonly givenUpAt: number;
}

export interface WorldTraits {
  /** How long console sessions may last, in ms. */
  readonly livesMs: readonly [number, ...number[]];
}

export class World implements Services {
  readonly faults: Record<string, number> = {};
  wall: Wall | undefined;
  readonly #timeline: Timeline;
  readonly #oracle: Oracle;
  readonly #plans: Chance;
  readonly #calls: Chance;
  readonly #traits: WorldTraits;
  readonly #plan: WallPlan;
  readonly #unplugged = new Set<string>();
  readonly #ringing = new Set<string>();
  readonly #bad = new Map<string, ErrorCode>();
  /** Dashboards that get no data. */
  readonly #starved = new Set<string>();
  /** Dashboards whose pages want to give way to an error, and until when, true time. */
  readonly #doubtful = new Map<string, number>();
  /** How long sessions last at the moment, in ms, where that is not as long as ever. */
  #shortLifeMs: number | undefined;
  #planWatch: Happening | undefined;

  /** Outages under way; those of the link are seen by the machine itself. */
  #outages = 0;
  #linkOutages = 0;
  #wasOnline = true;
  /** Counts whatever cuts calls under way. */
  #cuts = 0;
  readonly #down = new Map<Server, { manner: Manner; readonly until: number }[]>();
  readonly #slowness: number[] = [];
  #permissions: Permissions = 'right';
  #thrownOutAfterMs = 0;
  #lagging = 0;
  /** What waits for the next sign-in to strike. */
  #aimed: (() => void)[] = [];

  constructor(timeline: Timeline, oracle: Oracle, plan: WallPlan, seed: number, traits: WorldTraits) {
    this.#plan = plan;
    this.#timeline = timeline;
    this.#oracle = oracle;
    this.#plans = new Chance(seed, 'plans');
    this.#calls = new Chance(seed, 'calls');
    this.#traits = traits;
  }

  /** Lets a planned fault strike; one in three waits for a sign-in to strike in. */
  plan({ at, kind }: Planned): void {
    const isAimed = FAULTS_A_YEAR[kind] >= 10 && this.#plans.happens(0.33);
    this.#timeline.at(at, () => {
      if (isAimed) this.#aimed.push(() => this.#strike(kind));
      else this.#strike(kind);
    });
  }

  #count(kind: string): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
  }

  #strike(kind: FaultKind): void {
    const chance = this.#plans;
    this.#count(kind);
    this.#oracle.write(() => `strikes: ${kind}`);
    switch (kind) {
      case 'network-outage':
        this.#networkOutage(chance.ofAnyMagnitude(2 * SECOND, 3 * DAY), chance.happens(0.6));
        return;
      case 'network-flapping':
        this.#flap(
          this.#timeline.now + chance.ofAnyMagnitude(10 * MINUTE, 2 * DAY),
          chance.ofAnyMagnitude(3 * SECOND, MINUTE),
        );
        return;
      case 'server-outage':
        this.#serverOutage();
        return;
      case 'slow-answers': {
        const factor = chance.ofAnyMagnitude(2, 40);
        this.#slowness.push(factor);
        this.#lasting(chance.ofAnyMagnitude(10 * SECOND, 12 * HOUR), () => {
          this.#slowness.splice(this.#slowness.indexOf(factor), 1);
        });
        return;
      }
      case 'clock-jump':
        // What the plan says changes with the clock.
        this.#oracle.excuse(RECHECK_MS);
        this.#timeline.setClock(chance.pick(1, -1) * chance.ofAnyMagnitude(SECOND, 3 * 365 * DAY));
        this.watchThePlan();
        this.wall?.clocksMoved();
        return;
      case 'dst-change':
        // Both of the machine's clocks count UTC: there is nothing to do here. The plan's hours move by themselves.
        return;
      case 'sleep':
        this.#sleep();
        return;
      case 'renderer-death':
        this.#rendererDeath();
        return;
      case 'gpu-death':
        this.#gpuDeath();
        return;
      case 'network-service-death':
        this.#networkServiceDeath();
        return;
      case 'session-revoked':
        this.#revoke();
        return;
      case 'key-rotation':
        this.#lagging += 1;
        this.#during(chance.ofAnyMagnitude(SECOND, 30 * MINUTE), () => {
          this.#lagging -= 1;
        });
        return;
      case 'wrong-permissions':
        this.#permissions = chance.pick<Permissions>('no-role', 'no-dashboard', 'no-widgets', 'thrown-out');
        this.#thrownOutAfterMs = chance.ofAnyMagnitude(5 * SECOND, 30 * MINUTE);
        this.#during(chance.ofAnyMagnitude(10 * MINUTE, 2 * DAY), () => {
          this.#permissions = 'right';
        });
        return;
      case 'display-unplugged':
        this.#unplug();
        return;
      case 'alarm':
        this.#ring();
        return;
      case 'bad-dashboard':
        this.#spoil();
        return;
      case 'data-stop':
        this.#starve();
        return;
      case 'page-doubted':
        this.#doubt();
        return;
      case 'short-sessions':
        // As of credentials that have nearly expired.
        this.#shortLifeMs = chance.ofAnyMagnitude(20 * SECOND, 10 * MINUTE);
        this.#lasting(chance.ofAnyMagnitude(10 * MINUTE, 12 * HOUR), () => {
          this.#shortLifeMs = undefined;
          this.#oracle.excuse(POLICY.backoff.longestMs);
        });
        return;
      case 'screen-unlocked':
        this.#timeline.later(0, () => this.wall?.nudge());
        return;
      case 'operator-renewal':
        this.#timeline.later(0, () => this.wall?.renewNow());
    }
  }

  /** A fault that the oracle excuses from now on those whom it can hinder. Calling what is returned ends it. */
  #begin(scope: Scope = {}): (end?: FaultEnd) => void {
    let hasEnded = false;
    this.#oracle.faultBegins(scope);
    return (end) => {
      if (hasEnded) return;
      hasEnded = true;
      this.#oracle.faultEnds(end, scope);
    };
  }

  /** Lasts for a while; what it spoils is a fault of its own, for those that it hinders. */
  #during(ms: number, undo: () => void): void {
    this.#timeline.at(this.#timeline.now + ms, undo);
  }

  #lasting(ms: number, undo: () => void): void {
    const end = this.#begin();
    this.#timeline.at(this.#timeline.now + ms, () => {
      undo();
      end();
    });
  }

  /** Lets the oracle look at the moment at which a screen is to show something else, whatever the wall does. */
  watchThePlan(): void {
    this.#timeline.cancel(this.#planWatch);
    const until = this.#oracle.nextChange();
    if (!Number.isFinite(until)) return;
    const wait = until - this.#timeline.wall();
    this.#planWatch = this.#timeline.at(this.#timeline.now + wait, () => {
      this.watchThePlan();
    });
  }

  #unplug(): void {
    const names = this.#plan.surfaces.map(({ name }) => name);
    const name = names[Math.floor(this.#plans.fraction() * names.length)];
    if (name === undefined || this.#unplugged.has(name)) return;
    this.#unplugged.add(name);
    this.wall?.setPlugged(name, false);
    this.#timeline.at(this.#timeline.now + this.#plans.ofAnyMagnitude(SECOND, DAY), () => {
      // A machine that sleeps hears of it when it wakes.
      this.#timeline.later(this.#calls.between(0, SECOND), () => {
        this.#unplugged.delete(name);
        this.wall?.setPlugged(name, true);
      });
    });
  }

  /** One dashboard cannot be shown: it is refused, never paints, or leads to the sign-in page; the others can. */
  #spoil(): void {
    const name = this.#someDashboard();
    if (name === undefined || this.#bad.has(name)) return;
    const code = this.#plans.pick<ErrorCode>('CONSOLE_ACCESS_DENIED', 'CONSOLE_NOT_PAINTED', 'CONSOLE_SIGNED_OUT');
    this.#bad.set(name, code);
    this.#oracle.dashboardTurns(name, 'bad');
    this.#timeline.at(this.#timeline.now + this.#plans.ofAnyMagnitude(10 * MINUTE, DAY), () => {
      this.#bad.delete(name);
      this.#oracle.dashboardTurns(name, 'good');
    });
  }

  /** No data reach a dashboard, whether it is on a screen or loaded afresh; then they do again, but for pages that have stopped asking. */
  #starve(): void {
    const name = this.#someDashboard();
    if (name === undefined || this.#starved.has(name)) return;
    this.#starved.add(name);
    this.#oracle.starves(name, true);
    this.#timeline.at(this.#timeline.now + this.#plans.ofAnyMagnitude(10 * MINUTE, 2 * DAY), () => {
      this.#starved.delete(name);
      this.#oracle.starves(name, false);
    });
  }

  /** Pages of a dashboard want to give way to an error for a while, however often they are loaded afresh. */
  #doubt(): void {
    const name = this.#someDashboard();
    if (name === undefined) return;
    this.#doubtful.set(name, this.#timeline.now + this.#plans.ofAnyMagnitude(SECOND, 20 * MINUTE));
    for (const view of this.wall?.views ?? []) this.#doubtPage(view);
  }

  #doubtPage(view: SimulatedView): void {
    const until = this.#doubtful.get(view.view?.dashboard ?? '') ?? 0;
    if (!view.isLive || this.#timeline.now > until) return;
    this.#timeline.later(this.#calls.ofAnyMagnitude(100, 30 * SECOND), () => {
      view.doubt(failure('CONSOLE_LOAD_FAILED'), this.#timeline.monotonic());
    });
  }

  /** A page asks for data by itself, now and then. */
  #feed(view: SimulatedView): void {
    this.#timeline.later(this.#calls.between(15, 45) * MINUTE, () => {
      if (view.isRetired || view.isDeaf || view.isBroken) return;
      const isStarved = this.#starved.has(view.view?.dashboard ?? '');
      const isOut = this.#outages > 0 || (this.#down.get('data') ?? []).length > 0 || view.jar.isDead;
      const isIn = view.ticket !== undefined && !isOver(view.ticket, this.#timeline);
      if (isStarved) view.isDeaf = this.#calls.happens(0.3);
      else if (isIn && !isOut) view.feed(this.#timeline.monotonic());
      this.#feed(view);
    });
  }

  #someDashboard(): string | undefined {
    const names = Object.keys(this.#plan.dashboards);
    return names[Math.floor(this.#plans.fraction() * names.length)];
  }

  #ring(): void {
    const { name } = this.#plan.surfaces.find(({ alarms }) => alarms !== undefined) ?? {};
    if (name === undefined || this.#ringing.has(name)) return;
    this.#ringing.add(name);
    this.#timeline.later(0, () => this.wall?.alarm(name, true));
    this.#timeline.at(this.#timeline.now + this.#plans.ofAnyMagnitude(30 * SECOND, 6 * HOUR), () => {
      this.#timeline.later(0, () => {
        this.#ringing.delete(name);
        this.wall?.alarm(name, false);
      });
    });
  }

  // Network.

  #networkOutage(ms: number, ofLink: boolean, then?: () => void): void {
    const end = this.#begin();
    this.#outages += 1;
    this.#cuts += 1;
    if (ofLink) {
      this.#linkOutages += 1;
      this.#linkChanged();
    }
    this.#timeline.at(this.#timeline.now + ms, () => {
      this.#outages -= 1;
      let isNoticed = false;
      if (ofLink) {
        this.#linkOutages -= 1;
        isNoticed = this.#linkOutages === 0 && !this.#wasOnline;
        this.#linkChanged();
      }
      end(isNoticed ? 'nudged' : 'unannounced');
      then?.();
    });
  }

  /** The wall asks every two seconds whether the machine is connected. */
  #linkChanged(): void {
    this.#timeline.later(this.#calls.between(0, ONLINE_CHECK_MS), () => {
      const was = this.#wasOnline;
      this.#wasOnline = this.#linkOutages === 0;
      if (this.#wasOnline && !was) this.wall?.nudge();
    });
  }

  #flap(until: number, everyMs: number): void {
    if (this.#timeline.now >= until) return;
    this.#networkOutage(everyMs * this.#plans.between(0.2, 1), true, () => {
      this.#timeline.at(this.#timeline.now + everyMs * this.#plans.between(0.2, 1), () => this.#flap(until, everyMs));
    });
  }

  #serverOutage(): void {
    const chance = this.#plans;
    const server = chance.pick<Server>('keys', 'auto-id', 'sts', 'federation', 'console', 'data');
    const ms = chance.ofAnyMagnitude(5 * SECOND, 12 * HOUR);
    const outage = {
      manner: chance.pick<Manner>('refuses', 'fails', 'hangs', 'asks-for-patience'),
      until: this.#timeline.now + ms,
    };
    this.#down.set(server, [...(this.#down.get(server) ?? []), outage]);
    this.#during(ms, () => {
      this.#down.set(server, this.#down.get(server)?.filter((one) => one !== outage) ?? []);
    });
  }

  #networkServiceDeath(): void {
    const { wall } = this;
    if (wall === undefined) return;
    const end = this.#begin();
    this.#cuts += 1;
    for (const { partitions } of wall.runtimes.values()) {
      for (const jar of partitions.jars) {
        if (jar.cookie !== undefined) jar.cookie.endsAt = Math.min(jar.cookie.endsAt, this.#timeline.now);
        jar.cookie = undefined;
        jar.isDead ||= this.#calls.happens(0.7);
      }
    }
    this.#timeline.later(this.#calls.between(1, 500), () => {
      for (const view of wall.views) if (view.isLive && view.ticket !== undefined) view.ticket.wasTold = true;
      wall.networkServiceGone();
      end();
    });
  }

  // The machine.

  #sleep(): void {
    const timeline = this.#timeline;
    const chance = this.#plans;
    if (timeline.isAsleep) {
      // It sleeps already: this one comes later.
      timeline.at(timeline.now + HOUR, () => {
        this.#sleep();
      });
      return;
    }
    const end = this.#begin();
    this.#cuts += 1;
    const isAnnounced = chance.happens(0.8);
    timeline.sleep(chance.ofAnyMagnitude(5 * SECOND, 3 * DAY), chance.happens(0.5), chance.between(0, SECOND), () => {
      this.#cuts += 1;
      this.wall?.clocksMoved();
      // The network is not there at once.
      if (chance.happens(0.5)) this.#networkOutage(chance.ofAnyMagnitude(100, 30 * SECOND), chance.happens(0.6));
      if (!isAnnounced) {
        end('woken-unannounced');
        return;
      }
      timeline.later(chance.between(0, 2 * SECOND), () => {
        this.wall?.nudge();
        end('nudged');
      });
    });
  }

  #rendererDeath(): void {
    const views = this.wall?.views ?? [];
    const view = views[Math.floor(this.#plans.fraction() * views.length)];
    if (view === undefined) {
      this.#aimed.push(() => {
        this.#rendererDeath();
      });
      return;
    }
    this.#breakRenderer(view, this.#plans.happens(0.3));
  }

  #breakRenderer(view: SimulatedView, hangs: boolean): void {
    // One that has not been given a page yet is started again by its load.
    if (view.isRetired || view.enteredAt === undefined) return;
    const end = this.#begin(scopeOf(view));
    view.isBroken = true;
    if (hangs && !view.isLive) {
      this.#timeline.later(view.enteredAt + PAINT_DEADLINE_MS - this.#timeline.now, () => {
        view.fail(failure('CONSOLE_NOT_PAINTED'));
        end();
      });
      return;
    }
    // A heartbeat of 5 s that may be missed once, each beat given 5 s.
    const noticedMs = hangs ? this.#calls.between(10, 20) * SECOND : this.#calls.between(1, 100);
    this.#timeline.later(noticedMs, () => {
      view.goAway(failure('RENDERER_GONE'));
      end();
    });
  }

  #gpuDeath(): void {
    for (const view of this.wall?.views ?? []) {
      if (this.#plans.happens(0.1)) {
        this.#breakRenderer(view, false);
        continue;
      }
      if (view.isUndrawn) continue;
      const end = this.#begin(scopeOf(view));
      view.isUndrawn = true;
      this.#timeline.later(this.#calls.between(300, 3_000), () => {
        view.isUndrawn = false;
        end();
      });
    }
  }

  #revoke(): void {
    const views = this.wall?.views ?? [];
    const ticket = views.find(({ isLive, isRetired }) => isLive && !isRetired)?.ticket;
    if (ticket === undefined) {
      this.#timeline.at(this.#timeline.now + HOUR, () => {
        this.#revoke();
      });
      return;
    }
    ticket.endsAt = Math.min(ticket.endsAt, this.#timeline.now);
    for (const view of views) {
      if (view.ticket !== ticket || !view.isLive) continue;
      view.polls = true;
      this.#noticeEnd(view, this.#begin({ session: view.view?.session }));
    }
  }

  // What the wall asks for.

  makingMs(): number {
    return this.#calls.ofAnyMagnitude(30, 800);
  }

  signIn(session: string, done: (result: SignedIn | Failure) => void): void {
    for (const strike of this.#aimed) this.#timeline.later(this.#calls.between(0, AIMED_WITHIN_MS), strike);
    this.#aimed = [];
    this.#step(0, { session, givenUpAt: this.#timeline.now + POLICY.attemptMs }, undefined, done);
  }

  #step(index: number, attempt: Attempt, ticket: Ticket | undefined, done: (result: SignedIn | Failure) => void): void {
    const server = STEPS[index];
    if (server === undefined) {
      if (ticket !== undefined) done(this.#signedIn(ticket));
      return;
    }
    const asked = this.#timeline.instant();
    this.#call(server, attempt, (refused) => {
      if (refused !== undefined) {
        done(refused);
        return;
      }
      const lifeMs = this.#shortLifeMs ?? this.#calls.pick(...this.#traits.livesMs);
      const granted =
        server === 'sts' ? { askedAt: asked, lifeMs, endsAt: this.#timeline.now + lifeMs, wasTold: false } : ticket;
      this.#step(index + 1, attempt, granted, done);
    });
  }

  /** What is left of its life: what has passed since the role was asked for, by whichever clock shows more; never less than a minute. */
  #signedIn(ticket: Ticket): SignedIn {
    const { wall, monotonic } = ticket.askedAt;
    const passed = Math.max(this.#timeline.wall() - wall, this.#timeline.monotonic() - monotonic);
    return { ticket, lifeMs: Math.max(MINUTE, ticket.lifeMs - passed) };
  }

  /** One call. Whatever is going to spoil it is a fault from its beginning to its end. */
  #call(server: Server, attempt: Attempt, done: (refused: Failure | undefined) => void): void {
    const chance = this.#calls;
    const timeline = this.#timeline;
    const { session } = attempt;
    const fail = (afterMs: number, reason: Failure) => {
      const end = this.#begin({ session });
      timeline.later(afterMs, () => {
        done(reason);
        end();
      });
    };
    const quick = chance.between(10, 2_000);
    if (this.#outages > 0) {
      if (chance.happens(0.7)) fail(quick, failure(chance.pick<ErrorCode>('NETWORK_OFFLINE', 'NETWORK_DNS')));
      else fail(CALL_LIMIT_MS, failure('NETWORK_TIMEOUT'));
      return;
    }
    const outage = this.#down.get(server)?.[0];
    if (outage !== undefined) {
      if (outage.manner === 'hangs') fail(CALL_LIMIT_MS, failure('NETWORK_TIMEOUT'));
      else if (outage.manner === 'asks-for-patience') {
        fail(quick, {
          ...failure('SERVER_UNAVAILABLE'),
          retryAfterMs: Math.round(chance.ofAnyMagnitude(1, 7_200)) * SECOND,
        });
      } else fail(quick, failure(outage.manner === 'refuses' ? 'NETWORK_REFUSED' : 'SERVER_UNAVAILABLE'));
      return;
    }
    if (server === 'auto-id' && this.#lagging > 0) {
      fail(quick, failure('SERVER_REFUSED'));
      return;
    }
    if (server === 'sts' && this.#permissions === 'no-role') {
      fail(quick, failure('STS_ACCESS_DENIED'));
      return;
    }
    if (chance.happens(0.0005)) {
      this.#count('hiccup');
      this.#hiccup(attempt, done, fail);
      return;
    }
    const cuts = this.#cuts;
    const ms = chance.ofAnyMagnitude(40, 900) * this.#slowness.reduce((one, other) => one * other, 1);
    if (ms > CALL_LIMIT_MS) {
      fail(CALL_LIMIT_MS, failure('NETWORK_TIMEOUT'));
      return;
    }
    timeline.later(ms, () => {
      if (this.#cuts === cuts || chance.happens(0.2)) done(undefined);
      else fail(chance.pick(0, CALL_LIMIT_MS), failure('NETWORK_INTERRUPTED'));
    });
  }

  /** Fails for no reason, or is answered never, or when nobody waits any more. */
  #hiccup(
    { session, givenUpAt }: Attempt,
    done: (refused: Failure | undefined) => void,
    fail: (afterMs: number, reason: Failure) => void,
  ): void {
    const how = this.#calls.pick('fails', 'never', 'late', 'late-failure');
    if (how === 'fails') {
      fail(this.#calls.between(10, 5_000), failure('STS_UNAVAILABLE'));
      return;
    }
    const end = this.#begin({ session });
    const left = givenUpAt - this.#timeline.now;
    this.#timeline.later(left + 10, end);
    if (how === 'never') return;
    this.#timeline.later(left + this.#calls.ofAnyMagnitude(SECOND, MINUTE), () => {
      done(how === 'late' ? undefined : failure('NETWORK_TIMEOUT'));
    });
  }

  enter(view: SimulatedView, login: Ticket | undefined): void {
    const chance = this.#calls;
    const fail = (afterMs: number, reason: Failure) => {
      const end = this.#begin(scopeOf(view));
      this.#timeline.later(afterMs, () => {
        view.fail(reason);
        end();
      });
    };
    view.enteredAt = this.#timeline.now;
    const unpainted = failure('CONSOLE_NOT_PAINTED');
    const quick = chance.between(50, 3_000);
    if (view.jar.isDead || this.#outages > 0) {
      if (chance.happens(0.5)) fail(quick, failure('CONSOLE_LOAD_FAILED'));
      else fail(PAINT_DEADLINE_MS, unpainted);
      return;
    }
    const outage = this.#down.get('console')?.[0];
    if (outage !== undefined) {
      if (outage.manner === 'hangs') fail(PAINT_DEADLINE_MS, unpainted);
      else fail(quick, failure('CONSOLE_LOAD_FAILED'));
      return;
    }
    const ticket = login ?? view.jar.cookie;
    if (ticket === undefined || isOver(ticket, this.#timeline)) {
      // Every page that lives on these cookies is over, whether it has noticed or not.
      for (const other of this.wall?.views ?? []) if (other.jar === view.jar) this.#tellLater(other.ticket);
      fail(SIGN_IN_GRACE_MS, failure('CONSOLE_SIGNED_OUT'));
      return;
    }
    const bad = this.#bad.get(view.view?.dashboard ?? '');
    if (bad !== undefined) {
      view.jar.cookie = ticket;
      const ms = bad === 'CONSOLE_NOT_PAINTED' ? PAINT_DEADLINE_MS : quick;
      // Where no other dashboard could be shown either, this try is lost to that fault, which still goes on.
      if ((this.#down.get('data') ?? []).length > 0 || this.#permissions === 'no-dashboard') fail(ms, failure(bad));
      else {
        this.#timeline.later(ms, () => {
          view.fail(failure(bad));
        });
      }
      return;
    }
    if ((this.#down.get('data') ?? []).length > 0) {
      this.#timeline.later(1_000, () => {
        if (!view.isClosed) view.jar.cookie = ticket;
      });
      fail(PAINT_DEADLINE_MS, failure('CONSOLE_DATA_FAILED'));
      return;
    }
    if (this.#permissions === 'no-dashboard') {
      // The login itself is good.
      view.jar.cookie = ticket;
      fail(quick, failure('CONSOLE_ACCESS_DENIED'));
      return;
    }
    if (chance.happens(0.0005)) {
      this.#count('hiccup');
      if (chance.happens(0.5)) fail(PAINT_DEADLINE_MS, unpainted);
      else fail(quick, failure('CONSOLE_LOAD_FAILED'));
      return;
    }
    if (this.#starved.has(view.view?.dashboard ?? '')) {
      const end = this.#begin(scopeOf(view));
      this.#timeline.later(1_000, () => {
        if (view.isClosed) return;
        view.jar.cookie = ticket;
        view.ticket = ticket;
      });
      this.#timeline.later(PAINT_DEADLINE_MS, () => {
        this.#paint(view, ticket, 'without-data');
        end();
      });
      return;
    }
    const cuts = this.#cuts;
    const ms =
      chance.ofAnyMagnitude(500, 6_000) *
      Math.min(
        20,
        this.#slowness.reduce((one, other) => one * other, 1),
      );
    this.#timeline.later(ms * 0.3, () => {
      if (view.isClosed) return;
      view.jar.cookie = ticket;
      view.ticket = ticket;
    });
    if (ms > PAINT_DEADLINE_MS) {
      const end = this.#begin(scopeOf(view));
      this.#timeline.later(PAINT_DEADLINE_MS, () => {
        if (chance.happens(0.5)) view.fail(unpainted);
        else this.#paint(view, ticket, chance.pick('without-proof', 'without-data'));
        end();
      });
      return;
    }
    this.#timeline.later(ms, () => {
      const isCut = this.#cuts !== cuts && (view.jar.isDead || !chance.happens(0.3));
      if (isCut || view.jar.cookie !== ticket) fail(chance.pick(0, PAINT_DEADLINE_MS - ms), unpainted);
      else this.#paint(view, ticket, chance.happens(0.995) ? 'proved' : 'without-proof');
    });
  }

  #tellLater(ticket: Ticket | undefined): void {
    if (ticket === undefined || !isOver(ticket, this.#timeline)) return;
    this.#timeline.later(SIGN_IN_GRACE_MS, () => {
      ticket.wasTold = true;
    });
  }

  #paint(view: SimulatedView, ticket: Ticket, how: 'proved' | 'without-proof' | 'without-data'): void {
    if (view.isSettled || view.isBroken) return;
    if (view.isUndrawn) {
      this.#timeline.later(SECOND, () => {
        this.#paint(view, ticket, how);
      });
      return;
    }
    view.polls = this.#calls.happens(0.7);
    if (how === 'without-proof') view.feed(this.#timeline.monotonic());
    view.paint(how === 'proved', this.#timeline.monotonic());
    this.#feed(view);
    this.#doubtPage(view);
    this.#timeline.at(ticket.endsAt, () => {
      // The page may be asked nothing any more; the account is looked at in any case.
      if (!view.isRetired && view.polls) this.#noticeEnd(view);
    });
    if (this.#permissions === 'thrown-out') {
      this.#timeline.later(this.#thrownOutAfterMs * this.#calls.between(1, 1.2), () => {
        if (this.#permissions !== 'thrown-out' || view.isRetired) return;
        ticket.endsAt = Math.min(ticket.endsAt, this.#timeline.now);
        view.polls = true;
        this.#noticeEnd(view, this.#begin({ session: view.view?.session }));
      });
    }
  }

  /** A page that asks for data is sent to the sign-in page, again and again, as soon as it reaches anybody. */
  #noticeEnd(view: SimulatedView, end?: (how?: FaultEnd) => void): void {
    this.#timeline.later(this.#calls.between(1, 20) * SECOND, () => {
      if (view.isRetired) {
        end?.();
        return;
      }
      if (this.#outages === 0 && view.ticket !== undefined && isOver(view.ticket, this.#timeline)) {
        view.ticket.wasTold = true;
        view.lose(failure('CONSOLE_SIGNED_OUT'));
        end?.();
        this.#noticeEnd(view);
      } else this.#noticeEnd(view, end);
    });
  }
}

/** Who is hindered by what befalls a page: its surface, and whoever waits for the sign-in that it is to bring. */
function scopeOf({ surface, view, hasPainted }: SimulatedView): Scope {
  return view?.signsIn === true && !hasPainted ? { surface, session: view.session } : { surface };
}

function failure(code: ErrorCode): Failure {
  return { code, sentence: `Simulated: ${code}.` };
}

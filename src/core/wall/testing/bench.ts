import type { Failure } from '../../errors.ts';
import type { PlannedDashboard, PlannedSurface, Programme, WallPlan } from '../../plan/plan.ts';
import { DEFAULT_PACE, type Session, type SessionPolicy } from '../../session/state.ts';
import { type Surface, type View, kindOf } from '../../surface/state.ts';
import { shownOf } from '../../surface/surface.ts';
import { type Face, faceOf } from '../face.ts';
import type { Wall, WallContext, WallEffect, WallEvent } from '../state.ts';
import { newWall, reduceWall, wallDeadlines } from '../wall.ts';

export const HOUR = 3_600_000;
export const POLICY: SessionPolicy = {
  backoff: { firstMs: 5_000, longestMs: 300_000 },
  attemptMs: 205_000,
  settledMs: 600_000,
  keepPictureMs: 10_000,
  nudges: { most: 12, ms: HOUR },
  pace: DEFAULT_PACE,
};
export const OFFLINE: Failure = { code: 'NETWORK_OFFLINE', sentence: 'There is no network.' };
export const SIGNED_OUT: Failure = { code: 'CONSOLE_SIGNED_OUT', sentence: 'The session is over.' };

export function dashboard(name: string, more: Partial<PlannedDashboard> = {}): PlannedDashboard {
  const url = `https://eu-central-1.console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/${name}`;
  return { name, session: 'default', url, zoom: 1, staleAfterMs: 24 * HOUR, ...more };
}

export function surface(name: string, more: Partial<PlannedSurface> = {}): PlannedSurface {
  return { name, display: {}, playlist: [], night: [], ...more };
}

const ALWAYS = (name: string): Programme => ({
  now: { kind: 'dashboard', dashboard: name },
  until: Infinity,
  next: { kind: 'dashboard', dashboard: name },
});

/** A wall driven by hand, on clocks that the test moves. */
export class Bench {
  wall: Wall;
  effects: readonly WallEffect[] = [];
  now = { wall: 1_000_000, monotonic: 0 };
  programmes: Record<string, (wallMs: number) => Programme> = {};
  readonly plan: WallPlan;

  constructor(dashboards: readonly PlannedDashboard[], surfaces: readonly PlannedSurface[]) {
    this.plan = {
      sessions: [...new Set(dashboards.map(({ session }) => session))],
      dashboards: Object.fromEntries(dashboards.map((one) => [one.name, one])),
      surfaces,
    };
    for (const { name } of surfaces) this.programmes[name] = () => ALWAYS(dashboards[0]?.name ?? '');
    this.wall = newWall(this);
  }

  /** A surface shows the same dashboard for good. */
  always(surfaceName: string, name: string): this {
    this.programmes[surfaceName] = () => ALWAYS(name);
    return this;
  }

  get context(): WallContext {
    return {
      now: this.now,
      fraction: 0.5,
      policy: POLICY,
      plan: this.plan,
      programme: (name, wallMs) => this.programmes[name]?.(wallMs) ?? ALWAYS(''),
    };
  }

  tell(event: WallEvent): readonly WallEffect[] {
    [this.wall, this.effects] = reduceWall(this.wall, event, this.context);
    return this.effects;
  }

  start(): this {
    this.tell({ type: 'displays', plugged: this.plan.surfaces.map(({ name }) => name) });
    return this;
  }

  pass(ms: number): readonly WallEffect[] {
    this.now = { wall: this.now.wall + ms, monotonic: this.now.monotonic + ms };
    return this.tell({ type: 'clock' });
  }

  /** Lets time pass from deadline to deadline, as a wall does; what came of it, in order. */
  live(ms: number): readonly WallEffect[] {
    const until = this.now.monotonic + ms;
    const all: WallEffect[] = [];
    for (;;) {
      const next = Math.min(...wallDeadlines(this.wall, this.context).map(({ monotonic }) => monotonic), until);
      all.push(...this.pass(next - this.now.monotonic));
      if (next >= until) return all;
    }
  }

  surface(name = 'one'): Surface {
    const found = this.wall.surfaces.get(name);
    if (found === undefined) throw new Error(`no surface ${name}`);
    return found;
  }

  session(name = 'default'): Session {
    const found = this.wall.sessions.get(name);
    if (found === undefined) throw new Error(`no session ${name}`);
    return found;
  }

  kind(name = 'one'): string {
    return kindOf(this.surface(name));
  }

  /** What shows on a surface: the dashboard and its sign-in's number. */
  shows(name = 'one'): string {
    const view = shownOf(this.surface(name))?.view;
    return view === undefined ? this.surface(name).base.kind : `${view.dashboard}@${view.generation}`;
  }

  incoming(name = 'one'): View {
    const view = this.surface(name).incoming?.view;
    if (view === undefined) throw new Error(`nothing comes in on ${name}`);
    return view;
  }

  face(name = 'one'): Face | undefined {
    return faceOf(this.wall, name, this.context);
  }

  /** The sign-in under way brings its login URL. */
  signedIn(session = 'default', lifeMs = HOUR): readonly WallEffect[] {
    return this.tell({ type: 'signed-in', session, attempt: this.session(session).attempts, lifeMs });
  }

  signInFails(failure: Failure = OFFLINE, session = 'default'): readonly WallEffect[] {
    return this.tell({ type: 'sign-in-failed', session, attempt: this.session(session).attempts, failure });
  }

  painted(name = 'one'): readonly WallEffect[] {
    return this.tell({ type: 'painted', view: this.incoming(name).id, verified: true });
  }

  fails(failure: Failure, name = 'one'): readonly WallEffect[] {
    return this.tell({ type: 'load-failed', view: this.incoming(name).id, failure });
  }

  shownView(name = 'one'): number {
    return shownOf(this.surface(name))?.view.id ?? 0;
  }
}

export const types = (effects: readonly WallEffect[]) => effects.map(({ type }) => type);

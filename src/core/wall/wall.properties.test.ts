import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Failure } from '../errors.ts';
import type { Programme, Showing } from '../plan/plan.ts';
import { PARTITIONS } from '../session/state.ts';
import { shownOf, viewsOf } from '../surface/surface.ts';
import type { Wall, WallContext, WallEffect, WallEvent } from './state.ts';
import { HOUR, POLICY, dashboard, surface } from './testing/bench.ts';
import { newWall, reduceWall, wallInstants } from './wall.ts';

const MINUTE = 60_000;
const NAMES = ['one', 'two', 'three'] as const;
const CODES = ['NETWORK_OFFLINE', 'CONSOLE_SIGNED_OUT', 'CONSOLE_ACCESS_DENIED', 'CONSOLE_NOT_PAINTED'] as const;
const dashboards = [
  dashboard('Left', { refreshMs: HOUR, staleAfterMs: 3 * HOUR }),
  dashboard('Right'),
  dashboard('Shop', { session: 'shop', staleAfterMs: 2 * MINUTE }),
];
const alarms = { dashboard: 'Shop', session: 'shop', names: ['fire'], everyMs: 30_000 };
const plan = {
  sessions: ['default', 'shop'],
  dashboards: Object.fromEntries(dashboards.map((one) => [one.name, one])),
  surfaces: [surface('one'), surface('two'), surface('three', { alarms })],
};

/** One shows a playlist of two accounts, two has nights, three always the same and alarms. */
function programme(name: string, wallMs: number): Programme {
  const show = (what: string): Showing => (what === '' ? { kind: 'night' } : { kind: 'dashboard', dashboard: what });
  const turns = name === 'one' ? ['Left', 'Shop'] : name === 'two' ? ['Right', ''] : ['Left', 'Left'];
  const length = 40 * MINUTE;
  const turn = Math.floor(wallMs / length);
  const at = (n: number) => show(turns[((n % 2) + 2) % 2] ?? '');
  return { now: at(turn), until: (turn + 1) * length, next: at(turn + 1) };
}

/** What happens next: time passes by each clock, then something is told of whatever there is at the time. */
interface Happening {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly fraction: number;
  readonly kind: WallEvent['type'];
  readonly which: number;
  readonly code: (typeof CODES)[number];
  readonly is: boolean;
  readonly isOfAnother: boolean;
}

const passing = fc.constantFrom(0, 0, 1, 999, 5_000, 30_000, 5 * MINUTE, HOUR / 2);
const happening: fc.Arbitrary<Happening> = fc.record({
  wallMs: fc.oneof(
    { weight: 8, arbitrary: passing },
    { weight: 1, arbitrary: fc.integer({ min: -9 * HOUR, max: 9 * HOUR }) },
  ),
  monotonicMs: passing,
  fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('clock' as const) },
    { weight: 6, arbitrary: fc.constant('signed-in' as const) },
    { weight: 8, arbitrary: fc.constant('painted' as const) },
    { weight: 2, arbitrary: fc.constantFrom('load-failed', 'lost', 'gone', 'doubted', 'data', 'sign-in-failed') },
    { weight: 1, arbitrary: fc.constantFrom('displays', 'cookies-gone', 'alarm', 'nudge', 'renew-now') },
  ),
  which: fc.nat(1_000),
  code: fc.constantFrom(...CODES),
  is: fc.boolean(),
  isOfAnother: fc.nat(9).map((n) => n === 0),
});

function eventOf({ kind, which, code, is, isOfAnother }: Happening, wall: Wall): WallEvent {
  const failure: Failure = { code, sentence: 'It failed.' };
  const views = [...wall.surfaces.values()].flatMap((one) => viewsOf(one));
  const view = isOfAnother ? which : (views[which % Math.max(1, views.length)]?.id ?? 0);
  const session = plan.sessions[which % 2] ?? '';
  const attempt = isOfAnother ? which : (wall.sessions.get(session)?.attempts ?? 0);
  switch (kind) {
    case 'displays':
      return { type: kind, plugged: NAMES.filter((_, at) => ((which >> at) & 1) === 1) };
    case 'signed-in':
      return { type: kind, session, attempt, lifeMs: is ? HOUR : which * 1_000 };
    case 'sign-in-failed':
      return { type: kind, session, attempt, failure };
    case 'painted':
      return { type: kind, view, verified: is };
    case 'load-failed':
    case 'lost':
    case 'doubted':
    case 'gone':
      return { type: kind, view, failure };
    case 'data':
      return { type: kind, view };
    case 'cookies-gone':
      return { type: kind, failure };
    case 'alarm':
      return { type: kind, surface: 'three', ringing: is };
    case 'clock':
    case 'nudge':
    case 'renew-now':
      return { type: kind };
  }
}

/** What a wall did with the world around it, as far as effects tell. */
class World {
  readonly open = new Map<number, { readonly key: string; readonly surface: string }>();
  readonly painted = new Set<number>();
  readonly under = new Map<string, number>();
  readonly top = new Map<string, number | undefined>();
  readonly inFlight = new Map<string, number>();
  wrong: string | undefined;

  blame(what: string): void {
    this.wrong ??= what;
  }

  perform(effect: WallEffect): void {
    switch (effect.type) {
      case 'sign-in':
        this.inFlight.set(effect.session, effect.attempt);
        for (const { key } of this.open.values()) {
          if (key === `${effect.partition}/${effect.session}`) this.blame('a sign-in enters where a view lives');
        }
        return;
      case 'open': {
        const { id, partition, session } = effect.view;
        if (this.open.has(id)) this.blame('a view is opened twice');
        this.open.set(id, { key: `${partition}/${session}`, surface: effect.surface });
        return;
      }
      case 'raise':
        if (!this.open.has(effect.view)) this.blame('what is raised is not open');
        if (!this.painted.has(effect.view)) this.blame('what is raised has not painted');
        this.top.set(effect.surface, effect.view);
        return;
      case 'cover':
        this.top.set(effect.surface, undefined);
        return;
      case 'close':
        if (!this.open.delete(effect.view)) this.blame('what is closed is not open');
        return;
      case 'clear':
        for (const { key } of this.open.values()) {
          if (key === `${effect.partition}/${effect.session}`)
            this.blame('a partition is cleared while a view lives in it');
        }
        return;
      case 'abandon':
        return;
    }
  }
}

/** Lives through it; what went wrong, if anything did. */
function live(happenings: readonly Happening[]): string | undefined {
  const world = new World();
  let wall = newWall({ plan });
  let now = { wall: 1_000_000_000, monotonic: 0 };
  const step = (event: WallEvent, fraction: number) => {
    const context: WallContext = { now, fraction, policy: POLICY, plan, programme };
    if (event.type === 'painted') world.painted.add(event.view);
    const [next, effects] = reduceWall(wall, event, context);
    wall = next;
    for (const effect of effects) world.perform(effect);
    check(wall, world, context);
  };
  step({ type: 'displays', plugged: NAMES }, 0.5);
  for (const one of happenings) {
    now = { wall: now.wall + one.wallMs, monotonic: now.monotonic + one.monotonicMs };
    step(eventOf(one, wall), one.fraction);
    if (world.wrong !== undefined) return world.wrong;
  }
  return undefined;
}

function check(wall: Wall, world: World, context: WallContext): void {
  const known = new Set<number>();
  for (const [name, one] of wall.surfaces) {
    for (const { id } of viewsOf(one)) known.add(id);
    if (one.base.kind !== 'unplugged' && world.top.get(name) !== shownOf(one)?.view.id) {
      world.blame(`what is on top of ${name} is not what it says`);
    }
  }
  if (known.size !== world.open.size) world.blame('a view is leaked, or known that is not open');
  for (const [name, { phase, held }] of wall.sessions) {
    const live = phase.kind === 'live' || phase.kind === 'renewing' ? phase.live : undefined;
    if (live !== undefined && held !== live.partition) world.blame(`${name} does not hold what it lives in`);
    const entering = [...wall.surfaces.values()].filter(({ incoming }) => {
      return incoming?.view.session === name && incoming.view.signsIn && incoming.painted === undefined;
    });
    if (entering.length > 1) world.blame(`a login URL of ${name} is opened twice`);
    for (const { incoming } of entering) {
      const attempt = phase.kind === 'signing-in' || phase.kind === 'renewing' ? phase.attempt.id : undefined;
      if (incoming?.view.generation !== attempt) world.blame(`a view signs in for an attempt of ${name} that is over`);
    }
  }
  for (const key of wall.used) {
    if (!PARTITIONS.some((partition) => key.startsWith(`${partition}/`))) world.blame(`${key} is no partition`);
  }
  for (const { key } of world.open.values())
    if (!wall.used.has(key)) world.blame(`${key} is used and would not be cleared`);
  const isFinite = wallInstants(wall, context).every((at) => Number.isFinite(at.wall) && Number.isFinite(at.monotonic));
  if (!isFinite) world.blame('a deadline is no instant');
  const [again] = reduceWall(wall, { type: 'clock' }, context);
  if (again !== wall) world.blame('a wall that has settled moves when it is looked at again');
}

describe('any life of a wall', () => {
  it('keeps its books with what is open, on top, signed in and cleared', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1, maxLength: 120 }), (happenings) => {
        const wrong = live(happenings);
        if (wrong !== undefined) throw new Error(wrong);
      }),
      { numRuns: 300 },
    );
  });
});

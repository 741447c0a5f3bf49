import { Chance } from './chance.ts';
import { Oracle, type Verdict } from './oracle.ts';
import { planFor } from './plans.ts';
import { Timeline } from './timeline.ts';
import { YEAR_MS, timetable } from './timetable.ts';
import { Wall } from './wall.ts';
import { World } from './world.ts';

export interface Report extends Verdict {
  readonly years: number;
  readonly seed: number;
  /** The day on which the longest unexplained dark stretch ended, to look for it in a journal. */
  readonly longestDay: number;
  readonly faults: Readonly<Record<string, number>>;
}

const HOUR = 3_600_000;

export interface SimulationOptions {
  /** Given a line for whatever happens, with its day. */
  readonly journal?: (day: number, line: string) => void;
  /** Ends as soon as an invariant is broken, or a screen has been dark without an excuse for longer than it may. */
  readonly endsWhenBroken?: boolean;
  /** Takes every one of the looks at the clock, those that cannot see anything new too: slow, to the same end. */
  readonly takesEveryLook?: boolean;
}

/**
 * Runs one wall in one world for some years. The same years and seed give the same report.
 * @param years may be a fraction
 */
export function simulate(years: number, seed: number, options: SimulationOptions = {}): Report {
  const timeline = new Timeline();
  const plan = planFor(seed);
  const oracle = new Oracle(timeline, plan, options.journal);
  const livesMs = seed % 10 === 5 ? ([HOUR, 12 * HOUR] as const) : ([seed % 5 < 2 ? 12 * HOUR : HOUR] as const);
  const world = new World(timeline, oracle, plan, seed, { livesMs });
  const wall = new Wall(plan, timeline, new Chance(seed, 'wall'), oracle, world, options.takesEveryLook);
  world.wall = wall;
  for (const planned of timetable(years, new Chance(seed, 'timetable'))) world.plan(planned);
  try {
    wall.start();
    oracle.note();
    world.watchThePlan();
    while (
      !oracle.isHopeless &&
      !(options.endsWhenBroken === true && oracle.isBroken) &&
      timeline.step(years * YEAR_MS)
    ) {
      oracle.note();
      wall.check();
    }
  } catch (error) {
    oracle.break('nothing is thrown', error instanceof Error ? error.message : String(error));
  }
  const { brokenInvariants, ...figures } = oracle.verdict();
  return { years, seed, faults: world.faults, ...figures, longestDay: oracle.longestDay, brokenInvariants };
}

import { type WebContents, app } from 'electron';

/** What a renderer may take, in KB, as Electron counts. */
export interface MemoryLimits {
  /** Told once: pages leak over days, and a fresh renderer mends that. */
  readonly grown: number;
  /** An answer without end fills memory within seconds. */
  readonly tooLarge: number;
}

export type MemoryVerdict = 'well' | 'grown' | 'too-large';

const LOOK_EVERY_MS = 1_000;
// Chromium reads the figures of all processes at each look; a page that is up is looked at less often than one that loads.
const LOOKS_APART_WHEN_UP = 10;
const LIMITS: MemoryLimits = { grown: 1_000_000, tooLarge: 1_500_000 };
/** A dashboard that is large by nature is not grown: measured against what it took when it had settled. */
const GROWN_FACTOR = 1.5;
const SETTLED_LOOKS = 60;

/** Judges one renderer's working sets as they come. */
export class MemoryJudge {
  readonly #limits: MemoryLimits;
  #looks = 0;
  #settledKb: number | undefined;
  #isTold = false;

  constructor(limits: MemoryLimits = LIMITS) {
    this.#limits = limits;
  }

  /** @param isUp the dashboard has painted */
  judge(kilobytes: number, isUp: boolean): MemoryVerdict {
    const { grown, tooLarge } = this.#limits;
    if (kilobytes > tooLarge) return 'too-large';
    if (!isUp) return 'well';
    this.#looks += 1;
    if (this.#looks * LOOKS_APART_WHEN_UP >= SETTLED_LOOKS) this.#settledKb ??= kilobytes;
    if (this.#isTold || this.#settledKb === undefined) return 'well';
    if (kilobytes <= Math.max(grown, GROWN_FACTOR * this.#settledKb)) return 'well';
    this.#isTold = true;
    return 'grown';
  }
}

interface Watched {
  readonly contents: WebContents;
  readonly isUp: () => boolean;
  readonly judge: MemoryJudge;
  readonly onVerdict: (verdict: Exclude<MemoryVerdict, 'well'>) => void;
}

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;
let looks = 0;

/**
 * Watches the working set of a page's renderer.
 * @param isUp whether the dashboard has painted
 * @param onVerdict 'grown' is told once, 'too-large' as long as it lasts
 * @returns ends the watch
 */
export function watchMemory(
  contents: WebContents,
  isUp: () => boolean,
  onVerdict: (verdict: Exclude<MemoryVerdict, 'well'>) => void,
): () => void {
  const one: Watched = { contents, isUp, judge: new MemoryJudge(), onVerdict };
  watched.add(one);
  plan();
  return () => {
    watched.delete(one);
    plan();
  };
}

/** Sets the timer for the next look: no timer runs that finds nothing to look at. */
function plan(): void {
  clearTimeout(timer);
  if (watched.size === 0) return;
  const anyLoads = [...watched].some(({ isUp }) => !isUp());
  const apart = anyLoads ? 1 : LOOKS_APART_WHEN_UP - (looks % LOOKS_APART_WHEN_UP);
  timer = setTimeout(() => {
    looks += apart;
    look();
    plan();
  }, apart * LOOK_EVERY_MS);
}

/** One reading for all views. */
function look(): void {
  const due = [...watched].filter(({ isUp }) => !isUp() || looks % LOOKS_APART_WHEN_UP === 0);
  if (due.length === 0) return;
  const sizes = new Map(app.getAppMetrics().map(({ pid, memory }) => [pid, memory.workingSetSize]));
  for (const { contents, isUp, judge, onVerdict } of due) {
    const size = contents.isDestroyed() ? undefined : sizes.get(contents.getOSProcessId());
    const verdict = size === undefined ? 'well' : judge.judge(size, isUp());
    if (verdict !== 'well') onVerdict(verdict);
  }
}

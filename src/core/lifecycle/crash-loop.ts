/**
 * How the wall starts after what it remembers of the runs before: whether it holds back, and whether it lets the graphics hardware draw.
 * Pure. Whether a run went well is told by its own monotonic time; the wall clock only makes old runs count less, so a clock that was
 * set wrong can hasten or delay a decision once, and traps nobody.
 */

/** One run of the main process. */
export interface Run {
  /** Version of the program. */
  readonly version: string;
  /** Wall-clock ms since the epoch. */
  readonly startedAt: number;
  /** Whether the graphics hardware was allowed to draw. */
  readonly accelerated: boolean;
  /** When its GPU process died, in ms after the start. */
  readonly gpuDeaths: readonly number[];
  /** It ran long enough to be called good. */
  readonly settled: boolean;
  /** How it ended, as it said itself; undefined for a run that could not say so, or goes on. */
  readonly end?: 'clean' | 'exception';
}

/** Hardware acceleration is off, for graphics processes died. */
export interface AccelerationOff {
  readonly version: string;
  /** Wall-clock ms since the epoch. */
  readonly since: number;
  /** How often it was tried on again in vain. */
  readonly failedTrials: number;
  /** The last run tried it on again. */
  readonly trying: boolean;
}

export interface CrashMemory {
  /** Oldest first. */
  readonly runs: readonly Run[];
  readonly accelerationOff?: AccelerationOff;
}

export interface StartDecision {
  readonly mode: 'normal' | 'safe';
  readonly hardwareAcceleration: boolean;
  /** Wait before the first sign-in, in ms, with the notice on every surface. */
  readonly holdMs: number;
  /** A sentence on what happened before, for the notice and the log. */
  readonly reason?: string;
}

export const NOTHING_REMEMBERED: CrashMemory = { runs: [] };

/** A run that lasted this long after its hold was a good one, in ms. */
export const SETTLED_MS = 600_000;

const MOST_RUNS = 12;
const MOST_GPU_DEATHS = 12;
/** This many runs in a row that came to a bad end before they settled are a crash loop. */
const LOOP = 3;
/** Runs that began further apart than this have nothing to do with each other, in ms. */
const RELATED_MS = 3_600_000;
const SECOND_HOLD_MS = 5_000;
const FIRST_SAFE_HOLD_MS = 30_000;
const LONGEST_HOLD_MS = 300_000;

/** Deaths in this time after the start, in ms, speak of a driver that does not work. */
const EARLY_MS = 300_000;
/** So do several within this time, in ms: Chromium itself gives up at six within some seconds, and the wall with it. */
const BURST_MS = 60_000;
const MOST_DEATHS = 3;
const DAY_MS = 86_400_000;
const LONGEST_OFF_MS = 30 * DAY_MS;

/**
 * Begins a run.
 * @param now wall-clock ms since the epoch
 * @returns the memory with the new run as its last, and how this run is to start
 */
export function beginRun(memory: CrashMemory, now: number, version: string): readonly [CrashMemory, StartDecision] {
  const bad = badRunsInARow(memory.runs, now, version);
  const off = accelerationAfter(memory, now, version);
  const accelerated = off === undefined || off.trying;
  const run: Run = { version, startedAt: now, accelerated, gpuDeaths: [], settled: false };
  const runs = [...memory.runs, run].slice(-MOST_RUNS);
  const reason = reasonOf(memory.runs.at(-1), bad, off !== undefined && !off.trying);
  return [
    off === undefined ? { runs } : { runs, accelerationOff: off },
    {
      mode: bad >= LOOP ? 'safe' : 'normal',
      hardwareAcceleration: accelerated,
      holdMs: holdAfter(bad),
      ...(reason === undefined ? {} : { reason }),
    },
  ];
}

/** The GPU process died, `afterMs` after the run's start; undefined when this changes nothing that is remembered. */
export function withGpuDeath(memory: CrashMemory, afterMs: number): CrashMemory | undefined {
  const run = memory.runs.at(-1);
  if (run === undefined || run.gpuDeaths.length >= MOST_GPU_DEATHS) return undefined;
  return withLast(memory, { ...run, gpuDeaths: [...run.gpuDeaths, Math.round(afterMs)] });
}

/** The run has lasted {@link SETTLED_MS} beyond its hold. */
export function withSettled(memory: CrashMemory): CrashMemory {
  const run = memory.runs.at(-1);
  return run === undefined ? memory : withLast(memory, { ...run, settled: true });
}

/** The run ends, and says how. The first word counts: what goes wrong while ending is no new end. */
export function withEnd(memory: CrashMemory, end: 'clean' | 'exception'): CrashMemory {
  const run = memory.runs.at(-1);
  return run === undefined || run.end !== undefined ? memory : withLast(memory, { ...run, end });
}

function withLast(memory: CrashMemory, run: Run): CrashMemory {
  return { ...memory, runs: [...memory.runs.slice(0, -1), run] };
}

/** How many of the latest runs of this version in a row came to a bad end before they settled. */
function badRunsInARow(runs: readonly Run[], now: number, version: string): number {
  let count = 0;
  let next = now;
  for (const run of [...runs].reverse()) {
    const isRelated = run.version === version && next - run.startedAt <= RELATED_MS;
    if (!isRelated || run.settled || run.end === 'clean') break;
    count++;
    next = run.startedAt;
  }
  return count;
}

function holdAfter(bad: number): number {
  if (bad < 2) return 0;
  if (bad < LOOP) return SECOND_HOLD_MS;
  return Math.min(FIRST_SAFE_HOLD_MS * 2 ** (bad - LOOP), LONGEST_HOLD_MS);
}

/** Whether acceleration is off for the run that begins; undefined: it is on, and there is nothing to remember. */
function accelerationAfter(memory: CrashMemory, now: number, version: string): AccelerationOff | undefined {
  // Another version brings another Chromium, which is tried at once.
  const before = memory.accelerationOff?.version === version ? memory.accelerationOff : undefined;
  if (before === undefined) {
    if (recentDeaths(memory.runs, version) < MOST_DEATHS) return undefined;
    return { version, since: now, failedTrials: 0, trying: false };
  }
  const trial = before.trying ? memory.runs.at(-1) : undefined;
  if (trial !== undefined) {
    const hasFailed = countingDeaths(trial) > 0 || (!trial.settled && trial.end !== 'clean');
    if (hasFailed) return { version, since: now, failedTrials: before.failedTrials + 1, trying: false };
    // A run that was ended in good order before it settled proves nothing: on with the trial.
    return trial.settled ? undefined : before;
  }
  // The clock was set back: the time begins anew by the clock that is.
  if (before.since > now) return { ...before, since: now };
  const offMs = Math.min(DAY_MS * 2 ** Math.min(before.failedTrials, 30), LONGEST_OFF_MS);
  return now - before.since >= offMs ? { ...before, trying: true } : before;
}

/** Deaths that speak against the graphics hardware, since the last good run with it. */
function recentDeaths(runs: readonly Run[], version: string): number {
  let deaths = 0;
  for (const run of [...runs].reverse()) {
    if (run.version !== version || !run.accelerated) break;
    const counting = countingDeaths(run);
    if (run.settled && counting === 0) break;
    deaths += counting;
  }
  return deaths;
}

function countingDeaths({ gpuDeaths }: Run): number {
  const near = (at: number) => gpuDeaths.filter((other) => Math.abs(other - at) <= BURST_MS).length;
  return gpuDeaths.filter((at) => at <= EARLY_MS || near(at) >= MOST_DEATHS).length;
}

function reasonOf(last: Run | undefined, bad: number, isOff: boolean): string | undefined {
  const software = 'Pictures are drawn without the graphics hardware for now';
  if (last === undefined || bad === 0) return isOff ? `${software}: its process failed again and again.` : undefined;
  const how = last.end === 'exception' ? 'by a fault of its own, which the log tells' : howItWasEnded(last);
  const often = bad >= MOST_RUNS ? ' again and again' : ` ${bad} times in a row`;
  const sentence =
    bad === 1 ? `Vigil ended unexpectedly, ${how}.` : `Vigil ended unexpectedly${often}, the last time ${how}.`;
  return isOff ? `${sentence} ${software}.` : sentence;
}

function howItWasEnded({ gpuDeaths }: Run): string {
  return gpuDeaths.length >= MOST_DEATHS
    ? 'after its graphics process had failed again and again'
    : 'without being able to say why (ended from outside, out of memory, or power lost)';
}

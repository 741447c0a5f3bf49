/** What the supervisor's state machine is made of: states, events, effects. All times are monotonic ms. */
import type { BackoffPolicy } from '../renewal/backoff.ts';
import type { LogLevel } from '../ports.ts';

/** Something that can be started as the wall. */
export interface Program {
  /** A version's number; `installed` for the wall beside the command, `command` for one named on the command line. */
  readonly id: string;
  readonly kind: 'version' | 'installed' | 'command';
  /** Version number; empty for a command. */
  readonly version: string;
  /** Names its files: other files, other digest. */
  readonly digest: string;
}

/** What is remembered of a program's files, over restarts of the supervisor too. */
export interface Remembered {
  /** Its wall was live once. */
  readonly wasLive: boolean;
  /** It was put into incoming/ and has not been tried since. */
  readonly asked: boolean;
  /** Trials begun that came to no end: the machine went down with them. */
  readonly unended: number;
  /** A trial that it lost was put down to the network or a server. */
  readonly excused: boolean;
  /** It lost a fair trial and is not tried again. */
  readonly refused: boolean;
}

export const NOTHING_REMEMBERED: Remembered = {
  wasLive: false,
  asked: false,
  unended: 0,
  excused: false,
  refused: false,
};

/** How a wall's process ended. `unknown`: it was not our child. */
export type End =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly reason: string }
  | { readonly kind: 'unknown' };

/**
 * What a wall says of itself. `resting`: all is well, but nothing shows that it could be live, for it is night or every display is
 * unplugged. `ill`: it answers and is not live; `elsewhere` says that by its own account the network or a server fails. `silent`: no answer.
 */
export type Answer =
  | { readonly kind: 'live' }
  | { readonly kind: 'resting' }
  | { readonly kind: 'ill'; readonly reason: string; readonly elsewhere: boolean }
  | { readonly kind: 'silent' };

/** A new program's wall on trial. */
export interface Trial {
  /** The wall before it was live to the last: what fails now is the new one's own. */
  readonly fair: boolean;
  /** Live by then, or lost. */
  readonly by: number;
}

export interface Wall {
  /** Names this process among all of the supervisor's life. */
  readonly id: number;
  readonly program: Program;
  readonly trial?: Trial;
  readonly startedAt: number;
  /** What it was told to hold back for after its start, in ms: it shows its notice meanwhile, and signs in nowhere. */
  readonly holdMs?: number;
  readonly answered: boolean;
  /** Checks in a row without an answer. */
  readonly misses: number;
  /** Since when every answer was `live`. */
  readonly liveSince?: number;
  /** What the last answer was. */
  readonly last?: Answer;
  /** When the next check is due; undefined while one is under way. */
  readonly checkAt?: number;
  /** A candidate whose files are being verified while this wall goes on. */
  readonly preparing?: Program;
}

/** What comes after a wall that is being stopped. */
export type Then =
  | { readonly kind: 'end'; readonly exitCode: number }
  | { readonly kind: 'current' }
  | { readonly kind: 'trial'; readonly program: Program; readonly fair: boolean }
  /** It was stopped because of a fault of its own. */
  | { readonly kind: 'died'; readonly how: string };

export type Phase =
  | { readonly kind: 'new' }
  /** The files of what is to be started are being verified. */
  | { readonly kind: 'checking'; readonly program: Program; readonly trial: boolean }
  | { readonly kind: 'running'; readonly wall: Wall }
  | { readonly kind: 'stopping'; readonly wall: Wall; readonly killAt: number; readonly then: Then }
  | { readonly kind: 'waiting'; readonly until: number }
  | { readonly kind: 'ended'; readonly exitCode: number };

/** A lost trial, to be confirmed by the program before it: it must be live again by then. */
export interface Verdict {
  readonly program: Program;
  readonly how: string;
  readonly by: number;
}

export interface Supervisor {
  readonly phase: Phase;
  /** What can be started, as far as is known without reading it whole; newest first. */
  readonly programs: readonly Program[];
  /** By digest. */
  readonly remembered: Readonly<Record<string, Remembered>>;
  /** The program that the pointer on disk names. */
  readonly pointer?: string;
  /** The program that runs when nothing is on trial. */
  readonly current?: string;
  /** Walls started so far; the newest one's id. */
  readonly walls: number;
  /** Ends in a row of the current program's walls before they ran well. */
  readonly failures: number;
  readonly lastEnd?: string;
  /** What the next wall is to hold back for, in ms. */
  readonly holdMs?: number;
  /** A wall died while it held back, and none has run well since: only time without a wall keeps the next from dying too. */
  readonly holdsInVain?: true;
  /** Digests of programs whose files were verified whole in this life, and that have given no cause for doubt since. */
  readonly verified: readonly string[];
  /** When the current program's wall was last well, or the supervisor's start. */
  readonly lastWellAt: number;
  readonly verdict?: Verdict;
  /** The current program has won its trial but not yet run well; `previous` is what it took the place of. */
  readonly probation?: { readonly previous: string };
  /** No trial before this. */
  readonly nextTrialAt: number;
  /** Trials in a row that told nothing. */
  readonly inVain: number;
}

/** A wall that an earlier supervisor left behind. */
export interface Orphan {
  readonly program: Program;
  readonly trial?: { readonly fair: boolean };
}

export type SupervisorEvent =
  | {
      readonly type: 'start';
      readonly programs: readonly Program[];
      readonly remembered: Readonly<Record<string, Remembered>>;
      readonly pointer?: string;
      readonly orphan?: Orphan;
    }
  /** What lies in versions/ has been looked at; `arrived` are the digests that came through incoming/. */
  | { readonly type: 'programs'; readonly programs: readonly Program[]; readonly arrived: readonly string[] }
  | { readonly type: 'checked'; readonly digest: string; readonly ok: boolean }
  | { readonly type: 'answered'; readonly wall: number; readonly answer: Answer }
  | { readonly type: 'exited'; readonly wall: number; readonly end: End }
  /** The pointer on disk now names this program. */
  | { readonly type: 'pointed'; readonly program: string }
  | { readonly type: 'clock' }
  /** SIGTERM or SIGINT; a second one, some time later, does not wait for the wall. */
  | { readonly type: 'stop' }
  | { readonly type: 'restart' };

export type SupervisorEffect =
  /** Verify a program's files: all bytes of them, or what is quickly done. */
  | { readonly type: 'check'; readonly program: Program; readonly whole: boolean }
  | {
      readonly type: 'spawn';
      readonly wall: number;
      readonly program: Program;
      readonly trial?: { readonly fair: boolean };
      readonly failures: number;
      readonly lastEnd?: string;
      readonly holdMs?: number;
    }
  /** Ask the wall how it is. */
  | { readonly type: 'ask'; readonly wall: number }
  | { readonly type: 'signal'; readonly wall: number; readonly kill: boolean }
  | { readonly type: 'point'; readonly program: Program; readonly previous?: string }
  | { readonly type: 'remember'; readonly program: Program; readonly remembered: Remembered }
  | { readonly type: 'end'; readonly exitCode: number }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export interface SupervisorPolicy {
  /** Waits between restarts, spent by the wall with its notice in sight where it can; the first restart comes at once. */
  readonly backoff: BackoffPolicy;
  /** The same after an end that a restart does not mend: settings, usage. */
  readonly slowBackoff: BackoffPolicy;
  /** A wall that ran this long has run well. */
  readonly settledMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** Asked to end once more after this long, it does not wait for the wall. Sooner it is one and the same wish, sent twice. */
  readonly insistMs: number;
  /** A wall that never answered is taken for hung after this. */
  readonly answerWithinMs: number;
  /** Checks in a row without an answer that mean that the main process hangs. */
  readonly mostMisses: number;
  /** Time until the next check, by what came of the last one. */
  readonly checks: { readonly startingMs: number; readonly liveMs: number; readonly otherMs: number };
  /** A new version must be live within this time of its start. */
  readonly trialMs: number;
  /** Live means: at every check for this long. */
  readonly steadyMs: number;
  /** A wall that has not been well for this long loses nothing by a trial of another version. */
  readonly patienceMs: number;
  /** The same for one that says that the fault is the network's or a server's. */
  readonly elsewherePatienceMs: number;
  /** Waits between trials that told nothing. */
  readonly trialBackoff: BackoffPolicy;
}

export const DEFAULT_SUPERVISOR_POLICY: SupervisorPolicy = {
  backoff: { firstMs: 2_000, longestMs: 300_000 },
  slowBackoff: { firstMs: 60_000, longestMs: 600_000 },
  settledMs: 600_000,
  graceMs: 10_000,
  insistMs: 2_000,
  answerWithinMs: 90_000,
  mostMisses: 3,
  checks: { startingMs: 1_000, liveMs: 10_000, otherMs: 5_000 },
  trialMs: 180_000,
  steadyMs: 15_000,
  patienceMs: 3_600_000,
  elsewherePatienceMs: 86_400_000,
  trialBackoff: { firstMs: 3_600_000, longestMs: 86_400_000 },
};

export interface SupervisorContext {
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly fraction: number;
  readonly policy: SupervisorPolicy;
}

export type SupervisorStep = readonly [Supervisor, readonly SupervisorEffect[]];

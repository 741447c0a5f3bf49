/** Steps that several transitions of the supervisor share. Only `spawn` starts a wall, and only from a phase that has none. */
import { chooseCurrent, recall } from './choice.ts';
import type {
  Program,
  Supervisor,
  SupervisorContext,
  SupervisorEffect,
  SupervisorStep,
  Then,
  Trial,
  Wall,
} from './state.ts';

export function log(
  level: 'info' | 'warn' | 'error',
  event: string,
  fields: Readonly<Record<string, unknown>>,
): SupervisorEffect {
  return { type: 'log', level, event, fields };
}

/** The step after another one: the effects of both, in order. */
export function andThen(step: SupervisorStep, next: (supervisor: Supervisor) => SupervisorStep): SupervisorStep {
  const [supervisor, effects] = step;
  const [after, more] = next(supervisor);
  return [after, [...effects, ...more]];
}

/** The same without a field that may be missing. */
export function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const copy = { ...value };
  Reflect.deleteProperty(copy, key);
  return copy;
}

/** Starts what is to run when nothing is on trial, or waits for something to come. */
export function startCurrent(supervisor: Supervisor, context: SupervisorContext): SupervisorStep {
  const program = chooseCurrent(supervisor);
  if (program === undefined) {
    const until = context.now + context.policy.backoff.longestMs;
    return [
      { ...without(supervisor, 'current'), phase: { kind: 'waiting', until } },
      [log('error', 'supervisor.nothing-to-run', { code: 'SUPERVISE_NOTHING_TO_RUN' })],
    ];
  }
  return check({ ...supervisor, current: program.id }, program, false);
}

/** Verifies a program's files, and starts it if they are right: whole unless that has been done and gave no cause for doubt. */
export function check(supervisor: Supervisor, program: Program, trial: boolean): SupervisorStep {
  const whole = !supervisor.verified.includes(program.digest);
  return [{ ...supervisor, phase: { kind: 'checking', program, trial } }, [{ type: 'check', program, whole }]];
}

/** Starts a wall. The caller is in a phase without one. */
export function spawn(
  supervisor: Supervisor,
  program: Program,
  trial: { readonly fair: boolean } | undefined,
  { now, policy }: SupervisorContext,
): SupervisorStep {
  const { lastEnd } = supervisor;
  const holdMs = trial === undefined ? supervisor.holdMs : undefined;
  const held = holdMs === undefined ? {} : { holdMs };
  const wall: Wall = {
    id: supervisor.walls + 1,
    program,
    startedAt: now,
    ...held,
    answered: false,
    misses: 0,
    checkAt: now + policy.checks.startingMs,
    ...(trial === undefined ? {} : { trial: { fair: trial.fair, by: now + policy.trialMs } satisfies Trial }),
  };
  return [
    { ...without(supervisor, 'holdMs'), walls: wall.id, phase: { kind: 'running', wall } },
    [
      {
        type: 'spawn',
        wall: wall.id,
        program,
        failures: supervisor.failures,
        ...held,
        ...(trial === undefined ? {} : { trial: { fair: trial.fair } }),
        ...(lastEnd === undefined ? {} : { lastEnd }),
      },
    ],
  ];
}

/** Asks a wall to end; what comes then waits until its process is gone. */
export function stop(
  supervisor: Supervisor,
  wall: Wall,
  next: Then,
  { now, policy }: SupervisorContext,
): SupervisorStep {
  return [
    { ...supervisor, phase: { kind: 'stopping', wall, killAt: now + policy.graceMs, then: next } },
    [{ type: 'signal', wall: wall.id, kill: false }],
  ];
}

/** A wall's state with changes; the phase stays `running`. */
export function withWall(supervisor: Supervisor, wall: Wall): Supervisor {
  return { ...supervisor, phase: { kind: 'running', wall } };
}

/** Takes a program whose files are wrong off the list, until they have been looked at again. */
export function drop(supervisor: Supervisor, digest: string): Supervisor {
  return {
    ...supervisor,
    programs: supervisor.programs.filter((program) => program.digest !== digest),
    verified: supervisor.verified.filter((one) => one !== digest),
  };
}

/** Whether the wall was live at every check for as long as is asked for. */
export function isSteady({ liveSince }: Wall, { now, policy }: SupervisorContext): boolean {
  return liveSince !== undefined && now - liveSince >= policy.steadyMs;
}

/** Whether the program has been the current one with a live wall before. */
export function isProven(supervisor: Supervisor, program: Program): boolean {
  return recall(supervisor, program).wasLive;
}

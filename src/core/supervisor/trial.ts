/**
 * Trials of new versions. A trial is fair if the wall before it was live to the last; only a fair trial can condemn, and only once
 * the program before it is live again. Everything else told nothing, and is tried again later.
 */
import { backoffMs } from '../renewal/backoff.ts';
import { candidateOf, chooseCurrent, recall, remember } from './choice.ts';
import type { Program, Supervisor, SupervisorContext, SupervisorStep, Verdict, Wall } from './state.ts';
import { check, drop, isSteady, log, spawn, startCurrent, stop, andThen, withWall, without } from './steps.ts';

/** A candidate that may be tried now. */
export function due(supervisor: Supervisor, { now }: SupervisorContext): Program | undefined {
  if (supervisor.verdict !== undefined || now < supervisor.nextTrialAt) return undefined;
  return candidateOf(supervisor);
}

/**
 * Whether the current wall makes way for a trial, and whether that is a fair one: it is live and has been for some time; or it has not
 * been well for so long that nothing is lost by trying, which is no fair one.
 */
function readiness(supervisor: Supervisor, wall: Wall, context: SupervisorContext): 'fair' | 'unfair' | undefined {
  if (isSteady(wall, context)) return 'fair';
  const { policy, now } = context;
  const isElsewhere = wall.last?.kind === 'ill' && wall.last.elsewhere;
  const patience = isElsewhere ? policy.elsewherePatienceMs : policy.patienceMs;
  const isWell = wall.last?.kind === 'live' || wall.last?.kind === 'resting';
  return !isWell && now - supervisor.lastWellAt >= patience ? 'unfair' : undefined;
}

/** Has a candidate's files verified while the current wall goes on, if it is time for a trial. */
export function prepare(supervisor: Supervisor, wall: Wall, context: SupervisorContext): SupervisorStep {
  if (wall.preparing !== undefined || readiness(supervisor, wall, context) === undefined) return [supervisor, []];
  const candidate = due(supervisor, context);
  if (candidate === undefined) return [supervisor, []];
  return [
    withWall(supervisor, { ...wall, preparing: candidate }),
    [{ type: 'check', program: candidate, whole: true }],
  ];
}

/** The files of the candidate have been verified. The current wall makes way, if it is still time. */
export function onPrepared(
  supervisor: Supervisor,
  wall: Wall,
  ok: boolean,
  context: SupervisorContext,
): SupervisorStep {
  const { preparing: program, ...rest } = wall;
  if (program === undefined) return [supervisor, []];
  if (!ok) return [drop(withWall(supervisor, rest), program.digest), []];
  const ready = readiness(supervisor, wall, context);
  if (ready === undefined) return [withWall(supervisor, rest), []];
  const verified = [...supervisor.verified.filter((one) => one !== program.digest), program.digest];
  const fair = ready === 'fair';
  return andThen(stop({ ...supervisor, verified }, rest, { kind: 'trial', program, fair }, context), (stopping) => [
    stopping,
    [log('info', 'trial.begin', { version: program.version, from: wall.program.version, fair })],
  ]);
}

/** Starts a trial, which is written down first: should the machine go down with it, that is known afterwards. */
export function startTrial(
  supervisor: Supervisor,
  program: Program,
  fair: boolean,
  context: SupervisorContext,
): SupervisorStep {
  const { unended } = recall(supervisor, program);
  return andThen(remember(supervisor, program, { unended: unended + 1 }), (noted) =>
    spawn(noted, program, { fair }, context),
  );
}

/** The candidate's wall is live: it is the current program from now on. The pointer follows by itself. */
export function win(supervisor: Supervisor, wall: Wall): SupervisorStep {
  const { program } = wall;
  const previous = supervisor.current;
  let step: SupervisorStep = [
    {
      ...withWall(supervisor, without(wall, 'trial')),
      current: program.id,
      failures: 0,
      inVain: 0,
      ...(previous === undefined ? {} : { probation: { previous } }),
    },
    [log('info', 'trial.won', { version: program.version })],
  ];
  step = andThen(step, (next) => remember(next, program, { wasLive: true, unended: 0, excused: false }));
  // What was asked for before is settled by this.
  for (const other of supervisor.programs) step = andThen(step, (next) => remember(next, other, { asked: false }));
  return step;
}

/** The trial told nothing; another one comes later. The phase is the caller's matter. */
export function postpone(
  supervisor: Supervisor,
  program: Program,
  how: string,
  { now, policy, fraction }: SupervisorContext,
): SupervisorStep {
  const inVain = supervisor.inVain + 1;
  const waitMs = backoffMs(policy.trialBackoff, inVain, fraction);
  return andThen(remember(supervisor, program, { unended: 0 }), (noted) => [
    { ...noted, inVain, nextTrialAt: now + waitMs },
    [log('warn', 'trial.postponed', { version: program.version, how, waitMs })],
  ]);
}

/**
 * What a lost trial comes to. A fair one is a verdict that the program before it has to confirm; but a wall that says that the
 * network or a server failed is excused once, for that may have been so just then.
 */
export function lose(supervisor: Supervisor, wall: Wall, how: string, context: SupervisorContext): SupervisorStep {
  const { program, trial, last } = wall;
  const isExcused =
    how === 'not-live' && last?.kind === 'ill' && last.elsewhere && !recall(supervisor, program).excused;
  const reason = last?.kind === 'ill' ? { reason: last.reason } : {};
  const lost = log('warn', 'trial.lost', { version: program.version, how, fair: trial?.fair, ...reason });
  if (trial?.fair !== true || isExcused) {
    const excused = isExcused ? { excused: true } : {};
    return andThen([supervisor, [lost]], (next) =>
      andThen(remember(next, program, excused), (noted) => postpone(noted, program, how, context)),
    );
  }
  const verdict: Verdict = { program, how, by: context.now + context.policy.graceMs + context.policy.trialMs };
  return andThen([{ ...supervisor, verdict }, [lost]], (next) => remember(next, program, { unended: 0 }));
}

/** The program before the trial is live again: the other one is to blame, and is not tried again. */
export function confirm(supervisor: Supervisor, live: Wall): SupervisorStep {
  const { verdict, ...rest } = supervisor;
  if (verdict === undefined || verdict.program.id === live.program.id) return [supervisor, []];
  const { program, how } = verdict;
  return andThen(remember(rest, program, { refused: true, asked: false, unended: 0 }), (next) => [
    next,
    [log('error', 'version.refused', { version: program.version, how, code: 'SUPERVISE_TRIAL_FAILED' })],
  ]);
}

/** The program before the trial is not live either: it is not the other one's fault. */
export function withdraw(supervisor: Supervisor, context: SupervisorContext): SupervisorStep {
  const { verdict, ...rest } = supervisor;
  if (verdict === undefined) return [supervisor, []];
  return andThen(remember(rest, verdict.program, { asked: true }), (next) =>
    postpone(next, verdict.program, verdict.how, context),
  );
}

/** Whether there is something to go back to from a program that won its trial a short while ago. */
export function canRegret({ probation, programs }: Supervisor, program: Program): boolean {
  return (
    probation !== undefined && probation.previous !== program.id && programs.some(({ id }) => id === probation.previous)
  );
}

/** A version that won its trial keeps ending before it ran well: back to the one before it, which has to confirm. */
export function regret(
  supervisor: Supervisor,
  program: Program,
  how: string,
  context: SupervisorContext,
): SupervisorStep {
  const { probation, ...rest } = supervisor;
  const verdict: Verdict = { program, how, by: context.now + context.policy.trialMs };
  const next = { ...rest, failures: 0, verdict, ...(probation === undefined ? {} : { current: probation.previous }) };
  return andThen(
    [next, [log('warn', 'trial.regretted', { version: program.version, how, to: chooseCurrent(next)?.version })]],
    (back) => startCurrent(back, context),
  );
}

/** In a crash loop nothing is lost by a trial. */
export function tryInstead(supervisor: Supervisor, context: SupervisorContext): SupervisorStep | undefined {
  const candidate = due(supervisor, context);
  return candidate === undefined ? undefined : check(supervisor, candidate, true);
}

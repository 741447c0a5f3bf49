/**
 * The supervisor's state machine: one wall at a time, always one that runs or is about to.
 *
 *  new ─► checking ─► running ─► stopping ─► ended
 *            ▲           │ ended      │
 *            └─ waiting ◄┴────────────┘
 *
 * A new version is tried in the place of the current one, and takes it for good once its wall is live; then the pointer moves.
 */
import { chooseCurrent, remember } from './choice.ts';
import { onAnswered } from './answers.ts';
import { LOOP, end, onExited, onFault, settle } from './ends.ts';
import type { Supervisor, SupervisorContext, SupervisorEvent, SupervisorStep, Trial, Wall } from './state.ts';
import { drop, log, spawn, startCurrent, stop, andThen, withWall, without } from './steps.ts';
import { onPrepared, postpone, startTrial, tryInstead, withdraw } from './trial.ts';

export const NEW_SUPERVISOR: Supervisor = {
  phase: { kind: 'new' },
  programs: [],
  remembered: {},
  walls: 0,
  failures: 0,
  verified: [],
  lastWellAt: 0,
  nextTrialAt: 0,
  inVain: 0,
};

/** One step of the supervisor. Events that do not fit the phase change nothing. */
export function reduceSupervisor(
  supervisor: Supervisor,
  event: SupervisorEvent,
  context: SupervisorContext,
): SupervisorStep {
  if (supervisor.phase.kind === 'ended') return [supervisor, []];
  switch (event.type) {
    case 'start':
      return supervisor.phase.kind === 'new' ? onStart(supervisor, event, context) : [supervisor, []];
    case 'programs':
      return onPrograms(supervisor, event, context);
    case 'checked':
      return onChecked(supervisor, event, context);
    case 'answered':
      return onAnswered(supervisor, event, context);
    case 'exited':
      return onExited(supervisor, event, context);
    case 'pointed':
      return [{ ...supervisor, pointer: event.program }, []];
    case 'clock':
      return onClock(supervisor, context);
    case 'stop':
      return onStop(supervisor, context);
    case 'restart':
      return onRestart(supervisor, context);
  }
}

/** When the supervisor next wants to look at the clock, in monotonic ms; empty when it waits for something else. */
export function supervisorDeadlines({ phase, verdict }: Supervisor): readonly number[] {
  switch (phase.kind) {
    case 'new':
    case 'ended':
    case 'checking':
      return [];
    case 'waiting':
      return [phase.until, verdict?.by].filter((at) => at !== undefined);
    case 'stopping':
      return [phase.killAt];
    case 'running': {
      const { checkAt, trial, liveSince } = phase.wall;
      // A wall that is live is not cut short.
      const by = liveSince === undefined ? trial?.by : undefined;
      return [checkAt, by, verdict?.by].filter((at) => at !== undefined);
    }
  }
}

function onStart(
  before: Supervisor,
  event: Extract<SupervisorEvent, { type: 'start' }>,
  context: SupervisorContext,
): SupervisorStep {
  const { programs, remembered, pointer, orphan } = event;
  const { now, policy } = context;
  const known: Supervisor = {
    ...before,
    programs,
    remembered,
    lastWellAt: now,
    nextTrialAt: now,
    ...(pointer === undefined ? {} : { pointer }),
  };
  if (orphan === undefined) return startCurrent(known, context);
  const isTrial = orphan.trial !== undefined;
  const current = isTrial ? chooseCurrent(known)?.id : orphan.program.id;
  const trial: { trial: Trial } | undefined = isTrial
    ? { trial: { fair: orphan.trial.fair, by: now + policy.trialMs } }
    : undefined;
  const wall: Wall = {
    id: 1,
    program: orphan.program,
    startedAt: now,
    answered: false,
    misses: 0,
    checkAt: now,
    ...trial,
  };
  return [
    { ...withWall(known, wall), walls: 1, ...(current === undefined ? {} : { current }) },
    [log('info', 'wall.adopted', { wall: 1, version: orphan.program.version, trial: isTrial })],
  ];
}

function onPrograms(
  before: Supervisor,
  event: Extract<SupervisorEvent, { type: 'programs' }>,
  context: SupervisorContext,
): SupervisorStep {
  let step: SupervisorStep = [{ ...before, programs: event.programs }, []];
  for (const program of event.programs) {
    if (event.arrived.includes(program.digest))
      step = andThen(step, (next) => remember(next, program, { asked: true }));
  }
  const hadNothing = before.phase.kind === 'waiting' && chooseCurrent(before) === undefined;
  return andThen(step, (next) =>
    hadNothing && chooseCurrent(next) !== undefined ? startCurrent(next, context) : [next, []],
  );
}

function onChecked(
  supervisor: Supervisor,
  event: Extract<SupervisorEvent, { type: 'checked' }>,
  context: SupervisorContext,
): SupervisorStep {
  const { phase } = supervisor;
  const { digest, ok } = event;
  if (phase.kind === 'running' && phase.wall.preparing?.digest === digest) {
    return onPrepared(supervisor, phase.wall, ok, context);
  }
  const known = ok ? supervisor : drop(supervisor, digest);
  if (phase.kind !== 'checking' || phase.program.digest !== digest) return [known, []];
  if (!ok) return startCurrent(known, context);
  const verified = { ...known, verified: [...known.verified.filter((one) => one !== digest), digest] };
  return phase.trial
    ? startTrial(verified, phase.program, false, context)
    : spawn(verified, phase.program, undefined, context);
}

function onClock(supervisor: Supervisor, context: SupervisorContext): SupervisorStep {
  const { phase, verdict } = supervisor;
  const { now, policy } = context;
  if (phase.kind === 'stopping') {
    if (now < phase.killAt) return [supervisor, []];
    const killAt = now + policy.graceMs;
    return [{ ...supervisor, phase: { ...phase, killAt } }, [{ type: 'signal', wall: phase.wall.id, kill: true }]];
  }
  if (phase.kind !== 'running' && phase.kind !== 'waiting') return [supervisor, []];
  const isOverdue = verdict !== undefined && now >= verdict.by;
  return andThen(isOverdue ? withdraw(supervisor, context) : [supervisor, []], (next) => {
    if (phase.kind === 'running') return onRunningClock(next, phase.wall, context);
    if (now < phase.until) return [next, []];
    return (next.failures >= LOOP ? tryInstead(next, context) : undefined) ?? startCurrent(next, context);
  });
}

function onRunningClock(before: Supervisor, wall: Wall, context: SupervisorContext): SupervisorStep {
  const { now, policy } = context;
  const isCurrent = wall.trial === undefined;
  const supervisor = settle(before, isCurrent && now - wall.startedAt >= policy.settledMs + (wall.holdMs ?? 0));
  if (wall.trial !== undefined && now >= wall.trial.by && wall.liveSince === undefined) {
    return onFault(supervisor, wall, 'not-live', context);
  }
  if (wall.checkAt === undefined || now < wall.checkAt) return [supervisor, []];
  return [withWall(supervisor, without(wall, 'checkAt')), [{ type: 'ask', wall: wall.id }]];
}

function onStop(supervisor: Supervisor, context: SupervisorContext): SupervisorStep {
  const { phase } = supervisor;
  switch (phase.kind) {
    case 'running': {
      const { wall } = phase;
      const step: SupervisorStep =
        wall.trial === undefined ? [supervisor, []] : remember(supervisor, wall.program, { unended: 0 });
      return andThen(step, (next) => stop(next, wall, { kind: 'end', exitCode: 0 }, context));
    }
    case 'stopping':
      if (phase.then.kind === 'end') {
        const { graceMs, insistMs } = context.policy;
        // Who supervises us may signal every process, and one that started us passes the signal on as well.
        if (context.now < phase.killAt - graceMs + insistMs) return [supervisor, []];
        return [supervisor, [{ type: 'signal', wall: phase.wall.id, kill: true }]];
      }
      return [{ ...supervisor, phase: { ...phase, then: { kind: 'end', exitCode: 0 } } }, []];
    default:
      return end(supervisor, 0);
  }
}

function onRestart(supervisor: Supervisor, context: SupervisorContext): SupervisorStep {
  const { phase } = supervisor;
  if (phase.kind === 'waiting') return startCurrent({ ...supervisor, failures: 0 }, context);
  if (phase.kind !== 'running') return [supervisor, []];
  const { wall } = phase;
  const step = wall.trial === undefined ? undefined : postpone(supervisor, wall.program, 'restart', context);
  return andThen(step ?? [{ ...supervisor, failures: 0 }, []], (next) =>
    stop(next, wall, { kind: 'current' }, context),
  );
}

/** What follows from what a wall says of itself. */
import { remember } from './choice.ts';
import { onFault } from './ends.ts';
import type { Answer, Supervisor, SupervisorContext, SupervisorEvent, SupervisorStep, Trial, Wall } from './state.ts';
import { isSteady, log, andThen, withWall, without } from './steps.ts';
import { confirm, prepare, win } from './trial.ts';

/** The wall said how it is, or did not. Late answers and those of other walls change nothing. */
export function onAnswered(
  supervisor: Supervisor,
  event: Extract<SupervisorEvent, { type: 'answered' }>,
  context: SupervisorContext,
): SupervisorStep {
  const { phase } = supervisor;
  if (phase.kind !== 'running' || phase.wall.id !== event.wall || phase.wall.checkAt !== undefined) {
    return [supervisor, []];
  }
  const wall = heard(phase.wall, event.answer, context);
  const changed = phase.wall.last?.kind !== event.answer.kind;
  const reason = event.answer.kind === 'ill' ? { reason: event.answer.reason } : {};
  const said = log('info', `wall.${event.answer.kind}`, { wall: wall.id, version: wall.program.version, ...reason });
  const step: SupervisorStep = [withWall(supervisor, wall), changed ? [said] : []];
  return andThen(step, (next) => {
    if (isHung(wall, context)) return onFault(next, wall, 'hung', context);
    return wall.trial === undefined
      ? onCurrentHeard(next, wall, context)
      : onTrialHeard(next, wall, wall.trial, context);
  });
}

/** The wall after an answer, with the time of the next check. */
function heard(wall: Wall, answer: Answer, { now, policy }: SupervisorContext): Wall {
  const { liveSince: before } = wall;
  const answered = wall.answered || answer.kind !== 'silent';
  const liveSince = answer.kind === 'live' ? (before ?? now) : undefined;
  const isSettled = answer.kind === 'resting' || (liveSince !== undefined && now - liveSince >= policy.steadyMs);
  const { startingMs, liveMs, otherMs } = policy.checks;
  return {
    ...without(wall, 'liveSince'),
    answered,
    misses: answer.kind === 'silent' ? wall.misses + 1 : 0,
    last: answer,
    checkAt: now + (isSettled ? liveMs : answered ? otherMs : startingMs),
    ...(liveSince === undefined ? {} : { liveSince }),
  };
}

/** A command that never told how it is may be one that cannot. */
function isHung(wall: Wall, { now, policy }: SupervisorContext): boolean {
  if (wall.answered) return wall.misses >= policy.mostMisses;
  return wall.program.kind !== 'command' && wall.misses > 0 && now - wall.startedAt >= policy.answerWithinMs;
}

function onTrialHeard(supervisor: Supervisor, wall: Wall, trial: Trial, context: SupervisorContext): SupervisorStep {
  if (isSteady(wall, context)) {
    return andThen(win(supervisor, wall), (next) =>
      next.phase.kind === 'running' ? onCurrentHeard(next, next.phase.wall, context) : [next, []],
    );
  }
  if (wall.last?.kind !== 'resting') return [supervisor, []];
  // By night nothing can be told for it or against it.
  const by = context.now + context.policy.trialMs;
  return [withWall(supervisor, { ...wall, trial: { ...trial, by } }), []];
}

function onCurrentHeard(supervisor: Supervisor, wall: Wall, context: SupervisorContext): SupervisorStep {
  const { now } = context;
  const kind = wall.last?.kind;
  let step: SupervisorStep = [supervisor, []];
  if (kind === 'live' || kind === 'resting') step = [{ ...supervisor, lastWellAt: now }, []];
  if (kind === 'live') step = andThen(step, (next) => confirm(next, wall));
  if (kind === 'resting' && supervisor.verdict !== undefined) {
    const verdict = { ...supervisor.verdict, by: now + context.policy.trialMs };
    step = andThen(step, (next) => [{ ...next, verdict }, []]);
  }
  if (isSteady(wall, context) && wall.program.kind !== 'command') {
    const { program } = wall;
    step = andThen(step, (next) => remember(next, program, { wasLive: true }));
    const { probation, pointer } = supervisor;
    const previous = probation === undefined ? {} : { previous: probation.previous };
    // Asked for again at each check until the disk has it.
    if (pointer !== program.id) step = andThen(step, (next) => [next, [{ type: 'point', program, ...previous }]]);
  }
  return andThen(step, (next) => prepare(next, wall, context));
}

/** What follows when a wall ends, or has to. */
import { backoffMs } from '../renewal/backoff.ts';
import { chooseNext } from './choice.ts';
import type { End, Supervisor, SupervisorContext, SupervisorEvent, SupervisorStep, Wall } from './state.ts';
import { isProven, log, startCurrent, stop, andThen, without } from './steps.ts';
import { canRegret, lose, regret, startTrial, tryInstead } from './trial.ts';

/** This many ends in a row before a wall ran well are a crash loop. */
export const LOOP = 3;
/** The exit code for usage and settings: nothing that a restart mends. */
const SLOW_EXIT = 2;

/** A wall's process is gone. */
export function onExited(
  supervisor: Supervisor,
  event: Extract<SupervisorEvent, { type: 'exited' }>,
  context: SupervisorContext,
): SupervisorStep {
  const { phase } = supervisor;
  if ((phase.kind !== 'running' && phase.kind !== 'stopping') || phase.wall.id !== event.wall) return [supervisor, []];
  const { wall } = phase;
  const how = described(event.end);
  const uptimeMs = Math.round(context.now - wall.startedAt);
  const told = log('info', 'wall.ended', { wall: wall.id, version: wall.program.version, how, uptimeMs });
  return andThen([{ ...supervisor, lastEnd: how }, [told]], (next) => {
    if (phase.kind === 'running') return onFellOver(next, wall, event.end, how, context);
    switch (phase.then.kind) {
      case 'end':
        return end(next, phase.then.exitCode);
      case 'current':
        return startCurrent(next, context);
      case 'trial':
        return startTrial(next, phase.then.program, phase.then.fair, context);
      case 'died':
        return onDeath({ ...next, lastEnd: phase.then.how }, wall, phase.then.how, false, context);
    }
  });
}

function described(end: End): string {
  switch (end.kind) {
    case 'code':
      return `exit ${end.code}`;
    case 'signal':
      return `signal ${end.signal}`;
    case 'not-started':
      return `not started: ${end.reason}`;
    case 'unknown':
      return 'unknown';
  }
}

/** A wall ended that nobody had stopped. */
function onFellOver(
  supervisor: Supervisor,
  wall: Wall,
  how: End,
  text: string,
  context: SupervisorContext,
): SupervisorStep {
  if (wall.trial !== undefined) {
    return andThen(lose(supervisor, wall, text, context), (next) => startCurrent(next, context));
  }
  // The operator quit it.
  if (how.kind === 'code' && how.code === 0) return end(supervisor, 0);
  return onDeath(supervisor, wall, text, how.kind === 'code' && how.code === SLOW_EXIT, context);
}

/** Stops a wall that does not answer, and goes on as if it had ended by itself. */
export function onFault(supervisor: Supervisor, wall: Wall, how: string, context: SupervisorContext): SupervisorStep {
  const fault = log('error', 'wall.fault', { wall: wall.id, version: wall.program.version, how });
  const step: SupervisorStep = [supervisor, [fault]];
  if (wall.trial === undefined) return andThen(step, (next) => stop(next, wall, { kind: 'died', how }, context));
  return andThen(step, (next) =>
    andThen(lose(next, wall, how, context), (lost) => stop(lost, wall, { kind: 'current' }, context)),
  );
}

/**
 * The current program's wall is gone. The first time it is started again at once; later it is started at once and told to hold
 * back, so that its notice stands on the display meanwhile. Without a wall passes only what no wall could show: usage and
 * settings, and walls that die even while they hold back.
 */
function onDeath(
  before: Supervisor,
  wall: Wall,
  how: string,
  slow: boolean,
  context: SupervisorContext,
): SupervisorStep {
  const { now, policy, fraction } = context;
  const ranMs = now - wall.startedAt;
  const ranWell = ranMs >= policy.settledMs + (wall.holdMs ?? 0);
  const settled = settle(before, ranWell);
  const failures = settled.failures + 1;
  const { program } = wall;
  const isDoubtful = failures > 1 || slow;
  const verified = isDoubtful ? before.verified.filter((one) => one !== program.digest) : before.verified;
  const supervisor: Supervisor = { ...settled, failures, verified };
  if (failures >= LOOP && canRegret(supervisor, program)) return regret(supervisor, program, how, context);
  const next = failures >= LOOP && !isProven(supervisor, program) ? chooseNext(supervisor, program) : undefined;
  const chosen = next === undefined ? supervisor : { ...supervisor, current: next.id };
  const waitMs = slow
    ? backoffMs(policy.slowBackoff, failures, fraction)
    : failures === 1
      ? 0
      : backoffMs(policy.backoff, failures - 1, fraction);
  if (waitMs === 0) return startCurrent(chosen, context);
  const isInVain = chosen.holdsInVain === true || (wall.holdMs !== undefined && ranMs < wall.holdMs);
  if (!slow && !isInVain) {
    const told = log('warn', 'wall.restart-held', { holdMs: waitMs, failures, how });
    const held = (): SupervisorStep => startCurrent({ ...chosen, holdMs: waitMs }, context);
    return andThen([chosen, [told]], (it) => (failures >= LOOP ? tryInstead(it, context) : undefined) ?? held());
  }
  const waiting: Supervisor = isInVain ? { ...chosen, holdsInVain: true } : chosen;
  return [
    { ...waiting, phase: { kind: 'waiting', until: now + waitMs } },
    [log('warn', 'wall.restart-later', { waitMs, failures, how })],
  ];
}

/** What a wall that ran well puts an end to. */
export function settle(supervisor: Supervisor, ranWell: boolean): Supervisor {
  if (!ranWell) return supervisor;
  return { ...without(without(supervisor, 'probation'), 'holdsInVain'), failures: 0 };
}

/** The supervisor ends. */
export function end(supervisor: Supervisor, exitCode: number): SupervisorStep {
  return [{ ...supervisor, phase: { kind: 'ended', exitCode } }, [{ type: 'end', exitCode }]];
}

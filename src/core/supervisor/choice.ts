/** Which program is run, and which is tried. */
import {
  NOTHING_REMEMBERED,
  type Program,
  type Remembered,
  type Supervisor,
  type SupervisorContext,
  type SupervisorEffect,
} from './state.ts';
import { compareVersions } from './version.ts';

/** A program whose trials so often took the machine down with them is not tried again. */
const MOST_UNENDED = 3;

type Known = Pick<Supervisor, 'programs' | 'remembered'>;

/** What is remembered of a program's files. */
export function recall({ remembered }: Pick<Known, 'remembered'>, { digest }: Program): Remembered {
  return Object.hasOwn(remembered, digest) ? (remembered[digest] ?? NOTHING_REMEMBERED) : NOTHING_REMEMBERED;
}

/** Remembers something of a program's files; no effect where it is known already. */
export function remember(
  supervisor: Supervisor,
  program: Program,
  changes: Partial<Remembered>,
): readonly [Supervisor, readonly SupervisorEffect[]] {
  const before = recall(supervisor, program);
  const remembered: Remembered = { ...before, ...changes };
  const isKnown = (Object.keys(changes) as (keyof Remembered)[]).every((key) => before[key] === remembered[key]);
  if (isKnown) return [supervisor, []];
  return [
    { ...supervisor, remembered: { ...supervisor.remembered, [program.digest]: remembered } },
    [{ type: 'remember', program, remembered }],
  ];
}

/**
 * What to run when nothing is on trial: what has been running; else what the pointer names; else the newest whose wall was live
 * once; else the wall beside the command; else the newest. A program that lost its trial comes last: it is better than nothing.
 */
export function chooseCurrent(supervisor: Supervisor): Program | undefined {
  const { programs, current, pointer, verdict } = supervisor;
  const usable = programs.filter(
    (program) => !recall(supervisor, program).refused && program.digest !== verdict?.program.digest,
  );
  return (
    usable.find(({ id }) => id === current) ??
    usable.find(({ id }) => id === pointer) ??
    newest(usable.filter((program) => recall(supervisor, program).wasLive)) ??
    usable.find(({ kind }) => kind !== 'version') ??
    newest(usable) ??
    newest(programs)
  );
}

/** The next program after one that never was live and does not stay up; undefined where there is no other. */
export function chooseNext(supervisor: Supervisor, after: Program): Program | undefined {
  const usable = byAge(supervisor.programs.filter((program) => !recall(supervisor, program).refused));
  const index = usable.findIndex(({ id }) => id === after.id);
  const next = usable[(index + 1) % usable.length];
  return next?.id === after.id ? undefined : next;
}

/**
 * What is worth a trial: a program that was put there to be tried, or that is newer than the current one and never was live. One that
 * lost a fair trial is not tried again.
 */
export function candidateOf(supervisor: Supervisor): Program | undefined {
  const { programs, current } = supervisor;
  const running = programs.find(({ id }) => id === current);
  if (running === undefined || running.kind === 'command') return undefined;
  const worthy = programs.filter((program) => {
    const { asked, wasLive, refused, unended } = recall(supervisor, program);
    if (program.id === current || refused || unended >= MOST_UNENDED) return false;
    return asked || (!wasLive && compareVersions(program.version, running.version) > 0);
  });
  return newest(worthy.filter((program) => recall(supervisor, program).asked)) ?? newest(worthy);
}

function newest(programs: readonly Program[]): Program | undefined {
  return byAge(programs)[0];
}

function byAge(programs: readonly Program[]): Program[] {
  return [...programs].sort((a, b) => compareVersions(b.version, a.version));
}

/**
 * Versions that may be removed: once the current one runs well, all that are older, but for the newest of them that was live once.
 */
export function expendable(supervisor: Supervisor, { now, policy }: SupervisorContext): readonly Program[] {
  const { phase, current, pointer, failures, probation, verdict, programs } = supervisor;
  if (phase.kind !== 'running' || phase.wall.program.id !== current || pointer !== current) return [];
  const { trial, startedAt, program } = phase.wall;
  const isSettled = now - startedAt >= policy.settledMs && failures === 0 && probation === undefined;
  if (trial !== undefined || verdict !== undefined || !isSettled) return [];
  const older = byAge(programs).filter(
    (one) => one.kind === 'version' && compareVersions(one.version, program.version) < 0,
  );
  const spare = older.find((one) => recall(supervisor, one).wasLive);
  return older.filter((one) => one !== spare);
}

/** Whether a version runs, is about to, or is what would be gone back to. */
export function isInUse({ phase, current, pointer, probation }: Supervisor, version: string): boolean {
  const started = phase.kind === 'checking' ? phase.program.id : undefined;
  const running = phase.kind === 'running' || phase.kind === 'stopping' ? phase.wall : undefined;
  const next = phase.kind === 'stopping' && phase.then.kind === 'trial' ? phase.then.program.id : undefined;
  const ids = [current, pointer, probation?.previous, started, running?.program.id, running?.preparing?.id, next];
  return ids.includes(version);
}

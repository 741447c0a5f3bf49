/** The supervisor at work: carries out what the state machine decides, and tells it what happens. Decides nothing itself. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { End, Program, Supervisor, SupervisorEffect, SupervisorEvent } from '../../core/supervisor/state.ts';
import { expendable, isInUse } from '../../core/supervisor/choice.ts';
import { NEW_SUPERVISOR, reduceSupervisor, supervisorDeadlines } from '../../core/supervisor/supervisor.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { askWall, readWhere } from './health.ts';
import { takeLock } from './lock.ts';
import { findOrphan, wallEnvironment } from './orphan.ts';
import type { SupervisorOptions } from './options.ts';
import { identityOf } from './processes.ts';
import {
  type WallRecord,
  prepareRoot,
  readPointer,
  readRemembered,
  writePointer,
  writeRemembered,
  writeWallRecord,
} from './root.ts';
import { type WallProcess, adoptWall, startWall } from './wall-process.ts';

const ENDING_MS = 1_000;

export interface RunningSupervisor {
  /** Resolves with the exit code when the supervisor has ended and nothing of the wall lives. */
  readonly ended: Promise<number>;
  /** Ends the wall and then itself; a second time it does not wait for the wall. */
  stop(): void;
  /** Starts the wall anew. */
  restart(): void;
}

/**
 * Starts supervising. Rejects with SUPERVISE_FOLDER_UNUSABLE or SUPERVISE_RUNNING; from then on nothing but the operator ends it.
 */
export async function startSupervisor(options: SupervisorOptions): Promise<RunningSupervisor> {
  const { root, keys, logger, clock, policy, times, installed, command } = options;
  const withVersions = command === undefined && keys.length > 0;
  await prepareRoot(root, withVersions);
  const release = await takeLock(root.state, (ms) => clock.sleep(ms));
  const catalogue: Catalogue | undefined = withVersions
    ? createCatalogue({ ...options, now: () => clock.monotonic() })
    : undefined;

  let supervisor: Supervisor = NEW_SUPERVISOR;
  let wall: { id: number; process: WallProcess; healthFile: string } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  let tellEnd: (exitCode: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (tellEnd = resolve));

  function dispatch(event: SupervisorEvent): void {
    const context = { now: clock.monotonic(), fraction: options.random.fraction(), policy };
    const [next, effects] = reduceSupervisor(supervisor, event, context);
    supervisor = next;
    // In order: a trial is written down before it begins.
    for (const effect of effects) {
      work = work
        .then(() => carryOut(effect))
        .catch((error: unknown) => {
          logger.log('error', 'supervisor.effect-failed', { effect: effect.type, error });
        });
    }
    arm();
  }

  function arm(): void {
    clearTimeout(timer);
    if (supervisor.phase.kind === 'ended') return;
    const next = Math.min(...supervisorDeadlines(supervisor)) - clock.monotonic();
    timer = setTimeout(() => dispatch({ type: 'clock' }), Math.min(Math.max(next, 0), times.lookMs));
  }

  async function carryOut(effect: SupervisorEffect): Promise<void> {
    switch (effect.type) {
      case 'log':
        logger.log(effect.level, effect.event, effect.fields);
        return;
      case 'check':
        void verify(effect.program, effect.whole);
        return;
      case 'ask':
        void ask(effect.wall);
        return;
      case 'signal':
        if (wall?.id === effect.wall) wall.process.signal(effect.kill);
        return;
      case 'spawn':
        await spawn(effect);
        return;
      case 'remember':
        await onDisk('remembered', writeRemembered(root, supervisor.remembered));
        return;
      case 'point': {
        // Without versions there is nothing to choose from, and so nothing to point at.
        if (catalogue === undefined) dispatch({ type: 'pointed', program: effect.program.id });
        else if (await onDisk('pointer', writePointer(root, effect.program.id, effect.previous))) {
          logger.log('info', 'pointer.moved', { version: effect.program.id, previous: effect.previous });
          dispatch({ type: 'pointed', program: effect.program.id });
        }
        return;
      }
      case 'end':
        clearTimeout(timer);
        stopScanning();
        await release().catch(() => undefined);
        tellEnd(effect.exitCode);
        return;
    }
  }

  /** Whether the disk took it in time; a disk that hangs or is full does not stop a wall. */
  async function onDisk(what: string, written: Promise<void>): Promise<boolean> {
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error('The disk did not take it in time.')), times.diskMs);
    });
    try {
      await Promise.race([written, tooLate]);
      return true;
    } catch (error) {
      logger.log('error', 'supervisor.not-written', { what, error });
      return false;
    } finally {
      clearTimeout(late);
    }
  }

  async function verify(program: Program, whole: boolean): Promise<void> {
    const begun = clock.monotonic();
    const ok = program.kind !== 'version' || (await (catalogue?.verify(program.id, whole) ?? Promise.resolve(false)));
    const tookMs = Math.round(clock.monotonic() - begun);
    if (program.kind === 'version') logger.log('info', 'version.verified', { version: program.id, whole, ok, tookMs });
    dispatch({ type: 'checked', digest: program.digest, ok });
  }

  async function ask(id: number): Promise<void> {
    const asked = wall?.id === id ? wall : undefined;
    const where = asked === undefined ? undefined : await readWhere(asked.healthFile);
    if (where !== undefined) options.onSecret(where.token);
    const answer = where === undefined ? { kind: 'silent' as const } : await askWall(where, times.answerMs);
    dispatch({ type: 'answered', wall: id, answer });
  }

  async function spawn(effect: Extract<SupervisorEffect, { type: 'spawn' }>): Promise<void> {
    const { program, trial } = effect;
    const healthFile = join(root.state, `health-${process.pid}-${effect.wall}.json`);
    const record: WallRecord = { program, healthFile, ...(trial === undefined ? {} : { trial }) };
    await removeHealthFiles();
    // Before the start and after: killed in between, the next supervisor knows at least what to look for.
    await onDisk('wall', writeWallRecord(root, record));
    const started = launch(program, effect, healthFile);
    wall = { id: effect.wall, process: started, healthFile };
    const { pid } = started;
    logger.log('info', 'wall.start', { wall: effect.wall, version: program.version, program: program.id, pid });
    if (pid === undefined) return;
    const identity = (await identityOf(pid)) ?? 'unknown';
    await onDisk('wall', writeWallRecord(root, { ...record, pid, identity }));
  }

  function launch(
    program: Program,
    { wall: id, lastEnd = '', holdMs = 0 }: Extract<SupervisorEffect, { type: 'spawn' }>,
    healthFile: string,
  ): WallProcess {
    const onEnd = (end: End): void => dispatch({ type: 'exited', wall: id, end });
    const env = wallEnvironment(options.env, { healthFile, restarts: id - 1, lastEnd, holdMs });
    try {
      const { file, args } = commandOf(program);
      return startWall({ file, args, env, logger, now: () => clock.monotonic(), onEnd });
    } catch (error) {
      setImmediate(() => onEnd({ kind: 'not-started', reason: String(error) }));
      return { pid: undefined, signal: () => undefined };
    }
  }

  function commandOf({ kind, id }: Program): { file: string; args: readonly string[] } {
    if (kind === 'command' && command !== undefined) return { file: command[0], args: command.slice(1) };
    const file = kind === 'installed' ? installed?.file : catalogue?.executable(id);
    if (file === undefined) throw new Error('It is not there any more.');
    return { file, args: options.wallArguments };
  }

  async function removeHealthFiles(): Promise<void> {
    for (const name of await readdir(root.state).catch(() => [])) {
      if (name.startsWith('health-')) await rm(join(root.state, name), { force: true }).catch(() => undefined);
    }
  }

  async function programs(): Promise<readonly Program[]> {
    if (command !== undefined) return [{ id: 'command', kind: 'command', version: '', digest: 'command' }];
    const beside: Program[] =
      installed === undefined
        ? []
        : [
            {
              id: 'installed',
              kind: 'installed',
              version: installed.version,
              digest: `installed@${installed.version}`,
            },
          ];
    return [...((await catalogue?.look()) ?? []), ...beside];
  }

  let scanning: NodeJS.Timeout | undefined;
  let scanned: Promise<void> = Promise.resolve();
  function scanLater(): void {
    scanning = setTimeout(() => {
      scanned = scan()
        .catch((error: unknown) => logger.log('error', 'supervisor.scan-failed', { error }))
        .then(() => {
          if (supervisor.phase.kind !== 'ended') scanLater();
        });
    }, times.scanMs);
  }
  function stopScanning(): void {
    clearTimeout(scanning);
  }

  async function scan(): Promise<void> {
    if (catalogue === undefined) return;
    const current = supervisor.programs.find(({ id }) => id === supervisor.current)?.version;
    const taken = await catalogue.takeAll({ current, isInUse: (version) => isInUse(supervisor, version) });
    for (const { version } of taken) logger.log('info', 'version.taken', { version });
    dispatch({ type: 'programs', programs: await programs(), arrived: taken.map(({ digest }) => digest) });
    // That it was asked for is on disk by now.
    await work;
    for (const { discard } of taken) await discard();
    await prune();
  }

  async function prune(): Promise<void> {
    const gone = new Set(expendable(supervisor, { now: clock.monotonic(), fraction: 0, policy }).map(({ id }) => id));
    if (gone.size > 0) await catalogue?.prune((version) => !gone.has(version));
  }

  const known = await programs();
  const pointer = await readPointer(root);
  const remembered = await readRemembered(root);
  // Drafts of a supervisor that was killed; those of a living one there are none.
  await catalogue?.prune(() => true);
  logger.log('info', 'supervisor.start', {
    pid: process.pid,
    root: root.folder,
    pointer,
    programs: known.map(({ id }) => id),
  });
  // Nothing may come between: from its adoption on, its end is told.
  const orphan = await findOrphan(root, times.answerMs);
  if (orphan !== undefined) {
    const { pid, identity, healthFile } = orphan;
    const onEnd = (end: End): void => dispatch({ type: 'exited', wall: 1, end });
    wall = { id: 1, process: adoptWall(pid, identity, onEnd), healthFile };
  }
  dispatch({
    type: 'start',
    programs: known,
    remembered,
    ...(pointer === undefined ? {} : { pointer }),
    ...(orphan === undefined
      ? {}
      : { orphan: { program: orphan.program, ...(orphan.trial === undefined ? {} : { trial: orphan.trial }) } }),
  });
  // An installer may have dropped something while nobody looked.
  scanned = scan().catch((error: unknown) => logger.log('error', 'supervisor.scan-failed', { error }));
  void scanned.then(() => {
    if (supervisor.phase.kind !== 'ended') scanLater();
  });

  return {
    ended: ended.then(async (exitCode) => {
      // Whatever is being copied may be cut off: it is not waited for long.
      await Promise.race([scanned, clock.sleep(ENDING_MS)]);
      return exitCode;
    }),
    stop: () => dispatch({ type: 'stop' }),
    restart: () => dispatch({ type: 'restart' }),
  };
}

/** A small world for the supervisor's state machine: programs with a character, a network, a disk. Time passes as told. */
import {
  DEFAULT_SUPERVISOR_POLICY,
  type Answer,
  type End,
  type Orphan,
  type Program,
  type Remembered,
  type Supervisor,
  type SupervisorEffect,
  type SupervisorEvent,
} from '../state.ts';
import { NEW_SUPERVISOR, reduceSupervisor, supervisorDeadlines } from '../supervisor.ts';

/** How the walls of a program behave. */
export interface Character {
  /** Until it answers for the first time, in ms; never if absent. */
  readonly answersAfterMs?: number;
  /** Until it is live, given the network, in ms; never if absent. */
  readonly liveAfterMs?: number;
  /** It ends by itself after this, in ms, counted from the end of its hold. */
  readonly endsAfterMs?: number;
  /** What it was told to hold back does not keep it from ending. */
  readonly heedsNoHold?: boolean;
  readonly end?: End;
  /** It ignores SIGTERM. */
  readonly stubborn?: boolean;
  /** Its files do not stand up to verification. */
  readonly tampered?: boolean;
}

export const GOOD: Character = { answersAfterMs: 1_000, liveAfterMs: 8_000 };

export interface RunningWall {
  readonly id: number;
  readonly program: Program;
  readonly startedAt: number;
  readonly holdMs: number;
  wasLive: boolean;
  terminatedAt?: number;
  killed?: boolean;
  /** Left behind by an earlier supervisor, which is not told how it ends. */
  adopted?: boolean;
  frozen?: boolean;
}

export interface World {
  now: number;
  supervisor: Supervisor;
  network: boolean;
  night: boolean;
  /** A disk that takes nothing. */
  diskFull: boolean;
  readonly characters: Map<string, Character>;
  readonly disk: { pointer?: string; remembered: Record<string, Remembered> };
  wall: RunningWall | undefined;
  /** Everything that was started, pointed at and logged. */
  readonly spawned: { readonly at: number; readonly id: string; readonly trial: boolean; readonly holdMs: number }[];
  readonly pointed: string[];
  /** Verifications: of all bytes, or a quick one. */
  readonly checked: { readonly id: string; readonly whole: boolean }[];
  readonly events: string[];
  exitCode?: number;
  /** What must never be. */
  readonly broken: string[];
  readonly everLive: Set<string>;
}

export function version(id: string): Program {
  return { id, kind: 'version', version: id, digest: `sha-${id}` };
}

export const INSTALLED: Program = { id: 'installed', kind: 'installed', version: '1.0.0', digest: 'installed@1.0.0' };

export function createWorld(): World {
  return {
    now: 0,
    supervisor: NEW_SUPERVISOR,
    network: true,
    night: false,
    diskFull: false,
    characters: new Map(),
    disk: { remembered: {} },
    wall: undefined,
    spawned: [],
    pointed: [],
    checked: [],
    events: [],
    broken: [],
    everLive: new Set(),
  };
}

/** A supervisor begins, or begins anew after it was killed, with what the disk has. */
export function begin(world: World, programs: readonly Program[], orphan?: Orphan): void {
  world.supervisor = NEW_SUPERVISOR;
  send(world, {
    type: 'start',
    programs,
    remembered: { ...world.disk.remembered },
    ...(world.disk.pointer === undefined ? {} : { pointer: world.disk.pointer }),
    ...(orphan === undefined ? {} : { orphan }),
  });
}

export function send(world: World, event: SupervisorEvent, fraction = 0.5): void {
  const context = { now: world.now, fraction, policy: DEFAULT_SUPERVISOR_POLICY };
  const [next, effects] = reduceSupervisor(world.supervisor, event, context);
  world.supervisor = next;
  for (const effect of effects) carryOut(world, effect);
}

function carryOut(world: World, effect: SupervisorEffect): void {
  switch (effect.type) {
    case 'check':
      world.checked.push({ id: effect.program.id, whole: effect.whole });
      send(world, {
        type: 'checked',
        digest: effect.program.digest,
        ok: world.characters.get(effect.program.id)?.tampered !== true,
      });
      return;
    case 'spawn': {
      if (world.wall !== undefined) world.broken.push('two walls');
      if (world.characters.get(effect.program.id)?.tampered === true) world.broken.push('tampered wall');
      const { holdMs = 0 } = effect;
      world.wall = { id: effect.wall, program: effect.program, startedAt: world.now, holdMs, wasLive: false };
      world.spawned.push({ at: world.now, id: effect.program.id, trial: effect.trial !== undefined, holdMs });
      return;
    }
    case 'signal':
      if (world.wall?.id !== effect.wall) return;
      if (effect.kill) world.wall.killed = true;
      else world.wall.terminatedAt ??= world.now;
      return;
    case 'ask': {
      const answer = answerOf(world, effect.wall);
      send(world, { type: 'answered', wall: effect.wall, answer });
      return;
    }
    case 'point':
      if (!world.everLive.has(effect.program.id)) world.broken.push('pointer on a program that never was live');
      if (world.diskFull) return;
      world.disk.pointer = effect.program.id;
      world.pointed.push(effect.program.id);
      send(world, { type: 'pointed', program: effect.program.id });
      return;
    case 'remember':
      if (!world.diskFull) world.disk.remembered[effect.program.digest] = effect.remembered;
      return;
    case 'end':
      world.exitCode = effect.exitCode;
      return;
    case 'log':
      world.events.push(effect.event);
      return;
  }
}

export function answerOf(world: World, id: number): Answer {
  const { wall } = world;
  if (wall?.id !== id || wall.frozen === true) return { kind: 'silent' };
  const character = world.characters.get(wall.program.id) ?? GOOD;
  const age = world.now - wall.startedAt;
  if (age < (character.answersAfterMs ?? Infinity)) return { kind: 'silent' };
  if (!world.network) return { kind: 'ill', reason: 'It cannot reach anything (NETWORK_OFFLINE).', elsewhere: true };
  if (age < wall.holdMs + (character.liveAfterMs ?? Infinity))
    return { kind: 'ill', reason: 'not yet', elsewhere: false };
  if (world.night) return { kind: 'resting' };
  wall.wasLive = true;
  world.everLive.add(wall.program.id);
  return { kind: 'live' };
}

/** Lets time pass, with all that happens in it; at least every 30 s the supervisor looks at the clock. */
export function pass(world: World, ms: number): void {
  const end = world.now + ms;
  for (let steps = 0; world.now < end && steps < 100_000; steps++) {
    const due = [...supervisorDeadlines(world.supervisor), world.now + 30_000, endOf(world), end];
    world.now = Math.min(end, Math.max(world.now, Math.min(...due)));
    happen(world);
    send(world, { type: 'clock' });
    const isStuck = supervisorDeadlines(world.supervisor).some((at) => at < world.now);
    if (isStuck) world.broken.push('a deadline that is over');
  }
  if (world.now < end) world.broken.push('time stands still');
}

function endOf({ wall, characters }: World): number {
  if (wall === undefined) return Infinity;
  const { endsAfterMs, stubborn, heedsNoHold } = characters.get(wall.program.id) ?? GOOD;
  const own = wall.startedAt + (heedsNoHold === true ? 0 : wall.holdMs) + (endsAfterMs ?? Infinity);
  if (wall.killed === true) return 0;
  return wall.terminatedAt !== undefined && stubborn !== true && wall.frozen !== true
    ? Math.min(own, wall.terminatedAt + 100)
    : own;
}

function happen(world: World): void {
  const { wall } = world;
  if (wall === undefined || world.now < endOf(world)) return;
  const character = world.characters.get(wall.program.id) ?? GOOD;
  world.wall = undefined;
  const end: End =
    wall.adopted === true
      ? { kind: 'unknown' }
      : wall.killed === true
        ? { kind: 'signal', signal: 'SIGKILL' }
        : wall.terminatedAt !== undefined
          ? { kind: 'code', code: 0 }
          : (character.end ?? { kind: 'code', code: 1 });
  send(world, { type: 'exited', wall: wall.id, end });
}

/** Ends the wall from outside. */
export function strike(world: World, end: End): void {
  const { wall } = world;
  if (wall === undefined) return;
  world.wall = undefined;
  send(world, { type: 'exited', wall: wall.id, end });
}

import { join } from 'node:path';
import { app } from 'electron';
import type { DisplayStatus, WallStatus } from '../core/health/status.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import type { Clock, Logger } from '../core/ports.ts';
import { programmeAt } from '../core/playlist/programme.ts';
import { SIGN_IN_BACKOFF } from '../core/renewal/backoff.ts';
import { DEFAULT_PACE, type SessionPolicy } from '../core/session/state.ts';
import type { Settings } from '../core/settings/schema.ts';
import type { Wall as WallState } from '../core/wall/state.ts';
import { createNodeRandom } from '../node/random.ts';
import { type RunningAlarmWatch, startAlarmWatch } from './alarms/alarm-watch.ts';
import type { ConsoleSignIns } from './console-sign-in.ts';
import { keepFromHealth } from './health/health-guard.ts';
import type { DisplayPower } from './power/display-power.ts';
import { type WallTray, createTray } from './tray/tray.ts';
import { watchDisplays } from './wall/displays.ts';
import { memoryByProcess } from './wall/process-memory.ts';
import { SurfaceWindow } from './wall/surface-window.ts';
import { WallRecord } from './wall/wall-status.ts';
import { Wall } from './wall/wall.ts';

export interface StartWallOptions {
  /** Folder of the built program. */
  readonly dist: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly plan: WallPlan;
  readonly signIns: ConsoleSignIns;
  readonly power: DisplayPower;
  /** Ports of this program's own that no page may ask. */
  readonly ownPorts: () => readonly number[];
  /** Somebody wants to close a window. */
  readonly onCloseWanted: () => void;
}

export interface StartedWall {
  nudge(): void;
  networkServiceGone(): void;
  /** A fault that the state machines do not see, for the record. */
  fault(kind: string): void;
  status(rest: Pick<WallStatus, 'version' | 'startedAt' | 'restarts' | 'safeMode'>): WallStatus;
  /** The process is about to end: nothing is done any more. */
  deaf(): void;
  stop(): Promise<void>;
}

/** Sessions are tried again by these rules. */
function policyOf({ wall, network }: Settings): SessionPolicy {
  const maxAge = wall.maxSessionAgeSeconds;
  return {
    backoff: SIGN_IN_BACKOFF,
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge * 1000 }),
    // Every call has a limit of its own; this is for what no limit thought of.
    attemptMs: 8 * network.timeoutSeconds * 1000 + wall.paintDeadlineSeconds * 1000,
    settledMs: 600_000,
    keepPictureMs: 10_000,
    nudges: { most: 12, ms: 3_600_000 },
    pace: DEFAULT_PACE,
  };
}

/** Runs the wall of a plan: a window for each surface that has a display, its sessions, alarms and tray. */
export function startWall(options: StartWallOptions): StartedWall {
  const { dist, clock, logger, settings, plan, signIns, power } = options;
  const random = createNodeRandom();
  const record = new WallRecord(memoryByProcess);
  const windows = new Map<string, SurfaceWindow>();
  const displays = new Map<string, DisplayStatus>();
  const alarms = new Map<string, RunningAlarmWatch>();
  const planned = new Map(plan.surfaces.map((surface) => [surface.name, surface]));
  let tray: WallTray | undefined;
  let isAsleep = false;

  const programme = (name: string, wallMs: number) => {
    const surface = planned.get(name);
    if (surface === undefined) throw new Error(`no surface ${name}`);
    return programmeAt(surface, plan.timeZone, wallMs);
  };
  const isNightByPlan = ({ surfaces }: WallState) =>
    [...surfaces].every(([name, { ringing }]) => !ringing && programme(name, clock.now()).now.kind === 'night');

  const wall = new Wall({
    plan,
    programme,
    consoles: signIns.consoles,
    prepareSession: (session) => {
      keepFromHealth(session, options.ownPorts);
      return signIns.network.prepare(session);
    },
    paintDeadlineMs: settings.wall.paintDeadlineSeconds * 1000,
    policy: policyOf(settings),
    clock,
    random,
    logger,
    onChange: (before, after, event) => {
      record.take(before, after, event, { wall: clock.now(), monotonic: clock.monotonic() });
      if (before.sessions !== after.sessions) tray?.update(after.sessions);
      for (const { name, alarms: watched } of plan.surfaces) {
        if (watched !== undefined && goesLive(before, after, watched.session)) alarms.get(name)?.nudge();
      }
      const sleeps = isNight(after);
      // Monitors may vanish while they sleep: with no display left, the plan says when to wake them.
      const stays = sleeps === undefined ? !isAsleep || isNightByPlan(after) : sleeps === isAsleep;
      if (stays) return;
      isAsleep = sleeps === true;
      if (isAsleep) power.sleep();
      else power.wake();
    },
  });

  const watch = watchDisplays({
    surfaces: plan.surfaces,
    logger,
    onChange: (assignment) => {
      const left = [...windows].filter(([name]) => !assignment.has(name));
      for (const [name] of left) windows.delete(name);
      displays.clear();
      for (const [name, display] of assignment) {
        displays.set(name, display);
        const window = windows.get(name);
        if (window !== undefined) {
          window.window.fill(display.bounds);
          continue;
        }
        const { windowed } = settings.wall;
        const { onCloseWanted } = options;
        windows.set(name, new SurfaceWindow({ dist, windowed, bounds: display.bounds, onCloseWanted }));
      }
      wall.setWindows(windows);
      for (const [, window] of left) window.close();
    },
  });

  if (settings.wall.tray) {
    tray = createTray(join(dist, 'assets/tray.png'), {
      renew: () => {
        wall.tell({ type: 'renew-now' });
      },
      quit: () => {
        app.quit();
      },
    });
    tray.update(wall.state.sessions);
  }

  for (const { name, alarms: watched } of plan.surfaces) {
    if (watched === undefined) continue;
    const { all } = settings.aws.endpoints;
    const started = startAlarmWatch({
      watch: watched,
      surface: name,
      credentials: (how) => signIns.credentialsOf(watched.session, how),
      ringing: (question) => signIns.ringingOf(watched.session, question),
      region: signIns.regionOf(watched.session),
      ...(all === undefined ? {} : { endpoint: all }),
      fetch: signIns.fetch,
      clock,
      random,
      logger,
      timeoutMs: settings.network.timeoutSeconds * 1000,
      onChange: (ringing) => {
        wall.tell({ type: 'alarm', surface: name, ringing });
      },
    });
    alarms.set(name, started);
  }

  return {
    nudge() {
      watch.recheck();
      wall.nudge();
      for (const one of alarms.values()) one.nudge();
    },
    networkServiceGone() {
      signIns.networkServiceGone();
      wall.networkServiceGone();
    },
    fault(kind) {
      record.fault(kind);
    },
    status(rest) {
      const context = wall.context();
      const alarmOf = (name: string) => alarms.get(name)?.status(context.now.wall);
      return record.status(wall.state, context, rest, (name) => displays.get(name), alarmOf);
    },
    deaf() {
      watch.stop();
      wall.deaf();
    },
    async stop() {
      watch.stop();
      for (const one of alarms.values()) one.stop();
      await wall.stop();
      tray?.close();
      for (const window of windows.values()) window.close();
      if (isAsleep) power.wake();
    },
  };
}

/** Whether every display that is there is to be black; undefined where there is none. */
function isNight(state: WallState): boolean | undefined {
  const bases = [...state.surfaces.values()].map(({ base }) => base.kind).filter((kind) => kind !== 'unplugged');
  return bases.length === 0 ? undefined : bases.every((kind) => kind === 'night');
}

/** Whether a session has just been signed in. */
function goesLive(before: WallState, after: WallState, session: string): boolean {
  const kind = (state: WallState) => state.sessions.get(session)?.phase.kind;
  return kind(after) === 'live' && kind(before) === 'signing-in';
}

import { app, net, screen } from 'electron';
import { toAppError } from '../core/errors.ts';
import type { StartDecision } from '../core/lifecycle/crash-loop.ts';
import { wallPlanOf } from '../core/plan/from-settings.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import type { Clock, Logger } from '../core/ports.ts';
import type { Settings } from '../core/settings/schema.ts';
import type { Notice } from '../core/surface/notice.ts';
import type { WallStatus } from '../core/health/status.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import type { ConsoleSignIns } from './console-sign-in.ts';
import type { WallSettings } from './lifecycle/wall-settings.ts';
import type { DisplayPower } from './power/display-power.ts';
import { type StartedWall, startWall } from './start-wall.ts';
import { SurfaceWindow } from './wall/surface-window.ts';

const SETTINGS_RECHECK_MS = 30_000;
const SETTINGS_LOOK_MS = 1_000;
const ONLINE_CHECK_MS = 2_000;

export interface RunWallOptions {
  /** Folder of the built program. */
  readonly dist: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly power: DisplayPower;
  /** Ports of this program's own that no page may ask. */
  readonly ownPorts: () => readonly number[];
  /** How this run begins after the ones before. */
  readonly decision: StartDecision;
  /** The sign-in chains of settings; throws AppErrors of the settings. */
  readonly signInsFor: (settings: Settings, plan: WallPlan) => Promise<ConsoleSignIns>;
  /** The settings as read at the start. */
  readonly first: WallSettings;
  /** Reads them again. */
  readonly read: () => Promise<WallSettings>;
}

export interface RunningWall {
  /** Something changed outside: look at the clock, and let a waiting try come. */
  nudge(): void;
  /** The network service died: cookies are gone, and so is what was made before. */
  networkServiceGone(): void;
  /** A process died, or the like. */
  fault(kind: string): void;
  status(rest: Pick<WallStatus, 'version' | 'startedAt' | 'restarts' | 'safeMode'>): WallStatus;
  /** The process is about to end: nothing is done any more. */
  deaf(): void;
  stop(): Promise<void>;
}

/**
 * Runs the wall on its settings. Settings that are wrong or missing are told on the notice, and read again when a file of theirs changes
 * and every 30 seconds, so that a mended file is enough. After a crash loop the notice stands for a while before anything else.
 */
export function runWall(options: RunWallOptions): RunningWall {
  const { logger, first, decision, clock, dist, power, ownPorts } = options;
  let wall: StartedWall | undefined;
  let early: SurfaceWindow | undefined;
  let isStopped = false;
  const stopped = () => isStopped;
  const faults = new Map<string, number>();
  const onCloseWanted = () => {
    // A kiosk is ended by its tray, its supervisor or the system, not by Alt+F4.
    if (first.settings.wall.windowed) app.quit();
  };

  /** What is told before there is a wall. */
  const say = (notice: Notice) => {
    const { windowed } = first.settings.wall;
    early ??= new SurfaceWindow({ dist, windowed, bounds: screen.getPrimaryDisplay().bounds, onCloseWanted });
    early.show({ notice });
  };

  const attempt = async ({ settings, complaints, files }: WallSettings): Promise<void> => {
    if (stopped() || wall !== undefined) return;
    try {
      const [problem] = complaints;
      if (problem === undefined) {
        const plan = wallPlanOf(settings);
        const signIns = await options.signInsFor(settings, plan);
        // The machine may have been told to stop meanwhile.
        if (stopped()) return;
        wall = startWall({ dist, clock, logger, settings, plan, signIns, power, ownPorts, onCloseWanted });
        for (const [kind, times] of faults) for (let i = 0; i < times; i++) wall.fault(kind);
        early?.close();
        early = undefined;
        return;
      }
      logger.log('error', 'settings.problems', { problems: complaints });
      say({ kind: 'needs-settings', code: problem.code, details: complaints.map(({ sentence }) => sentence) });
    } catch (error) {
      const failure = toAppError(error);
      logger.log('error', 'wall.not-started', { error: failure });
      say({ kind: 'needs-settings', code: failure.code, details: [failure.message] });
    }
    await changeOf(files, stopped);
    await attempt(await options.read());
  };

  const begin = async () => {
    if (decision.holdMs > 0) {
      const nextTryAt = clock.now() + decision.holdMs;
      const sentence = decision.reason === undefined ? {} : { sentence: decision.reason };
      say({ kind: 'safe-mode', nextTryAt, ...sentence });
      await clock.sleep(decision.holdMs);
    }
    await attempt(first);
  };
  void begin();

  let online = net.isOnline();
  const onlineCheck = setInterval(() => {
    const before = online;
    online = net.isOnline();
    if (online !== before) logger.log('info', online ? 'network.online' : 'network.offline');
    if (online && !before) wall?.nudge();
  }, ONLINE_CHECK_MS);

  return {
    nudge() {
      wall?.nudge();
    },
    networkServiceGone() {
      wall?.networkServiceGone();
    },
    fault(kind) {
      faults.set(kind, (faults.get(kind) ?? 0) + 1);
      wall?.fault(kind);
    },
    status(rest) {
      if (wall !== undefined) return wall.status(rest);
      const electron = process.versions.electron;
      return {
        at: clock.now(),
        ...rest,
        electron,
        sessions: [],
        surfaces: [],
        memoryBytes: {},
        faults: Object.fromEntries(faults),
      };
    },
    deaf() {
      isStopped = true;
      wall?.deaf();
    },
    async stop() {
      isStopped = true;
      clearInterval(onlineCheck);
      await wall?.stop();
      early?.close();
    },
  };
}

/** Resolves when one of the files has changed, at the latest after the recheck's time, or when nobody waits any more. */
async function changeOf(files: readonly string[], stopped: () => boolean): Promise<void> {
  const store = createNodeFileStore();
  const stamps = async () => (await Promise.all(files.map((file) => store.stamp(file).catch(() => undefined)))).join();
  const before = await stamps();
  for (let waited = 0; waited < SETTINGS_RECHECK_MS && !stopped(); waited += SETTINGS_LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, SETTINGS_LOOK_MS).unref());
    if ((await stamps()) !== before) return;
  }
}

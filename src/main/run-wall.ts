import { join } from 'node:path';
import { app, net } from 'electron';
import { toAppError } from '../core/errors.ts';
import type { Clock, Logger } from '../core/ports.ts';
import { DEFAULT_BACKOFF } from '../core/renewal/backoff.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { createNodeRandom } from '../node/random.ts';
import type { ConsoleSignIn } from './console-sign-in.ts';
import type { WallSettings } from './lifecycle/wall-settings.ts';
import { type WallTray, createTray } from './tray/tray.ts';
import { KioskWindow } from './wall/kiosk-window.ts';
import { NoticeView } from './wall/notice-view.ts';
import { Wall } from './wall/wall.ts';

const SETTINGS_RECHECK_MS = 30_000;
const SETTINGS_LOOK_MS = 1_000;
const ONLINE_CHECK_MS = 2_000;

export interface RunWallOptions {
  /** Folder of the built program. */
  readonly dist: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The sign-in chain of settings; throws AppErrors of the settings. */
  readonly signInFor: (settings: Settings) => Promise<ConsoleSignIn>;
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
  stop(): Promise<void>;
}

interface Running {
  signIn?: ConsoleSignIn;
  wall?: Wall;
  tray?: WallTray;
  stopped: boolean;
}

/**
 * Opens the window and runs the wall on its settings. Settings that are wrong or missing are told on the notice, and read again when a
 * file of theirs changes and every 30 seconds, so that a mended file is enough.
 */
export function runWall(options: RunWallOptions): RunningWall {
  const { logger, first } = options;
  const running: Running = { stopped: false };
  const notice = new NoticeView(options.dist);
  const window = new KioskWindow(notice.view, { windowed: first.settings.wall.windowed, title: 'Vigil' });
  window.onCloseWanted(() => {
    // A kiosk is ended by its tray, its supervisor or the system, not by Alt+F4.
    if (first.settings.wall.windowed) app.quit();
  });
  const timers: NodeJS.Timeout[] = [];
  const isStopped = () => running.stopped;

  const attempt = async ({ settings, complaints, files }: WallSettings) => {
    if (isStopped() || running.wall !== undefined) return;
    try {
      const [problem] = complaints;
      if (problem === undefined) {
        const signIn = await options.signInFor(settings);
        // The machine may have been told to stop meanwhile.
        running.signIn = signIn;
        if (!isStopped()) running.wall = startWall(options, settings, signIn, window, notice, running);
        return;
      }
      logger.log('error', 'settings.problems', { problems: complaints });
      notice.show({ kind: 'needs-settings', code: problem.code, details: complaints.map(({ sentence }) => sentence) });
    } catch (error) {
      const failure = toAppError(error);
      logger.log('error', 'wall.not-started', { error: failure });
      notice.show({ kind: 'needs-settings', code: failure.code, details: [failure.message] });
    }
    await changeOf(files, isStopped);
    await attempt(await options.read());
  };
  void attempt(first);

  let online = net.isOnline();
  timers.push(
    setInterval(() => {
      const before = online;
      online = net.isOnline();
      if (online && !before) running.wall?.nudge();
    }, ONLINE_CHECK_MS),
  );

  return {
    nudge() {
      running.wall?.nudge();
    },
    networkServiceGone() {
      running.signIn?.networkServiceGone();
      running.wall?.networkServiceGone();
    },
    async stop() {
      running.stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await running.wall?.stop();
      running.tray?.close();
      window.close();
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

function startWall(
  { clock, logger, dist }: RunWallOptions,
  settings: Settings,
  signIn: ConsoleSignIn,
  window: KioskWindow,
  notice: NoticeView,
  running: { tray?: WallTray },
): Wall {
  const maxAge = settings.wall.maxSessionAgeSeconds;
  const wall = new Wall({
    window,
    notice,
    signIn: signIn.run,
    classify: signIn.classify,
    prepareSession: signIn.network.prepare,
    zoom: settings.dashboard.zoom,
    paintDeadlineMs: settings.wall.paintDeadlineSeconds * 1000,
    policy: {
      backoff: DEFAULT_BACKOFF,
      ...(maxAge === undefined ? {} : { maxAgeMs: maxAge * 1000 }),
      // Every call has a limit of its own; this is for what no limit thought of.
      attemptMs: 8 * settings.network.timeoutSeconds * 1000 + settings.wall.paintDeadlineSeconds * 1000,
      settledMs: 600_000,
      keepPictureMs: 60_000,
      nudges: { most: 12, ms: 3_600_000 },
    },
    clock,
    random: createNodeRandom(),
    logger,
    onChange: (session) => {
      running.tray?.update(session);
    },
  });
  if (settings.wall.tray) {
    running.tray = createTray(join(dist, 'assets/tray.png'), {
      renew: () => {
        wall.renewNow();
      },
      quit: () => {
        app.quit();
      },
    });
  }
  wall.start();
  return wall;
}

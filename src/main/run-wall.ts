import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { type Session as ElectronSession, app, net } from 'electron';
import { classifyConsolePage } from '../aws/console-page.ts';
import { secretsOfSettings, signInFromSettings } from '../aws/from-settings.ts';
import { toAppError } from '../core/errors.ts';
import type { Clock, Logger } from '../core/ports.ts';
import { DEFAULT_BACKOFF } from '../core/renewal/backoff.ts';
import { missingProblem } from '../core/settings/requirements.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { loadSettings } from '../node/load-settings.ts';
import { createNodeRandom } from '../node/random.ts';
import type { Redactor } from '../node/redact.ts';
import type { Flags } from './lifecycle/flags.ts';
import { openUserSettings } from './lifecycle/user-settings.ts';
import { createElectronFetch } from './net/electron-fetch.ts';
import { networkFromSettings } from './net/network-settings.ts';
import { type WallTray, createTray } from './tray/tray.ts';
import { KioskWindow } from './wall/kiosk-window.ts';
import { NoticeView } from './wall/notice-view.ts';
import { Wall } from './wall/wall.ts';

// Where the console sends a browser whose session is over: nobody's address (RFC 2606), which the navigation guard knows.
const ISSUER = 'https://session-ended.vigil.invalid/';
const SETTINGS_RECHECK_MS = 30_000;
const ONLINE_CHECK_MS = 2_000;

export interface RunWallOptions {
  /** Folder of the built program. */
  readonly dist: string;
  readonly flags: Flags;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** In-memory session for the main process's own calls. */
  readonly net: ElectronSession;
}

export interface RunningWall {
  /** Something changed outside: look at the clock, and let a waiting try come. */
  nudge(): void;
  stop(): Promise<void>;
}

/**
 * Opens the window, loads the settings and runs the wall on them. Settings that are wrong or missing are told on the notice, and looked at
 * again every 30 seconds, so that a mended file is enough.
 */
export function runWall(options: RunWallOptions): RunningWall {
  const { logger } = options;
  const running: { wall?: Wall; window?: KioskWindow; notice?: NoticeView; tray?: WallTray; stopped: boolean } = {
    stopped: false,
  };
  const timers: NodeJS.Timeout[] = [];

  const attempt = async () => {
    if (running.stopped || running.wall !== undefined) return;
    const { settings, complaints } = await readSettings(options);
    const notice = (running.notice ??= new NoticeView(options.dist));
    const window = (running.window ??= openWindow(notice, settings.wall.windowed));
    try {
      if (complaints.length > 0) {
        notice.show({
          kind: 'needs-settings',
          code: complaints[0]?.code ?? '',
          details: complaints.map(({ sentence }) => sentence),
        });
        logger.log('error', 'settings.problems', { problems: complaints });
      } else {
        running.wall = await startWall(options, settings, window, notice, running);
      }
    } catch (error) {
      const failure = toAppError(error);
      notice.show({ kind: 'needs-settings', code: failure.code, details: [failure.message] });
      logger.log('error', 'wall.not-started', { error: failure });
    }
    if (running.wall === undefined) timers.push(setTimeout(() => void attempt(), SETTINGS_RECHECK_MS));
  };
  void attempt();

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
    async stop() {
      running.stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await running.wall?.stop();
      running.tray?.close();
      running.window?.close();
    },
  };
}

async function readSettings({ flags, clock, redactor }: RunWallOptions) {
  const stamp = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+Z/g, '');
  const user = flags.configFile === undefined ? openUserSettings(app.getPath('userData'), stamp) : undefined;
  const loaded = await loadSettings({
    env: process.env,
    flags: flags.layer,
    ...(flags.configFile === undefined ? {} : { configFile: flags.configFile }),
    platform: process.platform,
    home: homedir(),
    workingFolder: process.cwd(),
    hostName: hostname(),
    files: createNodeFileStore(),
  });
  const { settings } = loaded;
  for (const secret of secretsOfSettings(settings)) redactor.add(secret);
  const missing = loaded.problems.length === 0 ? missingProblem(settings, 'wall') : undefined;
  const complaints = [
    ...(user?.setAside === undefined ? [] : [{ code: 'SETTINGS_UNREADABLE', sentence: user.setAside }]),
    ...loaded.problems,
    ...(missing === undefined ? [] : [missing]),
  ].map(({ code, sentence }) => ({ code, sentence }));
  return { settings, complaints };
}

function openWindow(notice: NoticeView, windowed: boolean): KioskWindow {
  const window = new KioskWindow(notice.view, { windowed, title: 'Vigil' });
  window.onClosed(() => {
    app.quit();
  });
  return window;
}

async function startWall(
  { clock, logger, redactor, net: calls, dist }: RunWallOptions,
  settings: Settings,
  window: KioskWindow,
  notice: NoticeView,
  running: { tray?: WallTray },
): Promise<Wall> {
  const prepareNetwork = networkFromSettings(settings.network, () => clock.now());
  await prepareNetwork(calls);
  const random = createNodeRandom();
  const signIn = await signInFromSettings(
    settings,
    { fetch: createElectronFetch(calls), clock, random, files: createNodeFileStore(), logger },
    {
      issuer: ISSUER,
      onSecret: (secret) => {
        redactor.add(secret);
      },
    },
  );
  const places = {
    destinationUrl: settings.dashboard.url ?? '',
    issuerUrl: ISSUER,
    federationUrl: signIn.federationUrl,
  };
  const maxAge = settings.wall.maxSessionAgeSeconds;
  const wall = new Wall({
    window,
    notice,
    signIn: () => signIn.run(),
    classify: (url) => classifyConsolePage(url, places).kind,
    prepareSession: prepareNetwork,
    zoom: settings.dashboard.zoom,
    paintDeadlineMs: settings.wall.paintDeadlineSeconds * 1000,
    policy: {
      backoff: DEFAULT_BACKOFF,
      ...(maxAge === undefined ? {} : { maxAgeMs: maxAge * 1000 }),
      // Every call has a limit of its own; this is for what no limit thought of.
      attemptMs: 8 * settings.network.timeoutSeconds * 1000 + settings.wall.paintDeadlineSeconds * 1000,
      settledMs: 60_000,
    },
    clock,
    random,
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

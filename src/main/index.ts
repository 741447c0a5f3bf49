/** The wall: composes the parts. Everything that decides is elsewhere. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Menu, app, powerMonitor, powerSaveBlocker } from 'electron';
import { toAppError } from '../core/errors.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createLog } from '../node/log.ts';
import { createRedactor } from '../node/redact.ts';
import { createNodeClock } from '../node/clock.ts';
import { createNodeRandom } from '../node/random.ts';
import { begunEarly, createConsoleSignIn } from './console-sign-in.ts';
import { installFaultHandlers, redactStandardStreams } from './lifecycle/faults.ts';
import { HELP, readFlags } from './lifecycle/flags.ts';
import { lockSession } from './wall/lockdown.ts';
import { registerOwnScheme } from './wall/notice-view.ts';
import { readWallSettings } from './lifecycle/wall-settings.ts';
import { runWall } from './run-wall.ts';

// Chromium's own messages name addresses in full, and nothing of a wall is for its background services to fetch or report.
const SWITCHES = [
  ['disable-logging', ''],
  ['log-level', '3'],
  ['disable-background-networking', ''],
  ['disable-component-update', ''],
  ['autoplay-policy', 'no-user-gesture-required'],
  // A display that is locked, covered or switched off would keep views from painting, and renewals from ending well.
  ['disable-backgrounding-occluded-windows', ''],
  ['disable-features', 'CalculateNativeWinOcclusion'],
] as const;

// What would open the wall to somebody else, or show them what passes.
const REFUSED_SWITCHES = [
  'inspect',
  'inspect-brk',
  'inspect-port',
  'inspect-publish-uid',
  'remote-debugging-port',
  'remote-debugging-pipe',
  'remote-debugging-address',
  'remote-allow-origins',
  'log-net-log',
  'ignore-certificate-errors',
  'ignore-certificate-errors-spki-list',
  'host-rules',
  'host-resolver-rules',
] as const;
const STOP_WITHIN_MS = 5_000;

const dist = join(dirname(fileURLToPath(import.meta.url)), '..');
const clock = createNodeClock();
const startedAt = clock.monotonic();
// Unpacked, Electron is given the app's path as its first argument.
const flags = readFlags(process.argv.slice(app.isPackaged ? 1 : 2));

async function main(): Promise<void> {
  app.setName('Vigil');
  if (flags.help || flags.version) {
    process.stdout.write(flags.help ? HELP : `${app.getVersion()}\n`);
    app.exit(0);
    return;
  }
  const refused = REFUSED_SWITCHES.find((name) => app.commandLine.hasSwitch(name));
  if (app.isPackaged && refused !== undefined) refuse(`The wall does not start with --${refused}.`);
  // The SDK's notice about Node versions is for developers; on a wall it is noise.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const redactor = createRedactor();
  redactStandardStreams(redactor);
  for (const [name, value] of SWITCHES) app.commandLine.appendSwitch(name, value);
  if (!app.requestSingleInstanceLock()) refuse('A wall is running already for this user.');
  registerOwnScheme();
  Menu.setApplicationMenu(null);
  app.on('session-created', lockSession);
  app.on('window-all-closed', () => {
    app.quit();
  });
  process.on('SIGTERM', () => {
    app.quit();
  });
  process.on('SIGINT', () => {
    app.quit();
  });

  const userData = app.getPath('userData');
  const read = () => readWallSettings(flags, redactor, userData, clock.now());
  const first = await read();
  const log = createLog({ folder: first.settings.wall.logFolder ?? join(userData, 'logs'), redactor });
  const { logger } = log;
  installFaultHandlers(logger, startedAt, () => clock.monotonic());
  const { electron } = process.versions;
  logger.log('info', 'wall.start', { version: app.getVersion(), electron, platform: process.platform });

  const ports = { clock, random: createNodeRandom(), logger, redactor };
  // The first sign-in begins while Electron still gets ready.
  let early = first.complaints.length === 0 ? createConsoleSignIn(first.settings, ports).then(begunEarly) : undefined;
  early?.catch(() => undefined);
  const signInFor = (settings: Settings) => {
    const begun = early;
    early = undefined;
    return begun ?? createConsoleSignIn(settings, ports);
  };

  await app.whenReady();
  const wall = runWall({ dist, clock, logger, first, read, signInFor });
  const nudge = () => {
    wall.nudge();
  };
  powerMonitor.on('resume', nudge);
  powerMonitor.on('unlock-screen', nudge);
  powerSaveBlocker.start('prevent-display-sleep');
  app.on('child-process-gone', (_event, { type, reason, serviceName }) => {
    logger.log('warn', 'process.gone', { type, reason, serviceName });
    if (serviceName === 'network.mojom.NetworkService') wall.networkServiceGone();
  });
  let stopping = false;
  app.on('before-quit', (event) => {
    if (stopping) return;
    stopping = true;
    event.preventDefault();
    logger.log('info', 'wall.stop');
    const late = new Promise((resolve) => setTimeout(resolve, STOP_WITHIN_MS));
    void Promise.race([wall.stop(), late])
      .then(() => Promise.race([log.close(), late]))
      .finally(() => {
        app.exit(0);
      });
  });
}

function refuse(sentence: string): never {
  process.stderr.write(`vigil: USAGE: ${sentence}\n`);
  process.exit(2);
}

main().catch((error: unknown) => {
  const { code, message } = toAppError(error);
  process.stderr.write(`vigil: ${code}: ${message}\n`);
  process.exit(1);
});

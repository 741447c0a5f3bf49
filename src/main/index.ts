/** The wall: composes the parts. Everything that decides is elsewhere. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, powerMonitor, session as electronSession } from 'electron';
import { createLog } from '../node/log.ts';
import { createRedactor } from '../node/redact.ts';
import { createNodeClock } from '../node/clock.ts';
import { installFaultHandlers, redactStandardStreams } from './lifecycle/faults.ts';
import { HELP, readFlags } from './lifecycle/flags.ts';
import { registerOwnScheme } from './wall/notice-view.ts';
import { runWall } from './run-wall.ts';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..');
const clock = createNodeClock();
const startedAt = clock.monotonic();
// Unpacked, Electron is given the app's path as its first argument.
const flags = readFlags(process.argv.slice(app.isPackaged ? 1 : 2));

function main(): void {
  app.setName('Vigil');
  if (flags.help || flags.version) {
    process.stdout.write(flags.help ? HELP : `${app.getVersion()}\n`);
    app.exit(0);
    return;
  }
  const debugging = process.argv.some((arg) => /^--(inspect|remote-debugging)/.test(arg));
  if (app.isPackaged && debugging) {
    process.stderr.write('vigil: USAGE: The wall does not start with a debugger attached.\n');
    app.exit(2);
    return;
  }
  // The SDK's notice about Node versions is for developers; on a wall it is noise.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const redactor = createRedactor();
  redactStandardStreams(redactor);
  // Chromium's own messages name addresses in full.
  app.commandLine.appendSwitch('disable-logging');
  app.commandLine.appendSwitch('log-level', '3');
  // Nothing of a wall is for Chromium's background services to fetch or report.
  app.commandLine.appendSwitch('disable-background-networking');
  app.commandLine.appendSwitch('disable-component-update');
  app.commandLine.appendSwitch('autoplay-policy', 'no-user-gesture-required');

  if (!app.requestSingleInstanceLock()) {
    process.stderr.write('vigil: USAGE: A wall is running already for this user.\n');
    app.exit(2);
    return;
  }
  registerOwnScheme();
  const log = createLog({ folder: process.env['VIGIL_LOG_FOLDER'] ?? join(app.getPath('userData'), 'logs'), redactor });
  installFaultHandlers(log.logger, startedAt, () => clock.monotonic());
  log.logger.log('info', 'wall.start', {
    version: app.getVersion(),
    electron: process.versions.electron,
    platform: process.platform,
  });
  process.on('SIGTERM', () => {
    app.quit();
  });
  process.on('SIGINT', () => {
    app.quit();
  });
  app.on('window-all-closed', () => {
    app.quit();
  });

  void app.whenReady().then(() => {
    const wall = runWall({
      dist,
      flags,
      clock,
      redactor,
      logger: log.logger,
      net: electronSession.fromPartition('calls', { cache: false }),
    });
    powerMonitor.on('resume', () => {
      wall.nudge();
    });
    let stopping = false;
    app.on('before-quit', (event) => {
      if (stopping) return;
      stopping = true;
      event.preventDefault();
      log.logger.log('info', 'wall.stop');
      void wall
        .stop()
        .then(() => log.close())
        .finally(() => {
          app.exit(0);
        });
    });
  });
}

main();

/** The wall: composes the parts. Everything that decides is elsewhere. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Menu, app, powerMonitor } from 'electron';
import { toAppError } from '../core/errors.ts';
import type { WallStatus } from '../core/health/status.ts';
import { wallPlanOf } from '../core/plan/from-settings.ts';
import type { WallPlan } from '../core/plan/plan.ts';
import { programmeAt } from '../core/playlist/programme.ts';
import type { Settings } from '../core/settings/schema.ts';
import { createLog } from '../node/log.ts';
import { createRedactor } from '../node/redact.ts';
import { createNodeClock } from '../node/clock.ts';
import { createNodeRandom } from '../node/random.ts';
import { begunEarly, createConsoleSignIns } from './console-sign-in.ts';
import { startHealth } from './health/start-health.ts';
import { openCrashMemory } from './lifecycle/crash-memory.ts';
import { redactStandardStreams, rememberGpuDeaths, restartOnFaults } from './lifecycle/faults.ts';
import { HELP, readFlags } from './lifecycle/flags.ts';
import { holdOf, isSupervised, restartsOf, takeInstanceLock } from './lifecycle/restart.ts';
import { createDisplayPower } from './power/display-power.ts';
import { lockSession } from './wall/lockdown.ts';
import { registerOwnScheme } from './wall/notice-view.ts';
import { readWallSettings } from './lifecycle/wall-settings.ts';
import { type RunningWall, runWall } from './run-wall.ts';

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
  if (!takeInstanceLock(() => app.requestSingleInstanceLock())) refuse('A wall is running already for this user.');
  const userData = app.getPath('userData');
  const supervised = isSupervised(process.env);
  const hold = supervised ? { supervisedHoldMs: holdOf(process.env) } : {};
  const memory = openCrashMemory({ folder: userData, clock, version: app.getVersion(), ...hold });
  const { decision } = memory;
  if (!decision.hardwareAcceleration) app.disableHardwareAcceleration();
  let isEnding = false;
  const ending = () => isEnding;
  rememberGpuDeaths(memory, ending);
  registerOwnScheme();
  Menu.setApplicationMenu(null);
  app.on('session-created', lockSession);
  // A wall whose displays are all unplugged has no window, and waits for one to come back.
  app.on('window-all-closed', () => undefined);
  process.on('SIGTERM', () => {
    app.quit();
  });
  process.on('SIGINT', () => {
    app.quit();
  });

  const read = () => readWallSettings(flags, redactor, userData, clock.now());
  const first = await read();
  const log = createLog({ folder: first.settings.wall.logFolder ?? join(userData, 'logs'), redactor });
  const { logger } = log;
  const running: { wall?: RunningWall } = {};
  const uptimeMs = () => clock.monotonic() - startedAt;
  restartOnFaults({
    logger,
    redactor,
    memory,
    supervised,
    uptimeMs,
    isEnding: ending,
    flush: () => log.close(),
    onEnd: () => running.wall?.deaf(),
  });
  const { electron } = process.versions;
  const restarts = restartsOf(process.env);
  const { VIGIL_LAST_END: lastEnd = '' } = process.env;
  logger.log('info', 'wall.start', {
    version: app.getVersion(),
    electron,
    platform: process.platform,
    restarts,
    ...(lastEnd === '' ? {} : { lastEnd }),
  });
  memory.tellTo(logger);
  const settled = setTimeout(() => {
    memory.settled();
  }, memory.settlesAfterMs);

  const ports = { clock, random: createNodeRandom(), logger, redactor };
  // The first sign-in begins while Electron still gets ready.
  let early = first.complaints.length === 0 && decision.holdMs === 0 ? beginEarly(first.settings, ports) : undefined;
  early?.catch(() => undefined);
  const signInsFor = (settings: Settings, plan: WallPlan) => {
    const begun = early;
    early = undefined;
    return begun ?? createConsoleSignIns(settings, plan, ports);
  };

  await app.whenReady();
  const power = createDisplayPower(logger);
  power.keepLit();
  let ownPorts: () => readonly number[] = () => [];
  const wall = runWall({
    dist,
    clock,
    logger,
    power,
    decision,
    first,
    read,
    signInsFor,
    ownPorts: () => ownPorts(),
  });
  running.wall = wall;
  const facts = {
    version: app.getVersion(),
    startedAt: clock.now() - uptimeMs(),
    restarts,
    safeMode: decision.mode === 'safe',
  } satisfies Partial<WallStatus>;
  const health = startHealth({ settings: first.settings.health, status: () => wall.status(facts), logger, redactor });
  void health.then((one) => {
    ownPorts = () => one.ports();
  });
  const nudge = () => {
    power.keepLit();
    wall.nudge();
  };
  powerMonitor.on('suspend', () => {
    logger.log('info', 'power.suspend');
  });
  powerMonitor.on('resume', () => {
    logger.log('info', 'power.resume');
    nudge();
  });
  powerMonitor.on('unlock-screen', nudge);
  app.on('child-process-gone', (_event, { type, reason, serviceName }) => {
    logger.log('warn', 'process.gone', { type, reason, serviceName });
    if (type === 'GPU') wall.fault('gpu-gone');
    if (serviceName === 'network.mojom.NetworkService') wall.networkServiceGone();
  });
  app.on('before-quit', (event) => {
    if (isEnding) return;
    isEnding = true;
    event.preventDefault();
    logger.log('info', 'wall.stop');
    clearTimeout(settled);
    memory.ended('clean');
    const late = new Promise((resolve) => setTimeout(resolve, STOP_WITHIN_MS));
    const stop = Promise.all([wall.stop(), health.then((one) => one.close()), power.restore()]);
    void Promise.race([stop, late])
      .then(() => Promise.race([log.close(), late]))
      .finally(() => {
        app.exit(0);
      });
  });
}

/** The sign-in of what the first surface shows now is begun before anybody asks for it. */
async function beginEarly(settings: Settings, ports: Parameters<typeof createConsoleSignIns>[2]) {
  const plan = wallPlanOf(settings);
  const signIns = await createConsoleSignIns(settings, plan, ports);
  const [surface] = plan.surfaces;
  const now = surface === undefined ? undefined : programmeAt(surface, plan.timeZone, clock.now()).now;
  const dashboard = now?.kind === 'dashboard' ? plan.dashboards[now.dashboard] : undefined;
  return dashboard === undefined ? signIns : begunEarly(signIns, dashboard.session);
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

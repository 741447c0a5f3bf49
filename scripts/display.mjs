// A screen of our own: an X server without a monitor, a window manager (without one, "full screen" leaves a window at its
// size while saying otherwise), and a D-Bus session bus on which nothing can be started, a keyring least of all.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './lib/cache.mjs';
import { Outputs, desktopSize, prepareXorg, xorgComplaints } from './lib/xorg.mjs';

/**
 * @typedef {{ display: string, width: number, height: number, env: Record<string, string>, stop: () => Promise<void> }} Display
 * @typedef {Display & { outputs: Outputs }} Desktop several displays; `width` and `height` are those of all together
 * @typedef {{ width: number, height: number }} Size in pixels
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 */

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 5_000;
const FOLDER = 'vigil-display-';

// No menus, no key or mouse bindings, no frames: nothing but placing windows.
const WINDOW_MANAGER_CONFIG = `<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <placement><policy>Smart</policy></placement>
  <desktops><number>1</number><popupTime>0</popupTime></desktops>
  <keyboard></keyboard>
  <mouse></mouse>
  <menu></menu>
  <applications><application class="*"><decor>no</decor></application></applications>
</openbox_config>
`;

/** @param {string} folder */
const busConfig = (folder) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/**
 * Whether the user sits before a screen that a window can be opened on.
 *
 * @param {{ env?: NodeJS.ProcessEnv, platform?: string }} [system] for tests
 * @returns {boolean}
 */
export function hasDisplay({ env = process.env, platform = process.platform } = {}) {
  if (platform === 'win32' || platform === 'darwin') return true;
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/**
 * Runs `fn` with a private display and takes the display down afterwards, whatever `fn` does.
 *
 * @template T
 * @param {{ width?: number, height?: number, needDbus?: boolean }} options as for {@link startDisplay}
 * @param {(display: Display) => Promise<T>} fn
 * @returns {Promise<T>} what `fn` returned
 */
export async function withDisplay(options, fn) {
  const display = await startDisplay(options);
  try {
    return await fn(display);
  } finally {
    await display.stop();
  }
}

/**
 * Starts a private X server with a window manager, and a private D-Bus session bus unless `needDbus` is false. Returns
 * when all of them answer. They end with `stop()`, with this process however it ends, and on SIGINT, SIGTERM and SIGHUP.
 *
 * @param {{ width?: number, height?: number, needDbus?: boolean }} [options] the size in pixels
 * @returns {Promise<Display>} `env` is this process's environment changed so that programs use the private display
 * @throws {Error} when one of the programs is missing, ends, or does not answer within 30 s
 */
export function startDisplay({ width = 1920, height = 1080, needDbus = true } = {}) {
  return start(needDbus, async ({ serve }) => ({
    env: await serve('Xvfb', ['-screen', '0', `${width}x${height}x24`]),
    size: { width, height },
    more: {},
  }));
}

/**
 * The same with several displays side by side, left to right, the first of them the primary one. `outputs` plugs and
 * unplugs them.
 *
 * @param {{ displays: readonly Size[], needDbus?: boolean }} options
 * @returns {Promise<Desktop>}
 * @throws {Error} as {@link startDisplay}, with what the X server complained of
 */
export function startDesktop({ displays, needDbus = true }) {
  return start(needDbus, async ({ folder, serve }) => {
    const { command, args } = await prepareXorg(folder, displays);
    const env = await serve(command, args).catch(async (error) => {
      const reason = await xorgComplaints(folder);
      throw new Error(`No X server with several displays can run here: ${error.message}; ${reason}`, { cause: error });
    });
    const outputs = new Outputs(displays, env);
    await outputs.plugAll();
    return { env, size: desktopSize(displays), more: { outputs } };
  });
}

/**
 * @template T
 * @param {boolean} needDbus
 * @param {(tools: { folder: string, serve: (command: string, args: string[]) => Promise<Record<string, string>> }) =>
 *   Promise<{ env: Record<string, string>, size: Size, more: T }>} startServer `serve` starts an X server and gives the
 *   environment for programs on it
 * @returns {Promise<Display & T>}
 */
async function start(needDbus, startServer) {
  if (process.platform !== 'linux') throw new Error('A private display needs Linux');
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  const group = new ProcessGroup(folder);
  try {
    const authority = join(folder, 'authority');
    await writeFile(authority, cookieFile(), { mode: 0o600 });
    const options = ['-displayfd', '3', '-nolisten', 'tcp', '-noreset', '-dpi', '96', '-auth', authority];
    const { env, size, more } = await startServer({
      folder,
      async serve(command, args) {
        // The system's bus would have it take hold of the login session that this runs in.
        const surroundings = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: 'disabled:' };
        const number = await firstLine(group.start(command, [...options, ...args], surroundings), basename(command));
        return privateEnvironment(`:${number}`, authority);
      },
    });

    if (needDbus) {
      const config = join(folder, 'bus.conf');
      await writeFile(config, busConfig(folder));
      const bus = group.start('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address=3'], env);
      env.DBUS_SESSION_BUS_ADDRESS = await firstLine(bus, 'dbus-daemon');
    }

    const config = join(folder, 'openbox.xml');
    await writeFile(config, WINDOW_MANAGER_CONFIG);
    const manager = group.start('openbox', ['--sm-disable', '--config-file', config], env);
    await windowManagerReady(manager, env);
    return { ...more, display: env.DISPLAY ?? '', ...size, env, stop: () => group.stop() };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** Removes the folders of processes that were killed outright. */
async function removeLeftovers() {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : NaN;
    if (pid && !isAlive(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** @param {string} display @param {string} authority */
function privateEnvironment(display, authority) {
  const inherited = Object.entries(process.env).filter(([name]) => name !== 'WAYLAND_DISPLAY');
  /** @type {Record<string, string>} */
  const env = {
    ...Object.fromEntries(inherited),
    DISPLAY: display,
    XAUTHORITY: authority,
    XDG_SESSION_TYPE: 'x11',
    // Without an address, libraries would start a bus of their own.
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    NO_AT_BRIDGE: '1',
  };
  return env;
}

/**
 * A cookie that holds for any display number: the server chooses its number only after it has read the file.
 * Layout after libXau: family, then address, number, name and data, each with its length, 16 bits, big-endian.
 */
function cookieFile() {
  const field = (/** @type {Buffer} */ data) =>
    Buffer.concat([Buffer.from([data.length >> 8, data.length & 255]), data]);
  const none = Buffer.alloc(0);
  const anyFamily = Buffer.from([0xff, 0xff]);
  return Buffer.concat([
    anyFamily,
    field(none),
    field(none),
    field(Buffer.from('MIT-MAGIC-COOKIE-1')),
    field(randomBytes(16)),
  ]);
}

/**
 * @param {ChildProcess} child
 * @param {string} name
 * @returns {Promise<string>} the first line that it writes on descriptor 3, which is how these programs say "ready"
 */
function firstLine(child, name) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready within ${READY_WITHIN_MS} ms`)),
      READY_WITHIN_MS,
    );
    const done = (/** @type {() => void} */ act) => {
      clearTimeout(timer);
      act();
    };
    child.stdio[3]?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) done(() => resolve(text.split('\n')[0].trim()));
    });
    child.once('error', (error) => done(() => reject(error)));
    child.once('exit', (code, signal) => done(() => reject(new Error(`${name} ended (${signal ?? code})`))));
  });
}

/** @param {ChildProcess} manager @param {NodeJS.ProcessEnv} env */
async function windowManagerReady(manager, env) {
  let ended = false;
  manager.once('exit', () => (ended = true));
  for (const end = Date.now() + READY_WITHIN_MS; Date.now() < end && !ended; await delay(20)) {
    const answer = await output('xprop', ['-root', '_NET_SUPPORTING_WM_CHECK'], env);
    if (answer.includes('window id')) return;
  }
  throw new Error(ended ? 'openbox ended' : `openbox was not ready within ${READY_WITHIN_MS} ms`);
}

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<string>} */
function output(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
}

/** Programs that live and die with this process. */
class ProcessGroup {
  /** @type {ChildProcess[]} */ #children = [];
  #folder;
  #killNow = () => this.#kill('SIGKILL');
  #onSignal = (/** @type {NodeJS.Signals} */ signal) => {
    // A program that listens itself ends things in its own order, and 'exit' is still to come.
    if (process.listenerCount(signal) > 0) return;
    this.#killNow();
    this.#forget();
    process.kill(process.pid, signal);
  };

  /** @param {string} folder removed at the end */
  constructor(folder) {
    this.#folder = folder;
    process.once('exit', this.#killNow);
    for (const signal of SIGNALS) process.once(signal, this.#onSignal);
  }

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} env
   * @returns {ChildProcess} with a pipe on descriptor 3
   */
  start(command, args, env) {
    // The kernel ends the child even when this process is killed outright.
    const [program, before] = hasSetpriv ? ['setpriv', ['--pdeathsig', 'KILL', command]] : [command, []];
    if (!isAbsolute(command) && !onPath(command)) throw new Error(`${command} is not installed: run npm run bootstrap`);
    // A group of their own: Ctrl-C must not take the display away before the programs on it have closed.
    const child = spawn(program, [...before, ...args], {
      env,
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    child.on('error', () => {});
    this.#children.unshift(child);
    return child;
  }

  async stop() {
    const ended = this.#children.map((child) =>
      child.exitCode !== null || child.signalCode !== null || !child.pid
        ? undefined
        : new Promise((resolve) => child.once('exit', resolve)),
    );
    this.#kill('SIGTERM');
    const late = setTimeout(this.#killNow, STOP_WITHIN_MS);
    await Promise.all(ended);
    clearTimeout(late);
    this.#forget();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param {NodeJS.Signals} signal */
  #kill(signal) {
    for (const child of this.#children) child.kill(signal);
    if (signal === 'SIGKILL') rmSync(this.#folder, { recursive: true, force: true });
  }

  #forget() {
    process.off('exit', this.#killNow);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {string} command @returns {boolean} */
export function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    const path = join(folder, command);
    return existsSync(path) && statSync(path).isFile();
  });
}

const hasSetpriv = onPath('setpriv');

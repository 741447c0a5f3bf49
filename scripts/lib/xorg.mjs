// An X server with several displays and no monitor: Xorg on its dummy driver, which has sixteen outputs that can be plugged
// and unplugged. It needs neither a console nor to be root, and looks at no graphics card, keyboard or mouse. Xvfb will not
// do: whatever it is told, programs see one display on it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @typedef {{ width: number, height: number }} Size in pixels
 * @typedef {Size & { x: number, y: number, output: string, isPlugged: boolean }} Output as placed on the desktop
 */

const OUTPUTS = 16;
/** The driver's own limit. */
const MOST_PIXELS_PER_SECOND = 300_000_000;
const FASTEST_HZ = 60;
/** Taken from the machine as it is drawn on, so that more costs nothing. */
const VIDEO_MEMORY_KB = 512_000;

// Debian's /usr/bin/Xorg may lead to a program that turns everybody away who is not at a console.
const SERVERS = ['/usr/lib/xorg/Xorg', '/usr/libexec/Xorg', '/usr/lib/Xorg'];
const DRIVERS = ['/usr/lib/xorg/modules/drivers', '/usr/lib64/xorg/modules/drivers', '/usr/lib/xorg/modules'];

/** @returns {string | undefined} path of the server itself */
export function xorgServer() {
  return SERVERS.find((path) => existsSync(path));
}

/** @returns {boolean} whether the server has its dummy driver */
export function hasDummyDriver() {
  return DRIVERS.some((folder) => existsSync(join(folder, 'dummy_drv.so')));
}

/**
 * The server to start, with its configuration written into `folder`.
 *
 * @param {string} folder
 * @param {readonly Size[]} sizes one for each display, left to right
 * @returns {Promise<{ command: string, args: string[] }>}
 * @throws {Error} when the server or its driver is not installed, or a size cannot be had
 */
export async function prepareXorg(folder, sizes) {
  const command = xorgServer();
  if (!command || !hasDummyDriver())
    throw new Error(
      `Several displays need ${command ? "Xorg's dummy driver (xserver-xorg-video-dummy)" : 'Xorg'}: run npm run bootstrap`,
    );
  if (sizes.length < 1 || sizes.length > OUTPUTS) throw new Error(`There can be 1 to ${OUTPUTS} displays`);
  const config = join(folder, 'xorg.conf');
  const empty = join(folder, 'xorg.conf.d');
  await mkdir(empty);
  await writeFile(config, configuration(sizes));
  return { command, args: ['-config', config, '-configdir', empty, '-logfile', logFile(folder), '-logverbose', '3'] };
}

/** @param {string} folder */
const logFile = (folder) => join(folder, 'xorg.log');

/**
 * @param {string} folder
 * @returns {Promise<string>} what the server complained of last, in one line
 */
export async function xorgComplaints(folder) {
  const log = await readFile(logFile(folder), 'utf8').catch(() => '');
  const errors = log.split('\n').filter((line) => /\(EE\) \w/.test(line) && !/dbus-core|Please also check/.test(line));
  return errors.length ? errors.slice(-5).join(' ') : 'it gave no reason';
}

/** @param {readonly Size[]} sizes */
function configuration(sizes) {
  const modes = [...new Map(sizes.map((size) => [modeName(size), modeLine(size)])).entries()];
  return `Section "ServerFlags"
  Option "AutoAddGPU" "false"
  Option "AutoBindGPU" "false"
  Option "DontVTSwitch" "true"
  Option "BlankTime" "0"
  Option "StandbyTime" "0"
  Option "SuspendTime" "0"
  Option "OffTime" "0"
EndSection
Section "InputClass"
  Identifier "no keyboard and no mouse of this machine"
  Option "Ignore" "true"
EndSection
Section "Device"
  Identifier "none"
  Driver "dummy"
  VideoRam ${VIDEO_MEMORY_KB}
EndSection
Section "Monitor"
  Identifier "any"
  HorizSync 1-1000
  VertRefresh 1-200
${modes.map(([name, line]) => `  ModeLine "${name}" ${line}`).join('\n')}
EndSection
Section "Screen"
  Identifier "desktop"
  Device "none"
  Monitor "any"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "${modeName(sizes[0])}"
    Virtual ${desktopSize(sizes).width} ${desktopSize(sizes).height}
  EndSubSection
EndSection
`;
}

/** Unlike the names of the modes that the driver brings. @param {Size} size */
const modeName = ({ width, height }) => `vigil-${width}x${height}`;

/** Timings with next to no blanking, 60 pictures a second where the driver can. @param {Size} size */
function modeLine({ width, height }) {
  const [across, down] = [width + 24, height + 10];
  const hz = Math.min(FASTEST_HZ, Math.floor(MOST_PIXELS_PER_SECOND / (across * down)));
  if (hz < 1 || !Number.isInteger(width) || width % 8 !== 0 || !Number.isInteger(height))
    throw new Error(`There is no display of ${width} by ${height} pixels; its width must be a multiple of 8`);
  const clock = ((across * down * hz) / 1e6).toFixed(3);
  return `${clock} ${width} ${width + 8} ${width + 16} ${across} ${height} ${height + 3} ${height + 6} ${down}`;
}

/** @param {readonly Size[]} sizes @returns {Size} of the desktop with all of them side by side */
export function desktopSize(sizes) {
  return {
    width: sizes.reduce((sum, { width }) => sum + width, 0),
    height: Math.max(...sizes.map(({ height }) => height)),
  };
}

/** The displays of a running server: what a person does with their cables. */
export class Outputs {
  /** @type {Output[]} */ #outputs;
  #primary = 0;
  #sizes;
  #env;
  #desktop;
  /** @type {Set<string>} */ #modes;

  /** @param {readonly Size[]} sizes @param {NodeJS.ProcessEnv} env of the server */
  constructor(sizes, env) {
    this.#env = env;
    this.#desktop = desktopSize(sizes);
    this.#modes = new Set(sizes.map(modeName));
    this.#sizes = sizes;
    this.#outputs = this.#sideBySide();
  }

  #sideBySide() {
    let x = 0;
    return this.#sizes.map(({ width, height }, n) => {
      const output = { output: `DUMMY${n}`, width, height, x, y: 0, isPlugged: true };
      x += width;
      return output;
    });
  }

  /**
   * Where the displays are now; one that is unplugged where it would be. As on any desktop the leftmost of those that are
   * plugged begins at 0, and the topmost likewise.
   *
   * @returns {readonly Readonly<Output>[]}
   */
  get all() {
    const plugged = this.#outputs.filter(({ isPlugged }) => isPlugged);
    const left = plugged.length ? Math.min(...plugged.map(({ x }) => x)) : 0;
    const top = plugged.length ? Math.min(...plugged.map(({ y }) => y)) : 0;
    return this.#outputs.map((output) => ({ ...output, x: output.x - left, y: output.y - top }));
  }

  /** Plugs all of them in as at the start: with their first sizes, side by side, and the first as the primary one. */
  async plugAll() {
    this.#outputs = this.#sideBySide();
    this.#primary = 0;
    await this.#apply();
  }

  /** @param {number} n counted from 0 */
  async unplug(n) {
    this.#at(n).isPlugged = false;
    await this.#apply();
  }

  /**
   * Plugs a display in, or gives one that is plugged another size or place.
   *
   * @param {number} n counted from 0
   * @param {Partial<Size & { x: number, y: number }>} [place] what is not given stays as it was
   */
  async plug(n, place = {}) {
    Object.assign(this.#at(n), place, { isPlugged: true });
    await this.#apply();
  }

  /** @param {number} n counted from 0 */
  async makePrimary(n) {
    this.#at(n);
    this.#primary = n;
    await this.#apply();
  }

  /** @param {number} n */
  #at(n) {
    const output = this.#outputs[n];
    if (!output) throw new Error(`There is no display ${n}; the first is display 0`);
    return output;
  }

  /** Says of every display how it is to be: what is left out would be placed anew by xrandr. */
  async #apply() {
    const places = this.all;
    for (const place of places) {
      const mode = modeName(place);
      if (!this.#modes.has(mode)) {
        await this.#xrandr(['--newmode', mode, ...modeLine(place).split(' ')]);
        this.#modes.add(mode);
      }
      // An output counts as connected once it has a mode.
      await this.#xrandr(['--addmode', place.output, mode]);
      // The desktop stays as large while displays go, so that the whole of it can be watched all the time.
      this.#desktop = {
        width: Math.max(this.#desktop.width, place.x + place.width),
        height: Math.max(this.#desktop.height, place.y + place.height),
      };
    }
    const settings = places.flatMap((place, n) => [
      ...['--output', place.output],
      ...(place.isPlugged ? ['--mode', modeName(place), '--pos', `${place.x}x${place.y}`] : ['--off']),
      ...(n === this.#primary ? ['--primary'] : []),
    ]);
    await this.#xrandr(['--fb', `${this.#desktop.width}x${this.#desktop.height}`, ...settings]);
    // The server tells programs of a new connection only after somebody has asked it to look.
    await this.#xrandr(['--query']);
  }

  /** @param {string[]} args @returns {Promise<void>} */
  #xrandr(args) {
    return new Promise((resolve, reject) => {
      const child = spawn('xrandr', args, { env: this.#env, stdio: ['ignore', 'ignore', 'pipe'] });
      let complaint = '';
      child.stderr.on('data', (chunk) => (complaint += chunk));
      child.once('error', () => reject(new Error('xrandr is not installed: run npm run bootstrap')));
      child.once('close', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`xrandr ${args.join(' ')} failed: ${complaint.trim()}`));
      });
    });
  }
}

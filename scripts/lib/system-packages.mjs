// What Electron and the private display need from a Linux system, and how to get it on Debian and its kin.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hasDisplay, onPath } from '../display.mjs';
import { hasDummyDriver, xorgServer } from './xorg.mjs';

/**
 * `packages` are names to try in order: newer releases renamed some for their 64-bit time.
 * `screenOnly` things are for private displays, and a machine with a screen can do without.
 *
 * @typedef {{ name: string, packages: string[], present: () => boolean, screenOnly?: boolean }} Need
 */

/** The libraries that Electron's executable is linked against (`readelf -d`), and the package of each. */
const LIBRARIES = {
  'libgtk-3.so.0': ['libgtk-3-0t64', 'libgtk-3-0'],
  'libglib-2.0.so.0': ['libglib2.0-0t64', 'libglib2.0-0'],
  'libnss3.so': ['libnss3'],
  'libnspr4.so': ['libnspr4'],
  'libdbus-1.so.3': ['libdbus-1-3'],
  'libatk-1.0.so.0': ['libatk1.0-0t64', 'libatk1.0-0'],
  'libatk-bridge-2.0.so.0': ['libatk-bridge2.0-0t64', 'libatk-bridge2.0-0'],
  'libatspi.so.0': ['libatspi2.0-0t64', 'libatspi2.0-0'],
  'libcups.so.2': ['libcups2t64', 'libcups2'],
  'libdrm.so.2': ['libdrm2'],
  'libgbm.so.1': ['libgbm1'],
  'libasound.so.2': ['libasound2t64', 'libasound2'],
  'libpango-1.0.so.0': ['libpango-1.0-0'],
  'libcairo.so.2': ['libcairo2'],
  'libX11.so.6': ['libx11-6'],
  'libxcb.so.1': ['libxcb1'],
  'libXcomposite.so.1': ['libxcomposite1'],
  'libXdamage.so.1': ['libxdamage1'],
  'libXext.so.6': ['libxext6'],
  'libXfixes.so.3': ['libxfixes3'],
  'libXrandr.so.2': ['libxrandr2'],
  'libxkbcommon.so.0': ['libxkbcommon0'],
  'libexpat.so.1': ['libexpat1'],
  'libudev.so.1': ['libudev1'],
};

/** The programs that a private display is made of. */
const PROGRAMS = {
  Xvfb: ['xvfb'],
  openbox: ['openbox'],
  xprop: ['x11-utils'],
  'dbus-daemon': ['dbus-daemon', 'dbus'],
  ffmpeg: ['ffmpeg'],
  xdotool: ['xdotool'],
  xrandr: ['x11-xserver-utils'],
};

/**
 * @returns {Promise<Need[]>} what is missing; empty on other systems than Linux
 */
export async function missingFromSystem() {
  if (process.platform !== 'linux') return [];
  const libraries = await output(existsSync('/sbin/ldconfig') ? '/sbin/ldconfig' : 'ldconfig', ['-p']);
  const fonts = await hasFonts();
  /** @type {Need[]} */
  const needs = [
    // Where there is no list of libraries (musl), only starting Electron can tell.
    ...Object.entries(LIBRARIES).map(([name, packages]) => ({
      name,
      packages,
      present: () => !libraries || libraries.includes(`\t${name} `),
    })),
    ...Object.entries(PROGRAMS).map(([name, packages]) => ({
      name,
      packages,
      present: () => onPath(name),
      screenOnly: true,
    })),
    { name: 'Xorg', packages: ['xserver-xorg-core'], present: () => Boolean(xorgServer()), screenOnly: true },
    {
      name: "Xorg's dummy driver",
      packages: ['xserver-xorg-video-dummy'],
      present: hasDummyDriver,
      screenOnly: true,
    },
    { name: 'fonts', packages: ['fonts-liberation'], present: () => fonts, screenOnly: true },
  ];
  return needs.filter((need) => !need.present());
}

async function hasFonts() {
  for (const folder of ['/usr/share/fonts', '/usr/local/share/fonts']) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    if (names.some((name) => /\.(ttf|otf|ttc)$/i.test(name))) return true;
  }
  return false;
}

/**
 * Installs what is missing where that can be done without asking, and else says what to run.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<void>}
 * @throws {Error} when something that Vigil cannot do without is missing still; the message holds the command to run
 */
export async function ensureSystemPackages(log) {
  const missing = await missingFromSystem();
  if (!missing.length) return;
  const names = missing.map((need) => need.name).join(', ');
  if (!onPath('apt-get'))
    return giveUp(missing, `Missing on this system: ${names}. Install them with its package manager`, log);
  if (process.getuid?.() !== 0) {
    const packages = [...new Set(missing.map((need) => need.packages.at(-1)))].join(' ');
    return giveUp(
      missing,
      `Missing on this system: ${names}. Run: sudo apt-get install --no-install-recommends ${packages}`,
      log,
    );
  }
  log(`System packages: installing what gives ${names}`);
  const apt = ['-o', 'DPkg::Lock::Timeout=120', '-qq'];
  let chosen = await choose(missing);
  if (chosen.length < missing.length) {
    await run('apt-get', [...apt, 'update']);
    chosen = await choose(missing);
  }
  const install = [...apt, 'install', '-y', '--no-install-recommends', ...new Set(chosen)];
  try {
    await run('apt-get', install);
  } catch {
    // The lists may name versions that the archive no longer has.
    await run('apt-get', [...apt, 'update']);
    await run('apt-get', install);
  }
  const still = await missingFromSystem();
  if (still.length) giveUp(still, `apt-get did not bring: ${still.map((need) => need.name).join(', ')}`, log);
}

/** @param {Need[]} missing @param {string} message @param {(line: string) => void} log */
function giveUp(missing, message, log) {
  if (missing.every((need) => need.screenOnly) && hasDisplay()) log(`${message} (only needed for private displays)`);
  else throw new Error(message);
}

/** @param {Need[]} missing @returns {Promise<string[]>} for each the first package that apt knows */
async function choose(missing) {
  const policy = await output('apt-cache', ['policy', ...missing.flatMap((need) => need.packages)]);
  const known = new Set();
  for (const part of policy.split(/\n(?=\S)/)) {
    const name = /^(\S+):\n/.exec(part)?.[1];
    if (name && /Candidate: (?!\(none\))/.test(part)) known.add(name);
  }
  return missing.flatMap((need) => need.packages.find((name) => known.has(name)) ?? []);
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(undefined) : reject(new Error(`${command} failed (${code})`))));
  });
}

/** @param {string} command @param {string[]} args @returns {Promise<string>} empty when it cannot be run */
function output(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, LC_ALL: 'C' } });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.once('error', () => resolve(''));
    child.once('close', () => resolve(text));
  });
}

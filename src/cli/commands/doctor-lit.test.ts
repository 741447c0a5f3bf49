import { describe, expect, it } from 'vitest';
import { startDisplay } from '../../../scripts/display.mjs';
import { isInstalled, runProgram } from '../../node/run-program.ts';
import { LIT_CHECKS, type LitCheck, litChecks, type LitSurroundings } from './doctor-lit.ts';

/** Answers by the beginning of the command line; what is not among them is not installed. */
function machine(platform: string, answers: Record<string, string>, env: Record<string, string> = {}): LitSurroundings {
  return {
    platform,
    env,
    has: (program) => Object.keys(answers).some((line) => line.split(' ')[0] === program),
    run: ({ command, args }) => {
      const line = [command, ...args].join(' ');
      const output = Object.entries(answers).find(([start]) => line.startsWith(start))?.[1];
      return Promise.resolve(
        output === undefined ? { ok: false, output: '', why: 'it is not installed' } : { ok: true, output, why: '' },
      );
    },
  };
}

async function lines(surroundings: LitSurroundings): Promise<Record<string, string>> {
  const checks = await litChecks(surroundings);
  expect(checks.map(({ name }) => name)).toEqual(LIT_CHECKS);
  for (const { sentence, status, remedy } of checks) {
    expect(sentence).toMatch(/^[A-Z/].*\.$/i);
    expect(remedy !== undefined).toBe(status === 'warn');
  }
  const told = ({ name, status, sentence, remedy }: LitCheck) => [
    name,
    [status, sentence, remedy].filter(Boolean).join(' | '),
  ];
  return Object.fromEntries(checks.map(told)) as Record<string, string>;
}

const xset = (power: string, seconds = 600) =>
  `Screen Saver:\n  prefer blanking:  ${seconds === 0 ? 'no' : 'yes'}    allow exposures:  yes\n  timeout:  ${seconds}    cycle:  600\nDPMS (Energy Star):\n  ${power}\n`;
const POWER = 'Standby: 600    Suspend: 900    Off: 1200\n  DPMS is Enabled\n  Monitor is On';
const LOGIND =
  'busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager IdleAction';

describe('staying lit on Linux', () => {
  const display = { DISPLAY: ':0' };

  it('is told of an X server as it comes', async () => {
    const answers = { 'xset q': xset(POWER), 'ps -A': 'systemd\nXorg\nopenbox\n', [LOGIND]: 's "ignore"\n' };
    expect(await lines(machine('linux', answers, display))).toEqual({
      'display-sleep':
        'ok | The X server switches the display off after 10 minutes; the wall keeps it from doing so while it runs.',
      'screen-saver':
        "ok | The X server's own blanks the screen after 10 minutes; the wall keeps it from doing so while it runs.",
      'lock-screen': 'ok | No program runs that is known to lock the screen.',
      'auto-suspend': 'ok | The machine stays awake.',
    });
  });

  it('is told of an X server that a wall has told to stay on', async () => {
    const kept = xset('Standby: 600    Suspend: 900    Off: 1200\n  DPMS is Disabled', 0);
    expect(await lines(machine('linux', { 'xset q': kept, 'ps -A': 'Xorg\n' }, display))).toMatchObject({
      'display-sleep': 'ok | The display stays on.',
      'screen-saver': 'ok | None runs.',
    });
    const never = xset('Standby: 0    Suspend: 0    Off: 0\n  DPMS is Enabled', 0);
    expect(await lines(machine('linux', { 'xset q': never }, display))).toMatchObject({
      'display-sleep': 'ok | The display stays on.',
    });
  });

  it('warns of programs that blank or lock on their own', async () => {
    const answers = { 'xset q': xset(POWER), 'ps -A': 'Xorg\nxscreensaver\nxscreensaver-sy\nlight-locker\n' };
    expect(await lines(machine('linux', answers, display))).toMatchObject({
      'screen-saver':
        'warn | Something runs that blanks or locks on its own: xscreensaver, xscreensaver-sy, light-locker. | end it, and take it out of what starts with the session',
      'lock-screen': 'warn | A program runs that may lock the screen. | as for the screen saver',
    });
  });

  it("is told by GNOME's own settings", async () => {
    const gnome = { WAYLAND_DISPLAY: 'wayland-0', XDG_CURRENT_DESKTOP: 'ubuntu:GNOME' };
    const answers = {
      'gsettings get org.gnome.desktop.session idle-delay': 'uint32 300\n',
      'gsettings get org.gnome.desktop.screensaver lock-enabled': 'true\n',
      'gsettings get org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type': "'suspend'\n",
      'ps -A': 'gnome-shell\n',
    };
    expect(await lines(machine('linux', answers, gnome))).toEqual({
      'display-sleep': 'ok | GNOME blanks the display after 5 minutes; the wall keeps it from doing so while it runs.',
      'screen-saver': 'ok | None runs.',
      'lock-screen':
        'warn | GNOME locks the screen, and only its password brings the wall back. | gsettings set org.gnome.desktop.screensaver lock-enabled false',
      'auto-suspend':
        'warn | GNOME does suspend when nobody touches the machine and the wall does not run. | gsettings set org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type nothing',
    });
    const calm = {
      'gsettings get org.gnome.desktop.session idle-delay': 'uint32 0\n',
      'gsettings get org.gnome.desktop.screensaver lock-enabled': 'false\n',
      'gsettings get org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type': "'nothing'\n",
      'ps -A': 'gnome-shell\n',
    };
    const statuses = await litChecks(machine('linux', calm, gnome));
    expect(statuses.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('warns of a logind that suspends', async () => {
    const answers = { 'xset q': xset(POWER), [LOGIND]: 's "suspend"\n' };
    expect((await lines(machine('linux', answers, display)))['auto-suspend']).toBe(
      'warn | systemd-logind does suspend when the session is idle. | set IdleAction=ignore in /etc/systemd/logind.conf',
    );
  });

  it('says what it cannot tell, and why', async () => {
    const skipped = async (env: Record<string, string>, answers = {}) =>
      (await litChecks(machine('linux', answers, env))).map(({ status }) => status);
    const all = ['skip', 'skip', 'skip', 'skip'];
    expect(await skipped({})).toEqual(all);
    expect(await skipped(display)).toEqual(all);
    expect(await skipped({ WAYLAND_DISPLAY: 'wayland-1', DISPLAY: ':0' }, { 'xset q': xset(POWER) })).toEqual(all);
    expect((await lines(machine('linux', {}, display)))['display-sleep']).toContain('package x11-xserver-utils');
    const refused = { 'xset -version': '', 'ps -A': '' };
    expect((await lines(machine('linux', refused, display)))['display-sleep']).toContain('does not answer');
    expect(await skipped(display, { 'xset q': 'nonsense', 'ps -A': 'Xorg', [LOGIND]: 'x' })).toEqual([
      'skip',
      'skip',
      'ok',
      'skip',
    ]);
  });
});

/** As powercfg prints it, here in German. */
const powercfg = (ac: string) => `GUID des Energieschemas: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)
  GUID-Alias: SCHEME_BALANCED
  GUID der Untergruppe: 7516b95f-f776-4464-8c53-06167f40cc99  (Bildschirm)
    GUID-Alias: SUB_VIDEO
    GUID der Energieeinstellung: 3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e  (Bildschirm ausschalten nach)
      GUID-Alias: VIDEOIDLE
      Minimale mögliche Einstellung: 0x00000000
      Maximale mögliche Einstellung: 0xffffffff
      Inkrement für mögliche Einstellungen: 0x00000001
      Einheiten für mögliche Einstellungen: Sekunden
    Index der aktuellen Wechselstromeinstellung: ${ac}\r
    Index der aktuellen Gleichstromeinstellung: 0x0000012c\r
`;
const registry = (name: string, type: string, value: string) =>
  `\r\nHKEY_CURRENT_USER\\Control Panel\\Desktop\r\n    ${name}    ${type}    ${value}\r\n\r\n`;

describe('staying lit on Windows', () => {
  it('is told by the power plan in use', async () => {
    const answers = {
      'powercfg /query SCHEME_CURRENT SUB_VIDEO': powercfg('0x00000258'),
      'powercfg /query SCHEME_CURRENT SUB_SLEEP': powercfg('0x00000708'),
      'reg query HKCU\\Control Panel\\Desktop /v ScreenSaveActive': registry('ScreenSaveActive', 'REG_SZ', '1'),
    };
    expect(await lines(machine('win32', answers))).toEqual({
      'display-sleep':
        'ok | Windows switches the display off after 10 minutes; the wall keeps it from doing so while it runs.',
      'screen-saver': 'ok | None is set.',
      'lock-screen': 'ok | No policy locks this machine.',
      'auto-suspend':
        'warn | Windows sleeps after 30 minutes whenever the wall does not run. | powercfg /change standby-timeout-ac 0',
    });
  });

  it('is told by its policies', async () => {
    const saver = 'reg query HKCU\\Software\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop /v';
    const answers = {
      'powercfg /query': powercfg('0x00000000'),
      [`${saver} SCRNSAVE.EXE`]: registry('SCRNSAVE.EXE', 'REG_SZ', 'C:\\Windows\\system32\\Mystify.scr'),
      [`${saver} ScreenSaverIsSecure`]: registry('ScreenSaverIsSecure', 'REG_SZ', '1'),
    };
    expect(await lines(machine('win32', answers))).toMatchObject({
      'display-sleep': 'ok | The display stays on.',
      'screen-saver': 'ok | C:\\Windows\\system32\\Mystify.scr is set; the wall keeps it from starting while it runs.',
      'lock-screen':
        'warn | The screen saver asks for the password when it ends. | switch off "On resume, display log-on screen"',
      'auto-suspend': 'ok | The machine stays awake.',
    });
    const limit =
      'reg query HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System /v InactivityTimeoutSecs';
    const limited = { [limit]: registry('InactivityTimeoutSecs', 'REG_DWORD', '0x384') };
    expect((await lines(machine('win32', limited)))['lock-screen']).toMatch(
      /^warn \| A policy locks .* after 15 minutes/,
    );
  });

  it('says what it cannot tell', async () => {
    const checks = await litChecks(machine('win32', {}));
    expect(checks.map(({ status }) => status)).toEqual(['skip', 'skip', 'skip', 'skip']);
  });
});

describe('staying lit on macOS', () => {
  const pmset = (sleep: number, displaysleep: number) => `System-wide power settings:
Currently in use:
 standby              1
 Sleep On Power Button 1
 powernap             1
 displaysleep         ${displaysleep} (display sleep prevented by Vigil)
 sleep                ${sleep} (sleep prevented by powerd, Vigil)
 ttyskeepawake        1
`;
  it('is told by pmset and the screen saver of the user', async () => {
    const answers = { '/usr/bin/pmset -g': pmset(1, 10), '/usr/bin/defaults -currentHost read': '1200\n' };
    expect(await lines(machine('darwin', answers))).toMatchObject({
      'display-sleep':
        'ok | macOS switches the display off after 10 minutes; the wall keeps it from doing so while it runs.',
      'screen-saver': 'ok | The screen saver starts after 20 minutes; the wall keeps it from doing so while it runs.',
      'auto-suspend': 'warn | macOS sleeps after 60 seconds whenever the wall does not run. | sudo pmset -a sleep 0',
    });
    const calm = { '/usr/bin/pmset -g': pmset(0, 0), '/usr/bin/defaults -currentHost read': '0\n' };
    expect((await litChecks(machine('darwin', calm))).map(({ status }) => status)).toEqual(['ok', 'ok', 'skip', 'ok']);
  });

  it('says what it cannot tell', async () => {
    expect((await litChecks(machine('darwin', {}))).map(({ status }) => status)).toEqual([
      'skip',
      'skip',
      'skip',
      'skip',
    ]);
  });
});

describe.runIf(process.platform === 'linux' && isInstalled('Xvfb') && isInstalled('xset'))('on a real X server', () => {
  it('tells what that server does', async () => {
    const display = await startDisplay({ needDbus: false });
    try {
      const own = ['DISPLAY', 'XAUTHORITY'].map((name) => `${name}=${display.env[name] ?? ''}`);
      const real: LitSurroundings = {
        platform: 'linux',
        env: { DISPLAY: display.env['DISPLAY'] },
        has: (program) => isInstalled(program),
        run: (call) =>
          runProgram({ ...call, command: 'env', args: [...own, call.command, ...call.args], withinMs: 30_000 }),
      };
      const saver = async () => (await litChecks(real)).find(({ name }) => name === 'screen-saver')?.sentence;
      expect(await saver()).toMatch(/^The X server's own blanks the screen after \d+ /);
      await real.run({ command: 'xset', args: ['s', 'off', 's', 'noblank'], withinMs: 30_000 });
      expect(await saver()).toBe('None runs.');
    } finally {
      await display.stop();
    }
  });
});

import { describe, expect, it } from 'vitest';
import { planDisplays } from './display-plan.ts';

function plan(platform: string, env: Record<string, string>, programs: readonly string[] = []) {
  return planDisplays({ platform, env, has: (program) => programs.includes(program) });
}

describe('how displays are switched', () => {
  it('on X11: by xset, where it is installed', () => {
    expect(plan('linux', { DISPLAY: ':0' }, ['xset'])).toEqual({ kind: 'x11' });
    expect(plan('linux', { DISPLAY: ':0', WAYLAND_DISPLAY: '', XDG_SESSION_TYPE: 'x11' }, ['xset'])).toEqual({
      kind: 'x11',
    });
    expect(plan('linux', { DISPLAY: ':0' })).toMatchObject({
      kind: 'none',
      why: expect.stringContaining('xset') as string,
    });
    expect(plan('linux', {}, ['xset'])).toMatchObject({ kind: 'none' });
  });

  it('on Wayland: by what the compositor offers, never by the X server beside it', () => {
    const wayland = { DISPLAY: ':0', WAYLAND_DISPLAY: 'wayland-0' };
    expect(plan('linux', { ...wayland, SWAYSOCK: '/run/sway' }, ['swaymsg', 'xset'])).toMatchObject({
      by: 'swaymsg',
      sleep: { command: 'swaymsg', args: ['output * power off'] },
      wake: { args: ['output * power on'] },
    });
    expect(plan('linux', { ...wayland, XDG_CURRENT_DESKTOP: 'ubuntu:GNOME' }, ['gdbus'])).toMatchObject({
      sleep: { command: 'gdbus', args: expect.arrayContaining(['PowerSaveMode', '<int32 3>']) as string[] },
      wake: { args: expect.arrayContaining(['<int32 0>']) as string[] },
    });
    expect(plan('linux', { ...wayland, XDG_CURRENT_DESKTOP: 'KDE' }, ['kscreen-doctor'])).toMatchObject({
      sleep: { args: ['--dpms', 'off'] },
    });
    expect(plan('linux', wayland, ['wlopm'])).toMatchObject({ sleep: { args: ['--off', '*'] } });
    expect(plan('linux', { XDG_SESSION_TYPE: 'wayland', DISPLAY: ':0' }, ['xset'])).toMatchObject({ kind: 'none' });
  });

  it('never by taking an output away, which would be seen as a display unplugged', () => {
    const text = JSON.stringify(plan('linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['wlr-randr', 'xrandr', 'xset']));
    expect(text).not.toContain('randr"');
  });

  it("on Windows: by the system's own PowerShell, by its whole path, without a profile", () => {
    expect(plan('win32', { SystemRoot: 'D:\\Windows' })).toMatchObject({
      sleep: {
        command: 'D:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
        args: ['-NoProfile', '-NonInteractive', '-Command', expect.stringContaining('0xf170') as string],
      },
      wake: { args: expect.arrayContaining([expect.stringContaining('mouse_event') as string]) as string[] },
    });
  });

  it('on macOS: by pmset and caffeinate', () => {
    expect(plan('darwin', {})).toMatchObject({
      sleep: { command: '/usr/bin/pmset', args: ['displaysleepnow'] },
      wake: { command: '/usr/bin/caffeinate' },
    });
  });

  it('by nothing else, however strange the surroundings', () => {
    expect(plan('aix', {})).toMatchObject({ kind: 'none' });
    // No value of the environment becomes part of a command.
    const hostile = '$(reboot); "&';
    const all = Object.fromEntries(
      ['DISPLAY', 'WAYLAND_DISPLAY', 'SWAYSOCK', 'XDG_CURRENT_DESKTOP', 'XDG_SESSION_TYPE'].map((name) => [
        name,
        hostile,
      ]),
    );
    for (const platform of ['linux', 'darwin', 'win32']) {
      expect(JSON.stringify(plan(platform, all, ['swaymsg', 'gdbus', 'wlopm']))).not.toContain('reboot');
    }
  });
});

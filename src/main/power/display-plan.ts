/** How displays are switched off and on here: fixed program calls, decided from the surroundings. Pure. */
import type { ProgramCall } from '../../node/run-program.ts';

export interface Surroundings {
  /** As `process.platform`. */
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a program is installed. */
  readonly has: (program: string) => boolean;
}

export type DisplayPlan =
  /** An X server, which is asked what it does before it is told anything, all by `xset`. */
  | { readonly kind: 'x11' }
  | { readonly kind: 'calls'; readonly by: string; readonly sleep: ProgramCall; readonly wake: ProgramCall }
  /** Nothing here switches displays. `why` is a sentence. */
  | { readonly kind: 'none'; readonly why: string };

const QUICK_MS = 5_000;
/** PowerShell compiles its few lines first. */
const POWERSHELL_MS = 30_000;

/** Messages of Windows: WM_SYSCOMMAND (0x112) with SC_MONITORPOWER (0xF170) 2 switches off; only input switches on. */
const WINDOWS_SLEEP = '[Vigil.Display]::PostMessage([IntPtr]0xffff, 0x112, [IntPtr]0xf170, [IntPtr]2) | Out-Null';
const WINDOWS_WAKE =
  '[Vigil.Display]::mouse_event(1, 0, 1, 0, [IntPtr]0); [Vigil.Display]::mouse_event(1, 0, -1, 0, [IntPtr]0)';
const WINDOWS_FUNCTIONS =
  "Add-Type -Namespace Vigil -Name Display -MemberDefinition '" +
  '[DllImport("user32.dll")] public static extern bool PostMessage(IntPtr w, uint m, IntPtr p, IntPtr l); ' +
  '[DllImport("user32.dll")] public static extern void mouse_event(uint f, int x, int y, uint d, IntPtr e);\'; ';

/** How displays are switched in these surroundings. */
export function planDisplays({ platform, env, has }: Surroundings): DisplayPlan {
  if (platform === 'win32') {
    const root = env['SystemRoot'] ?? env['SYSTEMROOT'] ?? 'C:\\Windows';
    const shell = (text: string): ProgramCall => ({
      command: `${root}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`,
      args: ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_FUNCTIONS + text],
      withinMs: POWERSHELL_MS,
    });
    return { kind: 'calls', by: 'PowerShell', sleep: shell(WINDOWS_SLEEP), wake: shell(WINDOWS_WAKE) };
  }
  if (platform === 'darwin') {
    return calls('pmset', call('/usr/bin/pmset', 'displaysleepnow'), call('/usr/bin/caffeinate', '-u', '-t', '2'));
  }
  if (set(env['WAYLAND_DISPLAY']) || env['XDG_SESSION_TYPE'] === 'wayland') return planWayland(env, has);
  if (!set(env['DISPLAY'])) return { kind: 'none', why: 'The environment names no display.' };
  if (!has('xset')) return { kind: 'none', why: 'xset, which speaks to the X server, is not installed.' };
  return { kind: 'x11' };
}

/** Each by what its compositor offers. Programs that take an output away, such as wlr-randr, are not used: the wall would see it unplugged. */
function planWayland(env: Surroundings['env'], has: Surroundings['has']): DisplayPlan {
  const desktop = (env['XDG_CURRENT_DESKTOP'] ?? '').toUpperCase();
  if (set(env['SWAYSOCK']) && has('swaymsg')) {
    return calls('swaymsg', call('swaymsg', 'output * power off'), call('swaymsg', 'output * power on'));
  }
  if (desktop.includes('GNOME') && has('gdbus')) {
    return calls('gdbus', mutterPowerSave(3), mutterPowerSave(0));
  }
  if (desktop.includes('KDE') && has('kscreen-doctor')) {
    return calls('kscreen-doctor', call('kscreen-doctor', '--dpms', 'off'), call('kscreen-doctor', '--dpms', 'on'));
  }
  if (has('wlopm')) return calls('wlopm', call('wlopm', '--off', '*'), call('wlopm', '--on', '*'));
  return {
    kind: 'none',
    why: 'No program is installed that switches displays of this Wayland compositor (wlopm does).',
  };
}

/** 0 is on, 3 is off: the interface's own numbers. */
function mutterPowerSave(mode: 0 | 3): ProgramCall {
  const name = 'org.gnome.Mutter.DisplayConfig';
  const target = ['--dest', name, '--object-path', '/org/gnome/Mutter/DisplayConfig'];
  const method = ['--method', 'org.freedesktop.DBus.Properties.Set', name, 'PowerSaveMode', `<int32 ${mode}>`];
  return call('gdbus', 'call', '--session', ...target, ...method);
}

function call(command: string, ...args: readonly string[]): ProgramCall {
  return { command, args, withinMs: QUICK_MS };
}

function calls(by: string, sleep: ProgramCall, wake: ProgramCall): DisplayPlan {
  return { kind: 'calls', by, sleep, wake };
}

function set(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

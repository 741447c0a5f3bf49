/** What an X server does with its screen when nobody touches it: read from `xset q`, said to `xset`. Pure. */

export interface ScreenSettings {
  /** The server's own screen saver; 0 s is never. */
  readonly saverSeconds: number;
  readonly cycleSeconds: number;
  /** Whether it blanks the screen. */
  readonly blanking: boolean;
  /** Display power management; undefined where the server or the display has none. */
  readonly power?: {
    readonly enabled: boolean;
    /** Seconds until each step; 0 is never. */
    readonly standby: number;
    readonly suspend: number;
    readonly off: number;
  };
}

/** By night a display that somebody woke goes to sleep again after this time, in seconds. */
const NIGHT_SECONDS = 60;

/** Reads what `xset q` prints in the C locale; undefined when that is something else. */
export function parseXset(text: string): ScreenSettings | undefined {
  const saver = /timeout:\s+(\d+)\s+cycle:\s+(\d+)/.exec(text);
  const blanking = /prefer blanking:\s+(yes|no)/.exec(text)?.[1];
  if (saver === null || blanking === undefined) return undefined;
  const settings = {
    saverSeconds: Number(saver[1]),
    cycleSeconds: Number(saver[2]),
    blanking: blanking === 'yes',
  };
  const enabled = /DPMS is (Enabled|Disabled)/.exec(text)?.[1];
  if (enabled === undefined) return settings;
  const seconds = (name: string) => Number(new RegExp(`\\b${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0);
  const [standby, suspend, off] = [seconds('Standby'), seconds('Suspend'), seconds('Off')];
  return { ...settings, power: { enabled: enabled === 'Enabled', standby, suspend, off } };
}

/** Whether the server leaves its screen on for good. */
export function isKeptLit({ saverSeconds, blanking, power }: ScreenSettings): boolean {
  return saverSeconds === 0 && !blanking && power?.enabled !== true;
}

/** Arguments that keep the screen on; none when it is kept on already. */
export function litArguments(settings: ScreenSettings): readonly string[] {
  if (isKeptLit(settings)) return [];
  return ['s', 'off', 's', 'noblank', ...(settings.power === undefined ? [] : ['-dpms'])];
}

/** Arguments that switch a sleeping display on and keep it on. `force` enables power management, so that is disabled after it. */
export function wakeArguments({ power }: ScreenSettings): readonly string[] {
  return ['s', 'reset', 's', 'off', 's', 'noblank', ...(power === undefined ? [] : ['dpms', 'force', 'on', '-dpms'])];
}

/** Arguments that switch the display off until it is woken; none where the server cannot. */
export function sleepArguments({ power }: ScreenSettings): readonly string[] {
  if (power === undefined) return [];
  const seconds = `${NIGHT_SECONDS}`;
  return ['+dpms', 'dpms', seconds, seconds, seconds, 'dpms', 'force', 'off'];
}

/** Arguments that bring settings back as they were read. */
export function restoreArguments({ saverSeconds, cycleSeconds, blanking, power }: ScreenSettings): readonly string[] {
  const saver = ['s', `${saverSeconds}`, `${cycleSeconds}`, 's', blanking ? 'blank' : 'noblank'];
  if (power === undefined) return saver;
  const { standby, suspend, off } = power;
  return [...saver, 'dpms', `${standby}`, `${suspend}`, `${off}`, power.enabled ? '+dpms' : '-dpms'];
}

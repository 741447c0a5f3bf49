import { isKeptLit, parseXset, type ScreenSettings } from '../../core/lifecycle/xset.ts';
import type { Ask, Judgement, LitName, LitSurroundings } from './doctor-lit.ts';
import { cannotTell, fine, notFine, prevented } from './doctor-lit-words.ts';

/** Programs that blank or lock on their own, as they are named among the processes. */
const SAVERS = /^(xscreensaver|light-locker|xautolock|xss-lock|swayidle|hypridle|xfce4-screensav|mate-screensave)/;

interface Desktop {
  /** The X server's own settings; undefined on Wayland, and where xset has no answer. */
  readonly screen?: ScreenSettings;
  /** Why there are none. */
  readonly why: string;
  /** Programs that run and blank or lock; undefined where that cannot be told. */
  readonly savers: readonly string[] | undefined;
  /** GNOME's settings, where this is GNOME; undefined for those that it does not have. */
  readonly gnome?: { idleSeconds?: number; locks?: string; suspends?: string };
  /** What logind does with a machine that is idle. */
  readonly idleAction: string | undefined;
}

/** Linux and the like: the X server by xset, GNOME by gsettings, programs that run, and logind. */
export async function linuxLit(surroundings: LitSurroundings, ask: Ask): Promise<Readonly<Record<LitName, Judgement>>> {
  const { env } = surroundings;
  if ((env['DISPLAY'] ?? '') === '' && (env['WAYLAND_DISPLAY'] ?? '') === '') {
    const why = cannotTell("run this in the wall's own session, where there is a display");
    return {
      'display-sleep': why,
      'screen-saver': why,
      'lock-screen': why,
      'auto-suspend': autoSuspend(await look(surroundings, ask)),
    };
  }
  const desktop = await look(surroundings, ask);
  return {
    'display-sleep': displaySleep(desktop),
    'screen-saver': screenSaver(desktop),
    'lock-screen': lockScreen(desktop),
    'auto-suspend': autoSuspend(desktop),
  };
}

async function look({ env, has }: LitSurroundings, ask: Ask): Promise<Desktop> {
  const isWayland = (env['WAYLAND_DISPLAY'] ?? '') !== '' || env['XDG_SESSION_TYPE'] === 'wayland';
  const isX = !isWayland && (env['DISPLAY'] ?? '') !== '';
  const isGnome = /GNOME|Unity/i.test(env['XDG_CURRENT_DESKTOP'] ?? '') && has('gsettings');
  const setting = async (schema: string, key: string) =>
    isGnome ? (await ask('gsettings', 'get', schema, key))?.trim() : undefined;
  const [printed, processes, action, idle, locks, suspends] = await Promise.all([
    isX ? ask('xset', 'q') : undefined,
    ask('ps', '-A', '-o', 'comm='),
    ask(
      'busctl',
      'get-property',
      'org.freedesktop.login1',
      '/org/freedesktop/login1',
      'org.freedesktop.login1.Manager',
      'IdleAction',
    ),
    setting('org.gnome.desktop.session', 'idle-delay'),
    setting('org.gnome.desktop.screensaver', 'lock-enabled'),
    setting('org.gnome.settings-daemon.plugins.power', 'sleep-inactive-ac-type'),
  ]);
  const screen = parseXset(printed ?? '');
  const idleSeconds = /^uint32 (\d+)$/.exec(idle ?? '')?.[1];
  return {
    ...(screen === undefined ? {} : { screen }),
    why: isWayland
      ? 'this Wayland desktop has no program that tells'
      : has('xset')
        ? 'the X server does not answer xset'
        : 'xset is not installed, and the wall needs it too (package x11-xserver-utils)',
    savers: processes?.split('\n').flatMap((name) => (SAVERS.test(name.trim()) ? [name.trim()] : [])),
    ...(isGnome
      ? {
          gnome: {
            ...(idleSeconds === undefined ? {} : { idleSeconds: Number(idleSeconds) }),
            ...(locks === undefined ? {} : { locks }),
            ...(suspends === undefined ? {} : { suspends }),
          },
        }
      : {}),
    idleAction: /^s "([a-z-]+)"/.exec(action ?? '')?.[1],
  };
}

function displaySleep({ screen, gnome, why }: Desktop): Judgement {
  if ((gnome?.idleSeconds ?? 0) > 0) return prevented('GNOME blanks the display', gnome?.idleSeconds ?? 0);
  if (screen === undefined) return gnome?.idleSeconds === 0 ? fine('GNOME leaves the display on.') : cannotTell(why);
  if (isKeptLit(screen) || screen.power === undefined || !screen.power.enabled) return fine('The display stays on.');
  const { standby, suspend, off } = screen.power;
  const first = Math.min(...[standby, suspend, off].filter((seconds) => seconds > 0));
  return Number.isFinite(first)
    ? prevented('The X server switches the display off', first)
    : fine('The display stays on.');
}

function screenSaver({ screen, savers, why, gnome }: Desktop): Judgement {
  if (savers !== undefined && savers.length > 0) {
    const names = [...new Set(savers)].join(', ');
    return notFine(
      `Something runs that blanks or locks on its own: ${names}.`,
      'end it, and take it out of what starts with the session',
    );
  }
  if (screen !== undefined) {
    return screen.saverSeconds === 0
      ? fine('None runs.')
      : prevented("The X server's own blanks the screen", screen.saverSeconds);
  }
  return gnome !== undefined && savers !== undefined ? fine('None runs.') : cannotTell(why);
}

function lockScreen({ gnome, savers }: Desktop): Judgement {
  if (gnome?.locks === 'true') {
    return notFine(
      'GNOME locks the screen, and only its password brings the wall back.',
      'gsettings set org.gnome.desktop.screensaver lock-enabled false',
    );
  }
  if (gnome?.locks === 'false') return fine('GNOME does not lock the screen.');
  if (savers === undefined) return cannotTell('the processes of this machine cannot be listed');
  return savers.length > 0
    ? notFine('A program runs that may lock the screen.', 'as for the screen saver')
    : fine('No program runs that is known to lock the screen.');
}

function autoSuspend({ gnome, idleAction }: Desktop): Judgement {
  const suspends = gnome?.suspends;
  if (suspends !== undefined && suspends !== "'nothing'") {
    return notFine(
      `GNOME does ${suspends.replaceAll("'", '')} when nobody touches the machine and the wall does not run.`,
      'gsettings set org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type nothing',
    );
  }
  if (idleAction !== undefined && idleAction !== 'ignore') {
    return notFine(
      `systemd-logind does ${idleAction} when the session is idle.`,
      'set IdleAction=ignore in /etc/systemd/logind.conf',
    );
  }
  if (idleAction === undefined && suspends === undefined) return cannotTell('neither systemd-logind nor GNOME answers');
  return fine('The machine stays awake.');
}

import type { Ask, Judgement, LitName } from './doctor-lit.ts';
import { cannotTell, duration, fine, notFine, prevented } from './doctor-lit-words.ts';

/** macOS: power management by pmset, the screen saver by defaults. */
export async function macLit(ask: Ask): Promise<Readonly<Record<LitName, Judgement>>> {
  const [power, idle] = await Promise.all([
    ask('/usr/bin/pmset', '-g'),
    ask('/usr/bin/defaults', '-currentHost', 'read', 'com.apple.screensaver', 'idleTime'),
  ]);
  const minutes = (name: string) => {
    const text = new RegExp(`^ *${name} +(\\d+)`, 'm').exec(power ?? '')?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const saverSeconds = /^\d+\s*$/.test(idle ?? '') ? Number(idle) : undefined;
  return {
    'display-sleep': displaySleep(minutes('displaysleep')),
    'screen-saver':
      saverSeconds === undefined
        ? cannotTell('it was never set for this user')
        : saverSeconds === 0
          ? fine('It never starts.')
          : prevented('The screen saver starts', saverSeconds),
    // No program tells without asking for a password.
    'lock-screen': cannotTell('see "Require password after screen saver begins" in System Settings, Lock Screen'),
    'auto-suspend': autoSuspend(minutes('sleep')),
  };
}

function displaySleep(minutes: number | undefined): Judgement {
  if (minutes === undefined) return cannotTell('pmset has no answer');
  return minutes === 0 ? fine('The display stays on.') : prevented('macOS switches the display off', minutes * 60);
}

function autoSuspend(minutes: number | undefined): Judgement {
  if (minutes === undefined) return cannotTell('pmset has no answer');
  if (minutes === 0) return fine('The machine stays awake.');
  return notFine(
    `macOS sleeps after ${duration(minutes * 60)} whenever the wall does not run.`,
    'sudo pmset -a sleep 0',
  );
}

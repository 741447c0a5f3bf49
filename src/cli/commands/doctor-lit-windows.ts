import type { Ask, Judgement, LitName } from './doctor-lit.ts';
import { cannotTell, duration, fine, notFine, prevented } from './doctor-lit-words.ts';

const DESKTOP = 'HKCU\\Control Panel\\Desktop';
const DESKTOP_POLICY = 'HKCU\\Software\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop';
const SYSTEM_POLICY = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System';

/** Windows: the power plan in use, by powercfg, and the registry, by reg. */
export async function windowsLit(ask: Ask): Promise<Readonly<Record<LitName, Judgement>>> {
  const value = async (key: string, name: string) =>
    /\sREG_\w+\s+(.*?)\s*$/m.exec((await ask('reg', 'query', key, '/v', name)) ?? '')?.[1];
  const [video, standby, saver, policySaver, active, secure, policySecure, limit] = await Promise.all([
    ask('powercfg', '/query', 'SCHEME_CURRENT', 'SUB_VIDEO', 'VIDEOIDLE').then(pluggedInSeconds),
    ask('powercfg', '/query', 'SCHEME_CURRENT', 'SUB_SLEEP', 'STANDBYIDLE').then(pluggedInSeconds),
    value(DESKTOP, 'SCRNSAVE.EXE'),
    value(DESKTOP_POLICY, 'SCRNSAVE.EXE'),
    value(DESKTOP, 'ScreenSaveActive'),
    value(DESKTOP, 'ScreenSaverIsSecure'),
    value(DESKTOP_POLICY, 'ScreenSaverIsSecure'),
    value(SYSTEM_POLICY, 'InactivityTimeoutSecs'),
  ]);
  const program = policySaver ?? saver;
  const hasSaver = program !== undefined && program !== '' && active !== '0';
  return {
    'display-sleep': displaySleep(video),
    'screen-saver':
      active === undefined && program === undefined
        ? cannotTell('the registry has no answer')
        : hasSaver
          ? fine(`${program} is set; the wall keeps it from starting while it runs.`)
          : fine('None is set.'),
    'lock-screen':
      active === undefined && limit === undefined && program === undefined
        ? cannotTell('the registry has no answer')
        : lockScreen(Number(limit ?? 0), hasSaver && (policySecure ?? secure) === '1'),
    'auto-suspend': autoSuspend(standby),
  };
}

/**
 * The setting for a machine that is plugged in: the fourth number that powercfg prints, after minimum, maximum and
 * increment, whatever language the words before it are in.
 */
function pluggedInSeconds(text: string | undefined): number | undefined {
  const numbers = [...(text ?? '').matchAll(/:\s*0x([0-9a-f]{8})\s*$/gim)].map((match) =>
    Number.parseInt(match[1] ?? '', 16),
  );
  return numbers[3];
}

function displaySleep(seconds: number | undefined): Judgement {
  if (seconds === undefined) return cannotTell('powercfg has no answer');
  return seconds === 0 ? fine('The display stays on.') : prevented('Windows switches the display off', seconds);
}

function lockScreen(limitSeconds: number, byScreenSaver: boolean): Judgement {
  if (limitSeconds > 0) {
    return notFine(
      `A policy locks the machine after ${duration(limitSeconds)} without input.`,
      'exempt this machine from "Interactive logon: Machine inactivity limit"',
    );
  }
  if (byScreenSaver) {
    return notFine(
      'The screen saver asks for the password when it ends.',
      'switch off "On resume, display log-on screen"',
    );
  }
  return fine('No policy locks this machine.');
}

function autoSuspend(seconds: number | undefined): Judgement {
  if (seconds === undefined) return cannotTell('powercfg has no answer');
  if (seconds === 0) return fine('The machine stays awake.');
  return notFine(
    `Windows sleeps after ${duration(seconds)} whenever the wall does not run.`,
    'powercfg /change standby-timeout-ac 0',
  );
}

import type { TrayHost } from './tray.ts';
import type { LogRecord } from './log.ts';
import type { Wall } from './wall.ts';

const BEGINNINGS = ['session.renewing', 'session.signing-in'];

/** Asks for a sign-in by the tray's menu, and waits until it has begun. */
export async function askForSignIn(wall: Wall, tray: TrayHost): Promise<void> {
  const begun = () => wall.log.records().filter(({ event }) => BEGINNINGS.includes(event)).length;
  const before = begun();
  await tray.click('Renew now', () => begun() > before);
}

/** Renews by the tray's menu and gives the record of the new session. */
export async function renew(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  const before = wall.log.of('session.live').length;
  await askForSignIn(wall, tray);
  return wall.isLive(before + 1);
}

/** Asks for a renewal that is to fail, and gives the record of its failure. */
export function failToRenew(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  return failAfresh(wall, tray, 'session.renewal-failed');
}

/** Asks for a sign-in that is to fail while there is no session, and gives the record of its failure. */
export function failToSignIn(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  return failAfresh(wall, tray, 'session.waiting');
}

/** A try by backoff may be under way that still meets what was before: only one that began from now on counts. */
async function failAfresh(wall: Wall, tray: TrayHost, event: string): Promise<LogRecord> {
  const since = Date.now();
  await askForSignIn(wall, tray);
  const begun = () =>
    wall.log.records().find(({ event: name, time }) => BEGINNINGS.includes(name) && Date.parse(time) >= since);
  return wall.says(event, { where: ({ time }) => time > (begun()?.time ?? time) });
}

/** Asks for a renewal that succeeds while the dashboard is refused, and gives the record of the refusal. */
export async function renewInVain(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  const before = wall.log.of('surface.trouble').length;
  await renew(wall, tray);
  return wall.says('surface.trouble', { after: before });
}

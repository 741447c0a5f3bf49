import type { TrayHost } from './tray.ts';
import type { LogRecord } from './log.ts';
import type { Wall } from './wall.ts';

/** Asks for a sign-in by the tray's menu, and waits until it has begun. */
export async function askForSignIn(wall: Wall, tray: TrayHost): Promise<void> {
  const begun = () => wall.log.of('session.renewing').length + wall.log.of('session.signing-in').length;
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
export async function failToRenew(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  const before = wall.log.of('session.renewal-failed').length;
  await askForSignIn(wall, tray);
  return wall.says('session.renewal-failed', { after: before });
}

/** Asks for a renewal that succeeds while the dashboard is refused, and gives the record of the refusal. */
export async function renewInVain(wall: Wall, tray: TrayHost): Promise<LogRecord> {
  const before = wall.log.of('surface.trouble').length;
  await renew(wall, tray);
  return wall.says('surface.trouble', { after: before });
}

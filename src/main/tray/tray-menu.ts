import type { Session } from '../../core/session/state.ts';

/** A menu as plain data; what a click does is named, not done. */
export interface MenuLine {
  readonly label: string;
  readonly action?: 'renew' | 'quit';
  readonly separator?: true;
}

/** One line that says how the session stands. */
export function statusLine({ phase }: Session, timeOfDay: (wallMs: number) => string): string {
  switch (phase.kind) {
    case 'idle':
      return 'Starting';
    case 'signing-in':
      return 'Signing in';
    case 'renewing':
      return 'Live, renewing now';
    case 'waiting':
      return `Not signed in (${phase.reason.code}), next try ${timeOfDay(phase.nextTry.until.wall)}`;
    case 'live': {
      const { failed, at } = phase.renewal;
      return failed === undefined
        ? `Live, renews ${timeOfDay(at.wall)}`
        : `Live, renewal failed (${failed.reason.code}), next try ${timeOfDay(failed.nextTry.until.wall)}`;
    }
  }
}

/** The tray's menu for a state of the session. */
export function trayMenu(session: Session, timeOfDay: (wallMs: number) => string): readonly MenuLine[] {
  return [
    { label: statusLine(session, timeOfDay) },
    { label: '', separator: true },
    { label: 'Renew now', action: 'renew' },
    { label: 'Quit Vigil', action: 'quit' },
  ];
}

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
      return 'Not signed in, nothing of it is shown now';
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

/** One line for each session; where there is only one, without its name. */
export function statusLines(
  sessions: ReadonlyMap<string, Session>,
  timeOfDay: (wallMs: number) => string,
): readonly string[] {
  const lines = [...sessions].map(([name, session]) => ({ name, line: statusLine(session, timeOfDay) }));
  return lines.length === 1 ? lines.map(({ line }) => line) : lines.map(({ name, line }) => `${name}: ${line}`);
}

/** The tray's menu for the states of the sessions. */
export function trayMenu(
  sessions: ReadonlyMap<string, Session>,
  timeOfDay: (wallMs: number) => string,
): readonly MenuLine[] {
  return [
    ...statusLines(sessions, timeOfDay).map((label) => ({ label })),
    { label: '', separator: true },
    { label: 'Renew now', action: 'renew' },
    { label: 'Quit Vigil', action: 'quit' },
  ];
}

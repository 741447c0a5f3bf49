import { describe, expect, it } from 'vitest';
import { IDLE_SESSION, type Phase, type Session } from '../../core/session/state.ts';
import { statusLine, statusLines, trayMenu } from './tray-menu.ts';

const at = (wall: number) => ({ wall, monotonic: wall });
const clock = (wall: number) => `at ${wall}`;
const live = { attempt: 1, partition: 'a', since: at(0), endsAt: at(100), verified: true } as const;
const reason = { code: 'SERVER_REFUSED', sentence: 'The server refused.' } as const;
const nextTry = { until: at(70), notBefore: at(70) };

describe('the status line', () => {
  it.each<[Phase, string]>([
    [{ kind: 'idle' }, 'Not signed in, nothing of it is shown now'],
    [{ kind: 'live', live, renewal: { at: at(50) } }, 'Live, renews at 50'],
    [
      { kind: 'live', live, renewal: { at: at(50), failed: { reason, failures: 1, nextTry } } },
      'Live, renewal failed (SERVER_REFUSED), next try at 70',
    ],
    [{ kind: 'waiting', reason, failures: 1, nextTry }, 'Not signed in (SERVER_REFUSED), next try at 70'],
  ])('says how the session stands: %#', (phase, line) => {
    const session: Session = { ...IDLE_SESSION, phase };
    expect(statusLine(session, clock)).toBe(line);
  });
});

it('offers to renew and to quit', () => {
  expect(trayMenu(new Map([['default', IDLE_SESSION]]), clock).flatMap(({ action }) => action ?? [])).toEqual([
    'renew',
    'quit',
  ]);
});

it('names the sessions where there are several', () => {
  const idle = 'Not signed in, nothing of it is shown now';
  expect(statusLines(new Map([['default', IDLE_SESSION]]), clock)).toEqual([idle]);
  const two = new Map([
    ['left', IDLE_SESSION],
    ['right', IDLE_SESSION],
  ]);
  expect(statusLines(two, clock)).toEqual([`left: ${idle}`, `right: ${idle}`]);
});

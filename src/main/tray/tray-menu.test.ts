import { describe, expect, it } from 'vitest';
import { IDLE_SESSION, type Phase, type Session } from '../../core/session/state.ts';
import { statusLine, trayMenu } from './tray-menu.ts';

const at = (wall: number) => ({ wall, monotonic: wall });
const clock = (wall: number) => `at ${wall}`;
const live = { partition: 'a', since: at(0), endsAt: at(100), verified: true, strikes: 0 } as const;
const reason = { code: 'SERVER_REFUSED', sentence: 'The server refused.' } as const;
const nextTry = { until: at(70), notBefore: at(70) };

describe('the status line', () => {
  it.each<[Phase, string]>([
    [{ kind: 'idle' }, 'Starting'],
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
  expect(trayMenu(IDLE_SESSION, clock).flatMap(({ action }) => action ?? [])).toEqual(['renew', 'quit']);
});

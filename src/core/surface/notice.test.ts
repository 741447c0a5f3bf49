import { expect, it } from 'vitest';
import { failureNotice } from './notice.ts';

it('tells a network that is away as that, whatever failed by it, and everything else by what failed', () => {
  const offline = { code: 'NETWORK_DNS', sentence: 'No such host.' } as const;
  const denied = { code: 'CONSOLE_ACCESS_DENIED', sentence: 'Not allowed.' } as const;
  for (const kind of ['cannot-sign-in', 'cannot-show'] as const) {
    expect(failureNotice(kind, offline, 5)).toEqual({ kind: 'waiting-for-network', ...offline, nextTryAt: 5 });
    expect(failureNotice(kind, denied, 5)).toEqual({ kind, ...denied, nextTryAt: 5 });
  }
});

import { failToRenew, renew } from './support/renewals.ts';
import { expect, test } from './support/test.ts';

const CUT_OFF = { kind: 'cut-off' } as const;
const NOT_JSON = { kind: 'not-json' } as const;
const HUGE = { kind: 'huge' } as const;
const HANG = { kind: 'hang' } as const;
const SLOW = { kind: 'slow', ms: 3_000 } as const;
const DOWN = { kind: 'down' } as const;
const RESET = { kind: 'reset' } as const;
const status = (code: number) => ({ kind: 'status', status: code }) as const;

const CASES = {
  autoid: [
    [CUT_OFF, 'NETWORK_INTERRUPTED'],
    [NOT_JSON, 'SERVER_ANSWER_UNREADABLE'],
    [HUGE, 'SERVER_ANSWER_UNREADABLE'],
    [HANG, 'NETWORK_TIMEOUT'],
    [SLOW, 'NETWORK_TIMEOUT'],
    [RESET, 'NETWORK_INTERRUPTED'],
    [status(500), 'SERVER_UNAVAILABLE'],
    [status(404), 'SERVER_REFUSED'],
    [status(302), 'SERVER_ANSWER_UNREADABLE'],
  ],
  sts: [
    [CUT_OFF, 'NETWORK_INTERRUPTED'],
    [NOT_JSON, 'STS_ANSWER_UNREADABLE'],
    [HUGE, 'STS_ANSWER_UNREADABLE'],
    [HANG, 'NETWORK_TIMEOUT'],
    [status(500), 'STS_UNAVAILABLE'],
    [status(404), 'STS_ANSWER_UNREADABLE'],
  ],
  federation: [
    [CUT_OFF, 'NETWORK_INTERRUPTED'],
    [NOT_JSON, 'FEDERATION_ANSWER_UNREADABLE'],
    [HUGE, 'FEDERATION_ANSWER_UNREADABLE'],
    [HANG, 'NETWORK_TIMEOUT'],
    [status(503), 'FEDERATION_UNAVAILABLE'],
    [status(400), 'FEDERATION_REFUSED'],
  ],
  // What can be told at once must not wait for the deadline, which is its usual 45 s here.
  'the console': [
    [RESET, 'CONSOLE_LOAD_FAILED'],
    [status(503), 'CONSOLE_LOAD_FAILED'],
    [status(404), 'CONSOLE_DASHBOARD_MISSING'],
    [DOWN, 'CONSOLE_LOAD_FAILED'],
    [HUGE, 'CONSOLE_LOAD_FAILED'],
  ],
  "the console's pages": [
    // Chromium may show what came, or nothing.
    [CUT_OFF, /^CONSOLE_(LOAD_FAILED|NOT_PAINTED)$/],
    [NOT_JSON, 'CONSOLE_NOT_PAINTED'],
    [HANG, 'CONSOLE_NOT_PAINTED'],
  ],
} as const;

for (const [name, service, paintDeadlineSeconds] of [
  ['autoid', 'autoid', 45],
  ['sts', 'sts', 45],
  ['federation', 'federation', 45],
  ['the console', 'console', 45],
  ["the console's pages", 'console', 3],
] as const) {
  test(`bad answers of ${name} while the wall is up: each is named, the picture stays, the wall goes on`, async ({
    stage,
    monitor,
    startWall,
    tray,
  }) => {
    const wall = startWall({
      settings: { network: { timeoutSeconds: 2 }, wall: { paintDeadlineSeconds } },
    });
    await wall.isLive();
    const watching = await monitor.watch();
    await watching.sees('dashboard');
    for (const [fault, code] of CASES[name]) {
      await stage.control.fail(service, fault);
      const failed = await failToRenew(wall, tray);
      expect
        .soft(failed, JSON.stringify(fault))
        .toMatchObject({ code: typeof code === 'string' ? code : expect.stringMatching(code), level: 'warn' });
      expect.soft(String(failed['reason']).length, JSON.stringify(fault)).toBeGreaterThan(20);
    }
    await stage.control.heal(service);
    await renew(wall, tray);
    await watching.sees('dashboard');
    const seen = await watching.stop();
    expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  });
}

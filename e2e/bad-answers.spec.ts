import type { Fault, ServiceName } from '../src/standin/index.ts';
import { failToRenew, renew, renewInVain } from './support/renewals.ts';
import type { Stage } from './support/stage.ts';
import { expect, test } from './support/test.ts';

const CUT_OFF = { kind: 'cut-off' } as const;
const NOT_JSON = { kind: 'not-json' } as const;
const HUGE = { kind: 'huge' } as const;
const HANG = { kind: 'hang' } as const;
const SLOW = { kind: 'slow', ms: 3_000 } as const;
const DOWN = { kind: 'down' } as const;
const RESET = { kind: 'reset' } as const;
const status = (code: number) => ({ kind: 'status', status: code }) as const;

// The dashboard is refused, not the sign-in: that has succeeded, and the surface tries again by itself.
const REFUSED = 'CONSOLE_DASHBOARD_MISSING';

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
    [status(404), REFUSED],
    [RESET, 'CONSOLE_LOAD_FAILED'],
    [status(503), 'CONSOLE_LOAD_FAILED'],
    [DOWN, 'CONSOLE_LOAD_FAILED'],
    // Its renderer may have died of it before the next look at its memory.
    [HUGE, /^(CONSOLE_LOAD_FAILED|RENDERER_GONE)$/],
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
      await misbehave(stage, service, fault);
      const failed = await (code === REFUSED ? renewInVain : failToRenew)(wall, tray);
      expect
        .soft(failed, JSON.stringify(fault))
        .toMatchObject({ code: typeof code === 'string' ? code : expect.stringMatching(code), level: 'warn' });
      expect.soft(String(failed['reason']).length, JSON.stringify(fault)).toBeGreaterThan(20);
      if (code !== REFUSED) continue;
      const shows = wall.log.of('surface.shows').length;
      await stage.control.heal(service);
      await wall.says('surface.shows', { after: shows });
    }
    await stage.control.heal(service);
    await renew(wall, tray);
    await watching.sees('dashboard');
    const seen = await watching.stop();
    expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  });
}

async function misbehave({ control }: Stage, service: ServiceName, fault: Fault): Promise<void> {
  await control.heal(service);
  // A page that shows would read endless data until it takes too much memory: what has no end are pages that are to follow it.
  if (service === 'console' && fault.kind === 'huge') control.failPages(fault);
  else await control.fail(service, fault);
}

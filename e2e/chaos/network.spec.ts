import type { Fault } from '../../src/standin/fault-proxy/index.ts';
import { Trial, expect, expectToHaveStood, test } from '../support/chaos.ts';

// One wall for all of them, one after the other; after a test that failed the next one gets a fresh one.
test.describe.configure({ mode: 'default' });

let trial: Trial;
test.beforeAll(async ({ display, executable, sharedKeys, sharedTray }) => {
  trial = await Trial.begin({ display, executable, sharedKeys, sharedTray });
});
test.afterAll(async () => {
  await trial.endWithoutSecrets();
});

for (const [what, fault, code] of [
  ['refuses connections', { kind: 'refuse' }, 'NETWORK_REFUSED'],
  ['swallows all that is sent', { kind: 'black-hole' }, 'NETWORK_TIMEOUT'],
  ['resets connections', { kind: 'reset' }, 'NETWORK_INTERRUPTED'],
  ['cuts answers in the middle', { kind: 'cut', afterBytes: 300 }, 'NETWORK_INTERRUPTED'],
  ['shows the page of a guest portal', { kind: 'captive', answer: 'page' }, /^(NETWORK|SERVER)_/],
] as const satisfies readonly (readonly [string, Fault, string | RegExp])[]) {
  test(`a network that ${what}: the picture stands, and the wall renews by itself when it is over`, async ({
    eyes,
  }) => {
    const before = trial.signIns;
    const seen = await eyes.through(async () => {
      const { lives } = trial;
      const failed = await trial.through(fault, () => trial.failToRenew());
      expect(failed).toMatchObject({ code: expect.stringMatching(code), failures: 1, level: 'warn' });
      await trial.wall.isLive(lives + 1);
    });
    expectToHaveStood(seen);
    expect(trial.signIns).toEqual({ begun: before.begun + 1, logins: before.logins + 1 });
  });
}

test('a network that is slow: the wall renews through it, behind its picture', async ({ eyes }) => {
  const before = trial.signIns;
  const seen = await eyes.through(async () => {
    await trial.network.control.on('late', { kind: 'latency', ms: 150, jitterMs: 150 });
    await trial.through({ kind: 'throttle', bytesPerSecond: 50_000 }, () => trial.renew());
    await trial.network.control.off();
  });
  expectToHaveStood(seen);
  expect(trial.signIns).toEqual({ begun: before.begun + 1, logins: before.logins + 1 });
});

// Answers of the kind 5xx are in bad-answers.spec.ts, names that are not found in bad-networks.spec.ts.
// Longer than the first step of the backoff.
const RETRY_AFTER_SECONDS = 6;
for (const [server, only, code] of [
  ['the auto-id server', 'autoid', /^SERVER_/],
  ['STS', 'sts', /^STS_/],
  ['the federation endpoint', 'federation', /^FEDERATION_/],
  ['the console', 'console', /^CONSOLE_/],
] as const) {
  test(`${server} has no time: 429 with Retry-After, which is waited for behind the picture`, async ({ eyes }) => {
    const seen = await eyes.through(async () => {
      const { lives } = trial;
      const busy = { kind: 'answer', status: 429, retryAfterSeconds: RETRY_AFTER_SECONDS, only: [only] } as const;
      const failed = await trial.through(busy, () => trial.failToRenew());
      expect(failed).toMatchObject({ failures: 1, code: expect.stringMatching(code) });
      const waitMs = Date.parse(String(failed['nextTryAt'])) - Date.parse(failed.time);
      expect(waitMs).toBeGreaterThan(RETRY_AFTER_SECONDS * 1000 - 500);
      await trial.wall.isLive(lives + 1);
    });
    expectToHaveStood(seen);
  });
}

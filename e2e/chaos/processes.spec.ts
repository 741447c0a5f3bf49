import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECK_MS, expect, expectNothingForLong, expectToHaveStood, onOneWall, test } from '../support/chaos.ts';
import type { Folders } from '../support/folders.ts';
import { INSPECTED, runInMain } from '../support/inspector.ts';

// Longer than any page may take to answer.
const ASLEEP_MS = 8_000;

onOneWall('processes:', { flags: [INSPECTED] }, (trial) => {
  test('a graphics process that is killed is started again, and the dashboard drawn', async ({ eyes }) => {
    const { wall, signIns } = trial();
    const seen = await eyes.through(async () => {
      expect(trial().kill('--type=gpu-process')).toBe(1);
      await wall.says('process.gone', { where: ({ type }) => type === 'GPU' });
      await expect.poll(() => trial().count('--type=gpu-process')).toBe(1);
      // And the page has gone on.
      const { control } = trial().stage;
      const { length } = control.dataCalls();
      await expect.poll(() => control.dataCalls().length).toBeGreaterThan(length + 4);
    });
    expectNothingForLong(seen);
    expect(trial().signIns).toEqual(signIns);
  });

  test('a sleep of the whole wall: the picture stands, nothing is taken for hung, the next renewal is good', async ({
    eyes,
  }) => {
    const { wall, signIns } = trial();
    const seen = await eyes.through(async () => {
      const all = wall.processes();
      for (const { pid } of all) process.kill(pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, ASLEEP_MS));
      for (const { pid } of all.toReversed()) process.kill(pid, 'SIGCONT');
      await trial().renew();
    });
    expectToHaveStood(seen);
    expect(wall.log.of('view.gone')).toEqual([]);
    expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
  });

  test('a clock that is set two hours ahead, and back: the wall signs in by it, and the picture stands', async ({
    eyes,
  }) => {
    const { wall, lives } = trial();
    const seen = await eyes.through(async () => {
      const jump = (ms: number) =>
        runInMain(() => wall.output, `Date.now = ((now) => () => now() + ${String(ms)})(Date.now), 0`);
      await jump(7_200_000);
      await wall.isLive(lives + 1);
      await jump(-7_200_000);
      await trial().renew();
    });
    expectToHaveStood(seen);
  });

  test('an exception that nobody caught: the wall starts afresh, once, and goes live', async ({ eyes }) => {
    const { wall, signIns, lives } = trial();
    const seen = await eyes.through(async () => {
      await runInMain(() => wall.output, "setTimeout(() => { throw new Error('out of nowhere') }), 0");
      expect(await wall.ended).toEqual({ code: 70, signal: null });
      // It has started itself again, and goes on in the same log.
      await wall.log.next('wall.start', { after: 1 });
      await wall.log.next('session.live', { after: lives });
    });
    expect(wall.log.of('process.uncaught-exception')).toHaveLength(1);
    expectNothingForLong(seen);
    expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
  });
});

// What crash-loop.ts makes of three runs in a row that came to a bad end.
const HOLD_MS = 30_000;
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The wall has failed twice already, not long ago. */
function rememberTwoFailures({ profile }: Folders): void {
  const run = { version, accelerated: true, gpuDeaths: [], settled: false, end: 'exception' };
  const runs = [300_000, 200_000].map((agoMs) => ({ ...run, startedAt: Date.now() - agoMs }));
  writeFileSync(join(profile, 'crash-memory.json'), JSON.stringify({ runs }));
}

onOneWall('a wall', { flags: [INSPECTED], before: rememberTwoFailures }, (trial) => {
  test('that fails again and again says so and holds back, and then goes live', async ({ eyes }) => {
    const { wall, signIns, lives } = trial();
    const seen = await eyes.through(async ({ sees }) => {
      await runInMain(() => wall.output, "setTimeout(() => { throw new Error('out of nowhere') }), 0");
      await wall.ended;
      expect(await wall.log.next('crash-memory.decision', { after: 1 })).toMatchObject({
        mode: 'safe',
        holdMs: HOLD_MS,
      });
      await sees('notice');
      await wall.log.next('session.live', { after: lives });
    });
    const others = seen.stretches.filter(({ kind }) => kind !== 'dashboard' && kind !== 'notice');
    expect(others.filter(({ ms }) => ms > CHECK_MS)).toEqual([]);
    const notices = seen.stretches.filter(({ kind }) => kind === 'notice');
    expect(Math.max(...notices.map(({ ms }) => ms))).toBeGreaterThan(HOLD_MS / 2);
    expect(trial().signIns).toEqual({ begun: signIns.begun + 1, logins: signIns.logins + 1 });
  });
});

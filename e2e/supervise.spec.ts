import { waitUntil } from '../scripts/lib/process.mjs';
import { processTree } from './support/processes.ts';
import { Supervised } from './support/supervised.ts';
import { test as base, expect } from './support/test.ts';

const test = base.extend<{ supervised: Supervised }>({
  supervised: async ({ folders, display, stage, executable }, use, testInfo) => {
    const { environment } = stage;
    const supervised = new Supervised({ folders, display: display.env, environment, executable });
    await use(supervised);
    await supervised.stop();
    if (testInfo.status !== 'passed') await testInfo.attach('supervisor', { body: supervised.output });
  },
});

// A hang takes three checks to show, and a trial a quarter of a minute of being live.
test.describe.configure({ timeout: 600_000 });

/** Every wall's main process among what the supervisor has started. */
function mainProcesses(supervised: Supervised): readonly number[] {
  const pids = supervised.said('wall.start').map(({ pid }) => Number(pid));
  return pids.filter((pid) => processTree(pid).length > 0);
}

test('a wall is started again after a SIGKILL, a hang, and six deaths of its GPU process', async ({
  supervised,
  monitor,
}) => {
  await supervised.put('versions', '1.0.0');
  await supervised.start();
  await supervised.says('wall.live');
  await monitor.shows('dashboard');
  await supervised.pointsAt('1.0.0');

  process.kill(supervised.wallPid(), 'SIGKILL');
  expect(await supervised.says('wall.ended')).toMatchObject({ how: 'signal SIGKILL' });
  await supervised.says('wall.live', 1);
  await monitor.shows('dashboard');

  process.kill(supervised.wallPid(), 'SIGSTOP');
  expect(await supervised.says('wall.fault')).toMatchObject({ how: 'hung' });
  await supervised.says('wall.live', 2);
  await monitor.shows('dashboard');

  const crashing = supervised.wallPid();
  await waitUntil(
    () => {
      const gpu = processTree(crashing).find(({ commandLine }) => commandLine.includes('--type=gpu-process'));
      if (gpu !== undefined) process.kill(gpu.pid, 'SIGKILL');
      return supervised.said('wall.ended').length > 2;
    },
    { what: 'The wall did not end with its GPU process', timeoutMs: 60_000 },
  );
  // An instruction that ends it, which no JavaScript sees.
  expect(String(supervised.said('wall.ended')[2]?.['how'])).toMatch(/^signal SIG(TRAP|ILL|ABRT)$/);
  await supervised.says('wall.live', 3);
  await monitor.shows('dashboard');

  expect(mainProcesses(supervised)).toEqual([supervised.wallPid()]);
  supervised.kill('SIGTERM');
  expect(await supervised.ended()).toBe(0);
  expect(mainProcesses(supervised)).toEqual([]);
});

test('a new version takes over once it is live, and a broken one is left for the one before', async ({
  supervised,
  monitor,
}) => {
  await supervised.put('versions', '1.0.0');
  await supervised.start();
  await supervised.says('wall.live');
  await supervised.pointsAt('1.0.0');

  await supervised.put('incoming', '1.1.0');
  expect(await supervised.says('trial.begin')).toMatchObject({ version: '1.1.0', fair: true });
  expect(await supervised.pointer()).toBe('1.0.0');
  await supervised.pointsAt('1.1.0');
  await monitor.shows('dashboard');

  await supervised.put('incoming', '1.2.0', 'exit 3');
  expect(await supervised.says('trial.lost')).toMatchObject({ version: '1.2.0', how: 'exit 3' });
  expect(await supervised.says('version.refused')).toMatchObject({ version: '1.2.0', code: 'SUPERVISE_TRIAL_FAILED' });
  await monitor.shows('dashboard');
  expect(await supervised.pointer()).toBe('1.1.0');
  expect(supervised.said('wall.start').map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '1.2.0', '1.1.0']);
  expect(mainProcesses(supervised)).toEqual([supervised.wallPid()]);
});

test('a supervisor that is killed leaves the picture, and the next one takes the wall over', async ({
  supervised,
  monitor,
}) => {
  await supervised.put('versions', '1.0.0');
  await supervised.start();
  await supervised.says('wall.live');
  await supervised.pointsAt('1.0.0');
  const pid = supervised.wallPid();
  const watching = await monitor.watch();
  await watching.sees('dashboard');

  supervised.kill('SIGKILL');
  await supervised.ended();
  await supervised.start();
  expect(await supervised.says('wall.adopted')).toMatchObject({ version: '1.0.0' });
  await supervised.says('wall.live', 1);
  await watching.sees('dashboard');
  const seen = await watching.stop();

  expect(seen.kinds).toEqual({ dashboard: seen.frames, blank: 0, notice: 0, unknown: 0 });
  expect(mainProcesses(supervised)).toEqual([pid]);
  supervised.kill('SIGTERM');
  expect(await supervised.ended()).toBe(0);
  expect(mainProcesses(supervised)).toEqual([]);
});

import { once } from 'node:events';
import { chmod, cp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { SupervisorPolicy } from '../../core/supervisor/state.ts';
import { createNodeClock } from '../../node/clock.ts';
import { type Log, createLog } from '../../node/log.ts';
import { createNodeRandom } from '../../node/random.ts';
import type { SupervisorOptions, Times } from './options.ts';
import { writePointer } from './root.ts';
import { type RunningSupervisor, startSupervisor } from './supervisor.ts';
import { type Behaviour, PLATFORM, type Stage, createStage, flip, runScript } from './testing/stage.ts';
import { QUICK, QUICK_RUN } from './testing/times.ts';

// Generous: processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 240_000 });

interface Logged {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

type Changes = Partial<Omit<SupervisorOptions, 'policy' | 'times'>> & {
  policy?: Partial<SupervisorPolicy>;
  times?: Partial<Times>;
};

/** A folder of versions, and the supervisors that a test starts there. */
class Scene {
  readonly stage: Stage;
  readonly #logged: Logged[] = [];
  readonly #running: RunningSupervisor[] = [];
  readonly #logs: Log[] = [];
  readonly #children: ReturnType<typeof runScript>[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
  }

  readonly start = async ({ policy, times, ...changes }: Changes = {}): Promise<RunningSupervisor> => {
    const { stage } = this;
    const log = createLog({
      folder: stage.root.logs,
      name: 'supervisor.log',
      also: (line) => this.#logged.push(JSON.parse(line) as Logged),
    });
    this.#logs.push(log);
    const supervisor = await startSupervisor({
      root: stage.root,
      keys: [stage.publicKey],
      platform: PLATFORM,
      allowDowngrade: false,
      wallArguments: [],
      env: { PATH: process.env['PATH'], FAKE_WALL_FOLDER: stage.folder },
      logger: log.logger,
      onSecret: (secret) => log.redactor.add(secret),
      clock: createNodeClock(),
      random: createNodeRandom(),
      ...changes,
      policy: { ...QUICK, ...policy },
      times: { ...QUICK_RUN.times, ...times },
    });
    this.#running.push(supervisor);
    return supervisor;
  };

  /** A supervisor as a process that can be killed. */
  readonly launch = async (): Promise<ReturnType<typeof runScript>> => {
    const { stage } = this;
    const key = stage.file('release.pub');
    await writeFile(key, stage.publicKey.export({ type: 'spki', format: 'pem' }));
    const child = runScript('run.ts', [stage.root.folder, key], { FAKE_WALL_FOLDER: stage.folder });
    child.stdout?.resume();
    child.stderr?.resume();
    this.#children.push(child);
    return child;
  };

  readonly said = (event: string): readonly Logged[] => this.#logged.filter((line) => line.event === event);

  /** A version is refused for this; while it was still being copied it may have been for its being incomplete. */
  readonly isRefused = (code: string): Promise<void> =>
    until(() => this.said('version.not-taken').some(({ error }) => (error as { code?: string }).code === code));

  readonly starts = async () => (await this.stage.ledger()).filter(({ what }) => what.startsWith('start'));

  readonly pointsAt = (version: string): Promise<void> => until(async () => (await this.stage.pointer()) === version);

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const one of this.#running) {
      one.stop();
      one.stop();
      await one.ended;
    }
    for (const log of this.#logs) await log.close();
    const doubles = (await this.stage.ledger()).filter(({ what }) => what.startsWith('doubles'));
    await this.stage.close();
    expect(doubles).toEqual([]);
  }
}

const until = (condition: () => unknown): Promise<void> =>
  vi.waitFor(
    async () => {
      expect(await condition()).toBeTruthy();
    },
    { timeout: 110_000, interval: 50 },
  );

/** Each test has a scene of its own, so they can run beside each other: most of their time is waiting for processes. */
const it = test.extend<{ scene: Scene }>({
  // eslint-disable-next-line no-empty-pattern -- vitest reads from the pattern which fixtures are wanted
  scene: async ({}, use) => {
    const scene = new Scene(await createStage());
    await use(scene);
    await scene.close();
  },
});
/** With a version in place. */
const itInstalled = it.extend<{ scene: Scene }>({
  scene: async ({ scene }, use) => {
    await scene.stage.install('1.0.0');
    await use(scene);
  },
});

describe.concurrent('a wall', () => {
  itInstalled('is started, and once it is live the pointer names it', async ({ scene: { stage, start, pointsAt } }) => {
    await start();
    await stage.isLive('1.0.0');
    await pointsAt('1.0.0');
  });

  itInstalled(
    'is started again after a SIGKILL, and told how often and why',
    async ({ scene: { stage, start, starts } }) => {
      await start();
      process.kill(await stage.isLive('1.0.0'), 'SIGKILL');
      await until(async () => (await starts()).length === 2);
      await stage.isLive('1.0.0');
      expect((await starts())[1]?.what).toBe('start restarts=1 last=signal SIGKILL');
    },
  );

  itInstalled('that hangs is started again', async ({ scene: { stage, start, said, starts } }) => {
    await start({ policy: { graceMs: 100 }, times: { answerMs: 500 } });
    const pid = await stage.isLive('1.0.0');
    process.kill(pid, 'SIGSTOP');
    await until(async () => (await starts()).some((one) => one.pid !== pid));
    expect(said('wall.fault')[0]).toMatchObject({ how: 'hung' });
    await stage.isLive('1.0.0');
  });

  itInstalled('that the operator quits takes the supervisor with it', async ({ scene: { stage, start, starts } }) => {
    const supervisor = await start();
    await stage.isLive('1.0.0');
    await writeFile(stage.file('quit'), '');
    expect(await supervisor.ended).toBe(0);
    expect(await starts()).toHaveLength(1);
  });

  itInstalled('is ended before the supervisor ends', async ({ scene: { stage, start } }) => {
    const supervisor = await start();
    const pid = await stage.isLive('1.0.0');
    supervisor.stop();
    expect(await supervisor.ended).toBe(0);
    expect((await stage.ledger()).at(-1)).toEqual({ version: '1.0.0', pid, what: 'end 0' });
    expect((await readdir(stage.root.state)).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  itInstalled('is started anew where that is asked for', async ({ scene: { stage, start, starts } }) => {
    const supervisor = await start();
    const pid = await stage.isLive('1.0.0');
    supervisor.restart();
    await until(async () => (await starts()).some((one) => one.pid !== pid));
    expect((await stage.ledger()).some((one) => one.pid === pid && one.what === 'end 0')).toBe(true);
  });

  itInstalled('has its folder of state to itself', async ({ scene: { stage, start } }) => {
    await start();
    await stage.isLive('1.0.0');
    expect((await stat(stage.root.state)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(stage.root.state)) {
      expect((await stat(join(stage.root.state, name))).mode & 0o077).toBe(0);
    }
  });
});

it.concurrent('ends a wall that ignores SIGTERM by force', async ({ scene: { stage, start } }) => {
  await stage.install('1.0.0', { stubborn: true });
  const supervisor = await start({ policy: { graceMs: 100 } });
  const pid = await stage.isLive('1.0.0');
  supervisor.stop();
  expect(await supervisor.ended).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow();
});

it.concurrent(
  'is patient with a wall that has no settings, and never gives up',
  async ({ scene: { stage, start, said, starts } }) => {
    await stage.install('1.0.0', { exit: 2 });
    await start();
    await until(async () => (await starts()).length >= 4);
    expect(said('wall.restart-later').every(({ waitMs }) => Number(waitMs) >= 50)).toBe(true);
  },
);

it.concurrent(
  'reads all that a wall says, and logs it without secrets, and not without end',
  async ({ scene: { stage, start, said } }) => {
    const secret = 'https://eu-west-1.signin.aws.amazon.com/federation?SigninToken=abcdefghijklmnop';
    await stage.install('1.0.0', { say: `${secret}\n${'x'.repeat(300_000)}\n${'line\n'.repeat(5_000)}` });
    await start();
    await stage.isLive('1.0.0');
    // The longest line is cut by the log itself.
    await until(() => said('wall.output').length + said('log.line-cut').length >= 200);
    const text = await readFile(join(stage.root.logs, 'supervisor.log'), 'utf8');
    expect(text).toContain('/federation?[redacted]');
    expect(text).not.toContain('abcdefghijklmnop');
    expect(said('wall.output')).toHaveLength(199);
  },
);

describe.concurrent('a command of its own', () => {
  it('is kept running without versions and without a key', async ({ scene: { stage, start, starts } }) => {
    const made = await stage.make('0.0.1');
    await start({ keys: [], command: [join(made, 'wall'), '--windowed'] });
    process.kill(await stage.isLive('0.0.1'), 'SIGSEGV');
    await until(async () => (await starts()).length === 2);
    expect(await stage.pointer()).toBeUndefined();
  });

  it('that is not there is tried again and again', async ({ scene: { stage, start, said } }) => {
    await start({ keys: [], command: [join(stage.folder, 'nowhere')] });
    await until(() => said('wall.ended').length >= 3);
    expect(said('wall.ended')[0]).toMatchObject({ how: 'not started: ENOENT' });
  });
});

describe.concurrent('the wall beside the command', () => {
  it('runs where there is no version, makes way for a newer one, and takes its place again when it is newer itself', async ({
    scene: { stage, start, starts, pointsAt },
  }) => {
    const beside = async (version: string) => ({ file: join(await stage.make(version), 'wall'), version });
    const first = await start({ installed: await beside('1.0.0') });
    await stage.isLive('1.0.0');
    await pointsAt('installed');
    await stage.drop('1.1.0');
    await pointsAt('1.1.0');
    first.stop();
    await first.ended;
    const second = await start({ installed: await beside('1.0.0') });
    await until(async () => (await starts()).length === 3);
    await stage.isLive('1.1.0');
    second.stop();
    await second.ended;
    // The package was exchanged for a newer one.
    await start({ installed: await beside('2.0.0') });
    await pointsAt('installed');
    expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '1.1.0', '1.1.0', '2.0.0']);
  });
});

describe.concurrent('a new version', () => {
  itInstalled(
    'takes over, and what is older than the one before it is removed once it runs well',
    async ({ scene: { stage, start, starts, pointsAt } }) => {
      await stage.install('0.8.0');
      await stage.install('0.9.0');
      await start({ policy: { settledMs: 500 } });
      await pointsAt('1.0.0');
      const dropped = await stage.drop('1.1.0');
      await stage.isLive('1.1.0');
      await pointsAt('1.1.0');
      await until(async () => (await readdir(stage.root.versions)).sort().join() === '1.0.0,1.1.0');
      await expect(stat(dropped)).rejects.toThrow();
      expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0']);
    },
  );

  itInstalled('is used by the next supervisor too', async ({ scene: { stage, start, starts, pointsAt } }) => {
    const first = await start();
    await pointsAt('1.0.0');
    await stage.drop('1.1.0');
    await pointsAt('1.1.0');
    first.stop();
    await first.ended;
    await start();
    await until(async () => (await starts()).length === 3);
    expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '1.1.0']);
  });

  itInstalled.for<[string, Behaviour, Partial<SupervisorPolicy>]>([
    ['exits at once', { exit: 1 }, {}],
    ['ends as if it had been quit', { exit: 0 }, {}],
    ['crashes', { signal: 'SIGTRAP' }, {}],
    ['never answers', { silent: true }, { trialMs: 4_000 }],
    ['is never live', { ill: true }, { trialMs: 4_000 }],
  ])(
    'that %s is left for the old one, and is not tried again',
    async ([, behaviour, policy], { scene: { stage, start, starts, pointsAt } }) => {
      await start({ policy });
      await pointsAt('1.0.0');
      await stage.drop('1.1.0', behaviour);
      await until(() => stage.refused());
      await stage.isLive('1.0.0');
      expect(await stage.pointer()).toBe('1.0.0');
      // Dropped again unchanged, it is still refused; the next one is tried.
      await cp(join(stage.root.versions, '1.1.0'), join(stage.root.incoming, 'again'), { recursive: true });
      await until(async () => (await readdir(stage.root.incoming)).length === 0);
      await stage.drop('1.2.0');
      await pointsAt('1.2.0');
      expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '1.0.0', '1.2.0']);
    },
  );

  itInstalled(
    'that was refused is tried again when its files change',
    async ({ scene: { stage, start, pointsAt } }) => {
      await start();
      await pointsAt('1.0.0');
      await stage.drop('1.1.0', { exit: 1 });
      await until(() => stage.refused());
      await stage.drop('1.1.0');
      await pointsAt('1.1.0');
    },
  );

  itInstalled('waits while the old one has no network', async ({ scene: { stage, start, said, starts } }) => {
    await writeFile(stage.file('no-network'), '');
    await start({ policy: { trialMs: 500 } });
    await stage.drop('1.1.0');
    await until(() => said('version.taken').length > 0 && said('wall.ill').length > 0);
    // Some looks later it still has not been tried.
    await until(() => readdir(stage.root.incoming).then((names) => names.length === 0));
    expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0']);
    await rm(stage.file('no-network'));
    await until(async () => (await starts()).length === 2);
    expect((await starts())[1]?.version).toBe('1.1.0');
  });

  itInstalled(
    'whose number is in use is not taken with other files',
    async ({ scene: { stage, start, isRefused, starts, pointsAt } }) => {
      await start();
      await pointsAt('1.0.0');
      await stage.drop('1.0.0', { ill: true });
      await isRefused('SUPERVISE_VERSION_TAKEN');
      expect(await starts()).toHaveLength(1);
    },
  );

  itInstalled(
    'that is older is refused, unless that is allowed',
    async ({ scene: { stage, start, isRefused, pointsAt } }) => {
      const first = await start();
      await pointsAt('1.0.0');
      await stage.drop('0.9.0');
      await isRefused('SUPERVISE_DOWNGRADE');
      first.stop();
      await first.ended;
      await start({ allowDowngrade: true });
      await pointsAt('0.9.0');
      await stage.isLive('0.9.0');
    },
  );
});

describe.concurrent('a version that is not what was signed', () => {
  const spoiled = ['wall', 'manifest.json'];

  it.for(spoiled)(
    'by one byte of %s is refused in incoming/',
    async (name, { scene: { stage, start, said, pointsAt } }) => {
      await stage.install('1.0.0');
      const at = await stage.make('1.1.0');
      await flip(join(at, name));
      await start();
      await pointsAt('1.0.0');
      await rename(at, join(stage.root.incoming, 'new'));
      await until(() => said('version.not-taken').length > 0);
      expect(await readdir(stage.root.versions)).toEqual(['1.0.0']);
      expect(await readdir(stage.root.incoming)).toEqual(['new']);
    },
  );

  it.for(spoiled)(
    'by one byte of %s is refused in versions/ too, though the pointer names it',
    async (name, { scene: { stage, start, starts, pointsAt } }) => {
      await stage.install('1.0.0');
      const at = await stage.install('1.1.0');
      await writePointer(stage.root, '1.1.0');
      await flip(join(at, name));
      await start();
      await pointsAt('1.0.0');
      expect((await starts()).map(({ version }) => version)).toEqual(['1.0.0']);
    },
  );

  it('is not started again once its files have changed under a running wall', async ({
    scene: { stage, start, said },
  }) => {
    await stage.install('0.9.0');
    const at = await stage.install('1.0.0');
    await start();
    const pid = await stage.isLive('1.0.0');
    await flip(join(at, 'wall'));
    process.kill(pid, 'SIGKILL');
    await stage.isLive('0.9.0');
    expect(said('version.not-taken')[0]).toMatchObject({ error: { code: 'SUPERVISE_FILES_CHANGED' } });
  });

  it('is taken when the rest of it arrives', async ({ scene: { stage, start, said, pointsAt } }) => {
    await stage.install('1.0.0');
    await start();
    await pointsAt('1.0.0');
    const made = await stage.make('1.1.0');
    const at = join(stage.root.incoming, 'new');
    await cp(made, at, { recursive: true, filter: (path) => !path.endsWith('ballast') });
    await until(() => said('version.not-taken').length > 0);
    await cp(join(made, 'resources', 'ballast'), join(at, 'resources', 'ballast'));
    await pointsAt('1.1.0');
  });

  it('is mended when it is dropped anew', async ({ scene: { stage, start, pointsAt } }) => {
    await stage.install('1.0.0');
    const at = await stage.install('1.1.0');
    const sound = stage.file('sound');
    await cp(at, sound, { recursive: true });
    await writePointer(stage.root, '1.1.0');
    await flip(join(at, 'wall'));
    await start();
    await pointsAt('1.0.0');
    await rename(sound, join(stage.root.incoming, 'sound'));
    await pointsAt('1.1.0');
    await stage.isLive('1.1.0');
  });
});

describe.concurrent('a pointer', () => {
  it.for(['', '{"version":"1.0', '{"version":"../../bin"}', '[]', '{"version":"7.7.7"}'])(
    'that holds %j gives way to the newest good version',
    async (text, { scene: { stage, start, pointsAt } }) => {
      await stage.install('1.0.0');
      await stage.install('1.1.0');
      await writeFile(stage.root.pointer, text);
      await start();
      await pointsAt('1.1.0');
    },
  );
});

describe.concurrent('a supervisor that is killed', () => {
  it('leaves a wall that the next one takes over', async ({
    scene: { stage, start, launch, said, starts, pointsAt },
  }) => {
    await stage.install('1.0.0');
    const first = await launch();
    const pid = await stage.isLive('1.0.0');
    await pointsAt('1.0.0');
    first.kill('SIGKILL');
    await once(first, 'exit');
    const second = await start();
    await until(() => said('wall.live').length > 0);
    expect(said('wall.adopted')).toHaveLength(1);
    expect((await starts()).map((one) => one.pid)).toEqual([pid]);
    // It looks after it as after its own.
    process.kill(pid, 'SIGKILL');
    await until(async () => (await starts()).length === 2);
    await stage.isLive('1.0.0');
    second.stop();
    expect(await second.ended).toBe(0);
  });

  it.for([
    'supervisor.start',
    'version.verified',
    'wall.start',
    'wall.live',
    'pointer.moved',
    'version.taken',
    'trial.begin',
    'wall.ended',
    'trial.won',
  ])(
    'at %s is followed by one that has one wall, of the new version',
    async (event, { scene: { stage, start, launch, pointsAt } }) => {
      await stage.install('1.0.0');
      const child = await launch();
      let text = '';
      child.stdout?.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        if (text.includes(`"event":"${event}"`)) child.kill('SIGKILL');
      });
      if (['version.taken', 'trial.begin', 'wall.ended', 'trial.won'].includes(event)) await pointsAt('1.0.0');
      await stage.drop('1.1.0');
      if (child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe('SIGKILL');
      await start();
      await pointsAt('1.1.0');
      await stage.isLive('1.1.0');
    },
  );

  it('is alone with its folder', async ({ scene: { stage, start, launch, starts } }) => {
    await stage.install('1.0.0');
    await launch();
    await stage.isLive('1.0.0');
    await expect(start()).rejects.toMatchObject({ code: 'SUPERVISE_RUNNING' });
    expect(await starts()).toHaveLength(1);
  });

  it('does not take a process for the wall that only has its number', async ({ scene: { stage, start, said } }) => {
    await stage.install('1.0.0');
    const record = {
      program: { id: '1.0.0', kind: 'version', version: '1.0.0', digest: 'x' },
      healthFile: join(stage.root.state, 'health-1-1.json'),
      pid: process.pid,
      identity: 'another boot 12345',
    };
    await writeFile(join(stage.root.state, 'wall.json'), JSON.stringify(record));
    await start();
    await stage.isLive('1.0.0');
    expect(said('wall.adopted')).toEqual([]);
  });
});

it.concurrent('refuses a folder that everybody may write to', async ({ scene: { stage, start } }) => {
  await chmod(stage.root.folder, 0o777);
  await expect(start()).rejects.toMatchObject({ code: 'SUPERVISE_FOLDER_UNUSABLE' });
});

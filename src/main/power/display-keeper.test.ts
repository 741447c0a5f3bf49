import { describe, expect, it } from 'vitest';
import { parseXset } from '../../core/lifecycle/xset.ts';
import { isInstalled, type ProgramCall, type ProgramResult, runProgram } from '../../node/run-program.ts';
import { startDisplay } from '../../../scripts/display.mjs';
import { DisplayKeeper } from './display-keeper.ts';
import type { Surroundings } from './display-plan.ts';

const POWER = '  Standby: 600    Suspend: 600    Off: 600\n  DPMS is Enabled\n  Monitor is On\n';
const answer = (power: string) =>
  `Screen Saver:\n  prefer blanking:  yes    allow exposures:  yes\n  timeout:  600    cycle:  600\nDPMS (Energy Star):\n${power}`;

interface Stage {
  readonly platform?: string;
  readonly env?: Record<string, string>;
  readonly programs?: readonly string[];
  readonly run?: (call: ProgramCall) => Promise<Partial<ProgramResult>>;
}

function stage({ platform = 'linux', env = { DISPLAY: ':0' }, programs = ['xset'], run }: Stage = {}) {
  const called: string[] = [];
  const logged: string[] = [];
  const blockers: string[] = [];
  const held = new Map<number, string>();
  const surroundings: Surroundings = { platform, env, has: (program) => programs.includes(program) };
  const power = new DisplayKeeper({
    surroundings,
    run: async (call) => {
      called.push([call.command, ...call.args].join(' '));
      const result = await (run?.(call) ?? Promise.resolve({ output: call.args[0] === 'q' ? answer(POWER) : '' }));
      return { ok: true, output: '', why: '', ...result };
    },
    blocker: {
      start(type) {
        blockers.push(type);
        held.set(blockers.length, type);
        return blockers.length;
      },
      stop: (id) => held.delete(id),
    },
    logger: {
      log: (_level, event, fields) =>
        void logged.push(typeof fields?.['why'] === 'string' ? `${event} ${fields['why']}` : event),
    },
  });
  return { power, called, logged, held: () => [...held.values()], blockers };
}

describe('by day', () => {
  it('displays are kept on, by the system and by the X server', async () => {
    const { power, called, held, logged } = stage();
    await power.wakeDisplays();
    expect(called).toEqual(['xset q', 'xset s off s noblank -dpms']);
    expect(held()).toEqual(['prevent-display-sleep']);
    expect(logged).toEqual(['display.lit']);
  });

  it('it can be asked for again, and one blocker is held', async () => {
    const { power, held, blockers, logged, called } = stage();
    for (let i = 0; i < 5; i++) await power.wakeDisplays();
    expect(blockers).toHaveLength(1);
    for (let i = 0; i < 4; i++) await power.again();
    expect(held()).toEqual(['prevent-display-sleep']);
    expect(blockers).toHaveLength(5);
    expect(called).toHaveLength(10);
    expect(logged).toEqual(['display.lit']);
  });

  it('nothing is run where displays are not switched by a server that has to be asked', async () => {
    const { power, called, held } = stage({ platform: 'darwin' });
    await power.wakeDisplays();
    expect(called).toEqual([]);
    expect(held()).toEqual(['prevent-display-sleep']);
  });
});

describe('by night', () => {
  it('displays sleep, the machine does not, and in the morning they are on again', async () => {
    const { power, called, held } = stage();
    await power.wakeDisplays();
    called.length = 0;
    await power.sleepDisplays();
    expect(called).toEqual(['xset q', 'xset +dpms dpms 60 60 60 dpms force off']);
    expect(held()).toEqual(['prevent-app-suspension']);
    called.length = 0;
    await power.wakeDisplays();
    expect(called).toEqual(['xset q', 'xset s reset s off s noblank dpms force on -dpms']);
    expect(held()).toEqual(['prevent-display-sleep']);
  });

  it('a system without power management is told of once, and stays black', async () => {
    const output = answer('  Server does not have the DPMS Extension\n');
    const { power, called, logged } = stage({ run: () => Promise.resolve({ output }) });
    await power.sleepDisplays();
    for (let i = 0; i < 2; i++) await power.again();
    expect(called).toEqual(['xset q', 'xset q', 'xset q']);
    expect(logged.filter((line) => line.startsWith('display.cannot-switch'))).toHaveLength(1);
  });

  it('calls of one kind are made once for each change', async () => {
    const { power, called } = stage({ platform: 'darwin' });
    await power.sleepDisplays();
    await power.sleepDisplays();
    await power.wakeDisplays();
    await power.wakeDisplays();
    expect(called).toEqual(['/usr/bin/pmset displaysleepnow', '/usr/bin/caffeinate -u -t 2']);
  });
});

describe('whatever happens', () => {
  it('a program that is missing, fails or is late is told of once', async () => {
    const { power, logged } = stage({ run: () => Promise.resolve({ ok: false, why: 'it did not end within 5 s' }) });
    await power.wakeDisplays();
    await power.sleepDisplays();
    await power.wakeDisplays();
    await power.close();
    expect(logged.filter((line) => line.includes('did not end'))).toEqual([
      'display.cannot-ask xset: it did not end within 5 s',
    ]);
  });

  it('where nothing can be done that is told once, and nothing rejects', async () => {
    const { power, logged } = stage({ env: {} });
    await power.sleepDisplays();
    await power.wakeDisplays();
    await power.close();
    expect(logged.filter((line) => line.startsWith('display.cannot'))).toEqual([
      'display.cannot-switch The environment names no display.',
    ]);
  });

  it('of wishes that wait only the last is done', async () => {
    let release: (() => void) | undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    const { power, called } = stage({
      run: async ({ args }) => {
        if (called.length === 1) await first;
        return { output: args[0] === 'q' ? answer(POWER) : '' };
      },
    });
    void power.wakeDisplays();
    await Promise.resolve();
    void power.sleepDisplays();
    void power.wakeDisplays();
    const last = power.sleepDisplays();
    release?.();
    await last;
    expect(called.filter((line) => line.includes('force'))).toEqual(['xset +dpms dpms 60 60 60 dpms force off']);
  });

  it('at the end displays are on, the server is as it was, and nothing is held', async () => {
    const { power, called, held } = stage();
    await power.wakeDisplays();
    await power.sleepDisplays();
    called.length = 0;
    await power.close();
    expect(called).toEqual([
      'xset q',
      'xset s reset s off s noblank dpms force on -dpms',
      'xset s 600 600 s blank dpms 600 600 600 +dpms',
    ]);
    expect(held()).toEqual([]);
    await power.sleepDisplays();
    expect(called).toHaveLength(3);
  });
});

describe.runIf(process.platform === 'linux' && isInstalled('Xvfb') && isInstalled('xset'))('on a real X server', () => {
  it('the screen saver is off by day, and as it was at the end', async () => {
    const display = await startDisplay({ needDbus: false });
    try {
      const env = { DISPLAY: display.env['DISPLAY'] ?? '', XAUTHORITY: display.env['XAUTHORITY'] ?? '' };
      const run = (call: ProgramCall) =>
        runProgram({
          ...call,
          command: 'env',
          args: [...Object.entries(env).map((pair) => pair.join('=')), call.command, ...call.args],
        });
      const ask = async () => parseXset((await run({ command: 'xset', args: ['q'], withinMs: 20_000 })).output);
      const before = await ask();
      expect(before?.saverSeconds).toBeGreaterThan(0);
      const power = new DisplayKeeper({
        surroundings: { platform: 'linux', env, has: (program) => isInstalled(program) },
        run,
        blocker: { start: () => 0, stop: () => undefined },
        logger: { log: () => undefined },
      });
      await power.wakeDisplays();
      expect(await ask()).toMatchObject({ saverSeconds: 0, blanking: false });
      await power.close();
      expect(await ask()).toEqual(before);
    } finally {
      await display.stop();
    }
  });
});

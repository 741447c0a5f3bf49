import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCrashMemory } from './crash-memory.ts';

/** Made for the test, and removed after it; never assigned anything else. */
let own: string;
let folder: string;
let file: string;
let now: number;
let logged: { level: string; event: string }[];

beforeEach(() => {
  own = mkdtempSync(join(tmpdir(), 'vigil-crash-memory-'));
  folder = own;
  file = join(folder, 'crash-memory.json');
  now = Date.UTC(2026, 0, 31, 12);
  logged = [];
});
afterEach(() => {
  rmSync(own, { recursive: true, force: true });
});

const logger = { log: (level: string, event: string) => void logged.push({ level, event }) };
const warnings = () => logged.filter(({ event }) => event !== 'crash-memory.decision').map(({ event }) => event);

/** Begins a run, a minute after the last. */
function begin(version = '1.0.0', supervisedHoldMs?: number) {
  now += 60_000;
  const clock = { now: () => now, monotonic: () => now };
  const memory = openCrashMemory({
    folder,
    clock,
    version,
    ...(supervisedHoldMs === undefined ? {} : { supervisedHoldMs }),
  });
  memory.tellTo(logger);
  return memory;
}

describe('the crash memory', () => {
  it('begins with nothing, in a folder that it makes, and keeps it for its owner alone', () => {
    folder = join(folder, 'user', 'data');
    file = join(folder, 'crash-memory.json');
    expect(begin().decision).toEqual({ mode: 'normal', hardwareAcceleration: true, holdMs: 0 });
    expect(readdirSync(folder)).toEqual(['crash-memory.json']);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(warnings()).toEqual([]);
  });

  it('knows of runs that were killed, and forgets them after a good one', () => {
    for (let i = 0; i < 3; i++) begin();
    const fourth = begin();
    expect(fourth.decision).toMatchObject({ mode: 'safe', holdMs: 30_000 });
    expect(fourth.settlesAfterMs).toBe(630_000);
    fourth.settled();
    expect(begin().decision).toMatchObject({ mode: 'normal', holdMs: 0 });
  });

  it('lets the supervisor alone say for how long to hold back, in safe mode too', () => {
    const supervised = (holdMs = 0) => begin('1.0.0', holdMs);
    for (let i = 0; i < 3; i++) expect(supervised().decision).toMatchObject({ mode: 'normal', holdMs: 0 });
    const fourth = supervised();
    expect(fourth.decision).toMatchObject({ mode: 'safe', holdMs: 0 });
    expect(fourth.decision.reason).toContain('3 times in a row');
    expect(fourth.settlesAfterMs).toBe(600_000);
    for (let i = 0; i < 3; i++) fourth.gpuDied();
    expect(supervised(7_000).decision).toMatchObject({ mode: 'safe', holdMs: 7_000, hardwareAcceleration: false });
    // The next one has no supervisor, and nobody who waited.
    expect(begin().decision).toMatchObject({ mode: 'safe', holdMs: 120_000, hardwareAcceleration: false });
  });

  it('knows how a run ended', () => {
    begin().ended('exception');
    const second = begin();
    expect(second.decision.reason).toContain('a fault of its own');
    second.ended('clean');
    expect(begin().decision.reason).toBeUndefined();
  });

  it('has a death of the GPU process on disk before anything else happens', () => {
    const memory = begin();
    for (let i = 1; i <= 6; i++) {
      memory.gpuDied();
      const [run] = (JSON.parse(readFileSync(file, 'utf8')) as { runs: { gpuDeaths: number[] }[] }).runs;
      expect(run?.gpuDeaths).toHaveLength(i);
    }
    expect(begin().decision.hardwareAcceleration).toBe(false);
  });

  it('stays small', () => {
    for (let i = 0; i < 40; i++) {
      const memory = begin(`1.0.${i}`);
      for (let death = 0; death < 40; death++) memory.gpuDied();
    }
    expect(statSync(file).size).toBeLessThan(8_000);
    expect(readdirSync(folder)).toEqual(['crash-memory.json']);
  });
});

describe('a crash memory that is no use', () => {
  const good = () => {
    begin();
    return readFileSync(file, 'utf8');
  };
  const run = '{"version":"1","startedAt":1,"accelerated":true,"gpuDeaths":[],"settled":false}';
  const bad: Record<string, () => string | Uint8Array> = {
    empty: () => '',
    'half written': () => good().slice(0, -20),
    'of nulls, as after a power cut': () => new Uint8Array(300),
    'no UTF-8': () => new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
    'JSON of another kind': () => '[1, 2]',
    'one with a wrong field': () => `{"runs":[${run.replace('false', '"no"')}]}`,
    'one with a time that is none': () => `{"runs":[${run.replace(':1,', ':1e400,')}]}`,
    'one with a negative time': () => `{"runs":[${run.replace(':1,', ':-1,')}]}`,
    'one with too many runs': () => `{"runs":[${Array(101).fill(run).join()}]}`,
    'too long': () => `{"runs":[],"more":"${'x'.repeat(100_000)}"}`,
    'nested deeply': () => '['.repeat(30_000),
  };
  it.each(Object.entries(bad))('(%s) is taken for none, told once and replaced', (_name, content) => {
    writeFileSync(file, content());
    const memory = begin();
    memory.gpuDied();
    expect(memory.decision).toEqual({ mode: 'normal', hardwareAcceleration: true, holdMs: 0 });
    expect(warnings()).toEqual(['crash-memory.unreadable']);
    expect(memory.isKept()).toBe(true);
    begin();
    expect(warnings()).toEqual(['crash-memory.unreadable']);
  });

  it('(a folder of that name) leaves the wall as it is, told once', () => {
    mkdirSync(file);
    const memory = begin();
    for (let i = 0; i < 5; i++) memory.gpuDied();
    memory.settled();
    memory.ended('clean');
    expect(memory.decision.mode).toBe('normal');
    expect(memory.isKept()).toBe(false);
    expect(warnings()).toEqual(['crash-memory.unreadable', 'crash-memory.unwritable']);
  });

  it('(a file where its folder should be) leaves the wall as it is, told once', () => {
    folder = join(folder, 'file');
    writeFileSync(folder, '');
    const memory = begin();
    memory.ended('exception');
    expect(memory.isKept()).toBe(false);
    // Which of the two the system names depends on the system.
    expect(new Set(warnings())).toContain('crash-memory.unwritable');
  });

  it('recovers when the disk takes it again', () => {
    mkdirSync(file);
    const memory = begin();
    expect(memory.isKept()).toBe(false);
    rmSync(file, { recursive: true });
    memory.gpuDied();
    expect(memory.isKept()).toBe(true);
  });
});

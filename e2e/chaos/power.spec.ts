import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Trial, expect, expectToHaveStood, test } from '../support/chaos.ts';
import { zoneAtNoon } from '../support/day.ts';
import { INSPECTED, runInMain } from '../support/inspector.ts';

const HOUR_MS = 3_600_000;

// An X server without a monitor draws no screen saver of its own, so what it was told is looked at beside the picture.
test('a screen saver does not come, though the desktop sets it anew, and is given back at the end', async ({
  display,
  executable,
  sharedKeys,
  sharedTray,
  eyes,
}) => {
  const xset = (...args: string[]) => execFileSync('xset', args, { env: display.env, encoding: 'utf8' });
  const timeout = () => /timeout:\s+(\d+)/.exec(xset('q'))?.[1];
  xset('s', '120', '60');
  const trial = await Trial.begin({ display, executable, sharedKeys, sharedTray }, { isDriven: true });
  try {
    const seen = await eyes.through(async () => {
      await expect.poll(timeout).toBe('0');
      xset('s', '300');
      await trial.driven.app.evaluate(({ powerMonitor }) => powerMonitor.emit('unlock-screen'));
      await expect.poll(timeout).toBe('0');
    });
    expectToHaveStood(seen);
  } finally {
    await trial.endWithoutSecrets();
  }
  expect(timeout()).toBe('120');
  xset('s', 'off');
});

/** Takes the place of xset before a display that can sleep, which an X server without a monitor cannot: keeps a list of what it is told. */
function sleepyDisplay(): { readonly folder: string; readonly told: () => readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-xset-'));
  const list = join(folder, 'told');
  const answer = [
    'Screen Saver:',
    '  prefer blanking:  yes    allow exposures:  yes',
    '  timeout:  600    cycle:  600',
    'DPMS (Energy Star):',
    '  Standby: 600    Suspend: 900    Off: 1200',
    '  DPMS is Enabled',
  ].join('\n');
  writeFileSync(
    join(folder, 'xset'),
    `#!/bin/sh\necho "$*" >> '${list}'\n[ "$1" != q ] || cat <<'END'\n${answer}\nEND\n`,
  );
  chmodSync(join(folder, 'xset'), 0o755);
  writeFileSync(list, '');
  return { folder, told: () => readFileSync(list, 'utf8').split('\n') };
}

test('displays sleep for the night, and are woken for the day, when the dashboard is there', async ({
  display,
  executable,
  sharedKeys,
  sharedTray,
  eyes,
}) => {
  const now = Date.now();
  const { timeZone, clockOf } = zoneAtNoon(now);
  const { folder, told } = sleepyDisplay();
  const trial = await Trial.begin(
    { display, executable, sharedKeys, sharedTray },
    {
      flags: [INSPECTED],
      environment: { PATH: [folder, display.env['PATH'] ?? ''].join(delimiter) },
      settings: { wall: { timeZone, night: { hours: `${clockOf(now + HOUR_MS)}-${clockOf(now + 3 * HOUR_MS)}` } } },
    },
  );
  const { wall } = trial;
  const passes = (ms: number) =>
    runInMain(() => wall.output, `Date.now = ((now) => () => now() + ${String(ms)})(Date.now), 0`);
  const isTold = (what: RegExp) => expect.poll(() => told().some((line) => what.test(line))).toBe(true);
  try {
    await isTold(/-dpms/);
    const seen = await eyes.through(async ({ sees }) => {
      await passes(2 * HOUR_MS);
      await wall.says('surface.shows', { where: ({ cover }) => cover === 'night' });
      await sees('blank');
      await isTold(/dpms force off/);
      await wall.says('display.asleep');
      await passes(2 * HOUR_MS);
      await isTold(/dpms force on/);
      await sees('dashboard');
    });
    expect(seen.stretches[0]).toMatchObject({ kind: 'dashboard', fromMs: 0 });
    expect(seen.stretches[1]).toMatchObject({ kind: 'blank' });
    expect(seen.stretches.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  } finally {
    await trial.endWithoutSecrets();
    rmSync(folder, { recursive: true });
  }
});

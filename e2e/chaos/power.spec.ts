import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Trial, expect, expectToHaveStood, test } from '../support/chaos.ts';
import { zoneAtNoon } from '../support/day.ts';
import { INSPECTED, runInMain } from '../support/inspector.ts';

const HOUR_MS = 3_600_000;
const SAVER_SECONDS = 2;
const SAVER_MS = 8_000;

test('a screen saver that is set to come soon does not come', async ({
  display,
  executable,
  sharedKeys,
  sharedTray,
  eyes,
}) => {
  const xset = (...args: string[]) => execFileSync('xset', args, { env: display.env, encoding: 'utf8' });
  const settings = () => /timeout:\s+(\d+)/.exec(xset('q'))?.[1];
  xset('s', String(SAVER_SECONDS), String(SAVER_SECONDS), 's', 'blank');
  const trial = await Trial.begin({ display, executable, sharedKeys, sharedTray });
  try {
    const seen = await eyes.through(() => new Promise((resolve) => setTimeout(resolve, SAVER_MS)));
    expectToHaveStood(seen);
    expect(settings()).toBe('0');
  } finally {
    await trial.endWithoutSecrets();
  }
  // What the system had is the system's again.
  expect(settings()).toBe(String(SAVER_SECONDS));
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

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import type { Display } from '../../scripts/display.mjs';
import type { Frame, Kind } from '../../scripts/frame-classifier.mjs';
import { waitUntil } from '../../scripts/lib/process.mjs';
import { startCapture } from '../../scripts/screen-capture.mjs';
import { expect } from './test.ts';

/** The longest that anything but a dashboard, its dimmed picture or our own page may stand: one check (s. `live-check.ts`), measured generously. */
export const CHECK_MS = 12_000;
const PICTURES_A_SECOND = 15;

/** What a wall shows of its own accord. */
const EXPECTED: readonly Kind[] = ['dashboard', 'dimmed', 'notice'];

/** Captures the screen while something happens. */
export interface Eyes {
  /** From a dashboard, through whatever happens, to a dashboard. */
  through(act: (eyes: { readonly sees: (...kinds: Kind[]) => Promise<void> }) => Promise<void>): Promise<Seen>;
}

export interface Seen {
  /** What was on the screen, one after the other. */
  readonly stretches: readonly { readonly kind: Kind; readonly fromMs: number; readonly ms: number }[];
}

/** One that differs from the one before. */
export interface Picture {
  readonly kind: Kind;
  readonly atMs: number;
  readonly frame: Frame;
}

/** @param onChange is given the first picture of each kind in turn */
export async function watchThrough(
  display: Display,
  act: Parameters<Eyes['through']>[0],
  onChange: (picture: Picture) => void,
): Promise<Seen> {
  const stretches: { kind: Kind; fromMs: number; ms: number }[] = [];
  let kind: Kind = 'unknown';
  let newestMs = 0;
  const capture = await startCapture({
    ...display,
    fps: PICTURES_A_SECOND,
    onFrame: ({ atMs, verdict, frame }) => {
      const last = stretches.at(-1);
      newestMs = Math.round(atMs);
      if (last !== undefined) last.ms = newestMs - last.fromMs;
      kind = verdict.kind;
      if (last?.kind === kind) return;
      stretches.push({ kind, fromMs: newestMs, ms: 0 });
      onChange({ kind, atMs: newestMs, frame });
    },
  });
  // On a busy machine pictures come late: what counts is when they were taken.
  const sees = async (...kinds: Kind[]) => {
    const from = Date.now() - capture.startedAtMs;
    await waitUntil(() => newestMs > from && kinds.includes(kind), {
      what: `The screen did not show ${kinds.join(' or ')}`,
      // After some failures in a row the next try comes within 75 s, and a sign-in takes its time.
      timeoutMs: 110_000,
    });
  };
  try {
    await sees('dashboard');
    await act({ sees });
    await sees('dashboard');
  } finally {
    await capture.stop();
  }
  return { stretches };
}

/** Saves pictures for a person to look at. */
export function keepPictures(folder: string, pictures: readonly Picture[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { kind, atMs, frame } of pictures) {
    const { width, height, data } = frame;
    const png = new PNG({ width, height });
    for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
      png.data.set(data.subarray(from, from + 3), to);
      png.data[to + 3] = 255;
    }
    writeFileSync(join(folder, `at-${String(atMs)}-ms-${kind}.png`), PNG.sync.write(png));
  }
}

/** Every picture has shown the dashboard. */
export function expectToHaveStood({ stretches }: Seen): void {
  expect(stretches).toMatchObject([{ kind: 'dashboard', fromMs: 0 }]);
}

/**
 * The picture could not stand. What was there in its place was the last one, dimmed, or our own page, and before that what the fault made of
 * it, for no longer than a check takes.
 * @param spoiled what the fault makes of the picture
 */
export function expectToHaveBeenCovered({ stretches }: Seen, spoiled: 'blank' | 'unknown' = 'blank'): void {
  const others = stretches.filter(({ kind }) => !EXPECTED.includes(kind));
  expect(others.filter(({ kind, ms }) => kind !== spoiled || ms > CHECK_MS)).toEqual([]);
  // The dashboard itself may be back before the last picture is up.
  const after = stretches.flatMap(({ kind }, at) => (kind === spoiled ? [stretches[at + 1]?.kind] : []));
  expect(after.filter((kind) => kind !== 'dimmed' && kind !== 'dashboard')).toEqual([]);
}

/** Nothing but the dashboard has stood for longer than a check takes. */
export function expectNothingForLong({ stretches }: Seen): void {
  expect(stretches.filter(({ kind, ms }) => kind !== 'dashboard' && ms > CHECK_MS)).toEqual([]);
}

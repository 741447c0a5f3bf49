// Shows that the screen capture sees what it is there for: a full-screen page goes white for 50 ms, again and again, and
// every time must be caught. Arguments: width, height, pictures a second, tries.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withDisplay } from './display.mjs';
import { resolveElectron } from './electron-runtime.mjs';
import { startCapture } from './screen-capture.mjs';

const BLANK_MS = 50;
const [width = 1920, height = 1080, fps = 30, tries = 20] = process.argv.slice(2).map(Number);

const { _electron } = await import('@playwright/test');
const { executablePath } = await resolveElectron();
const userData = await mkdtemp(join(tmpdir(), 'vigil-capture-check-'));
try {
  process.exitCode = (await withDisplay({ width, height }, check)) ? 0 : 1;
} finally {
  await rm(userData, { recursive: true, force: true });
}

/** @param {import('./display.mjs').Display} display */
async function check({ display, env }) {
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const main = fileURLToPath(new URL('./capture-check/main.mjs', import.meta.url));
  const app = await _electron.launch({ executablePath, env, args: [...root, `--user-data-dir=${userData}`, main] });
  try {
    const page = await app.firstWindow();
    await page.waitForFunction(`innerWidth >= ${width} && innerHeight >= ${height}`);
    const capture = await startCapture({ display, env, width, height, fps });
    /** @type {{ from: number, to: number }[]} */
    const planted = [];
    for (let i = 0; i < tries; i++) {
      // Never in step with the pictures.
      await delay(250 + Math.random() * 100);
      const from = Date.now();
      await page.evaluate(`blank(${BLANK_MS})`);
      planted.push({ from, to: Date.now() });
    }
    await delay(200);
    const result = await capture.stop();
    // The compositor shows the end of it a few frames later.
    const LATE_MS = 100;
    const times = result.blanks.map((blank) => capture.startedAtMs + blank.atMs);
    const caught = planted.filter(({ from, to }) => times.some((time) => time >= from && time <= to + LATE_MS));
    process.stdout.write(
      `${width}x${height}: ${result.frames} pictures, ${result.fps.toFixed(1)} a second, longest gap ${result.worstGapMs} ms; ` +
        `${caught.length} of ${tries} blanks of ${BLANK_MS} ms caught, in ${result.blank} pictures\n`,
    );
    return caught.length === tries && result.fps >= 20;
  } finally {
    await app.close();
  }
}

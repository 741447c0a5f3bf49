// Watches the screen of an X display, or one display's part of a desktop, as a person before it would, and says of each
// picture what it showed.
// ffmpeg takes real pictures only: `passthrough` neither repeats nor drops one, and each picture's own time comes along.
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classifyFrame } from './frame-classifier.mjs';

/**
 * @typedef {import('./frame-classifier.mjs').Frame} Frame
 * @typedef {import('./frame-classifier.mjs').Verdict} Verdict
 * @typedef {{ number: number, atMs: number, frame: Frame, verdict: Verdict }} Picture `atMs` counts from the first picture
 * @typedef {{ display: string, env?: NodeJS.ProcessEnv }} Target `env` as {@link import('./display.mjs').startDisplay}
 *   gives it, for the display's authority file
 * @typedef {{ frames: number, fps: number, elapsedMs: number, worstGapMs: number, kinds: Record<string, number>,
 *   blank: number, firstBlankAtMs: number | undefined, blanks: { number: number, atMs: number, colour: string }[],
 *   changes: { kind: string, atMs: number }[], dashboards: { id: number, atMs: number }[], saved: string[] }} Summary
 *   `changes`: each time another kind came up; `dashboards`: each time another dashboard did, by the number in its strip
 */

/** Pictures are judged at this width: a blank screen is as blank when small. */
const WIDTH = 480;
/** A blank wall gives many alike; these are for a person to look at. */
const SAVED_AT_MOST = 20;

/**
 * Starts watching. Returns when the first picture is in.
 *
 * @param {Target & { x?: number, y?: number, width: number, height: number, fps?: number, cssScale?: number, saveBlanksTo?: string,
 *   classify?: (frame: Frame) => Verdict, onFrame?: (picture: Picture) => void }} options `x`, `y`, `width` and
 *   `height` say which part of the screen is watched, in pixels, its top left one by default; `cssScale` is screen pixels per CSS pixel; blank pictures go to `saveBlanksTo` as PNG
 * @returns {Promise<{ startedAtMs: number, stop: () => Promise<Summary> }>} `startedAtMs` is the first picture's time,
 *   milliseconds since the epoch
 * @throws {Error} when ffmpeg is missing or cannot read the display; `stop` rejects when it ended on the way
 */
export async function startCapture(options) {
  const {
    display,
    x = 0,
    y = 0,
    width,
    height,
    fps = 30,
    cssScale = 1,
    saveBlanksTo,
    classify = classifyFrame,
    onFrame,
  } = options;
  const small = { width: WIDTH, height: Math.round((height * WIDTH) / width) };
  const scale = (WIDTH / width) * cssScale;
  const child = spawn('ffmpeg', captureArguments(display, { x, y, width, height }, fps, small), {
    env: options.env ?? process.env,
    // Its own group: Ctrl-C reaches us, and we end it in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  const watch = new Watch({ small, scale, classify, onFrame });
  let complaint = '';
  child.stderr?.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdout?.on('data', (chunk) => watch.takePixels(chunk));
  child.stdio[3]?.on('data', (chunk) => watch.takeTimes(chunk));
  let stopping = false;
  const gone = ended.then(() => {
    process.off('exit', killNow);
    if (!stopping) throw new Error(`ffmpeg ended: ${complaint.trim() || 'no reason given'}`);
  });
  gone.catch(() => {});
  await Promise.race([watch.first, gone]);
  return {
    startedAtMs: watch.startedAtMs,
    async stop() {
      stopping ||= child.exitCode === null && child.signalCode === null;
      child.kill('SIGTERM');
      await gone;
      return { ...watch.summary(), saved: saveBlanksTo ? await watch.save(saveBlanksTo) : [] };
    },
  };
}

/**
 * @param {string} display
 * @param {{ x: number, y: number, width: number, height: number }} area
 * @param {number} fps
 * @param {{ width: number, height: number }} small
 */
function captureArguments(display, area, fps, small) {
  const input = ['-f', 'x11grab', '-framerate', `${fps}`, ...grabbed(area), '-draw_mouse', '0'];
  const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1', '-filter_threads', '1'];
  // Picking pixels rather than averaging them: cheap, and the strip's squares stay pure.
  const filter = `[0:v]scale=${small.width}:${small.height}:flags=neighbor,format=rgb24,split[pixels][times]`;
  return [
    ...quiet,
    // Times stay those at which x11grab took the pictures, since the epoch.
    '-copyts',
    ...input,
    '-i',
    display,
    '-filter_complex',
    filter,
    ...[
      '-map',
      '[pixels]',
      '-fps_mode',
      'passthrough',
      '-c:v',
      'rawvideo',
      '-f',
      'rawvideo',
      '-flush_packets',
      '1',
      'pipe:1',
    ],
    ...['-map', '[times]', '-fps_mode', 'passthrough', '-enc_time_base', '1/1000', '-c:v', 'wrapped_avframe'],
    ...['-f', 'mkvtimestamp_v2', '-flush_packets', '1', 'pipe:3'],
  ];
}

/** @param {{ x: number, y: number, width: number, height: number }} area */
function grabbed({ x, y, width, height }) {
  return ['-grab_x', `${x}`, '-grab_y', `${y}`, '-video_size', `${width}x${height}`];
}

/** Puts pictures and their times together, and keeps count. */
class Watch {
  /** @type {Frame[]} */ #waiting = [];
  /** @type {number[]} */ #times = [];
  /** @type {Summary['blanks']} */ #blanks = [];
  /** @type {Summary['changes']} */ #changes = [];
  /** @type {Summary['dashboards']} */ #dashboards = [];
  /** @type {{ name: string, frame: Frame }[]} */ #kept = [];
  /** @type {Record<string, number>} */ #kinds = { dashboard: 0, blank: 0, notice: 0, unknown: 0 };
  #text = '';
  #pixels;
  #filled = 0;
  #number = 0;
  #last = 0;
  #worstGap = 0;
  #options;
  /** @type {() => void} */ #firstCame = () => {};
  startedAtMs = 0;
  /** @type {Promise<void>} */
  first = new Promise((resolve) => (this.#firstCame = resolve));

  /** @param {{ small: { width: number, height: number }, scale: number, classify: (frame: Frame) => Verdict, onFrame?: (picture: Picture) => void }} options */
  constructor(options) {
    this.#options = options;
    this.#pixels = this.#newFrame();
  }

  #newFrame() {
    return new Uint8Array(this.#options.small.width * this.#options.small.height * 3);
  }

  /** @param {Buffer} chunk */
  takePixels(chunk) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.#pixels.length - this.#filled);
      this.#pixels.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#pixels.length) continue;
      this.#waiting.push({ data: this.#pixels, ...this.#options.small, scale: this.#options.scale });
      this.#pixels = this.#newFrame();
      this.#filled = 0;
    }
    this.#pair();
  }

  /** @param {Buffer} chunk one time a line, milliseconds; lines with # are comments */
  takeTimes(chunk) {
    const lines = (this.#text + chunk).split('\n');
    this.#text = /** @type {string} */ (lines.pop());
    this.#times.push(...lines.filter((line) => line && !line.startsWith('#')).map(Number));
    this.#pair();
  }

  #pair() {
    while (this.#waiting.length && this.#times.length) {
      const frame = /** @type {Frame} */ (this.#waiting.shift());
      const time = /** @type {number} */ (this.#times.shift());
      this.#judge(frame, time);
    }
  }

  /** @param {Frame} frame @param {number} time */
  #judge(frame, time) {
    const number = ++this.#number;
    if (number === 1) this.startedAtMs = time;
    else this.#worstGap = Math.max(this.#worstGap, time - this.#last);
    this.#last = time;
    const atMs = time - this.startedAtMs;
    const verdict = this.#options.classify(frame);
    this.#kinds[verdict.kind] = (this.#kinds[verdict.kind] ?? 0) + 1;
    if (this.#changes.at(-1)?.kind !== verdict.kind) this.#changes.push({ kind: verdict.kind, atMs });
    const id = verdict.dashboardId;
    if (id !== undefined && this.#dashboards.at(-1)?.id !== id) this.#dashboards.push({ id, atMs });
    if (verdict.kind === 'blank') {
      this.#blanks.push({ number, atMs, colour: verdict.topColour });
      if (this.#kept.length < SAVED_AT_MOST)
        this.#kept.push({ name: `blank-${number}-at-${Math.round(atMs)}ms.png`, frame });
    }
    this.#options.onFrame?.({ number, atMs, frame, verdict });
    if (number === 1) this.#firstCame();
  }

  /** @returns {Omit<Summary, 'saved'>} */
  summary() {
    const elapsedMs = this.#last - this.startedAtMs;
    return {
      frames: this.#number,
      fps: elapsedMs > 0 ? ((this.#number - 1) * 1000) / elapsedMs : 0,
      elapsedMs,
      worstGapMs: this.#worstGap,
      kinds: this.#kinds,
      blank: this.#blanks.length,
      firstBlankAtMs: this.#blanks[0]?.atMs,
      blanks: this.#blanks,
      changes: this.#changes,
      dashboards: this.#dashboards,
    };
  }

  /** @param {string} folder */
  async save(folder) {
    if (!this.#kept.length) return [];
    await mkdir(folder, { recursive: true });
    return Promise.all(this.#kept.map(async ({ name, frame }) => savePng(join(folder, name), frame)));
  }
}

/** @param {string} file @param {Frame} frame */
async function savePng(file, { data, width, height }) {
  const { PNG } = await import('pngjs');
  const png = new PNG({ width, height });
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    png.data.set(data.subarray(from, from + 3), to);
    png.data[to + 3] = 255;
  }
  await writeFile(file, PNG.sync.write(png));
  return file;
}

/**
 * Saves the screen, or a part of it, as a PNG at full size.
 *
 * @param {Target & { file: string, area?: { x: number, y: number, width: number, height: number } }} options `area` in
 *   pixels
 * @returns {Promise<string>} `file`
 * @throws {Error} when ffmpeg is missing or cannot read the display
 */
export async function screenshot({ display, file, area, env = process.env }) {
  const input = ['-f', 'x11grab', ...(area ? grabbed(area) : []), '-draw_mouse', '0', '-i', display];
  const output = ['-frames:v', '1', '-update', '1', '-y', file];
  const child = spawn('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', ...input, ...output], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint += chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`ffmpeg could not take a picture of ${display}: ${complaint.trim()}`);
  return file;
}

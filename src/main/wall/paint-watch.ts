import type { NativeImage, WebContents, WebFrameMain } from 'electron';
import { type PaintObservation, type PaintVerdict, judgePaint } from '../../core/surface/paint-proof.ts';

const LOOK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 2_000;

// Runs in each frame of the page: whether it shows graphics or a fair amount of text, and nothing says that it is still busy. Two
// animation frames go by before it answers, which a hidden view never gets.
const PROBE = `new Promise((resolve) => {
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 60 && box.height > 20;
  };
  const busy = [...document.querySelectorAll('[aria-busy="true"], [role="progressbar"]')].some(shown);
  const graphics = [...document.querySelectorAll('canvas, svg')].some(shown);
  const text = (document.body?.innerText ?? '').trim().length;
  const content = document.readyState === 'complete' && !busy && (graphics || text >= 200);
  requestAnimationFrame(() => requestAnimationFrame(() => resolve({ content, busy })));
})`;

/**
 * Looks at an incoming view until it may go on the wall, or until the deadline says that it will not.
 * @param page what the view's committed main frame is, by its URL
 * @param deadlineMs from now
 * @param stopped true when nobody waits for the answer any more
 */
export async function watchPaint(
  contents: WebContents,
  page: () => PaintObservation['page'],
  deadlineMs: number,
  stopped: () => boolean,
): Promise<Exclude<PaintVerdict, 'pending'>> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const over = performance.now() >= until;
    const seen = await observe(contents, page, over);
    const verdict = judgePaint(seen, over);
    if (verdict !== 'pending') return verdict;
    if (stopped() || contents.isDestroyed()) return 'failed';
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** One look. A picture costs megabytes, so one is taken only when it decides: of a page that is ready, or at the last look. */
async function observe(
  contents: WebContents,
  page: () => PaintObservation['page'],
  last: boolean,
): Promise<PaintObservation> {
  const nothing: PaintObservation = { page: page(), ready: false, framed: false, picture: 'none' };
  if (nothing.page !== 'destination' || contents.isDestroyed()) return nothing;
  const frames = contents.mainFrame.framesInSubtree.slice(0, 20);
  const answers = await Promise.all(frames.map((frame) => within(ANSWER_WITHIN_MS, probe(frame))));
  const framed = answers[0] !== undefined;
  const ready = answers.some((answer) => answer?.content === true) && !answers.some((answer) => answer?.busy === true);
  if (!framed || !(ready || last) || contents.isDestroyed()) return { ...nothing, framed, ready };
  const image = await within(ANSWER_WITHIN_MS, contents.capturePage());
  return { page: page(), ready, framed, picture: image === undefined ? 'none' : pictureOf(image) };
}

async function probe(frame: WebFrameMain): Promise<{ content: boolean; busy: boolean } | undefined> {
  const answer: unknown = await frame.executeJavaScript(PROBE);
  if (typeof answer !== 'object' || answer === null) return undefined;
  return {
    content: 'content' in answer && answer.content === true,
    busy: 'busy' in answer && answer.busy === true,
  };
}

/** The answer, or undefined when it fails or does not come in time: a hung renderer never answers. */
async function within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function pictureOf(image: NativeImage): PaintObservation['picture'] {
  if (image.isEmpty()) return 'empty';
  const pixels = image.resize({ width: 64, height: 36, quality: 'good' }).toBitmap();
  let darkest = 255;
  let brightest = 0;
  let differing = 0;
  const [b0 = 0, g0 = 0, r0 = 0] = pixels;
  for (let i = 0; i + 2 < pixels.length; i += 4) {
    const b = pixels[i] ?? 0;
    const g = pixels[i + 1] ?? 0;
    const r = pixels[i + 2] ?? 0;
    const light = (r + g + b) / 3;
    darkest = Math.min(darkest, light);
    brightest = Math.max(brightest, light);
    if (Math.abs(r - r0) + Math.abs(g - g0) + Math.abs(b - b0) > 24) differing += 1;
  }
  // A cursor or a lone line is no dashboard: a hundredth of the picture must differ from its corner.
  return brightest - darkest > 12 && differing > 23 ? 'varied' : 'one-colour';
}

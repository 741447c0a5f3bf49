/** What a page is asked about itself. The scripts run in its main world, so nothing of them may be trusted beyond what they say. */
import type { WebContents, WebFrameMain } from 'electron';
import { FEW_GRAPHICS, MOST_GRAPHICS, type PageContent } from '../../core/surface/live-check.ts';
import { within } from './within.ts';

const MOST_FRAMES = 20;
const FRAME_WITHIN_MS = 2_000;

const SHOWN = `(element) => {
  const box = element.getBoundingClientRect();
  return box.width > 60 && box.height > 20 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}`;

// Whether a frame shows graphics or a fair amount of text, and nothing says that it is still busy. Two animation frames go by
// before it answers, which a hidden view never gets.
const READY = `new Promise((resolve) => {
  const shown = ${SHOWN};
  const busy = [...document.querySelectorAll('[aria-busy="true"], [role="progressbar"]')].some(shown);
  const graphics = [...document.querySelectorAll('canvas, svg')].some(shown);
  const text = (document.body?.innerText ?? '').trim().length;
  const ready = document.readyState === 'complete' && !busy && (graphics || text >= 200);
  const content = graphics || text >= 200 || [...document.querySelectorAll('table, img, video, [role="img"]')].some(shown);
  requestAnimationFrame(() => requestAnimationFrame(() => resolve({ ready, busy, content })));
})`;

// Chromium itself says of an element whether it is certain to be seen: nothing lies over any of it, not even what lets the pointer through, and no
// filter or opacity changes it (Intersection Observer, version 2). A page that draws no frames gets no answer from it.
const SIGHT_WITHIN_MS = 1_000;
const IN_SIGHT = `(elements, tell) => {
  const answer = (inSight) => { observer.disconnect(); clearTimeout(timer); tell(inSight); };
  const look = (seen) => answer(seen.some(({ isVisible }) => isVisible === true));
  const observer = new IntersectionObserver(look, { trackVisibility: true, delay: 100 });
  const timer = setTimeout(answer, ${String(SIGHT_WITHIN_MS)}, false);
  for (const element of elements) observer.observe(element);
}`;

// As little as tells whether a dashboard is still there: it is asked every few seconds, for years. Text costs most, so it is counted
// only where there are hardly any graphics.
const contentScript = (isOnTop: boolean) => `(() => {
  const shown = ${SHOWN};
  const found = [];
  for (const element of document.querySelectorAll('canvas, svg, table, img, video, [role="img"]'))
    if (shown(element) && found.push(element) === ${String(MOST_GRAPHICS)}) break;
  const graphics = found.length;
  if (graphics > ${String(FEW_GRAPHICS)}) return ${
    isOnTop
      ? `new Promise((resolve) => (${IN_SIGHT})(found, (inSight) => resolve({ graphics, busy: false, inSight })))`
      : '{ graphics, busy: false }'
  };
  const busy = [...document.querySelectorAll('[aria-busy="true"], [role="progressbar"]')].some(shown);
  return { graphics, busy, text: (document.body?.innerText ?? '').trim().length };
})()`;
const CONTENT = contentScript(false);
const CONTENT_ON_TOP = contentScript(true);

/** A spot in the page's top left corner, in CSS pixels. */
const SPOT_SIZE = 4;
// Only properties are set, which a page's own content policy does not forbid.
const SPOT = (colour: string) => `(() => {
  const spot = document.createElement('vigil-spot');
  spot.style.cssText = 'all:initial;position:fixed;left:0;top:0;width:${String(SPOT_SIZE)}px;height:${String(SPOT_SIZE)}px;z-index:2147483647;pointer-events:none;background:${colour}';
  document.documentElement.append(spot);
})()`;
const WITHOUT_SPOT = `for (const spot of document.querySelectorAll('vigil-spot')) spot.remove()`;

/**
 * Draws a spot on a page that is ready. What the page consists of goes to the screen as a whole, so that once the spot is in its picture,
 * so is everything that was there before it. Animation frames do not prove that: they say that a frame was made, and on a busy
 * machine it is drawn much later.
 * @param colour as CSS has it
 */
export async function drawSpot(contents: WebContents, colour: string): Promise<void> {
  await within(FRAME_WITHIN_MS, askMain(contents, SPOT(colour)));
}

export async function removeSpot(contents: WebContents): Promise<void> {
  await within(FRAME_WITHIN_MS, askMain(contents, WITHOUT_SPOT));
}

/** Whether a page's frames are ready to be shown, and have anything to show at all; undefined where its main frame does not answer. */
export async function askReady(contents: WebContents): Promise<{ ready: boolean; content: boolean } | undefined> {
  const [main, ...others] = await Promise.all(
    framesOf(contents).map((frame) => within(FRAME_WITHIN_MS, frame.executeJavaScript(READY))),
  );
  if (!isRecord(main)) return undefined;
  const answers = [main, ...others.filter(isRecord)];
  return {
    ready: answers.some(({ ready }) => ready === true) && !answers.some(({ busy }) => busy === true),
    content: answers.some(({ content }) => content === true),
  };
}

/**
 * What is on a page, for the looks at a live one.
 * @param answerMs how long its main frame may take
 * @param isOnTop whether it is also asked if its graphics are in sight
 * @returns 'unanswered' where the main frame did not answer; 'unknown' where it could not be asked
 */
export async function askContent(
  contents: WebContents,
  answerMs: number,
  isOnTop: boolean,
): Promise<PageContent | 'unanswered' | 'unknown'> {
  const script = isOnTop ? CONTENT_ON_TOP : CONTENT;
  const [main, ...others] = await Promise.all(
    framesOf(contents).map((frame, n) => {
      // Rejected at once while a frame is being replaced.
      const asked = frame.executeJavaScript(script).catch(() => 'unknown');
      return within(n === 0 ? answerMs : Math.min(answerMs, FRAME_WITHIN_MS), asked);
    }),
  );
  if (!isRecord(main)) return main === undefined && !contents.isDestroyed() ? 'unanswered' : 'unknown';
  const frames = [main, ...others.filter(isRecord)];
  const graphics = frames.reduce((sum, frame) => sum + numberOr(frame['graphics'], 0), 0);
  const busy = frames.some((frame) => frame['busy'] === true);
  const inSight = frames.some((frame) => frame['inSight'] === true);
  if (frames.some((frame) => frame['text'] === undefined)) return { graphics, busy, inSight };
  return { graphics, busy, inSight, text: frames.reduce((sum, frame) => sum + numberOr(frame['text'], 0), 0) };
}

async function askMain(contents: WebContents, script: string): Promise<void> {
  if (!contents.isDestroyed()) await contents.mainFrame.executeJavaScript(script);
}

function framesOf(contents: WebContents): readonly WebFrameMain[] {
  return contents.isDestroyed() ? [] : contents.mainFrame.framesInSubtree.slice(0, MOST_FRAMES);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

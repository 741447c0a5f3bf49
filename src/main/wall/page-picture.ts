/** Looks at what a page has painted. A whole picture costs tens of milliseconds of a core, a small piece of it a third of that. */
import type { NativeImage, WebContents } from 'electron';
import { type Place, isPatterned, isVaried, tellingPlaces } from '../../core/surface/picture.ts';
import { drawSpot, removeSpot } from './page-probe.ts';
import { within } from './within.ts';

const SMALL = { width: 64, height: 36 } as const;
/** Half the side of a piece, in device-independent pixels. */
const HALF_PIECE = 24;
const MIDDLE = 128;
const LOOK_EVERY_MS = 20;
const CORNER_WITHIN_MS = 2_000;

/** A picture of a page that has something in it. */
export interface PagePicture {
  readonly image: NativeImage;
  /** Where a small piece tells that it is still there. */
  readonly places: readonly Place[];
}

export type PictureKind = 'none' | 'empty' | 'one-colour' | 'varied';

/** Takes a whole picture. 'none': it could not be had in time. */
export async function takePicture(
  contents: WebContents,
  withinMs: number,
): Promise<{ readonly kind: PictureKind; readonly picture?: PagePicture }> {
  const image = contents.isDestroyed() ? undefined : await within(withinMs, contents.capturePage());
  if (image === undefined) return { kind: 'none' };
  if (image.isEmpty()) return { kind: 'empty' };
  const pixels = image.resize({ ...SMALL, quality: 'good' }).toBitmap();
  if (!isVaried(pixels)) return { kind: 'one-colour' };
  return { kind: 'varied', picture: { image, places: tellingPlaces(pixels, SMALL.width, SMALL.height) } };
}

/**
 * Takes a whole picture of a page that is ready, once all that it consists of has been drawn.
 * @param withinMs how long that is waited for
 * @returns undefined where it was not drawn by then
 */
export async function takeDrawnPicture(
  contents: WebContents,
  withinMs: number,
): Promise<Awaited<ReturnType<typeof takePicture>> | undefined> {
  const until = performance.now() + withinMs;
  const before = await cornerOf(contents);
  if (before === undefined) return undefined;
  try {
    await drawSpot(contents, before < MIDDLE ? '#fff' : '#000');
    for (;;) {
      const now = await cornerOf(contents);
      if (now !== undefined && now < MIDDLE !== before < MIDDLE) return await takePicture(contents, withinMs);
      if (performance.now() >= until) return undefined;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    void removeSpot(contents).catch(() => undefined);
  }
}

/** How bright a page's top left corner is, 0 to 255; undefined where that cannot be seen. */
async function cornerOf(contents: WebContents): Promise<number | undefined> {
  if (contents.isDestroyed()) return undefined;
  const image = await within(CORNER_WITHIN_MS, contents.capturePage({ x: 0, y: 0, width: 4, height: 4 }));
  if (image === undefined || image.isEmpty()) return undefined;
  const [a = 0, b = 0, c = 0] = image.toBitmap();
  return (a + b + c) / 3;
}

/**
 * Whether a page still shows something at one of a few places.
 * @param size of the view, in device-independent pixels
 * @returns undefined where that could not be seen
 */
export async function showsSomething(
  contents: WebContents,
  places: readonly Place[],
  size: { readonly width: number; readonly height: number },
  withinMs: number,
): Promise<boolean | undefined> {
  for (const { x, y } of places) {
    if (contents.isDestroyed()) return undefined;
    const piece = {
      x: Math.max(0, Math.round(x * size.width) - HALF_PIECE),
      y: Math.max(0, Math.round(y * size.height) - HALF_PIECE),
      width: 2 * HALF_PIECE,
      height: 2 * HALF_PIECE,
    };
    const image = await within(withinMs, contents.capturePage(piece));
    if (image === undefined || image.isEmpty()) return undefined;
    if (isPatterned(image.toBitmap())) return true;
  }
  return false;
}

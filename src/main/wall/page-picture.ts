/** Looks at what a page has painted. A whole picture costs tens of milliseconds of a core, a small piece of it a third of that. */
import type { NativeImage, WebContents } from 'electron';
import { type Place, isPatterned, isVaried, tellingPlaces } from '../../core/surface/picture.ts';
import { within } from './within.ts';

const SMALL = { width: 64, height: 36 } as const;
/** Half the side of a piece, in device-independent pixels. */
const HALF_PIECE = 24;

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

import type { WebContents } from 'electron';
import type { Place } from '../../core/surface/picture.ts';
import { type PagePicture, showsSomething, takePicture } from './page-picture.ts';

/** What a dashboard looked like. */
export interface LastPicture {
  /** At the display's size. */
  readonly jpeg: Buffer;
  /** Wall-clock ms since the epoch. */
  readonly takenAt: number;
}

const TAKEN_EVERY_MS = 180_000;
const QUALITY = 80;

/** Looks at a live page's picture, and keeps one now and then for the time when the page is gone. */
export class PictureKeeper {
  readonly #contents: WebContents;
  readonly #size: () => { readonly width: number; readonly height: number };
  readonly #told: (picture: LastPicture) => void;
  #places: readonly Place[] = [];
  #keptAt = -Infinity;
  #kept: { readonly picture: PagePicture; readonly takenAt: number } | undefined;

  /** @param size of the view, in device-independent pixels */
  constructor(
    contents: WebContents,
    size: () => { readonly width: number; readonly height: number },
    told: (picture: LastPicture) => void,
  ) {
    this.#contents = contents;
    this.#size = size;
    this.#told = told;
  }

  /** Takes a picture that shows the dashboard; it is told once the page is known to have been well. */
  keep(picture: PagePicture): void {
    this.#places = picture.places;
    this.#keptAt = performance.now();
    this.#kept = { picture, takenAt: Date.now() };
  }

  /** The page is well, and on top: a picture that was kept is the dashboard's, and no error page's. */
  tell(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    this.#kept = undefined;
    this.#told({ jpeg: kept.picture.image.toJPEG(QUALITY), takenAt: kept.takenAt });
  }

  /** Whether the page's picture shows something; undefined where that cannot be seen. */
  async look(answerMs: number): Promise<boolean | undefined> {
    const isDue = performance.now() - this.#keptAt >= TAKEN_EVERY_MS;
    if (!isDue && this.#places.length > 0) {
      const shows = await showsSomething(this.#contents, this.#places, this.#size(), answerMs);
      if (shows !== false) return shows;
    }
    const { kind, picture } = await takePicture(this.#contents, answerMs);
    if (picture === undefined) return kind === 'one-colour' ? false : undefined;
    if (isDue) this.keep(picture);
    else this.#places = picture.places;
    return true;
  }
}

import type { Notice } from '../../core/surface/notice.ts';
import type { Face } from '../../core/wall/face.ts';
import type { LastPicture } from './console-view.ts';
import { KioskWindow } from './kiosk-window.ts';
import { NoticeView } from './notice-view.ts';
import { StripView } from './strip-view.ts';

/** Size and position of a display in device-independent pixels. */
export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface SurfaceWindowOptions {
  /** Folder of the built program. */
  readonly dist: string;
  readonly windowed: boolean;
  readonly bounds: Bounds;
  readonly onCloseWanted: () => void;
}

// Long enough for a dashboard that was put on top to be drawn.
const DRAWN_WITHIN_MS = 500;

/** What fills one display: the window, our own page in it, and the line over a picture whose data are stale. */
export class SurfaceWindow {
  readonly window: KioskWindow;
  readonly #notice: NoticeView;
  readonly #dist: string;
  #strip: StripView | undefined;
  #picture: LastPicture | undefined;
  /** The notice stands on its picture. */
  #isPictured = false;
  #later: NodeJS.Timeout | undefined;

  constructor(options: SurfaceWindowOptions) {
    this.#dist = options.dist;
    this.#notice = new NoticeView(options.dist);
    const { windowed, bounds } = options;
    this.window = new KioskWindow(this.#notice.view, { windowed, bounds, title: 'Vigil' });
    this.window.onCloseWanted(options.onCloseWanted);
  }

  /** Says what the state machines want said. */
  show({ notice, pictureOf, strip }: Face): void {
    const isPictured = this.#picture !== undefined && pictureOf !== undefined;
    const said: Notice = isPictured ? { ...notice, picture: { takenAt: pictureOf } } : notice;
    clearTimeout(this.#later);
    // A dashboard has been put over it, but may not be drawn yet.
    const waits = this.#isPictured && !isPictured && notice.kind !== 'night';
    if (!waits) this.#say(said);
    else {
      this.#later = setTimeout(() => {
        this.#say(said);
      }, DRAWN_WITHIN_MS);
    }
    if (strip === undefined) {
      if (this.#strip !== undefined) this.window.setStrip(undefined);
      this.#strip?.close();
      this.#strip = undefined;
      return;
    }
    if (this.#strip === undefined) {
      this.#strip = new StripView(this.#dist);
      this.window.setStrip(this.#strip.view);
    }
    this.#strip.show(strip);
  }

  /** The picture to fall back on, of whatever was on top last: our page loads it before it is needed. */
  keepPicture(picture: LastPicture): void {
    this.#picture = picture;
    this.#notice.setPicture(picture.jpeg);
  }

  /** What was shown before is not what will be shown next: its picture must not stand for it. */
  forgetPicture(): void {
    this.#picture = undefined;
  }

  close(): void {
    clearTimeout(this.#later);
    this.#strip?.close();
    this.window.close();
    this.#notice.close();
  }

  #say(notice: Notice): void {
    this.#isPictured = notice.picture !== undefined;
    this.#notice.show(notice);
  }
}

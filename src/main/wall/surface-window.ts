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

/** What fills one display: the window, our own page in it, and the line over a picture whose data are stale. */
export class SurfaceWindow {
  readonly window: KioskWindow;
  readonly #notice: NoticeView;
  readonly #dist: string;
  #strip: StripView | undefined;
  #picture: LastPicture | undefined;
  #pictureShown: LastPicture | undefined;

  constructor(options: SurfaceWindowOptions) {
    this.#dist = options.dist;
    this.#notice = new NoticeView(options.dist);
    const { windowed, bounds } = options;
    this.window = new KioskWindow(this.#notice.view, { windowed, bounds, title: 'Vigil' });
    this.window.onCloseWanted(options.onCloseWanted);
  }

  /** Says what the state machines want said. */
  show({ notice, pictureOf, strip }: Face): void {
    const picture = pictureOf === undefined ? undefined : this.#picture;
    if (picture !== this.#pictureShown) {
      this.#pictureShown = picture;
      this.#notice.setPicture(picture?.jpeg);
    }
    const taken = picture === undefined || pictureOf === undefined ? {} : { picture: { takenAt: pictureOf } };
    this.#notice.show({ ...notice, ...taken });
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

  /** The picture to fall back on, of whatever was on top last. */
  keepPicture(picture: LastPicture): void {
    this.#picture = picture;
  }

  /** What was shown before is not what will be shown next: its picture must not stand for it. */
  forgetPicture(): void {
    this.#picture = undefined;
  }

  close(): void {
    this.#strip?.close();
    this.window.close();
    this.#notice.close();
  }
}

import { BaseWindow, type Rectangle, type WebContentsView } from 'electron';

export interface KioskWindowOptions {
  readonly windowed: boolean;
  readonly title: string;
  /** The display's, in device-independent pixels. */
  readonly bounds: Readonly<Rectangle>;
}

const KIOSK = { kiosk: true, fullscreen: true, frame: false, resizable: true, alwaysOnTop: true, closable: false };
// Of a display 1080 high; a larger one is looked at from further away.
const STRIP_SHARE = 48 / 1080;
const LOWEST_STRIP = 32;
// A window manager arranges windows anew when displays change, and may be done after us.
const PUT_BACK_MS = 500;
const PUT_BACK_TIMES = 5;
// Long enough for what was hidden to draw itself anew, and less than a view lingers that has left the top.
const DRAWN_WITHIN_MS = 400;
const WINDOWED = { width: 1280, height: 720 };

/**
 * The window that fills one display, and the pile of views in it. The view on top covers the content area but for one row of pixels
 * while another paints beneath: a view that is covered whole is hidden to Chromium and never paints.
 */
export class KioskWindow {
  readonly #window: BaseWindow;
  readonly #windowed: boolean;
  readonly #base: WebContentsView;
  #bounds: Readonly<Rectangle>;
  #putBack = PUT_BACK_TIMES;
  #timer: NodeJS.Timeout | undefined;
  #top: WebContentsView;
  #strip: WebContentsView | undefined;
  #rising: NodeJS.Timeout | undefined;
  readonly #beneath = new Set<WebContentsView>();

  /** @param base what stands when nothing else does; it is never removed, and invisible while it is not on top */
  constructor(base: WebContentsView, { windowed, title, bounds }: KioskWindowOptions) {
    this.#windowed = windowed;
    this.#bounds = bounds;
    this.#window = new BaseWindow({
      title,
      backgroundColor: '#0b0f14',
      // The whole display even where no window manager makes a window full screen.
      ...(windowed ? { ...centred(bounds), ...WINDOWED } : { ...bounds, ...KIOSK }),
    });
    this.#window.setMenu(null);
    this.#base = base;
    this.#top = base;
    this.#window.contentView.addChildView(base);
    this.#window.contentView.on('bounds-changed', () => {
      this.#layout();
    });
    const onMoved = () => {
      this.#watchPlace();
    };
    this.#window.on('move', onMoved);
    this.#window.on('resize', onMoved);
    this.#layout();
  }

  /** Asked for each time somebody wants to close the window; it stays until `close` is called. */
  onCloseWanted(listener: () => void): void {
    this.#window.on('close', (event) => {
      event.preventDefault();
      listener();
    });
  }

  /** Fills a display: its own that has moved or changed its size, or another one. */
  fill(bounds: Readonly<Rectangle>): void {
    this.#bounds = bounds;
    this.#putBack = PUT_BACK_TIMES;
    this.#place();
  }

  /** Puts a view beneath what is on top, where it paints unseen. */
  addBeneath(view: WebContentsView): void {
    this.#beneath.add(view);
    this.#window.contentView.addChildView(view, 0);
    this.#layout();
  }

  /** Puts a view on top. A console view that was there stays beneath until it is removed. */
  raise(view: WebContentsView): void {
    clearTimeout(this.#rising);
    if (this.#window.isDestroyed()) return;
    const before = this.#top;
    if (before === view) return;
    this.#beneath.delete(view);
    view.setVisible(true);
    this.#window.contentView.addChildView(view);
    if (this.#strip !== undefined) this.#window.contentView.addChildView(this.#strip);
    this.#top = view;
    if (before !== this.#base) this.#beneath.add(before);
    if (view !== this.#base) this.#hideBase();
    this.#layout();
  }

  #hideBase(): void {
    this.#beneath.delete(this.#base);
    this.#base.setVisible(false);
  }

  /** Puts the base on top as soon as it has drawn itself beneath: it was hidden, and would come up with what it showed last. */
  raiseBase(): void {
    if (this.#top === this.#base || this.#window.isDestroyed()) return;
    this.#base.setVisible(true);
    this.#beneath.add(this.#base);
    this.#layout();
    clearTimeout(this.#rising);
    this.#rising = setTimeout(() => {
      this.raise(this.#base);
    }, DRAWN_WITHIN_MS);
  }

  /** Takes a view out of the window; if it was on top, the base is. */
  remove(view: WebContentsView): void {
    if (this.#window.isDestroyed()) return;
    if (this.#top === view) this.raise(this.#base);
    this.#beneath.delete(view);
    this.#window.contentView.removeChildView(view);
    this.#layout();
  }

  /** Shows a strip along the lower edge, over whatever is on top, or none. */
  setStrip(strip: WebContentsView | undefined): void {
    if (this.#strip === strip || this.#window.isDestroyed()) return;
    if (this.#strip !== undefined) this.#window.contentView.removeChildView(this.#strip);
    this.#strip = strip;
    if (strip !== undefined) {
      this.#window.contentView.addChildView(strip);
      // Keys go to what is shown.
      strip.webContents.on('focus', () => {
        this.#top.webContents.focus();
      });
    }
    this.#layout();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#rising);
    if (!this.#window.isDestroyed()) this.#window.destroy();
  }

  #place(): void {
    if (this.#windowed || this.#window.isDestroyed() || this.#isInPlace()) return;
    this.#window.setBounds(this.#bounds);
    this.#window.setKiosk(true);
  }

  #isInPlace(): boolean {
    const { x, y, width, height } = this.#window.getBounds();
    const wanted = this.#bounds;
    return width === wanted.width && height === wanted.height && x === wanted.x && y === wanted.y;
  }

  /** Puts the window back where it belongs if somebody else has moved it, but does not quarrel about it for ever. */
  #watchPlace(): void {
    clearTimeout(this.#timer);
    if (this.#windowed || this.#putBack === 0) return;
    this.#timer = setTimeout(() => {
      if (this.#window.isDestroyed() || this.#isInPlace()) return;
      this.#putBack -= 1;
      this.#place();
    }, PUT_BACK_MS);
  }

  #layout(): void {
    if (this.#window.isDestroyed()) return;
    const { width, height } = this.#window.contentView.getBounds();
    const whole = { x: 0, y: 0, width, height };
    for (const view of this.#beneath) view.setBounds(whole);
    // The row that is left uncovered, by the strip as well.
    const free = this.#beneath.size === 0 ? 0 : 1;
    this.#top.setBounds({ ...whole, height: Math.max(1, height - free) });
    const stripHeight = Math.min(height, Math.max(LOWEST_STRIP, Math.round(height * STRIP_SHARE)));
    this.#strip?.setBounds({ x: 0, y: height - free - stripHeight, width, height: stripHeight });
  }
}

function centred({ x, y, width, height }: Readonly<Rectangle>): { x: number; y: number } {
  return { x: x + Math.round((width - WINDOWED.width) / 2), y: y + Math.round((height - WINDOWED.height) / 2) };
}

import { BaseWindow, type WebContentsView, screen } from 'electron';

export interface KioskWindowOptions {
  readonly windowed: boolean;
  readonly title: string;
}

const KIOSK = { kiosk: true, fullscreen: true, frame: false, resizable: true, alwaysOnTop: true, closable: false };

/**
 * The window that fills one display, and the pile of views in it. The view on top covers the content area but for one row of pixels
 * while another paints beneath: a view that is covered whole is hidden to Chromium and never paints.
 */
export class KioskWindow {
  readonly #window: BaseWindow;
  readonly #base: WebContentsView;
  #top: WebContentsView;
  readonly #beneath = new Set<WebContentsView>();

  /** @param base what stands when nothing else does; it is never removed, and invisible while it is not on top */
  constructor(base: WebContentsView, options: KioskWindowOptions) {
    this.#window = new BaseWindow({
      title: options.title,
      backgroundColor: '#0b0f14',
      // The whole display even where no window manager makes a window full screen.
      ...(options.windowed ? { width: 1280, height: 720 } : { ...screen.getPrimaryDisplay().bounds, ...KIOSK }),
    });
    if (!options.windowed) this.#followDisplay();
    this.#window.setMenu(null);
    this.#base = base;
    this.#top = base;
    this.#window.contentView.addChildView(base);
    this.#window.contentView.on('bounds-changed', () => {
      this.#layout();
    });
    this.#layout();
  }

  /** Asked for each time somebody wants to close the window; it stays until `close` is called. */
  onCloseWanted(listener: () => void): void {
    this.#window.on('close', (event) => {
      event.preventDefault();
      listener();
    });
  }

  /** Puts a view beneath what is on top, where it paints unseen. */
  addBeneath(view: WebContentsView): void {
    this.#beneath.add(view);
    this.#window.contentView.addChildView(view, 0);
    this.#layout();
  }

  /** Puts a view on top. A console view that was there stays beneath until it is removed. */
  raise(view: WebContentsView): void {
    const before = this.#top;
    if (before === view) return;
    this.#beneath.delete(view);
    view.setVisible(true);
    this.#window.contentView.addChildView(view);
    this.#top = view;
    if (before === this.#base) before.setVisible(false);
    else this.#beneath.add(before);
    this.#layout();
  }

  /** Puts the base on top. */
  raiseBase(): void {
    this.raise(this.#base);
  }

  /** Takes a view out of the window; if it was on top, the base is. */
  remove(view: WebContentsView): void {
    if (this.#window.isDestroyed()) return;
    if (this.#top === view) this.raiseBase();
    this.#beneath.delete(view);
    this.#window.contentView.removeChildView(view);
    this.#layout();
  }

  close(): void {
    if (!this.#window.isDestroyed()) this.#window.destroy();
  }

  /** A display that changes its size, or comes back, is filled again. */
  #followDisplay(): void {
    const fill = () => {
      if (this.#window.isDestroyed()) return;
      const bounds = screen.getPrimaryDisplay().bounds;
      const now = this.#window.getBounds();
      if (now.width === bounds.width && now.height === bounds.height && now.x === bounds.x && now.y === bounds.y)
        return;
      this.#window.setBounds(bounds);
      this.#window.setKiosk(true);
    };
    screen.on('display-metrics-changed', fill);
    screen.on('display-added', fill);
    screen.on('display-removed', fill);
  }

  #layout(): void {
    if (this.#window.isDestroyed()) return;
    const { width, height } = this.#window.contentView.getBounds();
    const whole = { x: 0, y: 0, width, height };
    for (const view of this.#beneath) view.setBounds(whole);
    this.#top.setBounds(this.#beneath.size === 0 ? whole : { ...whole, height: Math.max(1, height - 1) });
  }
}

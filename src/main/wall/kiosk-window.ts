import { BaseWindow, type WebContentsView } from 'electron';

export interface KioskWindowOptions {
  readonly windowed: boolean;
  readonly title: string;
  readonly icon?: string;
}

/**
 * The window that fills one display, and the pile of views in it. What is on top covers the content area but for one row of pixels
 * while another view paints beneath: a view that is covered whole is hidden to Chromium and never paints.
 */
export class KioskWindow {
  readonly #window: BaseWindow;
  #top: WebContentsView | undefined;
  readonly #beneath = new Set<WebContentsView>();

  constructor(options: KioskWindowOptions) {
    this.#window = new BaseWindow({
      title: options.title,
      backgroundColor: '#0b0f14',
      width: 1280,
      height: 720,
      ...(options.icon === undefined ? {} : { icon: options.icon }),
      ...(options.windowed ? {} : { kiosk: true, fullscreen: true, frame: false, resizable: true, alwaysOnTop: true }),
    });
    this.#window.setMenu(null);
    this.#window.contentView.on('bounds-changed', () => {
      this.#layout();
    });
  }

  /** Called when the window is closed by the system or by a person. */
  onClosed(listener: () => void): void {
    this.#window.on('closed', listener);
  }

  /** Puts a view beneath what is on top, where it paints unseen. */
  addBeneath(view: WebContentsView): void {
    this.#beneath.add(view);
    this.#window.contentView.addChildView(view, 0);
    this.#layout();
  }

  /** Puts a view on top; the one that was there stays beneath until it is removed. */
  raise(view: WebContentsView): void {
    if (this.#top === view) return;
    this.#beneath.delete(view);
    this.#window.contentView.addChildView(view);
    const before = this.#top;
    this.#top = view;
    if (before !== undefined) this.#beneath.add(before);
    this.#layout();
  }

  remove(view: WebContentsView): void {
    this.#beneath.delete(view);
    if (this.#top === view) this.#top = undefined;
    if (!this.#window.isDestroyed()) this.#window.contentView.removeChildView(view);
    this.#layout();
  }

  close(): void {
    if (!this.#window.isDestroyed()) this.#window.destroy();
  }

  #layout(): void {
    if (this.#window.isDestroyed()) return;
    const { width, height } = this.#window.contentView.getBounds();
    const whole = { x: 0, y: 0, width, height };
    for (const view of this.#beneath) view.setBounds(whole);
    this.#top?.setBounds(this.#beneath.size === 0 ? whole : { ...whole, height: Math.max(1, height - 1) });
  }
}

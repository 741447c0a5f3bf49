import type { WebContentsView } from 'electron';
import type { StripText } from '../../core/surface/notice.ts';
import { OwnPage } from './own-pages.ts';

/**
 * The line that says over a picture how old its data are. Made when there is something to say and closed when there is not, for it
 * takes a renderer of its own.
 */
export class StripView {
  readonly #page: OwnPage;

  /** @param dist folder of the built program */
  constructor(dist: string) {
    this.#page = new OwnPage(dist, 'strip');
    // Nothing shows until the page has drawn itself.
    this.view.setBackgroundColor('#00000000');
  }

  get view(): WebContentsView {
    return this.#page.view;
  }

  /** Says it, now and after each reload of the page, which counts by itself from the times given. */
  show(text: StripText): void {
    this.#page.send(text);
    this.view.setVisible(true);
  }

  /** Takes the line away, and leaves the page for the next time. */
  hide(): void {
    this.view.setVisible(false);
  }

  /** Closes the page; its view must have been taken out of the window. */
  close(): void {
    this.#page.close();
  }
}

import type { WebContentsView } from 'electron';
import type { Notice } from '../../core/surface/notice.ts';
import type { NoticeMessage } from '../../core/surface/notice-channels.ts';
import { OwnPage, forgetPicture, servePicture } from './own-pages.ts';

export { registerOwnScheme } from './own-pages.ts';

const BACKGROUND = '#0b0f14';
const NIGHT = '#000000';

/** The own page that stands on a surface while there is no dashboard: one for each surface. */
export class NoticeView {
  readonly #page: OwnPage;
  #notice: Notice = { kind: 'starting' };
  #jpeg: Buffer | undefined;
  #pictureUrl: string | undefined;
  #shown = '';

  /** @param dist folder of the built program */
  constructor(dist: string) {
    this.#page = new OwnPage(dist, 'notice');
    this.view.setBackgroundColor(BACKGROUND);
  }

  get view(): WebContentsView {
    return this.#page.view;
  }

  /** Shows a notice, now and after each reload of the page. */
  show(notice: Notice): void {
    // What stands for the moment in which the page itself is loaded anew.
    if ((notice.kind === 'night') !== (this.#notice.kind === 'night')) {
      this.view.setBackgroundColor(notice.kind === 'night' ? NIGHT : BACKGROUND);
    }
    this.#notice = notice;
    this.#send();
  }

  /**
   * Keeps the last picture of a dashboard at hand; it stands behind notices that have a `picture`. Set as soon as it is there, it is loaded
   * before it is needed.
   * @param jpeg kept in memory until another is set; undefined: none
   */
  setPicture(jpeg: Buffer | undefined): void {
    if (jpeg === this.#jpeg) return;
    this.#jpeg = jpeg;
    if (jpeg === undefined) forgetPicture(this.#page.contentsId);
    this.#pictureUrl = jpeg === undefined ? undefined : servePicture(this.#page.contentsId, jpeg);
    this.#send();
  }

  close(): void {
    forgetPicture(this.#page.contentsId);
    this.#page.close();
  }

  #send(): void {
    const message: NoticeMessage =
      this.#pictureUrl === undefined
        ? { notice: this.#notice }
        : { notice: this.#notice, pictureUrl: this.#pictureUrl };
    const text = JSON.stringify(message);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#page.send(message);
  }
}

/** IPC channels of our own pages. */
import type { Notice, StripText } from './notice.ts';

/** From a page: it is ready for what it is to show. */
export const OWN_PAGE_READY = 'own-page:ready';
/** To a page: what it is to show. */
export const OWN_PAGE_SHOW = 'own-page:show';

/** What the notice page is sent. */
export interface NoticeMessage {
  readonly notice: Notice;
  /** Address of the last picture, if there is one; loaded ahead of its time, so that it stands at once. */
  readonly pictureUrl?: string;
}

/** What the strip page is sent. */
export type StripMessage = StripText;

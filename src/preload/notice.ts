/** The notice page's bridge: it hears what to show, and can say nothing but that it is ready. */
import { contextBridge, ipcRenderer, webFrame } from 'electron';
import { type NoticeMessage, OWN_PAGE_READY, OWN_PAGE_SHOW } from '../core/surface/notice-channels.ts';

const bridge = {
  /** Calls `listener` with each notice, beginning with the present one. */
  onNotice(listener: (message: NoticeMessage) => void): void {
    ipcRenderer.on(OWN_PAGE_SHOW, (_event, message: NoticeMessage) => {
      listener(message);
    });
    ipcRenderer.send(OWN_PAGE_READY);
  },
  /**
   * Gives back the memory of what the page has no use for any more. By itself Chromium does so when a page has made a lot of objects: this one
   * makes next to none, and the pictures that it has been shown would pile up by the dozen, as files, before they went.
   */
  forgetUnused(): void {
    webFrame.clearCache();
  },
};

export type NoticeBridge = typeof bridge;

contextBridge.exposeInMainWorld('vigil', bridge);

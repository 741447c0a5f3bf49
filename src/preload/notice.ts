/** The notice page's bridge: it hears what to show, and can say nothing but that it is ready. */
import { contextBridge, ipcRenderer } from 'electron';
import type { Notice } from '../core/surface/notice.ts';
import { NOTICE_READY, NOTICE_SHOW } from '../core/surface/notice-channels.ts';

const bridge = {
  /** Calls `listener` with each notice, beginning with the present one. */
  onNotice(listener: (notice: Notice) => void): void {
    ipcRenderer.on(NOTICE_SHOW, (_event, notice: Notice) => {
      listener(notice);
    });
    ipcRenderer.send(NOTICE_READY);
  },
};

export type NoticeBridge = typeof bridge;

contextBridge.exposeInMainWorld('vigil', bridge);

/** The strip page's bridge: it hears what to say, and can say nothing but that it is ready. */
import { contextBridge, ipcRenderer } from 'electron';
import { OWN_PAGE_READY, OWN_PAGE_SHOW, type StripMessage } from '../core/surface/notice-channels.ts';

const bridge = {
  /** Calls `listener` with each text, beginning with the present one. */
  onStrip(listener: (message: StripMessage) => void): void {
    ipcRenderer.on(OWN_PAGE_SHOW, (_event, message: StripMessage) => {
      listener(message);
    });
    ipcRenderer.send(OWN_PAGE_READY);
  },
};

export type StripBridge = typeof bridge;

contextBridge.exposeInMainWorld('vigil', bridge);

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WebContentsView, ipcMain, protocol, session } from 'electron';
import type { Notice } from '../../core/surface/notice.ts';
import { NOTICE_READY, NOTICE_SHOW } from '../../core/surface/notice-channels.ts';
import { LOCKED_PREFERENCES, lockContents } from './lockdown.ts';

const SCHEME = 'vigil';
const PAGE = `${SCHEME}://notice/index.html`;
const FILES: Readonly<Record<string, string>> = {
  '/index.html': 'text/html; charset=utf-8',
  '/notice.js': 'text/javascript; charset=utf-8',
  '/notice.css': 'text/css; charset=utf-8',
};
const RELOAD_MS = 1_000;
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Makes the own pages' scheme known; must run before Electron is ready. */
export function registerOwnScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
}

/** The own page that says what goes on while there is no dashboard. */
export class NoticeView {
  readonly view: WebContentsView;
  #notice: Notice = { kind: 'starting' };
  #shown = '';

  /** @param dist folder of the built program */
  constructor(dist: string) {
    const own = session.fromPartition('own-pages', { cache: false });
    own.protocol.handle(SCHEME, async (request) => {
      const { host, pathname } = new URL(request.url);
      const type = host === 'notice' ? FILES[pathname] : undefined;
      if (type === undefined) return new Response('Not found', { status: 404 });
      const body = await readFile(join(dist, 'renderer/notice', pathname));
      return new Response(new Uint8Array(body), {
        headers: { 'Content-Type': type, 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' },
      });
    });
    this.view = new WebContentsView({
      webPreferences: { ...LOCKED_PREFERENCES, session: own, preload: join(dist, 'preload/notice.cjs') },
    });
    this.view.setBackgroundColor('#0b0f14');
    const contents = this.view.webContents;
    lockContents(contents);
    const stay = (event: { preventDefault(): void }) => {
      event.preventDefault();
    };
    contents.on('will-frame-navigate', stay);
    contents.on('will-redirect', stay);
    ipcMain.on(NOTICE_READY, (event) => {
      // Only our own page in our own view may ask.
      if (event.sender.id !== contents.id || event.senderFrame?.url !== PAGE) return;
      this.#send();
    });
    contents.on('render-process-gone', () => {
      setTimeout(load, RELOAD_MS);
    });
    // The notice is what stands when all else fails: it is loaded until it is there, but not in a tight circle.
    const load = () => {
      if (contents.isDestroyed()) return;
      contents.loadURL(PAGE).catch(() => {
        setTimeout(load, RELOAD_MS);
      });
    };
    load();
  }

  /** Shows a notice, now and after each reload of the page. */
  show(notice: Notice): void {
    this.#notice = notice;
    const text = JSON.stringify(notice);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#send();
  }

  #send(): void {
    if (!this.view.webContents.isDestroyed()) this.view.webContents.send(NOTICE_SHOW, this.#notice);
  }
}

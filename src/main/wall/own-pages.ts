/** Our own pages: served from the built program and from memory, by a scheme of their own, to a session of their own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Session, WebContentsView, ipcMain, protocol, session } from 'electron';
import { OWN_PAGE_READY, OWN_PAGE_SHOW } from '../../core/surface/notice-channels.ts';
import { LOCKED_PREFERENCES, lockContents } from './lockdown.ts';

export type OwnPageName = 'notice' | 'strip';

const SCHEME = 'vigil';
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
const FILES: Readonly<Record<string, readonly string[]>> = {
  notice: ['index.html', 'notice.js', 'notice.css'],
  strip: ['index.html', 'strip.js', 'strip.css'],
};
const RELOAD_MS = 1_000;
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Pictures by the path that they are served at. */
const pictures = new Map<string, Buffer>();
/** Pages that are open, by the id of their webContents. */
const pages = new Map<number, { readonly url: string; readonly send: () => void }>();
let ownSession: Session | undefined;

/** Makes the own pages' scheme known; must run before Electron is ready. */
export function registerOwnScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
}

/**
 * Keeps a picture in memory for the notice pages.
 * @param owner names whose picture it is; a new one takes the place of the old
 * @returns its address, which is another for each picture
 */
export function servePicture(owner: number, jpeg: Buffer): string {
  forgetPicture(owner);
  const path = `/picture/${owner}/${(served += 1)}`;
  pictures.set(path, jpeg);
  return `${SCHEME}://notice${path}`;
}

export function forgetPicture(owner: number): void {
  for (const path of pictures.keys()) if (path.startsWith(`/picture/${owner}/`)) pictures.delete(path);
}

let served = 0;

/** A view of one of our own pages. It is loaded until it is there, and again when its renderer ends; the last message is sent each time. */
export class OwnPage {
  readonly view: WebContentsView;
  readonly contentsId: number;
  readonly #url: string;
  #message: unknown;
  #isClosed = false;

  /** @param dist folder of the built program */
  constructor(dist: string, name: OwnPageName) {
    this.#url = `${SCHEME}://${name}/index.html`;
    this.view = new WebContentsView({
      webPreferences: {
        ...LOCKED_PREFERENCES,
        session: sessionOfOwnPages(dist),
        preload: join(dist, `preload/${name}.cjs`),
      },
    });
    const contents = this.view.webContents;
    this.contentsId = contents.id;
    lockContents(contents);
    const stay = (event: { preventDefault(): void }) => {
      event.preventDefault();
    };
    contents.on('will-frame-navigate', stay);
    contents.on('will-redirect', stay);
    contents.on('render-process-gone', () => {
      setTimeout(load, RELOAD_MS);
    });
    pages.set(this.contentsId, {
      url: this.#url,
      send: () => {
        if (this.#message !== undefined) this.send(this.#message);
      },
    });
    // Our own page is what stands when all else fails: it is loaded until it is there, but not in a tight circle.
    const load = () => {
      if (this.#isClosed || contents.isDestroyed()) return;
      contents.loadURL(this.#url).catch(() => {
        setTimeout(load, RELOAD_MS);
      });
    };
    load();
  }

  /** Sends a message, now and whenever the page is loaded anew. Plain data. */
  send(message: unknown): void {
    this.#message = message;
    const contents = this.#isClosed ? undefined : this.view.webContents;
    if (contents?.isDestroyed() === false) contents.send(OWN_PAGE_SHOW, message);
  }

  /** Closes the page and its renderer; its view must have been taken out of the window. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    pages.delete(this.contentsId);
    if (!this.view.webContents.isDestroyed()) this.view.webContents.close();
  }
}

function sessionOfOwnPages(dist: string): Session {
  if (ownSession !== undefined) return ownSession;
  ownSession = session.fromPartition('own-pages', { cache: false });
  ownSession.protocol.handle(SCHEME, (request) => answer(dist, new URL(request.url)));
  ipcMain.on(OWN_PAGE_READY, (event) => {
    // Only our own page in its own view may ask.
    const page = pages.get(event.sender.id);
    if (page !== undefined && event.senderFrame?.url === page.url) page.send();
  });
  return ownSession;
}

async function answer(dist: string, { host, pathname }: URL): Promise<Response> {
  const picture = host === 'notice' ? pictures.get(pathname) : undefined;
  if (picture !== undefined) return respond(picture, 'image/jpeg');
  const file = FILES[host]?.find((name) => pathname === `/${name}`);
  const type = TYPES[file?.split('.')[1] ?? ''];
  if (file === undefined || type === undefined) return new Response('Not found', { status: 404 });
  return respond(await readFile(join(dist, 'renderer', host, file)), type);
}

function respond(body: Buffer, type: string): Response {
  return new Response(new Uint8Array(body), {
    headers: {
      'Content-Type': type,
      'Content-Security-Policy': POLICY,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}

// The app of capture-check.mjs: one full-screen page that moves all the time, as a dashboard does.
import { app, BrowserWindow } from 'electron';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const strip = readFileSync(new URL('../fiducial.json', import.meta.url), 'utf8');

app.whenReady().then(() => {
  const window = new BrowserWindow({ fullscreen: true, frame: false, webPreferences: { sandbox: true } });
  window.setMenu(null);
  window.loadFile(fileURLToPath(new URL('./page.html', import.meta.url)), { hash: encodeURIComponent(strip) });
});

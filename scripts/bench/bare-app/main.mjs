// The least that shows a page full screen: what the wall is measured against.
import { BrowserWindow, app } from 'electron';

app.on('window-all-closed', () => app.quit());
// Electron is not ready before this module has run to its end, so there is no waiting here.
app.whenReady().then(() => {
  const window = new BrowserWindow({ kiosk: true, fullscreen: true, frame: false, webPreferences: { sandbox: true } });
  window.setMenu(null);
  return window.loadURL(process.env.BARE_URL);
});

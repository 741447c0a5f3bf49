import type { Session, WebContents, WebPreferences } from 'electron';

/** What every view of the wall runs with. Console views add their session and nothing else. */
export const LOCKED_PREFERENCES = {
  sandbox: true,
  contextIsolation: true,
  nodeIntegration: false,
  nodeIntegrationInSubFrames: false,
  nodeIntegrationInWorker: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  webviewTag: false,
  devTools: false,
  spellcheck: false,
  navigateOnDragDrop: false,
  disableDialogs: true,
  safeDialogs: true,
} as const satisfies WebPreferences;

/**
 * Denies a session what a wall has no use for: permissions (granted by default in a fresh session), devices, screen capture and
 * downloads, and the spell checker, which fetches dictionaries. Must run before the session's first load (Electron, "Security", 5).
 */
export function lockSession(session: Session): void {
  session.setPermissionCheckHandler(() => false);
  session.setPermissionRequestHandler((_contents, _permission, answer) => {
    answer(false);
  });
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => {
    answer({});
  });
  session.on('will-download', (event) => {
    event.preventDefault();
  });
  session.setSpellCheckerEnabled(false);
  session.setSpellCheckerLanguages([]);
}

// Keys a page may have: nothing that reloads, prints, zooms, leaves or opens anything.
const ALLOWED_KEYS = /^(Arrow(Up|Down|Left|Right)|Page(Up|Down)|Home|End|Tab)$/;

/** Refuses pages new windows, and people at a keyboard every shortcut. */
export function lockContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.on('will-prevent-unload', (event) => {
    // A page that asks "leave this site?" would hold the wall; preventing this event means leaving.
    event.preventDefault();
  });
  contents.on('before-input-event', (event, input) => {
    const modified = input.control || input.meta || input.alt;
    if (modified || !ALLOWED_KEYS.test(input.key)) event.preventDefault();
  });
}

import { Menu, Tray, nativeImage } from 'electron';
import type { Session } from '../../core/session/state.ts';
import { statusLines, trayMenu } from './tray-menu.ts';

export interface WallTray {
  update(sessions: ReadonlyMap<string, Session>): void;
  close(): void;
}

const timeOfDay = (wallMs: number) => new Date(wallMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

/** The tray icon with its menu. Menus are made anew on each change: on Linux a change of an item is not seen. */
export function createTray(iconFile: string, actions: { renew(): void; quit(): void }): WallTray {
  const tray = new Tray(nativeImage.createFromPath(iconFile));
  let shown = '';
  return {
    update(sessions) {
      const lines = trayMenu(sessions, timeOfDay);
      const text = JSON.stringify(lines);
      if (text === shown) return;
      shown = text;
      tray.setToolTip(`Vigil: ${statusLines(sessions, timeOfDay).join('; ')}`);
      tray.setContextMenu(
        Menu.buildFromTemplate(
          lines.map(({ label, action, separator }) => {
            if (separator === true) return { type: 'separator' as const };
            if (action === undefined) return { label, enabled: false };
            return {
              label,
              click: () => {
                actions[action]();
              },
            };
          }),
        ),
      );
    },
    close() {
      tray.destroy();
    },
  };
}

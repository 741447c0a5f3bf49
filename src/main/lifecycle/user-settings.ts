import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import ElectronStore from 'electron-store';
import type { SettingsInput } from '../../core/settings/schema.ts';

export interface UserSettings {
  readonly path: string;
  /** One sentence for a file that could not be read; a copy of it has been set aside. */
  readonly setAside?: string;
}

/**
 * Opens the user's settings file as electron-store keeps it (JSON, written whole and renamed into place). A file that is no JSON is copied
 * aside under a name with the time, and left as it is: nothing is replaced by defaults.
 * @param folder the app's `userData`
 * @param stamp time for the copy's name, such as `20260131T235959`
 */
export function openUserSettings(folder: string, stamp: string): UserSettings {
  const path = join(folder, 'settings.json');
  try {
    const store = new ElectronStore<SettingsInput>({ cwd: folder, name: 'settings', clearInvalidConfig: false });
    return { path: store.path };
  } catch (error) {
    if (!(error instanceof SyntaxError) || !existsSync(path)) return { path };
    const copy = join(folder, `settings.bad-${stamp}.json`);
    try {
      if (!existsSync(copy)) copyFileSync(path, copy);
      return {
        path,
        setAside: `${path} is not JSON; a copy of it is ${copy}. Mend the file, or delete it to start afresh.`,
      };
    } catch {
      return { path, setAside: `${path} is not JSON, and no copy of it could be made. Mend the file.` };
    }
  }
}

import { homedir, hostname } from 'node:os';
import { secretsOfSettings } from '../../aws/from-settings.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { missingProblem } from '../../core/settings/requirements.ts';
import type { Settings } from '../../core/settings/schema.ts';
import { createNodeFileStore } from '../../node/file-store.ts';
import { loadSettings } from '../../node/load-settings.ts';
import type { Redactor } from '../../node/redact.ts';
import type { Flags } from './flags.ts';
import { openUserSettings } from './user-settings.ts';

export interface Complaint {
  readonly code: ErrorCode;
  readonly sentence: string;
}

export interface WallSettings {
  readonly settings: Settings;
  /** Empty when a wall can run on these settings. */
  readonly complaints: readonly Complaint[];
  /** The files that were looked for, found or not. */
  readonly files: readonly string[];
}

/**
 * The wall's settings from all their layers, and all that is wrong with them. Never rejects. Secrets among them are made known to the
 * redactor.
 * @param userData the app's folder for the user's settings
 * @param now wall-clock ms, for the name of a bad file's copy
 */
export async function readWallSettings(
  flags: Flags,
  redactor: Redactor,
  userData: string,
  now: number,
): Promise<WallSettings> {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+Z/g, '');
  const user = flags.configFile === undefined ? openUserSettings(userData, stamp) : undefined;
  const configFile = flags.configFile;
  const loaded = await loadSettings({
    env: process.env,
    flags: flags.layer,
    ...(configFile === undefined ? {} : { configFile }),
    platform: process.platform,
    home: homedir(),
    workingFolder: process.cwd(),
    hostName: hostname(),
    files: createNodeFileStore(),
  });
  for (const secret of secretsOfSettings(loaded.settings)) redactor.add(secret);
  const missing = loaded.problems.length === 0 ? missingProblem(loaded.settings, 'wall') : undefined;
  const complaints: Complaint[] = [];
  if (user?.setAside !== undefined) complaints.push({ code: 'SETTINGS_UNREADABLE', sentence: user.setAside });
  for (const { code, sentence } of missing === undefined ? loaded.problems : [missing])
    complaints.push({ code, sentence });
  return { settings: loaded.settings, complaints, files: loaded.files.map(({ path }) => path) };
}

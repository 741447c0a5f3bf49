/** What every command needs from the machine: its settings and the ports. */
import { homedir, hostname } from 'node:os';
import { AppError } from '../core/errors.ts';
import type { Clock, DeviceStore, Fetch, FileStore, Logger, Random } from '../core/ports.ts';
import type { SettingsLayer, SettingsProblem } from '../core/settings/layers.ts';
import { missingProblem, type Purpose } from '../core/settings/requirements.ts';
import type { Settings } from '../core/settings/schema.ts';
import type { Target } from '../core/settings/sessions.ts';
import { createNodeClock } from '../node/clock.ts';
import { createDeviceFile } from '../node/device-file.ts';
import { createNodeFileStore } from '../node/file-store.ts';
import { type LoadedSettings, loadSettings } from '../node/load-settings.ts';
import { createNodeRandom } from '../node/random.ts';

/** The ports that the chain runs on. */
export interface Ports {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: FileStore;
  readonly logger: Logger;
  readonly deviceStore: (path: string) => DeviceStore;
}

/** A command says nothing but its result; failures reach the user as errors. */
const SILENT: Logger = { log: () => undefined };

function homeFolder(): string {
  try {
    return homedir();
  } catch {
    // A service account without a home: only the files of the home are not found then.
    return '';
  }
}

/** Loads the settings of this machine and this call. */
export function loadMachineSettings(flags: SettingsLayer, configFile: string | undefined): Promise<LoadedSettings> {
  return loadSettings({
    env: process.env,
    flags,
    ...(configFile === undefined ? {} : { configFile }),
    platform: process.platform,
    home: homeFolder(),
    workingFolder: process.cwd(),
    hostName: hostname(),
    files: createNodeFileStore(),
  });
}

/** The ports for these settings. Throws SETTINGS_INVALID or SETTINGS_UNREADABLE for a bad proxy or CA file. */
export async function createPorts(settings: Settings): Promise<Ports> {
  const { createNodeFetch } = await import('../node/http.ts');
  const { proxy, caFile } = settings.network;
  return {
    fetch: createNodeFetch({ proxy, ...(caFile === undefined ? {} : { caFile }) }),
    clock: createNodeClock(),
    random: createNodeRandom(),
    files: createNodeFileStore(),
    logger: SILENT,
    deviceStore: (path) => createDeviceFile({ path }),
  };
}

/** Problems as the one failure that a command ends with. */
function problemsFailure(problems: readonly SettingsProblem[]): AppError | undefined {
  const [first, ...others] = problems;
  if (first === undefined) return undefined;
  const more = others.length === 0 ? '' : ` (and ${others.length} more: vigil doctor lists them)`;
  return new AppError(first.code, `${first.sentence.replace(/\.$/, '')}${more}.`);
}

/** Settings without problems and complete for a purpose, of that session and dashboard. Throws SETTINGS_INVALID, _UNREADABLE or _MISSING. */
export async function settingsFor(
  purpose: Purpose,
  flags: SettingsLayer,
  configFile: string | undefined,
  target: Partial<Target> = {},
): Promise<Settings> {
  const { settings, problems } = await loadMachineSettings(flags, configFile);
  const missing = missingProblem(settings, purpose, [], target);
  const failure = problemsFailure(problems.length > 0 || missing === undefined ? problems : [missing]);
  if (failure !== undefined) throw failure;
  return settings;
}

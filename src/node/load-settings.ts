/** Finds and reads every place that settings come from. The one loader of the command and the wall. */
import { posix, win32 } from 'node:path';
import { AppError, toAppError } from '../core/errors.ts';
import { FileRefused, type FileStore } from '../core/ports.ts';
import { environmentLayer } from '../core/settings/environment.ts';
import { FIELDS, setValueAt, valueAt } from '../core/settings/fields.ts';
import {
  type LayerName,
  mergeSettings,
  type MergedSettings,
  plain,
  type SettingsLayer,
  type SettingsProblem,
} from '../core/settings/layers.ts';
import { keySourceOf } from '../core/settings/requirements.ts';
import { registryLayer } from './npm-registry.ts';

/** In bytes. */
const LONGEST_SETTINGS_FILE = 1024 * 1024;

export interface LoadSettingsInput {
  /** `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the command line says, as a layer of its own. */
  readonly flags?: SettingsLayer;
  /** `--config FILE`: read instead of the user's settings file; it must exist. */
  readonly configFile?: string;
  /** `process.platform`. */
  readonly platform: string;
  /** The user's home folder. */
  readonly home: string;
  /** Where relative paths of flags and variables start. */
  readonly workingFolder: string;
  /** The machine's name, for the default name of the role session. */
  readonly hostName?: string;
  readonly files: FileStore;
}

export interface SettingsFile {
  readonly layer: 'policy' | 'user settings';
  readonly path: string;
  /** False where there is no such file; a file with problems is found. */
  readonly found: boolean;
}

export interface LoadedSettings extends MergedSettings {
  /** The files looked for. */
  readonly files: readonly SettingsFile[];
}

/** Folder of the user's settings, the same as Electron's `userData` for an app named Vigil; undefined without a home. */
export function userSettingsFolder(input: Pick<LoadSettingsInput, 'env' | 'platform' | 'home'>): string | undefined {
  const { env, platform, home } = input;
  if (platform === 'win32') {
    const roaming = env['APPDATA'] ?? (home === '' ? '' : win32.join(home, 'AppData', 'Roaming'));
    return roaming === '' ? undefined : win32.join(roaming, 'Vigil');
  }
  if (platform === 'darwin') return home === '' ? undefined : posix.join(home, 'Library/Application Support/Vigil');
  // XDG Base Directory Specification: a relative path counts as not set.
  const configured = env['XDG_CONFIG_HOME'] ?? '';
  if (configured.startsWith('/')) return posix.join(configured, 'Vigil');
  return home === '' ? undefined : posix.join(home, '.config', 'Vigil');
}

/** The machine's policy file, which an administrator owns. */
export function policyFile(input: Pick<LoadSettingsInput, 'env' | 'platform'>): string {
  if (input.platform === 'win32')
    return win32.join(input.env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'Vigil', 'policy.yml');
  if (input.platform === 'darwin') return '/Library/Application Support/Vigil/policy.yml';
  return '/etc/vigil/policy.yml';
}

/**
 * Loads the settings from all their layers. Never rejects: what is wrong with a file or a value is a problem
 * (SETTINGS_UNREADABLE or SETTINGS_INVALID), and the rest is loaded all the same. Paths in the result are absolute.
 */
export async function loadSettings(input: LoadSettingsInput): Promise<LoadedSettings> {
  const paths = input.platform === 'win32' ? win32 : posix;
  const problems: SettingsProblem[] = [];
  const files: SettingsFile[] = [];

  const readFile = async (path: string, layer: LayerName, required: boolean) => {
    try {
      const bytes = await input.files.read(path, LONGEST_SETTINGS_FILE);
      files.push({ layer: layer === 'user settings' ? layer : 'policy', path, found: bytes !== undefined });
      if (bytes === undefined) {
        if (required) throw new AppError('SETTINGS_UNREADABLE', `There is no settings file ${path}.`);
        return undefined;
      }
      const { parseSettingsFile } = await import('./parse-settings-file.ts');
      return parseSettingsFile(bytes, path);
    } catch (thrown) {
      const source = { layer, name: path };
      if (thrown instanceof AppError) {
        problems.push({ code: thrown.code, path: '', sentence: thrown.message, source });
      } else {
        const sentence = `${path} cannot be read: ${reasonOf(thrown)}.`;
        problems.push({ code: 'SETTINGS_UNREADABLE', path: '', sentence, source });
      }
      return undefined;
    }
  };

  const layers: SettingsLayer[] = [];

  const policyPath = policyFile(input);
  const policy = await readFile(policyPath, 'locked policy', false);
  if (policy !== undefined) layers.push(...policyLayers(policyPath, policy, problems));

  const folder = userSettingsFolder(input);
  const userPath =
    input.configFile === undefined
      ? folder === undefined
        ? undefined
        : paths.join(folder, 'settings.json')
      : paths.resolve(input.workingFolder, input.configFile);
  if (userPath !== undefined) {
    const user = await readFile(userPath, 'user settings', input.configFile !== undefined);
    if (user !== undefined) layers.push({ layer: 'user settings', name: userPath, ...user });
  }

  layers.push(environmentLayer(input.env));
  if (input.flags !== undefined) layers.push(input.flags);

  const named = layers.map((layer) => {
    const start =
      layer.layer === 'environment' || layer.layer === 'flags' ? input.workingFolder : paths.dirname(layer.name);
    return withAbsolutePaths(layer, (path) => paths.resolve(start, path.replace(/^~(?=\/|\\|$)/, input.home)));
  });
  if (input.hostName !== undefined) named.unshift(sessionNameLayer(input.hostName));

  let merged = mergeSettings(named);
  if (merged.settings.keys.npm.registry === undefined && keySourceOf(merged.settings) === 'npm') {
    // Only now is it known whether, and for which scope, a registry is needed at all.
    named.push(await registryLayer({ ...input, scope: merged.settings.keys.npm.scope }));
    merged = mergeSettings(named);
  }
  const { protocol, deviceFile } = merged.settings.server;
  if (protocol === 'v2' && deviceFile === undefined && folder !== undefined) {
    const values = { server: { deviceFile: paths.join(folder, 'device.json') } };
    named.unshift({ layer: 'defaults', name: '', values });
    merged = mergeSettings(named);
  }
  return { ...merged, problems: [...problems, ...merged.problems], files };
}

/** The two layers of a policy file: `defaults`, weaker than the user's settings, and `locked`, stronger than all. */
function policyLayers(
  path: string,
  file: { values: unknown; lines: Readonly<Record<string, number>> },
  problems: SettingsProblem[],
): SettingsLayer[] {
  const { values } = file;
  const complain = (complaint: string) => {
    const source = { layer: 'locked policy', name: path } as const;
    problems.push({ code: 'SETTINGS_INVALID', path: '', sentence: `${path} ${complaint}.`, source });
  };
  if (values === undefined) return [];
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    complain('must hold the groups defaults and locked');
    return [];
  }
  const linesUnder = (group: string) =>
    Object.fromEntries(
      Object.entries(file.lines).flatMap(([at, line]) =>
        at.startsWith(`${group}.`) ? [[at.slice(group.length + 1), line] as const] : [],
      ),
    );
  const layers: SettingsLayer[] = [];
  for (const [group, inner] of Object.entries(values)) {
    if (group === 'defaults') {
      layers.push({ layer: 'policy defaults', name: path, values: inner, lines: linesUnder(group) });
    } else if (group === 'locked') {
      layers.push({ layer: 'locked policy', name: path, values: inner, lines: linesUnder(group) });
    } else {
      complain(`must hold the groups defaults and locked only, and not ${plain(group)}`);
    }
  }
  return layers;
}

/** Copies a layer with its file and folder paths made absolute. */
function withAbsolutePaths(layer: SettingsLayer, absolute: (path: string) => string): SettingsLayer {
  const changed = FIELDS.filter(({ path, isPath }) => {
    const value = isPath ? valueAt(layer.values, path) : undefined;
    // What the schema will refuse must reach it unchanged.
    return typeof value === 'string' && value.trim() !== '' && !/\p{Cc}/u.test(value);
  });
  if (changed.length === 0) return layer;
  const values = structuredClone(layer.values) as Record<string, unknown>;
  for (const { path } of changed) setValueAt(values, path, absolute(String(valueAt(values, path))));
  return { ...layer, values };
}

/** `vigil-HOST` as the default name of the role session, so that CloudTrail tells walls apart. */
function sessionNameLayer(hostName: string): SettingsLayer {
  const host = hostName.replace(/[^\w+=,.@-]+/g, '-').slice(0, 58);
  return { layer: 'defaults', name: '', values: host === '' ? {} : { role: { sessionName: `vigil-${host}` } } };
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof FileRefused) return `it ${thrown.message}`;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'this user has no permission';
    case 'ELOOP':
      return 'its links lead in a circle';
    default:
      return typeof code === 'string' ? `the system says ${code}` : plain(toAppError(thrown).message);
  }
}

/** Which registry npm itself would take a package from, as its own configuration says. */
import { posix, win32 } from 'node:path';
import type { FileStore } from '../core/ports.ts';
import type { SettingsLayer } from '../core/settings/layers.ts';

export interface NpmConfigurationInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly home: string;
  /** With the @. */
  readonly scope: string | undefined;
  readonly files: FileStore;
}

const LONGEST_NPMRC = 256 * 1024;

/**
 * The registry of npm's configuration as a layer, or undefined where none names one. As npm does it: a scope's own
 * registry first, then `registry`; the environment before the user's .npmrc.
 */
export async function registryLayer(input: NpmConfigurationInput): Promise<SettingsLayer | undefined> {
  const { env, home, scope, platform } = input;
  const paths = platform === 'win32' ? win32 : posix;
  const file =
    env['npm_config_userconfig'] ?? env['NPM_CONFIG_USERCONFIG'] ?? (home === '' ? '' : paths.join(home, '.npmrc'));
  const fromFile = file === '' ? {} : await readNpmrc(input.files, file, env);

  const layer = (registry: string | undefined, name: string): SettingsLayer | undefined =>
    registry === undefined || registry === ''
      ? undefined
      : { layer: 'npm configuration', name, values: { keys: { npm: { registry } } } };
  const scoped = scope === undefined ? undefined : `${scope}:registry`;
  return (
    (scoped === undefined
      ? undefined
      : (layer(env[`npm_config_${scoped}`], 'npm_config') ?? layer(fromFile[scoped], file))) ??
    layer(env['npm_config_registry'] ?? env['NPM_CONFIG_REGISTRY'], 'npm_config_registry') ??
    layer(fromFile['registry'], file)
  );
}

/** The `key=value` lines of an .npmrc, with ${VARIABLES} filled in; empty where the file is missing or cannot be read. */
async function readNpmrc(
  files: FileStore,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Readonly<Record<string, string>>> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await files.read(path);
  } catch {
    // npm's file, not ours: without it the registry is simply not known from here.
    return {};
  }
  if (bytes === undefined || bytes.length > LONGEST_NPMRC) return {};
  const entries: [string, string][] = [];
  for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
    const match = /^\s*([^\s=;#][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, key = '', value = ''] = match;
    const filled = value
      .replace(/^(["'])(.*)\1$/, '$2')
      .replace(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
    entries.push([key, filled]);
  }
  return Object.fromEntries(entries);
}

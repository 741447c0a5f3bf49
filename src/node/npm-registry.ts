// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- every project that sees this file needs these types
/// <reference path="./npm-registry-fetch.d.ts" />
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

/** In bytes. */
const LONGEST_NPMRC = 256 * 1024;

/**
 * The registry that npm would take, as a layer. As npm does it: a scope's own registry first, then `registry`; the
 * environment before the user's .npmrc; and at last the public one, whose address is npm's own library's to know.
 */
export async function registryLayer(input: NpmConfigurationInput): Promise<SettingsLayer> {
  const { env, home, scope, platform } = input;
  const paths = platform === 'win32' ? win32 : posix;
  const file =
    env['npm_config_userconfig'] ?? env['NPM_CONFIG_USERCONFIG'] ?? (home === '' ? '' : paths.join(home, '.npmrc'));
  const fromFile = file === '' ? {} : await readNpmrc(input.files, file, env);

  const own = scope === undefined ? 'registry' : `${scope}:registry`;
  const places: readonly (readonly [name: string, registry: string | undefined])[] = [
    [`npm_config_${own}`, env[`npm_config_${own}`]],
    [file, fromFile[own]],
    ['npm_config_registry', env['npm_config_registry'] ?? env['NPM_CONFIG_REGISTRY']],
    [file, fromFile['registry']],
  ];
  const [name, registry] = places.find(([, value]) => (value ?? '') !== '') ?? [
    "npm's own default",
    await publicRegistry(),
  ];
  return { layer: 'npm configuration', name, values: { keys: { npm: { registry } } } };
}

/** The registry of a machine where nobody has configured npm. */
async function publicRegistry(): Promise<string> {
  // This file alone, which is small: the library itself is not needed.
  const { default: options } = await import('npm-registry-fetch/lib/default-opts.js');
  return options.registry;
}

/** The `key=value` lines of an .npmrc, with ${VARIABLES} filled in; empty where the file is missing or cannot be read. */
async function readNpmrc(
  files: FileStore,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Readonly<Record<string, string>>> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await files.read(path, LONGEST_NPMRC);
  } catch {
    // npm's file, not ours: without it the registry is simply not known from here.
    return {};
  }
  if (bytes === undefined) return {};
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

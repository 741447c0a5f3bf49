import { parseArgs } from 'node:util';
import type { SettingsLayer } from '../../core/settings/layers.ts';

export interface Flags {
  /** `--config FILE`. */
  readonly configFile?: string;
  /** What the flags say, as a settings layer. */
  readonly layer: SettingsLayer;
  readonly help: boolean;
  readonly version: boolean;
}

export const HELP = `Vigil: keeps an AWS dashboard on this display, signed in.

  --config FILE   read this settings file (YAML or JSON) instead of the user's own
  --windowed      an ordinary window instead of the whole screen
  --no-tray       no tray icon
  --version       print the version and end
  --help          print this and end

Settings may also come from the environment; see vigil.example.yml and the README.
`;

/**
 * Reads the wall's flags. Chromium's own switches share the command line, so what is not ours passes.
 * @param args without the program and the app's path
 */
export function readFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    strict: false,
    options: {
      config: { type: 'string' },
      windowed: { type: 'boolean' },
      'no-tray': { type: 'boolean' },
      help: { type: 'boolean' },
      version: { type: 'boolean' },
    },
  });
  const wall: Record<string, boolean> = {};
  const origins: Record<string, string> = {};
  if (values['windowed'] !== undefined) {
    wall['windowed'] = true;
    origins['wall.windowed'] = '--windowed';
  }
  if (values['no-tray'] !== undefined) {
    wall['tray'] = false;
    origins['wall.tray'] = '--no-tray';
  }
  return {
    // `--config` without a file is an empty path, which the loader refuses by name.
    ...(values['config'] === undefined
      ? {}
      : { configFile: typeof values['config'] === 'string' ? values['config'] : '' }),
    layer: { layer: 'flags', name: 'flags', values: Object.keys(wall).length === 0 ? {} : { wall }, origins },
    help: values['help'] === true,
    version: values['version'] === true,
  };
}

/** Flags for the fields that are often set by hand. There is none for a secret: every user sees a command line. */
import type { Command } from 'commander';
import { valueFromText } from '../core/settings/environment.ts';
import { setValueAt } from '../core/settings/fields.ts';
import type { SettingsLayer } from '../core/settings/layers.ts';

interface Flag {
  readonly name: string;
  readonly argument: string;
  readonly path: string;
  readonly kind?: 'number';
  readonly help: string;
}

const SERVER_FLAGS: readonly Flag[] = [
  { name: 'endpoint', argument: 'URL', path: 'server.endpoint', help: 'auto-id server (AUTO_ID_API_ENDPOINT)' },
  {
    name: 'secret',
    argument: 'NAME',
    path: 'server.secret',
    help: "name of the server's secret (AUTO_ID_SECRET_NAME)",
  },
  { name: 'keys-dir', argument: 'FOLDER', path: 'keys.directory', help: 'folder with the keys (AUTO_ID_KEYS_DIR)' },
  {
    name: 'keys-source',
    argument: 'KIND',
    path: 'keys.source',
    help: 'directory, npm, s3, git, https or server (VIGIL_KEYS_SOURCE)',
  },
  { name: 'protocol', argument: 'VERSION', path: 'server.protocol', help: 'v1 or v2 (VIGIL_SERVER_PROTOCOL)' },
  {
    name: 'device',
    argument: 'FILE',
    path: 'server.deviceFile',
    help: 'with v2: who this machine is (VIGIL_DEVICE_FILE)',
  },
  { name: 'region', argument: 'REGION', path: 'aws.region', help: 'AWS region (AWS_REGION)' },
  {
    name: 'timeout',
    argument: 'SECONDS',
    path: 'network.timeoutSeconds',
    kind: 'number',
    help: 'longest time of one call',
  },
];

const ROLE_FLAGS: readonly Flag[] = [
  { name: 'role-arn', argument: 'ARN', path: 'role.arn', help: 'role to assume (ASSUME_ROLE_ARN)' },
  {
    name: 'session-name',
    argument: 'NAME',
    path: 'role.sessionName',
    help: 'name of the role session (ASSUME_ROLE_SESSION_NAME)',
  },
  {
    name: 'duration',
    argument: 'SECONDS',
    path: 'role.durationSeconds',
    kind: 'number',
    help: "life of the role's credentials",
  },
  { name: 'url', argument: 'URL', path: 'dashboard.url', help: 'dashboard to sign in to (VISIT_URL)' },
];

/** Which flags a command takes: those of the server alone, or those of role and dashboard too. */
export type FlagSet = 'server' | 'sign-in';

function flagsOf(set: FlagSet): readonly Flag[] {
  return set === 'server' ? SERVER_FLAGS : [...SERVER_FLAGS, ...ROLE_FLAGS];
}

/** Adds the flags of a set to a command. */
export function addFlags(command: Command, set: FlagSet): Command {
  for (const flag of flagsOf(set)) command.option(`--${flag.name} <${flag.argument}>`, flag.help);
  return command;
}

/** What the given options say, as a layer. */
export function flagLayer(options: Readonly<Record<string, unknown>>, set: FlagSet): SettingsLayer {
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const { name, path, kind } of flagsOf(set)) {
    const text = options[name.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase())];
    if (typeof text !== 'string') continue;
    // An empty one is told, not ignored: it was typed, and a script's unset variable must not pass for "no flag".
    setValueAt(values, path, valueFromText(text, kind ?? 'text'));
    origins[path] = `--${name}`;
  }
  return { layer: 'flags', name: 'the command line', values, origins };
}

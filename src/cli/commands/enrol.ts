/** `vigil enrol`: makes this machine a device of an auto-id server, by an activation code that never stands on a command line. */
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { deviceFromSettings } from '../../aws/auto-id.ts';
import { enrolDevice } from '../../autoid/v2/enrol-device.ts';
import { AppError } from '../../core/errors.ts';
import type { SettingsLayer } from '../../core/settings/layers.ts';
import type { Settings } from '../../core/settings/schema.ts';
import { readOwnerOnly } from '../../node/durable-file.ts';
import { createPorts, loadMachineSettings } from '../context.ts';

const LONGEST_CODE = 1000;

/** Runs the command; resolves with what goes to stdout. Throws what `enrolDevice`, settings and network throw. */
export async function enrol(options: Readonly<Record<string, unknown>>): Promise<string> {
  const option = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  const settings = await settingsOf(option('server'), option('device'), option('config'));
  const code = await codeOf(option('codeFile'), settings);
  const ports = await createPorts(settings);
  const device = await deviceFromSettings(settings, ports);
  const hint = option('hint') ?? hostname();
  const { deviceId, serverId } = await enrolDevice(device, { code, hint, replace: options['replace'] === true });
  const { name } = device.options.store;
  const aheadMs = device.clock.aheadMs() ?? 0;
  const clock =
    Math.abs(aheadMs) > 60_000
      ? `This machine's clock is ${Math.round(Math.abs(aheadMs) / 1000)} seconds ${aheadMs > 0 ? 'ahead' : 'behind'}: set it right.\n`
      : '';
  return `Enrolled as device ${deviceId} of the server ${serverId}; who it is lies in ${name}.\n${clock}`;
}

/** The settings, with what the command line says, as far as enrolling needs them. Throws their first problem. */
async function settingsOf(
  server: string | undefined,
  device: string | undefined,
  configFile: string | undefined,
): Promise<Settings> {
  const values = {
    server: {
      protocol: 'v2',
      ...(server === undefined ? {} : { endpoint: server }),
      ...(device === undefined ? {} : { deviceFile: device }),
    },
  };
  const origins = { 'server.protocol': 'vigil enrol', 'server.endpoint': '--server', 'server.deviceFile': '--device' };
  const flags: SettingsLayer = { layer: 'flags', name: 'the command line', values, origins };
  const { settings, problems } = await loadMachineSettings(flags, configFile);
  const [first] = problems;
  if (first !== undefined) throw new AppError(first.code, first.sentence);
  if (settings.server.endpoint === undefined) {
    throw new AppError(
      'USAGE',
      'Name the auto-id server: vigil enrol --server URL, or server.endpoint in the settings.',
    );
  }
  return settings;
}

/** The code from a file, the settings (and so the environment), or stdin. */
async function codeOf(file: string | undefined, settings: Settings): Promise<string> {
  if (file !== undefined) {
    const bytes = await readOwnerOnly(file, { what: 'The file of the activation code', maxBytes: LONGEST_CODE });
    return new TextDecoder().decode(bytes).trim();
  }
  if (settings.server.activationCode !== undefined) return settings.server.activationCode;
  if (process.stdin.isTTY) process.stderr.write('Activation code: ');
  const typed = process.stdin.isTTY ? await firstLine() : (await text(process.stdin)).trim();
  if (typed !== '') return typed;
  throw new AppError('USAGE', 'Give the activation code on stdin, by --code-file, or as VIGIL_ACTIVATION_CODE.');
}

async function firstLine(): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin });
  try {
    return (await lines.question('')).trim();
  } finally {
    lines.close();
  }
}

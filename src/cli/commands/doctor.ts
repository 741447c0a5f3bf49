/** `vigil doctor`: walks the chain, and says of each part whether it works and what helps. */
import { type AutoId, autoIdFromSettings } from '../../aws/auto-id.ts';
import { secretsOfSettings } from '../../aws/from-settings.ts';
import { exitCodeOf, toAppError } from '../../core/errors.ts';
import { FIELDS, shownValue, valueAt } from '../../core/settings/fields.ts';
import { keySourceOf, missingFields, missingProblem } from '../../core/settings/requirements.ts';
import type { Settings } from '../../core/settings/schema.ts';
import type { LoadedSettings } from '../../node/load-settings.ts';
import { createRedactor } from '../../node/redact.ts';
import { bestReading, type ClockReading, NOTABLE_SKEW_MS, withClockReadings } from '../clock-check.ts';
import { createPorts, loadMachineSettings, type Ports } from '../context.ts';
import { flagLayer } from '../flags.ts';
import { remedyFor } from '../remedies.ts';
import { type Check, failed, fine, skipped } from './doctor-check.ts';
import { deviceCheck, deviceClockCheck } from './doctor-device.ts';
import { litChecks } from './doctor-lit.ts';
import { sessionChecks } from './doctor-sessions.ts';

function settingsChecks({ settings, problems, files, sources }: LoadedSettings): Check[] {
  const checks = problems.map((problem) => failed('settings', problem));
  const missing = missingProblem(settings, 'wall', problems);
  if (missing !== undefined) checks.push(failed('settings', missing));
  if (checks.length > 0) return checks;
  const found = files.filter((file) => file.found).map((file) => file.path);
  const set = Object.values(sources).filter(({ layer }) => layer !== 'defaults').length;
  const where = found.length === 0 ? 'no file' : found.join(' and ');
  return [fine('settings', `${set} fields are set; read from ${where}, the environment and the command line.`)];
}

function proxyCheck({ proxy }: Settings['network']): Check {
  if (proxy === 'none') return fine('proxy', 'None is used.');
  if (proxy !== 'system') return fine('proxy', `${new URL(proxy).host} is used, except for this machine itself.`);
  const names = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'];
  const set = names.filter((name) => (process.env[name] ?? '') !== '');
  return fine(
    'proxy',
    set.length === 0 ? 'The environment names none.' : `As ${set.join(', ')} of the environment say.`,
  );
}

/** The keys, or a sentence on why there are none. */
async function keysCheck(settings: Settings, ports: Ports): Promise<readonly [Check, AutoId | string]> {
  if (missingFields(settings, 'keys').length > 0) {
    const why = 'The settings name no key source that is complete.';
    return [skipped('keys', why), why];
  }
  try {
    const autoId = await autoIdFromSettings(settings, ports);
    await autoId.keyRing.refresh();
    const from = keySourceOf(settings) ?? '';
    return [fine('keys', `The key set ${autoId.keyRing.current()?.fingerprint ?? ''} came from ${from}.`), autoId];
  } catch (thrown) {
    return [failed('keys', toAppError(thrown).toFailure()), 'There are no keys.'];
  }
}

function clockCheck(readings: readonly ClockReading[]): Check {
  const best = bestReading(readings);
  if (best === undefined) return skipped('clock', 'Nobody answered with the time.');
  const seconds = Math.round(Math.abs(best.aheadMs) / 1000);
  const off = `This clock is ${seconds} seconds ${best.aheadMs > 0 ? 'ahead' : 'behind'}`;
  // Never more than a warning: calls to AWS are signed by its own clock where this one is refused.
  if (Math.abs(best.aheadMs) >= NOTABLE_SKEW_MS) {
    return { name: 'clock', status: 'warn', sentence: `${off}.`, remedy: remedyFor('STS_CLOCK_SKEW') };
  }
  return fine('clock', 'This clock agrees with the answers that came.');
}

/**
 * Each check as soon as it is done, the clock's first. That one comes off the first answer of the chain; what is done
 * before that answer is held back.
 */
async function* walk(loaded: LoadedSettings, keep: (secret: string) => void): AsyncGenerator<Check> {
  const { settings } = loaded;
  const before = settingsChecks(loaded);
  let ports: Ports;
  try {
    ports = await createPorts(settings);
  } catch (thrown) {
    const why = 'No call can be made with this proxy or certificate file.';
    yield skipped('clock', why);
    yield* before;
    yield failed('proxy', toAppError(thrown).toFailure());
    for (const name of ['keys', 'server', 'role', 'federation'] as const) yield skipped(name, why);
    return;
  }
  const held = [...before, proxyCheck(settings.network)];
  const { fetch, readings } = withClockReadings(ports.fetch, ports.clock);
  let isTold = false;
  for await (const check of chainChecks(settings, { ...ports, fetch }, keep)) {
    held.push(check);
    if (!isTold && readings.length === 0) continue;
    if (!isTold) yield clockCheck(readings);
    isTold = true;
    yield* held.splice(0);
  }
  if (!isTold) yield clockCheck(readings);
  yield* held;
}

async function* chainChecks(settings: Settings, ports: Ports, keep: (secret: string) => void): AsyncGenerator<Check> {
  if (settings.server.protocol === 'v2') yield await deviceCheck(settings, ports);
  const [check, keys] = await keysCheck(settings, ports);
  yield check;
  yield* sessionChecks({ settings, ports, keys, keep });
  if (typeof keys !== 'string' && keys.protocol === 'v2') yield deviceClockCheck(keys.device.clock.aheadMs());
}

async function* withLit(chain: AsyncIterable<Check>, lit: Promise<readonly Check[]>): AsyncGenerator<Check> {
  yield* chain;
  yield* await lit;
}

/** Every field that has a value, with where it came from; secrets are left out. */
function fieldReports({ settings, sources }: LoadedSettings) {
  return FIELDS.flatMap((field) => {
    const source = sources[field.path];
    if (source === undefined) return [];
    const value = shownValue(field, valueAt(settings, field.path));
    return [{ path: field.path, value, layer: source.layer, from: source.name === '' ? 'default' : source.name }];
  });
}

/**
 * Runs the command. Lines go to `write` as they come (with `--json`, one document at the end); resolves with the exit
 * code of the first failure, or 0. Nothing that is printed holds a secret.
 */
export async function doctor(
  options: Readonly<Record<string, unknown>>,
  write: (text: string) => void,
): Promise<number> {
  const configFile = typeof options['config'] === 'string' ? options['config'] : undefined;
  const asJson = options['json'] === true;
  const loaded = await loadMachineSettings(flagLayer(options, 'sign-in'), configFile);
  const redactor = createRedactor();
  for (const secret of secretsOfSettings(loaded.settings)) redactor.add(secret);
  const clean = (text: string) => redactor.redact(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' '));

  const fields = fieldReports(loaded);
  const shown = options['verbose'] === true ? fields : fields.filter(({ layer }) => layer !== 'defaults');
  const checks: Check[] = [];
  const print = (check: Check): void => {
    const said = check.sentence.replace(/\.$/, '');
    const remedy = check.remedy === undefined ? '' : ` — ${check.remedy}`;
    const name = check.of === undefined ? check.name : `${check.name} ${check.of}`;
    write(`${clean(`${check.status.padEnd(4)}  ${name}: ${said}${remedy}`)}\n`);
  };
  // Beside the chain: neither waits for the other.
  const lit = litChecks();
  for await (const check of withLit(
    walk(loaded, (secret) => redactor.add(secret)),
    lit,
  )) {
    const isAfterSettings = checks.at(-1)?.name === 'settings' && check.name !== 'settings';
    checks.push(check);
    if (asJson) continue;
    if (isAfterSettings) {
      for (const { path, value, from } of shown) {
        write(`${clean(`      ${path} = ${JSON.stringify(value)} (${from})`)}\n`);
      }
    }
    print(check);
  }
  const first = checks.find(({ status }) => status === 'fail');
  const exitCode = first?.code === undefined ? 0 : exitCodeOf(first.code);
  if (asJson) {
    const report = { ok: first === undefined, exitCode, checks, settings: fields, files: loaded.files };
    write(`${redactor.redact(JSON.stringify(report, null, 2))}\n`);
  }
  return exitCode;
}

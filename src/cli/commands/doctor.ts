/** `vigil doctor`: walks the chain, and says of each part whether it works and what helps. */
import {
  credentialProviderFromSettings,
  keyRingFromSettings,
  secretsOfSettings,
  signInFromSettings,
} from '../../aws/from-settings.ts';
import type { StageReport } from '../../aws/sign-in.ts';
import { type ErrorCode, exitCodeOf, type Failure, toAppError } from '../../core/errors.ts';
import { FIELDS, shownValue, valueAt } from '../../core/settings/fields.ts';
import { keySourceOf, missingFields, missingProblem } from '../../core/settings/requirements.ts';
import type { Settings } from '../../core/settings/schema.ts';
import type { AwsCredentials } from '../../credentials/provider.ts';
import type { KeyRing } from '../../keys/key-ring.ts';
import type { LoadedSettings } from '../../node/load-settings.ts';
import { createRedactor } from '../../node/redact.ts';
import { bestReading, type ClockReading, NOTABLE_SKEW_MS, withClockReadings } from '../clock-check.ts';
import { createPorts, loadMachineSettings, type Ports } from '../context.ts';
import { flagLayer } from '../flags.ts';
import { remedyFor } from '../remedies.ts';
import { litChecks, type LitName } from './doctor-lit.ts';

export interface Check {
  readonly name: 'clock' | 'settings' | 'proxy' | 'keys' | 'server' | 'role' | 'federation' | LitName;
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  readonly code?: ErrorCode;
  readonly sentence: string;
  readonly remedy?: string;
}

type Name = Check['name'];

function failed(name: Name, { code, sentence }: Failure): Check {
  return { name, status: 'fail', code, sentence, remedy: remedyFor(code) };
}
function skipped(name: Name, sentence: string): Check {
  return { name, status: 'skip', sentence };
}
function fine(name: Name, sentence: string): Check {
  return { name, status: 'ok', sentence };
}

function settingsChecks({ settings, problems, files, sources }: LoadedSettings): Check[] {
  const checks = problems.map((problem) => failed('settings', problem));
  const missing = missingProblem(settings, 'login-url', problems);
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

async function keysCheck(ring: KeyRing, settings: Settings): Promise<Check> {
  try {
    await ring.refresh();
    return fine('keys', `The key set ${ring.current()?.fingerprint ?? ''} came from ${keySourceOf(settings) ?? ''}.`);
  } catch (thrown) {
    return failed('keys', toAppError(thrown).toFailure());
  }
}

/** The steps after the credentials, from what the sign-in reports of each. */
async function signInChecks(
  settings: Settings,
  ports: Ports,
  credentials: AwsCredentials,
  keep: (secret: string) => void,
): Promise<Check[]> {
  const reports: StageReport[] = [];
  let failure: Failure | undefined;
  try {
    const signIn = await signInFromSettings(settings, ports, {
      provider: { name: 'auto-id', get: () => Promise.resolve(credentials) },
      onStage: (report) => reports.push(report),
      onSecret: keep,
    });
    await signIn.run();
  } catch (thrown) {
    failure = toAppError(thrown).toFailure();
  }
  const role = reports.find(({ stage }) => stage === 'assume-role');
  const federation = reports.find(({ stage }) => stage === 'federation');
  const minutes = (report: StageReport) => Math.round(Number(report.detail?.['lifeSeconds'] ?? 0) / 60);
  if (role === undefined || role.failure !== undefined) {
    const said = role?.failure ?? failure ?? toAppError('the role was not tried').toFailure();
    return [failed('role', said), skipped('federation', 'The role was not assumed.')];
  }
  const arn = String(role.detail?.['assumedRoleArn'] ?? settings.role.arn);
  const assumed = fine('role', `${arn} was assumed for ${minutes(role)} minutes.`);
  if (federation?.detail === undefined) {
    return [assumed, failed('federation', failure ?? toAppError('the sign-in token was not asked for').toFailure())];
  }
  return [assumed, fine('federation', `A console session of ${minutes(federation)} minutes was granted.`)];
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
  const skipFrom = function* (first: Name, why: string): Generator<Check> {
    const names = ['keys', 'server', 'role', 'federation'] as const;
    for (const name of names.slice(names.findIndex((one) => one === first))) yield skipped(name, why);
  };
  if (missingFields(settings, 'keys').length > 0) {
    yield* skipFrom('keys', 'The settings name no key source that is complete.');
    return;
  }
  let ring: KeyRing;
  try {
    ring = await keyRingFromSettings(settings, ports);
  } catch (thrown) {
    yield failed('keys', toAppError(thrown).toFailure());
    yield* skipFrom('server', 'There are no keys.');
    return;
  }
  const keys = await keysCheck(ring, settings);
  yield keys;
  if (keys.status !== 'ok') {
    yield* skipFrom('server', 'There are no keys.');
    return;
  }
  if (missingFields(settings, 'credentials').length > 0) {
    yield* skipFrom('server', 'The settings do not name the server and the secret.');
    return;
  }
  let credentials: AwsCredentials;
  try {
    const provider = await credentialProviderFromSettings(settings, ports, { keyRing: ring, onSecret: keep });
    credentials = await provider.get();
    yield fine('server', `It gave the access key ${credentials.accessKeyId}.`);
  } catch (thrown) {
    yield failed('server', toAppError(thrown).toFailure());
    yield* skipFrom('role', 'There are no credentials.');
    return;
  }
  if (missingFields(settings, 'login-url').length > 0) {
    yield* skipFrom('role', 'The settings do not name role and dashboard.');
    return;
  }
  yield* await signInChecks(settings, ports, credentials, keep);
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
    write(`${clean(`${check.status.padEnd(4)}  ${check.name}: ${said}${remedy}`)}\n`);
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

/** The stand-in as a program. Prints one JSON line when it is ready; ends on SIGTERM, SIGINT, or (`--stdin-end`) when stdin ends. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startStandin } from './index.ts';
import type { KnownDashboard, OnSessionEnd } from './index.ts';
import { parseWorld } from './world-file.ts';
import type { FileWorld } from './world-file.ts';
import { makeId } from './world.ts';

const HELP = `Usage: standin --keys-dir DIR [options]

  --keys-dir DIR           write info2048.bin and public.pem for the client there (required)
  --session-seconds N      console sessions end after N seconds
  --on-session-end MODE    redirect (default), dialog, silent or issuer
  --failures-before-end N  failing calls until an open page does so (default 3)
  --poll-ms N              how often the dashboard asks for data (default 5000)
  --role-max-seconds N     MaxSessionDuration of the role (default 3600)
  --region REGION          default eu-west-1
  --world FILE             accounts with their roles, dashboards and alarms, as JSON (see README.md), instead of
                           --region, --dashboard and --role-max-seconds
  --dashboard NAME         the dashboard that exists (default Operations; may be repeated, the first is in VISIT_URL)
  --port-base N            first of eleven consecutive ports (default: any free ones)
  --tls-key, --tls-cert    PEM files: speak HTTPS
  --stdin-end              end when stdin ends
`;

const { values } = parseArgs({
  options: {
    'keys-dir': { type: 'string' },
    'session-seconds': { type: 'string' },
    'on-session-end': { type: 'string' },
    'failures-before-end': { type: 'string' },
    'poll-ms': { type: 'string' },
    'role-max-seconds': { type: 'string' },
    world: { type: 'string' },
    region: { type: 'string' },
    dashboard: { type: 'string', multiple: true },
    'port-base': { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-cert': { type: 'string' },
    'stdin-end': { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

function usage(problem: string): never {
  process.stderr.write(`standin: ${problem}\n\n${HELP}`);
  process.exit(2);
}

function wholeNumber(
  name: 'session-seconds' | 'failures-before-end' | 'poll-ms' | 'role-max-seconds' | 'port-base',
): number | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  return /^\d{1,9}$/.test(given) ? Number(given) : usage(`--${name} wants a whole number.`);
}

function sessionEnd(): OnSessionEnd {
  const mode = values['on-session-end'] ?? 'redirect';
  if (mode === 'redirect' || mode === 'dialog' || mode === 'silent' || mode === 'issuer') return mode;
  return usage('--on-session-end wants redirect, dialog, silent or issuer.');
}

async function tls(): Promise<{ key: string; cert: string } | undefined> {
  const [key, cert] = [values['tls-key'], values['tls-cert']];
  if (key === undefined && cert === undefined) return undefined;
  if (key === undefined || cert === undefined) return usage('--tls-key and --tls-cert belong together.');
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}

/** Without a file: one account with one role, the dashboards of the command line and one that nobody may view. */
async function theWorld(): Promise<FileWorld> {
  const file = values.world;
  if (file === undefined) {
    const names = values.dashboard ?? ['Operations'];
    const mainAccount = '111122223333';
    return {
      account: mainAccount,
      regions: [values.region ?? 'eu-west-1'],
      roles: {
        [`arn:aws:iam::${mainAccount}:role/WallDashboards`]: {
          maxSessionDurationSeconds: wholeNumber('role-max-seconds') ?? 3600,
        },
      },
      accounts: {
        [mainAccount]: { dashboards: [...names.map((name) => ({ name })), { name: 'Restricted', denied: true }] },
      },
    };
  }
  for (const name of ['region', 'dashboard', 'role-max-seconds'] as const)
    if (values[name] !== undefined) return usage(`--${name} and --world do not go together.`);
  try {
    return parseWorld(await readFile(file, 'utf8'));
  } catch (error) {
    return usage(`--world ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function dashboardUrl({ name }: KnownDashboard): string {
  return `${standin.urls.console}/cloudwatch/home?region=${region}#dashboards:name=${encodeURIComponent(name)}`;
}

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const keysDir = values['keys-dir'] ?? usage('--keys-dir is required.');
const world = await theWorld();
const region = world.regions[0] ?? '';
const roleArn = Object.keys(world.roles)[0] ?? '';
const user = { name: 'wall', accessKeyId: makeId('AKIA'), secretAccessKey: randomBytes(30).toString('base64') };
const certificate = await tls();
const sessionSeconds = wholeNumber('session-seconds');
const pollMs = wholeNumber('poll-ms');
const failuresBeforeEnd = wholeNumber('failures-before-end');
const portBase = wholeNumber('port-base');

const secrets = { 'wall-dashboards': `${user.accessKeyId},${user.secretAccessKey}` };

const standin = await startStandin({
  ...world,
  users: [user],
  secrets,
  onSessionEnd: sessionEnd(),
  keysDir,
  ...(sessionSeconds === undefined ? {} : { sessionSeconds }),
  ...(pollMs === undefined ? {} : { pollMs }),
  ...(failuresBeforeEnd === undefined ? {} : { failuresBeforeEnd }),
  ...(portBase === undefined ? {} : { portBase }),
  ...(certificate === undefined ? {} : { tls: certificate }),
});

const dashboards = standin.control.dashboards().map((one) => ({ ...one, url: dashboardUrl(one) }));
const [, , , , roleAccount] = roleArn.split(':');
const env = {
  AUTO_ID_API_ENDPOINT: standin.urls.autoid,
  AUTO_ID_SECRET_NAME: 'wall-dashboards',
  AUTO_ID_KEYS_DIR: keysDir,
  ASSUME_ROLE_ARN: roleArn,
  ASSUME_ROLE_SESSION_NAME: 'wall',
  VISIT_URL: dashboards.find((one) => one.account === roleAccount)?.url ?? standin.urls.console,
  AWS_REGION: region,
  VIGIL_FEDERATION_URL: standin.urls.federation,
  AWS_ENDPOINT_URL_STS: standin.urls.sts,
  AWS_ENDPOINT_URL_S3: standin.urls.s3,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: standin.urls.secretsmanager,
  AWS_ENDPOINT_URL_CLOUDWATCH: standin.urls.cloudwatch,
  AWS_ENDPOINT_URL_IAM: standin.urls.iam,
  AWS_ENDPOINT_URL_KMS: standin.urls.kms,
};
const ready = {
  urls: standin.urls,
  keysDir,
  control: standin.controlApi,
  env,
  world: { roles: Object.keys(world.roles), dashboards },
  // For an auto-id server that takes the place of the stand-in's own.
  secrets,
};
process.stdout.write(`${JSON.stringify(ready)}\n`);

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  standin.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
}
process.on('SIGTERM', stop).on('SIGINT', stop);
if (values['stdin-end']) process.stdin.on('end', stop).on('close', stop).resume();

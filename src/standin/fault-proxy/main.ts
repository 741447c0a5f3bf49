/** The fault proxy as a program. Prints one JSON line when it is ready; ends on SIGTERM, SIGINT, or (`--stdin-end`) when stdin ends. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ServiceUrls } from '../types.ts';
import { type Target, startFaultProxy, targetsOf } from './index.ts';

const HELP = `Usage: fault-proxy --urls JSON [options]

  --urls JSON          the stand-in's addresses, the field "urls" of the line that it prints (required)
  --seed N             seed of the jitter (default 1)
  --tls-key, --tls-cert  PEM files of the stand-in, for answers in its name over TLS
  --hosts-file FILE    keep FILE as a hosts file that has the services' names
  --stdin-end          end when stdin ends

Prints {relays, flags, control: {url, token}}: start the wall with the flags, and POST {control.url}/on or /off.
`;

const { values } = parseArgs({
  options: {
    urls: { type: 'string' },
    seed: { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-cert': { type: 'string' },
    'hosts-file': { type: 'string' },
    'stdin-end': { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

function usage(problem: string): never {
  process.stderr.write(`fault-proxy: ${problem}\n\n${HELP}`);
  process.exit(2);
}

function targets(): Record<string, Target> {
  try {
    return targetsOf(JSON.parse(values.urls ?? usage('--urls is required.')) as ServiceUrls);
  } catch {
    return usage('--urls wants the JSON object of addresses that the stand-in prints.');
  }
}

function tls(): { key: string; cert: string } | undefined {
  const [key, cert] = [values['tls-key'], values['tls-cert']];
  if (key === undefined && cert === undefined) return undefined;
  if (key === undefined || cert === undefined) return usage('--tls-key and --tls-cert belong together.');
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const certificate = tls();
const hostsFile = values['hosts-file'];
const proxy = await startFaultProxy({
  targets: targets(),
  seed: Number(values.seed ?? 1),
  ...(certificate === undefined ? {} : { tls: certificate }),
  ...(hostsFile === undefined ? {} : { hostsFile }),
});
process.stdout.write(`${JSON.stringify({ relays: proxy.relays, flags: proxy.flags, control: proxy.controlApi })}\n`);

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  proxy.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
}
process.on('SIGTERM', stop).on('SIGINT', stop);
if (values['stdin-end']) process.stdin.on('end', stop).on('close', stop).resume();

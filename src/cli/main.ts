/**
 * The `vigil` command. On success the result alone goes to stdout; on failure stdout stays empty and stderr gets one
 * line. What a command needs is imported when it runs, so that `--help` is quick.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { AppError } from '../core/errors.ts';
import { failureReport } from './failure.ts';
import { addFlags } from './flags.ts';
import { addSecrets } from './secret-commands.ts';
import { addDevices, addKeys, addServe } from './server-commands.ts';

type Options = Readonly<Record<string, unknown>>;

interface Outcome {
  readonly text: string;
  readonly exitCode: number;
}

const debug = process.env['VIGIL_DEBUG'] === '1';

function version(): string {
  // Two folders up, from the source and from the bundle alike.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

/** Builds the command line; `run` is told what to do by the command that was chosen. */
function buildProgram(run: (work: () => Promise<Outcome>) => void): Command {
  const program = new Command('vigil');
  // Help is for people and goes to stdout; complaints are told once, by whoever catches them.
  const quiet = { writeErr: () => undefined };
  program
    .description('Signs in to AWS dashboards through auto-id, with no lasting AWS credential on the machine.')
    .option('--config <FILE>', 'settings file, instead of the one in the user folder')
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .addHelpText(
      'after',
      examples('vigil doctor', 'vigil login-url --config wall.yml', 'vigil credentials --format env') +
        '\nExit codes: 0 done, 2 settings or usage, 3 keys, 4 auto-id server, 5 AWS, 6 network, 1 anything else.\n',
    )
    .configureOutput(quiet)
    .exitOverride();

  const command = (name: string) => program.command(name).helpOption('--help', 'print this help');
  const printed = (work: () => Promise<string>) => async () => ({ text: await work(), exitCode: 0 });

  addFlags(command('login-url'), 'sign-in')
    .description('print a URL that opens the dashboard signed in; it is valid for 15 minutes, and is a secret')
    .option('--role <NAME>', 'an entry of roles, instead of the role that has no name')
    .option('--dashboard <NAME>', "an entry of dashboards, with its role; without it, the role's first")
    .addHelpText(
      'after',
      examples(
        'vigil login-url',
        'vigil login-url --dashboard errors',
        'vigil login-url --role-arn arn:aws:iam::123456789012:role/Wall --keys-dir ./keys',
        'xdg-open "$(vigil login-url)"',
      ),
    )
    .action((_options: Options, own: Command) => {
      run(printed(async () => (await import('./commands/login-url.ts')).loginUrl(own.optsWithGlobals())));
    });

  addFlags(command('credentials'), 'server')
    .description('print the AWS credentials that auto-id gives; they are secrets')
    .option('--format <FORMAT>', 'json, env (NAME=value lines) or process (for credential_process)', 'json')
    .addHelpText(
      'after',
      examples(
        'vigil credentials',
        'set -a; eval "$(vigil credentials --format env)"; set +a',
        'docker run --env-file <(vigil credentials --format env) …',
        "aws configure set profile.wall.credential_process 'vigil credentials --format process'",
      ),
    )
    .action((_options: Options, own: Command) => {
      run(printed(async () => (await import('./commands/credentials.ts')).credentials(own.optsWithGlobals())));
    });

  addFlags(command('doctor'), 'sign-in')
    .description('walk the whole chain and say what is wrong and what helps')
    .option('--json', 'print one JSON document')
    .option('--verbose', 'list the defaults too among the settings')
    .addHelpText('after', examples('vigil doctor', 'vigil doctor --verbose', 'vigil doctor --json --config wall.yml'))
    .action((_options: Options, own: Command) => {
      run(async () => {
        const { doctor } = await import('./commands/doctor.ts');
        return { text: '', exitCode: await doctor(own.optsWithGlobals(), (text) => process.stdout.write(text)) };
      });
    });

  command('enrol')
    .description('enrol this machine at an auto-id server of protocol 2, by a one-time activation code')
    .option('--server <URL>', 'address of the server (AUTO_ID_API_ENDPOINT)')
    .option(
      '--code-file <FILE>',
      'file with the code, which its owner alone may read; else stdin or VIGIL_ACTIVATION_CODE',
    )
    .option('--device <FILE>', 'file to keep who this machine is in (VIGIL_DEVICE_FILE)')
    .option('--hint <TEXT>', "what the server's operator shall know it by, instead of the host name")
    .option('--replace', 'give up the device that this machine is now')
    .addHelpText(
      'after',
      examples('vigil enrol --server https://auto-id.example.com', 'vigil enrol --server URL --code-file code.txt'),
    )
    .action((_options: Options, own: Command) => {
      run(printed(async () => (await import('./commands/enrol.ts')).enrol(own.optsWithGlobals())));
    });

  command('supervise')
    .description(
      'start the wall and keep it running, whatever ends it; try new versions, and go back where they are bad',
    )
    .argument(
      '[command...]',
      "the wall's own command, after --; without it the signed versions, or the wall beside vigil",
    )
    .option('--root <FOLDER>', 'folder with versions/, incoming/, state and log, instead of the one in the user folder')
    .option('--public-key <FILE>', 'key that versions must be signed with (PEM, Ed25519)')
    .option('--allow-downgrade', 'take versions that are lower than the one that runs')
    .option('--trial <SECONDS>', 'time that a new version has to be live in (180)')
    .addHelpText(
      'after',
      examples(
        'vigil supervise',
        'vigil supervise -- vigil-wall --config wall.yml',
        'vigil supervise --root /var/lib/vigil --public-key /etc/vigil/release.pub',
      ),
    )
    .action((wall: string[], _options: Options, own: Command) => {
      run(async () => {
        const { supervise } = await import('./commands/supervise.ts');
        return { text: '', exitCode: await supervise(own.optsWithGlobals(), wall, version()) };
      });
    });

  command('manifest')
    .description("make, sign or verify the manifest of a version's folder")
    .argument('[folder]', 'the unpacked program')
    .option('--new-key <FILE>', 'make a key pair: the secret one in FILE, the public one in FILE.pub')
    .option('--sign-with <FILE>', 'secret key to sign with')
    .option('--release <VERSION>', 'number of the version, such as 1.2.3')
    .option('--executable <PATH>', 'file to start, relative to the folder')
    .option('--platform <PLATFORM>', 'such as linux-x64, instead of this machine')
    .option('--public-key <FILE>', 'verify instead, by this key')
    .addHelpText(
      'after',
      examples(
        'vigil manifest --new-key release.pem',
        'vigil manifest dist/1.2.3 --sign-with release.pem --release 1.2.3 --executable vigil-wall',
        'vigil manifest dist/1.2.3 --public-key release.pem.pub',
      ),
    )
    .action((folder: string | undefined, _options: Options, own: Command) => {
      run(printed(async () => (await import('./commands/manifest.ts')).manifest(own.optsWithGlobals(), folder)));
    });

  const audit = command('audit').description("read and check the auto-id server's audit log");
  const homeOptions = (own: Command) =>
    own
      .helpOption('--help', 'print this help')
      .option('--data <DIR>', "the server's data folder")
      .option('--table <NAME>', 'the DynamoDB table of a server on AWS')
      .option('--region <REGION>', "the table's region, instead of AWS_REGION");
  homeOptions(audit.command('verify'))
    .description('check that no line was changed, removed or cut off; exit code 1 if one was')
    .option('--anchors <FILE>', "anchors kept elsewhere: the server's --audit-anchor file, or its log")
    .addHelpText('after', examples('vigil audit verify --data /var/lib/vigil --anchors /mnt/other/anchors'))
    .action((_options: Options, own: Command) => {
      run(async () => (await import('./commands/audit.ts')).auditVerify(own.optsWithGlobals()));
    });
  homeOptions(audit.command('show'))
    .description('print the newest lines as JSON')
    .option('--last <N>', 'how many', '100')
    .option('--caller <NAME>', 'of this device only')
    .option('--denied', 'only what was refused')
    .addHelpText('after', examples('vigil audit show --data /var/lib/vigil --denied'))
    .action((_options: Options, own: Command) => {
      run(printed(async () => (await import('./commands/audit.ts')).auditShow(own.optsWithGlobals())));
    });

  const serverProgram = { command, homeOptions, examples, print: (work: () => Promise<string>) => run(printed(work)) };
  addDevices(serverProgram);
  addKeys(serverProgram);
  addServe(serverProgram);
  addSecrets(serverProgram);

  return program;
}

/** The command line's own complaint as a failure of ours; undefined where help or the version was asked for. */
function usageFailure(error: CommanderError): AppError | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === 'commander.help') return new AppError('USAGE', 'Name a command; vigil --help lists them.');
  const said = error.message.replace(/^error: /, '').replace(/\.?\s*$/, '');
  return new AppError('USAGE', `${said.charAt(0).toUpperCase()}${said.slice(1)}; see vigil --help.`);
}

function fail(thrown: unknown): void {
  const { text, exitCode } = failureReport(thrown, debug);
  end(process.stderr, text, exitCode);
}

/** Writes the last words, and ends: a call whose answer matters no more would keep the process until its time is over. */
function end(stream: NodeJS.WriteStream, text: string, exitCode: number): void {
  process.exitCode = exitCode;
  stream.write(text, (error) => {
    // What cannot be written is the matter of the stream's own listener.
    if (error === undefined || error === null) process.exit();
  });
}

function endOn(signal: 'SIGINT' | 'SIGTERM', code: number): void {
  process.once(signal, () => process.exit(code));
}

async function main(): Promise<void> {
  // A reader that has seen enough, such as `head`, is no failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // Warnings of Node and of libraries would be second lines on stderr.
  if (!debug) process.removeAllListeners('warning');
  endOn('SIGINT', 130);
  endOn('SIGTERM', 143);

  let chosen: (() => Promise<Outcome>) | undefined;
  try {
    buildProgram((work) => (chosen = work)).parse(process.argv);
    if (chosen === undefined) return;
    const { text, exitCode } = await chosen();
    end(process.stdout, text, exitCode);
  } catch (thrown) {
    const failure = thrown instanceof CommanderError ? usageFailure(thrown) : thrown;
    if (failure !== undefined) fail(failure);
  }
}

await main();

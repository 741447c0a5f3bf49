/** The commands about a server's secrets, for main.ts. */
import type { Command } from 'commander';
import type { Program } from './server-commands.ts';

type Options = Readonly<Record<string, unknown>>;

/** Adds `vigil secrets …`. */
export function addSecrets({ command, homeOptions, examples, print }: Program): void {
  const secrets = command('secrets').description('keep what the auto-id server gives to devices, and rotate its keys');
  const load = () => import('./commands/secrets.ts');
  const store = (own: Command) =>
    own.option('--store <STORE>', 'file (in the data folder, sealed) or secretsmanager; file where there is a folder');

  store(homeOptions(secrets.command('put')))
    .description('keep a secret, ID,SECRET or JSON, from stdin or a file')
    .argument('<name>', 'what sources call it')
    .option('--from <FILE>', 'take it from there instead of stdin')
    .option('--any', 'take anything, not only AWS keys')
    .option('--force', 'even while its key is being rotated')
    .option('--seal <KIND>', 'what seals a new data folder: key-file (without it), passphrase, or kms:ARN')
    .option('--seal-file <FILE>', 'the key file, best on another disk; seal.key in the data folder without it')
    .addHelpText('after', examples('vigil secrets put wall-dashboards --data /var/lib/vigil < key.csv'))
    .action((name: string, _options: Options, own: Command) => {
      print(async () => (await load()).secretsPut(own.optsWithGlobals(), name));
    });
  homeOptions(secrets.command('list'))
    .description('print the secrets of the data folder, and how far rotations are; never a secret itself')
    .option('--json', 'print one JSON document')
    .action((_options: Options, own: Command) => {
      print(async () => (await load()).secretsList(own.optsWithGlobals()));
    });
  store(homeOptions(secrets.command('rotate')))
    .description(
      'give the IAM user behind a secret a new key, and take the old one away after a while; run it again to go on',
    )
    .argument('<name>', 'the secret')
    .option('--overlap <DURATION>', 'how long the old key works beside the new one', '24h')
    .option('--keep-inactive <DURATION>', 'how long the old key is kept, inactive, before it is deleted', '24h')
    .option('--delete-key <ID>', 'a second key of the user that may be deleted')
    .option('--as-server', "ask IAM with this server's own credentials, not with the key itself")
    .option('--wait', 'wait through both times, and end when the old key is deleted')
    .option('--forget', 'forget a rotation that was overtaken by hand')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('vigil secrets rotate wall-dashboards --data /var/lib/vigil --region eu-west-1'))
    .action((name: string, _options: Options, own: Command) => {
      print(async () => (await load()).secretsRotate(own.optsWithGlobals(), name));
    });
}

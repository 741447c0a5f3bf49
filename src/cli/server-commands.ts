/** The commands about a server's devices and keys, for main.ts. */
import type { Command } from 'commander';

type Options = Readonly<Record<string, unknown>>;

export interface Program {
  readonly command: (name: string) => Command;
  /** Adds --data, --table, --region and --help. */
  readonly homeOptions: (command: Command) => Command;
  readonly examples: (...lines: readonly string[]) => string;
  /** Runs what resolves with the text for stdout. */
  readonly print: (work: () => Promise<string>) => void;
}

const collect = (one: string, before: readonly string[]): readonly string[] => [...before, one];

/** Adds `vigil devices …`. */
export function addDevices({ command, homeOptions, examples, print }: Program): void {
  const devices = command('devices').description('invite devices to the auto-id server, and say what they may have');
  const sub = (name: string, description: string) =>
    homeOptions(devices.command(name)).description(description).option('--json', 'print one JSON document');
  const load = () => import('./commands/devices.ts');

  sub('invite', 'make a device, and print the one-time code to enrol it with')
    .option('--name <NAME>', 'name of the device, such as lobby-1')
    .option('--allow <RULE>', 'what it may have, as store:id[,destination]; may be given again', collect, [])
    .option('--network <CIDR>', 'where it may ask from; may be given again; anywhere without it', collect, [])
    .option('--rate <N>', 'most requests in an hour (600)')
    .option('--ttl <DURATION>', 'how long the code holds', '24h')
    .addHelpText(
      'after',
      examples(
        'vigil devices invite --data /var/lib/vigil --name lobby-1 --allow secretsmanager:wall-dashboards --ttl 24h',
      ),
    )
    .action((_options: Options, own: Command) => {
      print(async () => (await load()).devicesInvite(own.optsWithGlobals()));
    });
  sub('list', 'print every device').action((_options: Options, own: Command) => {
    print(async () => (await load()).devicesList(own.optsWithGlobals()));
  });
  sub('show', 'print one device')
    .argument('<device>', 'name or id')
    .action((name: string, _options: Options, own: Command) => {
      print(async () => (await load()).devicesShow(own.optsWithGlobals(), name));
    });
  const CHANGES = {
    lock: 'hand out nothing more to a device; it is enrolled anew, never unlocked',
    revoke: 'end a device for good, and forget its key',
    resync: "take a device's next step for right that is ahead of the server's, after a restored backup",
  } as const;
  for (const [what, description] of Object.entries(CHANGES) as [keyof typeof CHANGES, string][]) {
    sub(what, description)
      .argument('<device>', 'name or id')
      .action((name: string, _options: Options, own: Command) => {
        print(async () => (await load()).devicesChange(what, own.optsWithGlobals(), name));
      });
  }
  sub('allow', 'add and remove rules of a device')
    .argument('<device>', 'name or id')
    .option('--add <RULE>', 'store:id[,destination]; may be given again', collect, [])
    .option('--remove <RULE>', 'a rule as vigil devices show prints it; may be given again', collect, [])
    .action((name: string, _options: Options, own: Command) => {
      print(async () => (await load()).devicesChange('allow', own.optsWithGlobals(), name));
    });
}

/** Adds `vigil keys …`. */
export function addKeys({ command, homeOptions, examples, print }: Program): void {
  const keys = command('keys').description("make, rotate and publish the auto-id server's keys");
  const sub = (name: string, description: string) =>
    homeOptions(keys.command(name)).description(description).option('--json', 'print one JSON document');
  const withPlaces = (own: Command) =>
    own.option('--places <FILE>', 'where to publish, instead of places.json in the data folder');
  const rooted = (own: Command) =>
    own.option('--root <FILE>', "the root's private key, to be kept offline; VIGIL_ROOT_PASSPHRASE seals and opens it");
  const load = () => import('./commands/keys.ts');

  withPlaces(rooted(sub('init', "make a server's first keys, and the root that devices pin")))
    .option('--server-id <ID>', 'what this server is called in all its keys, such as acme-walls')
    .option('--protocols <LIST>', 'v2, or v1,v2 for clients that cannot be changed', 'v2')
    .option('--seal <KIND>', 'what seals the keys at rest: key-file, passphrase, or kms:ARN', 'key-file')
    .option('--seal-file <FILE>', 'the key file, best on another disk; seal.key in the data folder without it')
    .addHelpText(
      'after',
      examples('vigil keys init --data /var/lib/vigil --server-id acme-walls --root /media/usb/root.pem'),
    )
    .action((_options: Options, own: Command) => {
      print(async () => (await load()).keysInit(own.optsWithGlobals()));
    });
  withPlaces(sub('rotate', 'make new keys, publish them, and end the old ones after the overlap'))
    .option('--overlap <DURATION>', 'how long the old keys stay accepted', '24h')
    .option('--emergency', 'end all other keys at once: clients are refused until they have fetched the new ones')
    .option('--if-older <DURATION>', 'do nothing where the newest keys are younger')
    .addHelpText(
      'after',
      examples('vigil keys rotate --data /var/lib/vigil', 'vigil keys rotate --data /var/lib/vigil --emergency'),
    )
    .action((_options: Options, own: Command) => {
      print(async () => (await load()).keysRotate(own.optsWithGlobals()));
    });
  withPlaces(sub('publish', 'finish what was interrupted, and put the keys wherever they are missing')).action(
    (_options: Options, own: Command) => {
      print(async () => (await load()).keysPublish(own.optsWithGlobals()));
    },
  );
  withPlaces(sub('status', 'print which keys there are, and what each place holds')).action(
    (_options: Options, own: Command) => {
      print(async () => (await load()).keysStatus(own.optsWithGlobals()));
    },
  );
  rooted(sub('certify', 'have the root certify a new rotation key, before the old certificate ends')).action(
    (_options: Options, own: Command) => {
      print(async () => (await load()).keysCertify(own.optsWithGlobals()));
    },
  );
}

/** Adds `vigil serve`. */
export function addServe({ command, examples, print }: Program): void {
  command('serve')
    .description('run the auto-id server')
    .option('--demo', 'with keys, a secret and an invited device made for it, to be tried in a minute')
    .option('--data <DIR>', 'data folder: state, keys, secrets, log')
    .option('--listen <ADDRESS>', 'address and port', '127.0.0.1:8080')
    .option('--protocols <NAMES>', 'v2, v1 or v1,v2', 'v2')
    .option('--v1-keys <DIR>', 'keys of an existing reference server: info2048.bin, private.pem, public.pem')
    .option('--v1-allow <RULE>', 'what clients of v1 may have, as store:id; may be given again', collect, [])
    .option('--file-secrets <FILE>', 'JSON file of names and secrets, served as the stores file and secretsmanager')
    .option('--stores <FILE>', "the credential stores' settings (YAML or JSON)")
    .option('--tls-cert <FILE>', 'certificate with its chain (PEM); taken up anew when it changes')
    .option('--tls-key <FILE>', 'its private key (PEM)')
    .option(
      '--trusted-proxy <RANGE>',
      'address or range whose X-Forwarded-For is believed; may be repeated',
      collect,
      [],
    )
    .option('--rotate-every <TIME>', 'rotate the keys when they are so old, such as 7d; without it by command only')
    .option('--places <FILE>', 'where keys are published, instead of places.json in the data folder')
    .option('--audit-anchor <FILE>', "file on another disk that the audit log's end is noted in")
    .option('--metrics-token-file <FILE>', 'token that opens /metrics to other machines; its owner alone may read it')
    .option(
      '--restored',
      'the data folder comes from a backup: answer nothing for five minutes, since replays cannot be told',
    )
    .addHelpText(
      'after',
      examples(
        'vigil serve --demo',
        'vigil serve --data /var/lib/vigil --listen :8443 --tls-cert cert.pem --tls-key key.pem',
        'vigil serve --data DIR --protocols v1,v2 --v1-keys OLD --file-secrets secrets.json --trusted-proxy 10.0.0.0/8',
      ),
    )
    .action((_options: Options, own: Command) => {
      print(async () => {
        const { serve } = await import('./commands/serve.ts');
        await serve(own.optsWithGlobals(), (text) => process.stdout.write(text));
        return '';
      });
    });
}

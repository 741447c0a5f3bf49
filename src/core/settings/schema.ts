/**
 * The settings, version 1: one zod schema gives the checks, the types, the defaults and the published JSON schema.
 *
 * Every complaint of a field is a verb phrase ("must be ...") that never repeats the value, so that the layers can put
 * the field's and the file's name in front of it and no secret can slip into a sentence.
 */
import { z } from 'zod';
import { dashboard, dashboards, displays, night } from './display-schema.ts';
import {
  LONGEST_URL,
  UNSEEN,
  credentialSource,
  endpoint,
  fieldNotes,
  isProxy,
  matching,
  region,
  seconds,
  secretName,
  secretText,
  text,
  timeZone,
  yesOrNo,
} from './field-kinds.ts';
import { role, roles } from './role-schema.ts';

export { fieldNotes, isLoopbackHost } from './field-kinds.ts';

const filePath = (what: string) =>
  text()
    .exactOptional()
    .describe(`${what} A relative path starts at the folder of the settings file.`)
    .register(fieldNotes, { path: true });

const server = z
  .strictObject({
    endpoint: endpoint()
      .exactOptional()
      .describe('Address of the auto-id server, without /Stage/verify, which Vigil appends.'),
    secret: secretName()
      .exactOptional()
      .describe("Name of the secret that holds the AWS keys, in the server's AWS Secrets Manager."),
    credentialSource: credentialSource()
      .exactOptional()
      .describe('Where the server takes the AWS keys from, in full: store,id[,version[,stage]]. Instead of secret.'),
    protocol: z
      .enum(['v1', 'v2'], { error: 'must be v1 or v2' })
      .default('v1')
      .describe(
        'Protocol of the server. With v2 this machine is a device of its own, enrolled once; it never falls back to v1.',
      ),
    deviceFile: filePath(
      'With v2: file that holds who this machine is. By default device.json beside the user settings.',
    ),
    activationCode: secretText()
      .exactOptional()
      .describe(
        'With v2: code that enrols this machine when it is not enrolled yet. Better given as VIGIL_ACTIVATION_CODE.',
      )
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('The auto-id server, which hands out AWS credentials.');

const npm = z
  .strictObject({
    scope: matching(/^@?[a-z0-9~-][a-z0-9._~-]*$/, 'an npm scope such as @example', 214)
      .transform((value) => (value.startsWith('@') ? value : `@${value}`))
      .exactOptional()
      .describe('Scope of the package that holds the keys, with or without the @.'),
    package: matching(/^[a-z0-9~-][a-z0-9._~-]*$/, 'a package name without its scope', 214)
      .default('auto-id-keys')
      .describe('Name of the package that holds the keys, without its scope.'),
    registry: endpoint()
      .exactOptional()
      .describe("Address of the registry. Where it is missing, npm's own configuration decides."),
    token: secretText()
      .exactOptional()
      .describe("The registry's access token. Better given as NPM_TOKEN than written into a file.")
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('Keys in a package of an npm registry.');

const s3 = z
  .strictObject({
    bucket: matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of an S3 bucket', 63)
      .exactOptional()
      .describe('Bucket that holds the keys.'),
    region: region().exactOptional().describe("The bucket's region. Where it is missing, aws.region."),
    prefix: z
      .string({ error: 'must be text' })
      .max(900, { error: 'must be at most 900 characters long' })
      .refine((value) => !UNSEEN.test(value), { error: 'must not contain line breaks or other control characters' })
      .exactOptional()
      .describe(
        'Folder of the key files in the bucket, such as walls; empty for the top. Where it is missing, the top and build/ are tried.',
      ),
    accessKeyId: matching(/^\w{16,128}$/, 'an AWS access key id', 128)
      .exactOptional()
      .describe('Id of the access key that may read the bucket.'),
    secretAccessKey: secretText()
      .exactOptional()
      .describe('The secret part of that access key. Better given as ENTROPY_SECRET_KEY than written into a file.')
      .register(fieldNotes, { secret: true }),
    sessionToken: secretText()
      .exactOptional()
      .describe('Session token, where that access key is a temporary one.')
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('Keys in an S3 bucket.');

const git = z
  .strictObject({
    url: endpoint().exactOptional().describe('Address of the repository that holds the keys.'),
    branch: matching(/^[\w./+-]+$/, 'the name of a branch', 200)
      .default('main')
      .describe('Branch of the keys.'),
    folder: text(900)
      .exactOptional()
      .describe('Folder of the key files in the repository. Where it is missing, the top and build/ are tried.'),
    username: secretText()
      .exactOptional()
      .describe('User name to send with the token, where the host wants a special one.'),
    token: secretText()
      .exactOptional()
      .describe('Token that may read the repository. Better given as VIGIL_GIT_TOKEN than written into a file.')
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('Keys in a git repository.');

const https = z
  .strictObject({
    url: endpoint().exactOptional().describe('Address of the folder that holds the key files.'),
    token: secretText()
      .exactOptional()
      .describe('Bearer token for it. Better given as VIGIL_KEYS_TOKEN than written into a file.')
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('Keys on a web server.');

const keys = z
  .strictObject({
    source: z
      .enum(['directory', 'npm', 's3', 'git', 'https', 'server'], {
        error: 'must be directory, npm, s3, git, https or server',
      })
      .exactOptional()
      .describe(
        'Where the keys come from. Where it is missing, the first of directory, npm, s3, git and https that is configured; with server.protocol v2 the server itself otherwise.',
      ),
    directory: filePath('Folder that holds the keys: info2048.bin and public.pem, or keyset.bin for protocol v2.'),
    npm,
    s3,
    git,
    https,
  })
  .prefault({})
  .describe('Where the key set comes from: the entropy file and the public key of the server.');

const aws = z
  .strictObject({
    region: region()
      .exactOptional()
      .describe("Region for AWS calls. Where it is missing, the dashboard's region, or the partition's first."),
    federationUrl: endpoint()
      .exactOptional()
      .describe("Address of the federation endpoint. Where it is missing, that of the role's partition."),
    endpoints: z
      .strictObject({
        all: endpoint().exactOptional().describe('Instead of every AWS endpoint that has no field of its own here.'),
        sts: endpoint().exactOptional().describe("Instead of AWS STS's endpoint."),
        s3: endpoint().exactOptional().describe("Instead of Amazon S3's endpoint."),
      })
      .prefault({})
      .describe('Endpoints to use instead of the public ones.'),
  })
  .prefault({})
  .describe('How AWS is reached.');

const network = z
  .strictObject({
    proxy: text(LONGEST_URL)
      .refine(isProxy, {
        error:
          'must be system, none, the URL of an http, https or socks5 proxy, or pac+https:// and the rest of the address of a PAC file',
      })
      .default('system')
      .describe(
        "system (the environment's or the desktop's proxy), none, a proxy's URL, or a PAC file's as pac+https://.",
      ),
    caFile: filePath('PEM file with certificate authorities to trust beside the usual ones.'),
    timeoutSeconds: seconds(1, 300).default(20).describe('Longest time that one call may take, in seconds.'),
  })
  .prefault({})
  .describe('How the network is reached.');

const wall = z
  .strictObject({
    windowed: yesOrNo().default(false).describe('Show the dashboard in an ordinary window instead of full screen.'),
    tray: yesOrNo().default(true).describe('Show the tray icon.'),
    maxSessionAgeSeconds: seconds(10, 43_200)
      .exactOptional()
      .describe(
        'Sign in again when a session is this old at the latest, in seconds. After 20 sign-ins in a row they come every 90 seconds at most.',
      ),
    paintDeadlineSeconds: seconds(1, 600)
      .default(45)
      .describe('How long a dashboard may take until it is painted, in seconds.'),
    logFolder: filePath('Folder for the log files.'),
    timeZone: timeZone()
      .exactOptional()
      .describe("Time zone of all hours and days, such as Europe/Berlin. Where it is missing, the machine's."),
    night: night().exactOptional().describe('When the displays are black, but for those with a night of their own.'),
  })
  .prefault({})
  .describe('The wall itself.');

const port = 'must be a whole number from 0 to 65535';

const health = z
  .strictObject({
    port: z
      .number({ error: port })
      .int({ error: port })
      .min(0, { error: port })
      .max(65_535, { error: port })
      .exactOptional()
      .describe('Port for /healthz and /metrics; 0 is any free one. Where it is missing, neither is served.'),
    host: matching(/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$|^::\d*$/, 'a host name or an IP address', 253)
      .default('127.0.0.1')
      .describe('Address to serve them on; one that other machines reach only with a token.'),
    token: matching(/^[\u0021-\u007e]{16,}$/, 'one word of at least 16 characters')
      .exactOptional()
      .describe('Token that a caller must send. Better given as VIGIL_HEALTH_TOKEN than written into a file.')
      .register(fieldNotes, { secret: true }),
  })
  .prefault({})
  .describe('How the wall tells other programs how it is.');

/** The settings as a file may hold them (input: every field optional) and as the program uses them (output). */
export const settingsSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }).default(1).describe('Version of the settings format. This one is 1.'),
  server,
  keys,
  role,
  roles,
  dashboard,
  dashboards,
  displays,
  aws,
  network,
  wall,
  health,
});

/** Settings as given by one layer: every field optional. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Complete settings: fields with a default are there, the others only where somebody set them. */
export type Settings = z.output<typeof settingsSchema>;

/** The key sources there are. */
export type KeySourceName = NonNullable<Settings['keys']['source']>;

/** The settings when nobody has set anything. */
export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

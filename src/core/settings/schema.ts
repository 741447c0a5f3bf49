/**
 * The settings, version 1: one zod schema gives the checks, the types, the defaults and the published JSON schema.
 *
 * Every complaint of a field is a verb phrase ("must be ...") that never repeats the value, so that the layers can put
 * the field's and the file's name in front of it and no secret can slip into a sentence.
 */
import { z } from 'zod';

/** What the schema cannot say about a field by itself. */
interface FieldNotes {
  /** The value must never be shown. */
  readonly secret?: true;
  /** The value is a path of a file or folder; a relative one is read from the folder of the file that names it. */
  readonly path?: true;
}

/** Notes by field schema. */
export const fieldNotes = z.registry<FieldNotes>();

const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
const LONGEST_TEXT = 4096;
const LONGEST_URL = 8192;

/** Plain text: no control characters or lone surrogates, no space around it, at most `longest` characters. */
function text(longest = LONGEST_TEXT) {
  return z
    .string({ error: 'must be text' })
    .min(1, { error: 'must not be empty' })
    .max(longest, { error: `must be at most ${longest} characters long` })
    .refine((value) => !UNSEEN.test(value), {
      error: 'must not contain line breaks or other control characters',
      abort: true,
    })
    .refine((value) => value.trim() === value, { error: 'must not start or end with a space', abort: true });
}

/** Text that matches `pattern`, which `rule` puts in words. */
function matching(pattern: RegExp, rule: string, longest = LONGEST_TEXT) {
  return text(longest).regex(pattern, { error: `must be ${rule}` });
}

/** Whether a URL's host name is this machine: 127.0.0.0/8, ::1, localhost or a name under localhost (RFC 6761). */
export function isLoopbackHost(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$|^\[?::1\]?$|^(.+\.)?localhost\.?$/i.test(hostname);
}

interface UrlRules {
  /** Schemes allowed for any host, with the colon; http on loopback is always allowed. */
  readonly schemes: readonly string[];
  readonly query: boolean;
  readonly login: boolean;
}

/** What is wrong with a URL, as a verb phrase, or undefined. */
function urlComplaint(value: string, rules: UrlRules): string | undefined {
  const kinds = rules.schemes.map((scheme) => `${scheme}//`).join(', ');
  if (!URL.canParse(value)) return `must be a whole URL that starts with ${kinds}`;
  const url = new URL(value);
  if (url.protocol === 'http:' && !rules.schemes.includes('http:')) {
    if (!isLoopbackHost(url.hostname)) return 'must start with https:// (http:// is for this machine itself only)';
  } else if (!rules.schemes.includes(url.protocol)) {
    return `must be a URL that starts with ${kinds}`;
  }
  if (url.hostname === '') return 'must name a host';
  if (/[\s\\]/.test(value)) return 'must not contain spaces or backslashes';
  if (!rules.login && (url.username !== '' || url.password !== '')) {
    return 'must not carry a user name or password';
  }
  if (!rules.query && /[?#]/.test(value)) return 'must not have a query (?...) or a fragment (#...)';
  return undefined;
}

function url(rules: UrlRules) {
  return text(LONGEST_URL).superRefine((value, context) => {
    const complaint = urlComplaint(value, rules);
    if (complaint !== undefined) context.addIssue({ code: 'custom', message: complaint });
  });
}

/** An address that Vigil calls: https, or http on loopback; no login, query or fragment. */
const endpoint = () => url({ schemes: ['https:'], query: false, login: false });

/** `system`, `none`, or a proxy's URL, which may carry a login. */
function isProxy(value: string): boolean {
  const schemes = ['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:'];
  return (
    value === 'system' || value === 'none' || urlComplaint(value, { schemes, query: false, login: true }) === undefined
  );
}

/** A whole number of seconds. */
function seconds(least: number, most: number) {
  const error = `must be a whole number of seconds from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

function yesOrNo() {
  return z.boolean({ error: 'must be true or false' });
}

// AWS STS API reference, AssumeRole: RoleSessionName and SourceIdentity.
const sessionName = () =>
  matching(/^[\w+=,.@-]{2,64}$/, '2 to 64 characters, each a letter, a digit or one of _+=,.@-', 64);

const arn = (service: string, what: string, example: string) =>
  matching(
    new RegExp(`^arn:aws(-[a-z]+)*:${service}::(\\d{12}|aws):${what}/[\\w+=,.@/-]{1,512}$`),
    `an ARN like ${example}`,
    2048,
  );

const region = () => matching(/^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/, 'an AWS region such as eu-central-1', 64);

/** Characters that STS takes in a session policy (AssumeRole, Policy). */
const POLICY_TEXT = /^[\t\n\r\u0020-\u00ff]+$/;
const LONGEST_POLICY = 2048;

/** A session policy as one compact JSON text, from text or from an object. */
const policy = () =>
  z
    .union([z.string(), z.record(z.string(), z.unknown())], {
      error: 'must be an IAM policy, as JSON text or an object',
    })
    .transform((value, context): string => {
      let parsed: unknown = value;
      try {
        if (typeof value === 'string') parsed = JSON.parse(value.slice(0, 16 * LONGEST_POLICY));
        if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
          const compact = JSON.stringify(parsed);
          if (compact.length > LONGEST_POLICY) {
            context.addIssue({ code: 'custom', message: `must be at most ${LONGEST_POLICY} characters long` });
          } else if (!POLICY_TEXT.test(compact)) {
            context.addIssue({ code: 'custom', message: 'must hold Latin-1 characters only' });
          } else if (!('Statement' in parsed)) {
            context.addIssue({ code: 'custom', message: 'must be an IAM policy: it has no Statement' });
          }
          return compact;
        }
      } catch {
        // Told below: not JSON, or an object that JSON cannot hold.
      }
      context.addIssue({ code: 'custom', message: 'must be an IAM policy, as JSON text or an object' });
      return z.NEVER;
    });

// IAM and STS API reference, Tag: key 1-128, value 0-256 characters.
const tagKey = () =>
  z
    .string({ error: 'must be text' })
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u, { error: 'must have keys of 1 to 128 letters, digits or _.:/=+-@' });
const tagValue = () =>
  z.string({ error: 'must have texts as values' }).regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u, {
    error: 'must have values of at most 256 letters, digits or _.:/=+-@',
  });

const secretText = () => matching(/^\S+$/, 'one word without spaces');

const server = z
  .strictObject({
    endpoint: endpoint()
      .exactOptional()
      .describe('Address of the auto-id server, without /Stage/verify, which Vigil appends.'),
    secret: matching(/^[^,\s]{1,512}$/, 'the name of one secret, without commas or spaces', 512)
      .exactOptional()
      .describe("Name of the secret that holds the AWS keys, in the server's AWS Secrets Manager."),
    credentialSource: matching(/^[^,\s]+,[^,\s]+(,[^,\s]*){0,2}$/, 'store,id or store,id,version,stage', 2048)
      .exactOptional()
      .describe('Where the server takes the AWS keys from, in full: store,id[,version[,stage]]. Instead of secret.'),
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

const filePath = (what: string) =>
  text()
    .exactOptional()
    .describe(`${what} A relative path starts at the folder of the settings file.`)
    .register(fieldNotes, { path: true });

const keys = z
  .strictObject({
    source: z
      .enum(['directory', 'npm', 's3'], { error: 'must be directory, npm or s3' })
      .exactOptional()
      .describe(
        'Where the keys come from. Where it is missing, the first of directory, npm and s3 that is configured.',
      ),
    directory: filePath('Folder that holds the keys: info2048.bin and public.pem.'),
    npm,
    s3,
  })
  .prefault({})
  .describe('Where the key set comes from: the entropy file and the public key of the server.');

const role = z
  .strictObject({
    arn: arn('iam', 'role', 'arn:aws:iam::123456789012:role/Wall')
      .exactOptional()
      .describe('The role to assume for the console.'),
    sessionName: sessionName()
      .default('vigil')
      .describe("Name of the role session, as CloudTrail shows it. By default vigil, with the machine's name."),
    durationSeconds: seconds(900, 43_200)
      .exactOptional()
      .describe(
        "How long the role's credentials last, in seconds. Where it is missing, as long as the credentials allow.",
      ),
    externalId: matching(/^[\w+=,.@:/-]{2,1224}$/, '2 to 1224 characters, each a letter, a digit or one of _+=,.@:/-')
      .exactOptional()
      .describe("External id, where the role's trust policy asks for one."),
    policy: policy()
      .exactOptional()
      .describe('Session policy that narrows the role down, as JSON text or an object; at most 2048 characters.'),
    policyArns: z
      .array(arn('iam', 'policy', 'arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess'), {
        error: 'must be a list of policy ARNs',
      })
      .max(10, { error: 'must list at most 10 policies' })
      .exactOptional()
      .describe('Managed policies that narrow the role down; at most 10.'),
    tags: z
      .record(tagKey(), tagValue(), { error: 'must map tag keys to values' })
      .refine((value) => Object.keys(value).length <= 50, { error: 'must have at most 50 tags' })
      .exactOptional()
      .describe('Session tags; at most 50. The trust policy must allow sts:TagSession.'),
    transitiveTagKeys: z
      .array(tagKey(), { error: 'must be a list of tag keys' })
      .max(50, { error: 'must list at most 50 tag keys' })
      .exactOptional()
      .describe('Keys of the tags that later role sessions keep.'),
    sourceIdentity: sessionName()
      .exactOptional()
      .describe('Source identity of the session. The trust policy must allow sts:SetSourceIdentity.'),
  })
  .prefault({})
  .describe('The role that the dashboard is looked at with.');

const dashboard = z
  .strictObject({
    url: url({ schemes: ['https:'], query: true, login: false })
      .exactOptional()
      .describe('Address of the dashboard in the AWS console, as copied from a browser.'),
    zoom: z
      .number({ error: 'must be a number from 0.25 to 5' })
      .min(0.25, { error: 'must be a number from 0.25 to 5' })
      .max(5, { error: 'must be a number from 0.25 to 5' })
      .default(1)
      .describe('Zoom of the dashboard: 1 is 100 %.'),
  })
  .prefault({})
  .describe('What the wall shows.');

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
      .refine(isProxy, { error: 'must be system, none, or the URL of an http, https or socks5 proxy' })
      .default('system')
      .describe("system (the environment's or the desktop's proxy), none, or a proxy's URL."),
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
      .describe('Sign in again when a session is this old at the latest, in seconds.'),
    paintDeadlineSeconds: seconds(1, 600)
      .default(45)
      .describe('How long a dashboard may take until it is painted, in seconds.'),
    logFolder: filePath('Folder for the log files.'),
  })
  .prefault({})
  .describe('The wall itself.');

/** The settings as a file may hold them (input: every field optional) and as the program uses them (output). */
export const settingsSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }).default(1).describe('Version of the settings format. This one is 1.'),
  server,
  keys,
  role,
  dashboard,
  aws,
  network,
  wall,
});

/** Settings as given by one layer: every field optional. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Complete settings: fields with a default are there, the others only where somebody set them. */
export type Settings = z.output<typeof settingsSchema>;

/** The key sources there are. */
export type KeySourceName = NonNullable<Settings['keys']['source']>;

/** The settings when nobody has set anything. */
export const DEFAULT_SETTINGS: Settings = settingsSchema.parse({});

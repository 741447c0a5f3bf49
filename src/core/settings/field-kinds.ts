/** The kinds of values that settings fields take. Every complaint is a verb phrase that never repeats the value. */
import { z } from 'zod';
import { nearestOf, plain } from './words.ts';

/** What the schema cannot say about a field by itself. */
interface FieldNotes {
  /** The value must never be shown. */
  readonly secret?: true;
  /** The value is a path of a file or folder; a relative one is read from the folder of the file that names it. */
  readonly path?: true;
}

/** Notes by field schema. */
export const fieldNotes = z.registry<FieldNotes>();

export const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
const LONGEST_TEXT = 4096;
export const LONGEST_URL = 8192;

/** The complaint, or that something is missing altogether. */
export function unlessMissing(complaint: string) {
  return (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'must be given' : complaint);
}

/** A group of fields inside a list or a record; one that the group does not have is answered with the nearest. */
export function group<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return unlessMissing('must be a group of fields')(issue);
      const name = issue.keys[0] ?? '';
      return `has no field named ${plain(name)} (the nearest is ${nearestOf(Object.keys(shape), name)})`;
    },
  });
}

/** Plain text: no control characters or lone surrogates, no space around it, at most `longest` characters. */
export function text(longest = LONGEST_TEXT) {
  return z
    .string({ error: unlessMissing('must be text') })
    .min(1, { error: 'must not be empty' })
    .max(longest, { error: `must be at most ${longest} characters long` })
    .refine((value) => !UNSEEN.test(value), {
      error: 'must not contain line breaks or other control characters',
      abort: true,
    })
    .refine((value) => value.trim() === value, { error: 'must not start or end with a space', abort: true });
}

/** Text that matches `pattern`, which `rule` puts in words. */
export function matching(pattern: RegExp, rule: string, longest = LONGEST_TEXT) {
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

export function url(rules: UrlRules) {
  return text(LONGEST_URL).superRefine((value, context) => {
    const complaint = urlComplaint(value, rules);
    if (complaint !== undefined) context.addIssue({ code: 'custom', message: complaint });
  });
}

/** An address that Vigil calls: https, or http on loopback; no login, query or fragment. */
export const endpoint = () => url({ schemes: ['https:'], query: false, login: false });

/** `system`, `none`, a proxy's URL, or `pac+https://` with the address of a PAC file; the URLs may carry a login for the proxy. */
export function isProxy(value: string): boolean {
  const schemes = [
    'http:',
    'https:',
    'socks:',
    'socks4:',
    'socks4a:',
    'socks5:',
    'socks5h:',
    'pac+http:',
    'pac+https:',
  ];
  return (
    value === 'system' || value === 'none' || urlComplaint(value, { schemes, query: false, login: true }) === undefined
  );
}

/** A whole number of seconds. */
export function seconds(least: number, most: number) {
  const error = `must be a whole number of seconds from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

export function yesOrNo() {
  return z.boolean({ error: 'must be true or false' });
}

export const secretName = () => matching(/^[^,\s]{1,512}$/, 'the name of one secret, without commas or spaces', 512);

export const credentialSource = () =>
  matching(/^[^,\s]+,[^,\s]+(,[^,\s]*){0,2}$/, 'store,id or store,id,version,stage', 2048);

// AWS STS API reference, AssumeRole: RoleSessionName and SourceIdentity.
export const sessionName = () =>
  matching(/^[\w+=,.@-]{2,64}$/, '2 to 64 characters, each a letter, a digit or one of _+=,.@-', 64);

export const arn = (service: string, what: string, example: string) =>
  matching(
    new RegExp(`^arn:aws(-[a-z]+)*:${service}::(\\d{12}|aws):${what}/[\\w+=,.@/-]{1,512}$`),
    `an ARN like ${example}`,
    2048,
  );

export const region = () =>
  matching(/^[a-z]{2,8}(-[a-z]{1,16}){1,3}-\d{1,2}$/, 'an AWS region such as eu-central-1', 64);

/** Characters that STS takes in a session policy (AssumeRole, Policy). */
const POLICY_TEXT = /^[\t\n\r\u0020-\u00ff]+$/;
const LONGEST_POLICY = 2048;

/** A session policy as one compact JSON text, from text or from an object. */
export const policy = () =>
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
export const tagKey = () =>
  z
    .string({ error: 'must be text' })
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u, { error: 'must have keys of 1 to 128 letters, digits or _.:/=+-@' });
export const tagValue = () =>
  z.string({ error: 'must be text' }).regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u, {
    error: 'must be at most 256 letters, digits or _.:/=+-@',
  });

export const secretText = () => matching(/^\S+$/, 'one word without spaces');

/** The name that settings give a role, a dashboard or a display, for others to refer to. */
export const givenName = () =>
  matching(/^[\p{L}\p{N}][\p{L}\p{N}_-]{0,63}$/u, 'a name of up to 64 letters, digits, _ or -', 64);

/** What the `role` and the `dashboard` group go by, beside those that have names. */
export const DEFAULT_NAME = 'default';

/** A group of its own for each name; `default` is taken by the group that has no name. */
export function named<Entry extends z.ZodType>(entry: Entry, what: string, most: number) {
  return z
    .record(
      givenName().refine((name) => name !== DEFAULT_NAME, { error: 'must not use the name default, which is taken' }),
      entry,
      { error: `must map names to ${what}` },
    )
    .refine((value) => Object.keys(value).length <= most, { error: `must have at most ${most} entries` });
}

// IANA time zones, as this runtime knows them.
export const timeZone = () =>
  text(64).refine(
    (value) => {
      // An offset such as +01:00 knows nothing of summer time.
      if (!/^[A-Za-z]/.test(value)) return false;
      try {
        return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
      } catch {
        return false;
      }
    },
    { error: 'must be the IANA name of a time zone, such as Europe/Berlin' },
  );

import { AppError } from '../core/errors.ts';
import type { AwsCredentials } from './provider.ts';

/** Longest secret looked at, in characters; Secrets Manager stores at most 64 KiB. */
const LONGEST_SECRET = 65_536;
/** Anything below comes from no AWS service, and would only slow the search down. */
const DEEPEST = 3;

/** Names of a field without case, separators and a leading `aws`: of AWS's own answers, the environment, SDKs and Vault. */
const FIELDS = {
  accessKeyId: ['accesskeyid', 'accesskey', 'keyid'],
  secretAccessKey: ['secretaccesskey', 'secretkey'],
  sessionToken: ['sessiontoken', 'securitytoken', 'token'],
  expiresAt: ['expiration', 'expiresat', 'credentialexpiration', 'expiry'],
} as const;

/**
 * Reads a secret that holds AWS credentials: `ID,SECRET` or `ID,SECRET,TOKEN` (the auto-id reference), or JSON as AWS's
 * command line and services print it (`AccessKeyId` …), as the environment names it (`AWS_ACCESS_KEY_ID` …), in camel or
 * snake case, plain or within `Credentials`. Throws CREDENTIALS_UNREADABLE, whose sentence holds nothing of the secret.
 */
export function parseSecret(secret: string): AwsCredentials {
  const text = secret.replace(/^\uFEFF/, '').trim();
  if (text === '') throw unreadable('it is empty');
  if (text.length > LONGEST_SECRET) throw unreadable('it is far too long');
  return checked(text.startsWith('{') ? fromJson(text) : fromFields(text));
}

type Raw = Readonly<Record<keyof AwsCredentials, unknown>>;

function fromFields(text: string): Raw {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length < 2 || parts.length > 3) throw unreadable(`it has ${parts.length} fields separated by commas`);
  const [accessKeyId, secretAccessKey, sessionToken] = parts;
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: undefined };
}

function fromJson(text: string): Raw {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, so it is not kept as the cause.
    throw unreadable('it begins like JSON and is not');
  }
  const found = findCredentials(value, 0);
  if (found === undefined) throw unreadable('its JSON names no access key id and secret access key');
  return found;
}

/** The first object, from the outside in, that has both an id and a secret. */
function findCredentials(value: unknown, depth: number): Raw | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > DEEPEST) return undefined;
  const byName = new Map<string, unknown>(Object.entries(value).map(([name, field]) => [plainName(name), field]));
  const pick = (names: readonly string[]): unknown => names.map((name) => byName.get(name)).find((one) => one != null);
  const raw: Raw = {
    accessKeyId: pick(FIELDS.accessKeyId),
    secretAccessKey: pick(FIELDS.secretAccessKey),
    sessionToken: pick(FIELDS.sessionToken),
    expiresAt: pick(FIELDS.expiresAt),
  };
  if (typeof raw.accessKeyId === 'string' && raw.secretAccessKey !== undefined) return raw;
  for (const inner of byName.values()) {
    const found = findCredentials(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/^aws/, '');
}

function checked(raw: Raw): AwsCredentials {
  const accessKeyId = printable(raw.accessKeyId, 'access key id');
  // STS API reference, Credentials: word characters only.
  if (!/^\w{3,128}$/.test(accessKeyId)) throw unreadable('its access key id is none');
  const secretAccessKey = printable(raw.secretAccessKey, 'secret access key');
  const hasToken = raw.sessionToken !== undefined && raw.sessionToken !== null && raw.sessionToken !== '';
  const expiresAt = timeOf(raw.expiresAt);
  return {
    accessKeyId,
    secretAccessKey,
    ...(hasToken ? { sessionToken: printable(raw.sessionToken, 'session token') } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function printable(value: unknown, what: string): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (/^[\u0021-\u007e]+$/.test(text)) return text;
  throw unreadable(`its ${what} is missing or has characters that none has`);
}

/** ISO 8601, or seconds or milliseconds since the epoch. What cannot be read is left out: it is a hint only. */
function timeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  const ms = typeof number === 'number' ? (number < 1e11 ? number * 1000 : number) : Date.parse(String(value));
  return Number.isFinite(ms) ? ms : undefined;
}

function unreadable(why: string): AppError {
  return new AppError(
    'CREDENTIALS_UNREADABLE',
    `The secret holds no AWS credentials as ID,SECRET[,TOKEN] or JSON (${why}): correct the secret on the server.`,
  );
}

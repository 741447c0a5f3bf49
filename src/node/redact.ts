/** Masks secrets in text: those it was told of, in every form they are likely to appear in, and what looks like one. */
export interface Redactor {
  /** Registers a secret. Values shorter than 8 characters are ignored: masking them would garble the log. */
  add(value: string): void;
  /** The text with secrets replaced. JSON stays JSON. Pure but for what `add` registered. */
  redact(text: string): string;
}

const MASK = '[redacted]';
const SHORTEST_SECRET = 8;
/** Credentials change every hour for years: the oldest leave when this many are known. */
const MOST_SECRETS = 256;

/** `=`, `:` and their percent-encoded forms, with the quotes of JSON (escaped any number of times) around them. */
const ASSIGN = String.raw`(?:\\*["'])?\s*(?:=|:|=>|%(?:25)*3D|%(?:25)*3A)\s*(?:\\*["']|%(?:25)*22)?`;
const VALUE = String.raw`[^\s"'\\&;,<>{}()\[\]]+`;
/** Host, path and query of an address; the lengths bound the work on nonsense. */
const ADDRESS = /(https?:\/\/([^\s"'<>\\/?#]{1,255})(?:\/[^\s"'<>\\?#]{0,1000})?)\?[^\s"'<>\\#]*/gi;

const SECRET_NAMES = [
  'SigninToken',
  'aws[_-]?secret[_-]?access[_-]?key',
  'secret[_-]?access[_-]?key',
  'secret[_-]?key',
  'entropy[_-]?secret[_-]?key',
  'session[_-]?key',
  '(?:aws[_-]?)?(?:session|security)[_-]?token',
  'x-amz-security-token',
  'npm[_-]?token',
  '_?auth[_-]?token',
  'access[_-]?token',
  'client[_-]?secret',
  'passw(?:or)?d',
  'passphrase',
].join('|');

type Rule = readonly [RegExp, string];
const RULES: readonly Rule[] = [
  // PEM private keys, whole or cut off, with real or escaped line ends.
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:(?!-----END)[^"'])*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?/g, MASK],
  // user:password@ in addresses.
  [/(\b[a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/"'@\\<>]+@/gi, `$1${MASK}@`],
  // Authorization runs to the end of its line or string: it has spaces in it.
  [/((?:proxy-)?authorization(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?)[^"'\\\r\n]+/gi, `$1${MASK}`],
  [/\b(Bearer)\s+[A-Za-z0-9._~+/-]{8,}=*/gi, `$1 ${MASK}`],
  [new RegExp(`((?:${SECRET_NAMES})${ASSIGN})${VALUE}`, 'gi'), `$1${MASK}`],
  // `Session` only with a capital and as a form field: the word alone is everywhere.
  [new RegExp(String.raw`\b(Session(?:=|%(?:25)*3D))${VALUE}`, 'g'), `$1${MASK}`],
  // ID,SECRET[,TOKEN]
  [/\b(A[A-Z]{3}[A-Z0-9]{12,124}\s*,\s*)[A-Za-z0-9/+=]{20,}(?:\s*,\s*[A-Za-z0-9/+=]+)?/g, `$1${MASK}`],
  // Session tokens of AWS begin like this wherever they stand.
  [/\b(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9/+=%]{60,}/g, MASK],
];

/**
 * A redactor with its own registry. Key ids (AKIA…, ASIA…) stay readable: they are no secret and name the key that
 * failed.
 */
export function createRedactor(): Redactor {
  const secrets = new Map<string, readonly string[]>();
  return {
    add(value) {
      const secret = value.trim();
      if (secret.length < SHORTEST_SECRET) return;
      const known = secrets.get(secret);
      secrets.delete(secret);
      secrets.set(secret, known ?? formsOf(secret));
      const oldest = secrets.keys().next();
      if (secrets.size > MOST_SECRETS && oldest.done !== true) secrets.delete(oldest.value);
    },
    redact(text) {
      let masked = text;
      for (const forms of secrets.values()) {
        for (const form of forms) if (masked.includes(form)) masked = masked.replaceAll(form, MASK);
      }
      // The query of any address on a sign-in host: it holds the sign-in token, or will once somebody adds one.
      masked = masked.replace(ADDRESS, (address, before: string, host: string) =>
        host.toLowerCase().includes('signin') ? `${before}?${MASK}` : address,
      );
      for (const [pattern, replacement] of RULES) masked = masked.replace(pattern, replacement);
      return masked;
    },
  };
}

/** A secret as it may appear: plain, JSON-escaped, percent-encoded, hex, and base64 at any place in a longer text. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const percent = encodeURIComponent(secret);
  const form = new URLSearchParams([['', secret]]).toString().slice(1);
  const escaped = JSON.stringify(secret).slice(1, -1);
  const base64 = [0, 1, 2].map((before) => base64Core(bytes, before));
  const hex = bytes.toString('hex');
  const all = [
    secret,
    escaped,
    JSON.stringify(escaped).slice(1, -1),
    ...[percent, form, percent.replaceAll('%', '%25')].flatMap((one) => [one, lowerEscapes(one)]),
    ...base64.flatMap((one) => [one, one.replaceAll('+', '-').replaceAll('/', '_'), encodeURIComponent(one)]),
    hex,
    hex.toUpperCase(),
  ];
  // Longest first, so that a short form does not cut a longer one in two.
  return [...new Set(all)].filter((one) => one.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

function lowerEscapes(percentEncoded: string): string {
  return percentEncoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

/** The base64 characters that depend on nothing but `bytes`, when `before` (mod 3) other bytes come first. */
function base64Core(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const start = Math.ceil((before * 8) / 6);
  const end = Math.floor((whole.length * 8) / 6);
  return whole.toString('base64').slice(start, end);
}

import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** A secret to look for. The name is for reports: a report must not spread the secret itself. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** Where a secret was found, and through which encodings. */
export interface Finding {
  readonly secret: string;
  readonly where: string;
  readonly as: string;
}

/** Any part of a secret of this many characters gives it away; shorter ones, and such with odd characters, count whole. */
const GRAM = 16;
/** Pieces of a secret begin at every eighth character, so that any part of 23 characters holds a whole one. */
const STEP = 8;
const DEEPEST = 3;
const LARGEST_INFLATED = 64 << 20;
/** Takes a stream that is cut off for what there is of it. */
const TRUNCATED = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: LARGEST_INFLATED };

/**
 * Looks for secrets in bytes: plain, percent-encoded, escaped as in JSON, in UTF-16, in base64 (any alignment, both alphabets), in hex, and in
 * whatever is compressed by gzip, zlib, deflate or brotli; and in these within each other. Instead of encoding the secrets it decodes what it
 * looks through, so that parts of secrets are found as well.
 */
export class SecretSearch {
  readonly #grams = new Map<string, string>();
  readonly #whole: Secret[] = [];

  constructor(secrets: Iterable<Secret>) {
    for (const { name, value } of secrets) {
      for (const line of value.split(/\r?\n/)) this.#learn(name, line);
    }
  }

  #learn(name: string, text: string): void {
    if (text.startsWith('-----')) return; // PEM's own words are no secret
    if (text.length < GRAM || /[^\w+/=.~-]/.test(text)) {
      if (text.length >= 8) this.#whole.push({ name, value: text });
      return;
    }
    // Large ones, such as an entropy file's lines, by fewer pieces: parts of 31 characters are found.
    const step = text.length > 1_000 ? GRAM : STEP;
    for (let at = 0; at + GRAM <= text.length; at += step) this.#grams.set(text.slice(at, at + GRAM), name);
    this.#grams.set(text.slice(-GRAM), name);
  }

  /** @param where for the report */
  inBytes(bytes: Uint8Array, where: string): Finding[] {
    const found = new Map<string, Finding>();
    this.#look(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), where, [], found);
    return [...found.values()];
  }

  inText(text: string, where: string): Finding[] {
    return this.inBytes(Buffer.from(text, 'utf8'), where);
  }

  /** Every file below a folder, and the files' names. @param skip folders that may hold secrets */
  inFolder(
    folder: string,
    skip: readonly string[] = [],
  ): { readonly files: number; readonly bytes: number; readonly findings: Finding[] } {
    let files = 0;
    let bytes = 0;
    const findings: Finding[] = [];
    const walk = (path: string) => {
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        const inner = join(path, entry.name);
        if (skip.includes(inner)) continue;
        findings.push(...this.inText(entry.name, `name of ${relative(folder, inner)}`));
        if (entry.isDirectory()) walk(inner);
        else if (entry.isFile()) {
          const content = readFileSync(inner);
          files += 1;
          bytes += content.length;
          findings.push(...this.inBytes(content, relative(folder, inner)));
        }
      }
    };
    walk(folder);
    return { files, bytes, findings };
  }

  #look(bytes: Buffer, where: string, through: readonly string[], found: Map<string, Finding>): void {
    const text = bytes.toString('latin1');
    this.#match(text, where, through, found);
    if (through.length >= DEEPEST) return;
    for (const [how, decoded] of decodings(bytes, text, through.length === 0))
      this.#look(decoded, where, [...through, how], found);
  }

  #match(text: string, where: string, through: readonly string[], found: Map<string, Finding>): void {
    const report = (secret: string) => {
      const as = through.length === 0 ? 'plain' : through.join(' in ');
      found.set(`${secret} ${as}`, { secret, where, as });
    };
    for (const { name, value } of this.#whole) if (text.includes(value)) report(name);
    for (const [run] of text.matchAll(/[\w+/=.~-]{16,}/g)) {
      for (let at = 0; at + GRAM <= run.length; at += 1) {
        const name = this.#grams.get(run.slice(at, at + GRAM));
        if (name !== undefined) report(name);
      }
    }
  }
}

/** What these bytes, or parts of them, may be an encoding of. Nonsense among it does no harm. */
function* decodings(bytes: Buffer, text: string, isWholeFile: boolean): Generator<readonly [string, Buffer]> {
  const wide = runs(text, /(?:[\t\n\r -~]\0){8,}/g, (run) => Buffer.from(run.replaceAll('\0', ''), 'latin1'));
  if (wide !== undefined) yield ['UTF-16', wide];
  if (/%[0-9A-Fa-f]{2}/.test(text)) {
    yield ['percent', Buffer.from(text.replace(/%([0-9A-Fa-f]{2})/g, fromHex), 'latin1')];
  }
  if (text.includes('\\')) {
    const plain = text
      .replace(/\\u00([0-9A-Fa-f]{2})/g, fromHex)
      .replace(/\\[nrt]/g, '\n')
      .replace(/\\(.)/g, '$1');
    yield ['escapes', Buffer.from(plain, 'latin1')];
  }
  for (let from = 0; from < 4; from += 1) {
    const decoded = runs(text, /[A-Za-z0-9+/_-]{20,}/g, (run) => Buffer.from(run.slice(from), 'base64'));
    if (decoded !== undefined) yield ['base64', decoded];
  }
  for (let from = 0; from < 2; from += 1) {
    const decoded = runs(text, /[0-9A-Fa-f]{32,}/g, (run) => Buffer.from(run.slice(from), 'hex'));
    if (decoded !== undefined) yield ['hex', decoded];
  }
  yield* inflations(bytes, isWholeFile);
}

function fromHex(_: string, hex: string): string {
  return String.fromCharCode(parseInt(hex, 16));
}

/** Every part of the text that fits, decoded, one after the other with something between them that is in no secret. */
function runs(text: string, pattern: RegExp, decode: (run: string) => Buffer): Buffer | undefined {
  const parts = [...text.matchAll(pattern)].flatMap(([run]) => [decode(run), Buffer.of(0)]);
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}

function* inflations(bytes: Buffer, isWholeFile: boolean): Generator<readonly [string, Buffer]> {
  for (const at of placesOf(bytes, Buffer.of(0x1f, 0x8b, 8))) {
    const inflated = longest((end) => gunzipSync(bytes.subarray(at, end), TRUNCATED), at, bytes.length);
    if (inflated !== undefined) yield ['gzip', inflated];
  }
  // RFC 1950: method 8, window 32 KiB, no dictionary, each of the four levels.
  for (const second of [0x01, 0x5e, 0x9c, 0xda]) {
    for (const at of placesOf(bytes, Buffer.of(0x78, second))) {
      const inflated = longest((end) => inflateSync(bytes.subarray(at, end), TRUNCATED), at, bytes.length);
      if (inflated !== undefined) yield ['zlib', inflated];
    }
  }
  // These two begin with nothing in particular: only a whole file can be tried.
  if (!isWholeFile) return;
  const brotli = { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength: LARGEST_INFLATED };
  for (const [how, inflate] of [
    ['deflate', () => inflateRawSync(bytes, TRUNCATED)],
    ['brotli', () => brotliDecompressSync(bytes, brotli)],
  ] as const) {
    const inflated = attempt(inflate);
    if (inflated !== undefined && inflated.length > GRAM) yield [how, inflated];
  }
}

function* placesOf(bytes: Buffer, mark: Buffer): Generator<number> {
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) yield at;
}

/** What comes of the longest part of the input that is no nonsense yet: a stream may be cut off, and followed by anything. */
function longest(inflate: (end: number) => Buffer, start: number, end: number): Buffer | undefined {
  const enough = (inflated: Buffer | undefined) =>
    inflated !== undefined && inflated.length > GRAM ? inflated : undefined;
  const whole = attempt(() => inflate(end));
  if (whole !== undefined) return enough(whole);
  let good = Math.min(start + 24, end);
  let best = attempt(() => inflate(good));
  for (let bad = end; best !== undefined && bad - good > 1;) {
    const middle = Math.floor((good + bad) / 2);
    const part = attempt(() => inflate(middle));
    if (part === undefined) bad = middle;
    else [good, best] = [middle, part];
  }
  return enough(best);
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

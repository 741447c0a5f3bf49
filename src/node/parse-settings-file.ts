/**
 * A settings file's bytes, YAML or JSON (which is YAML too), as plain values. Only what a settings file needs of YAML
 * is let in: no aliases, tags or several documents; and never so much nesting that the parser's work explodes.
 */
import { CST, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import { AppError, type ErrorCode } from '../core/errors.ts';

const MOST_TOKENS = 20_000;
const LONGEST_TOKEN = 64 * 1024;
const DEEPEST = 32;
const WIDEST_INDENT = 400;

export interface ParsedFile {
  /** undefined for a file that says nothing. */
  readonly values: unknown;
  /** Line, from 1, by dotted path. */
  readonly lines: Readonly<Record<string, number>>;
}

/**
 * Parses a file's bytes (UTF-8 with or without a byte order mark). Throws SETTINGS_UNREADABLE where it is
 * no text, and SETTINGS_INVALID with line and column where it is no YAML or JSON, or more of YAML than is let in. The
 * sentences start with `name`, the file's path, and never repeat what stands in the file.
 */
export function parseSettingsFile(bytes: Uint8Array, name: string): ParsedFile {
  const text = decode(bytes, name);
  const refused = excess(text);
  if (refused !== undefined) throw new AppError('SETTINGS_INVALID', `${name} ${refused}.`);
  const counter = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: counter,
  });
  const complain = (offset: number, complaint: string, code: ErrorCode = 'SETTINGS_INVALID') => {
    const { line, col } = counter.linePos(offset);
    return new AppError(code, `${name}, line ${line}, column ${col}: ${complaint}.`);
  };
  const [error] = document.errors;
  if (error !== undefined) throw complain(error.pos[0], phraseOf(error.code));

  const lines: Record<string, number> = {};
  const read = (node: unknown, path: string, depth: number): unknown => {
    if (node === null || node === undefined) return null;
    const offset = rangeStart(node);
    if (depth > DEEPEST) throw complain(offset, 'this is nested too deeply');
    if (isAlias(node)) throw complain(offset, 'aliases (*name) are not taken in settings');
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) throw complain(offset, 'this cannot be read');
    if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
      throw complain(offset, 'tags (!name) are not taken in settings');
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item, index) => read(item, `${path}[${index}]`, depth + 1));
    const values: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const field = isScalar(key) ? key.value : undefined;
      if (typeof field !== 'string') throw complain(rangeStart(key), "every field's name must be text");
      const at = path === '' ? field : `${path}.${field}`;
      define(lines, at, counter.linePos(rangeStart(key)).line);
      define(values, field, read(value, at, depth + 1));
    }
    return values;
  };
  const values = read(document.contents, '', 0);
  return { values: values === null ? undefined : values, lines };
}

/** Sets an own property whatever its name is: plain assignment of `__proto__` would change the prototype. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function rangeStart(node: unknown): number {
  const range: unknown = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === 'number' ? start : 0;
}

function decode(bytes: Uint8Array, name: string): string {
  const unreadable = (what: string) => new AppError('SETTINGS_UNREADABLE', `${name} ${what}.`);
  const [first, second] = bytes;
  const looksWide = bytes.length >= 2 && (first === 0 || second === 0);
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || looksWide) {
    throw unreadable('is not UTF-8 text but looks like UTF-16: save it as UTF-8');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable('is not UTF-8 text: save it as UTF-8');
  }
  // eslint-disable-next-line no-control-regex -- they tell binary files from text
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) {
    throw unreadable('holds control characters, and so is no settings file');
  }
  return text;
}

/** What is too much for a settings file, found by the lexer alone: the parser needs gigabytes for some small files. */
function excess(text: string): string | undefined {
  let tokens = 0;
  let brackets = 0;
  let marksInLine = 0;
  for (const token of new Lexer().lex(text)) {
    if (++tokens > MOST_TOKENS || token.length > LONGEST_TOKEN) return 'holds more than settings ever need';
    switch (CST.tokenType(token)) {
      case 'flow-map-start':
      case 'flow-seq-start':
        brackets += 1;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        brackets = Math.max(0, brackets - 1);
        break;
      case 'newline':
        marksInLine = 0;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'map-value-ind':
      case 'anchor':
      case 'tag':
        if (brackets === 0) marksInLine += 1;
        break;
      case 'space':
        if (token.length > WIDEST_INDENT) return 'is indented too widely';
        break;
      default:
        break;
    }
    if (brackets > DEEPEST || marksInLine > DEEPEST) return 'is nested too deeply';
  }
  return undefined;
}

function phraseOf(code: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'the same field is set twice';
    case 'MULTIPLE_DOCS':
      return 'a settings file holds one document only';
    case 'TAB_AS_INDENT':
      return 'indent with spaces, not with tabs';
    case 'BAD_INDENT':
      return 'the indentation does not fit, or a closing bracket is missing';
    case 'BAD_DQ_ESCAPE':
      return 'a backslash stands inside double quotes: write it twice, or use single quotes';
    case 'MISSING_CHAR':
      return 'a quote, comma or bracket is missing';
    default:
      return 'this is neither YAML nor JSON';
  }
}

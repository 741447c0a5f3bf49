import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { parseSettingsFile } from './parse-settings-file.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const parse = (text: string | Uint8Array) =>
  parseSettingsFile(typeof text === 'string' ? bytesOf(text) : text, '/etc/v.yml');

function failureOf(text: string | Uint8Array): AppError {
  try {
    parse(text);
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown;
    throw thrown;
  }
  throw new Error('it was taken');
}

describe('a settings file', () => {
  it.each([
    ['YAML', 'server:\n  secret: wall # a comment\n'],
    ['JSON', '{"server": {"secret": "wall"}}'],
    ['JSON indented with tabs', '{\n\t"server": {\n\t\t"secret": "wall"\n\t}\n}\n'],
    ['a byte order mark', '\ufeffserver: {secret: wall}'],
    ['Windows line ends', 'server:\r\n  secret: wall\r\n'],
  ])('may be %s', (_name, text) => {
    expect(parse(text).values).toEqual({ server: { secret: 'wall' } });
  });

  it.each(['', '\n', '# only a comment\n', '---\n'])('may say nothing: %j', (text) => {
    expect(parse(text).values).toBeUndefined();
  });

  it('keeps the lines of its fields', () => {
    expect(parse('# first\nserver:\n\n  secret: wall\n').lines).toEqual({ server: 2, 'server.secret': 4 });
  });

  it('keeps YAML 1.2 plain: no dates, no yes and no', () => {
    expect(parse('a: 2001-01-01\nb: yes\nc: 012').values).toEqual({ a: '2001-01-01', b: 'yes', c: 12 });
  });

  it('keeps __proto__ as a name like any other', () => {
    const { values } = parse('__proto__:\n  polluted: true\n');
    expect(Object.keys(values as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype);
  });

  it.each([
    ['the same field twice', 'a: 1\nb: 2\na: 3\n', /line 3, column 1: the same field is set twice/],
    ['the same field twice in JSON', '{"a": 1, "a": 2}', /set twice/],
    ['an unclosed bracket', '{"a": [1', /line 1/],
    ['an unclosed quote', 'a: "x', /quote/],
    ['wrong indentation', 'a:\n  b: 1\n c: 2\n', /line 3/],
    ['tabs for indentation', 'a:\n\tb: 1\n', /tabs/],
    ['a Windows path in double quotes', 'a: "C:\\users"', /backslash/],
    ['two documents', 'a: 1\n---\nb: 2\n', /one document/],
    ['an alias', 'a: &x [1]\nb: *x\n', /line 2, column 4: aliases/],
    ['a tag', 'a: !secret x\n', /tags/],
    ['a name that is no text', '? [a]\n: 1\n', /name must be text/],
    ['a number for a name', '1: a\n', /name must be text/],
    ['a list of brackets without end', '['.repeat(1_000_000), /nested too deeply/],
    ['braces without end', '{'.repeat(1_000_000), /nested too deeply/],
    ['dashes without end', '- '.repeat(500_000), /nested too deeply/],
    ['question marks without end', '? '.repeat(500_000), /nested too deeply/],
    ['stairs without end', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}k:`).join('\n'), /widely|deeply/],
    ['stairs', Array.from({ length: 100 }, (_, i) => `${' '.repeat(i)}k:`).join('\n'), /deeply/],
    ['too many fields', Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n'), /more than settings/],
    ['one endless text', `a: "${'\\x'.repeat(400_000)}"`, /more than settings/],
    ['billion laughs', 'a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n', /aliases/],
  ])('is refused with %s', (_name, text, sentence) => {
    const failure = failureOf(text);
    expect(failure.code).toBe('SETTINGS_INVALID');
    expect(failure.message).toMatch(sentence);
    expect(failure.message).toMatch(/^\/etc\/v\.yml.*\.$/);
  });

  it.each([
    ['UTF-16 with a mark', new Uint8Array([0xff, 0xfe, 0x61, 0]), /UTF-16/],
    ['UTF-16 without a mark', new Uint8Array([0x61, 0, 0x3a, 0]), /UTF-16/],
    ['UTF-16, the other way round', new Uint8Array([0xfe, 0xff, 0, 0x61]), /UTF-16/],
    ['Latin-1', new Uint8Array([0x61, 0x3a, 0x20, 0xfc]), /UTF-8/],
    ['an image', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]), /UTF-8/],
    ['control characters', bytesOf('a: \u0001'), /control characters/],
  ])('is unreadable as %s', (_name, bytes, sentence) => {
    const failure = failureOf(bytes);
    expect(failure.code).toBe('SETTINGS_UNREADABLE');
    expect(failure.message).toMatch(sentence);
  });

  it('never repeats what stands in it', () => {
    for (const text of ['Canary7: *Canary7', '"Canary7', 'Canary7: 1\nCanary7: 2', 'a: !Canary7 x', '%Canary7 x\n@']) {
      expect(failureOf(text).message).not.toContain('Canary7');
    }
  });

  it('fails in one sentence or not at all, whatever it holds', () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '&x ',
      '*x',
      '|',
      '#',
      '? ',
      ',',
      '%',
      '!',
    );
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, (content) => {
        try {
          parse(content);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(AppError);
          expect((thrown as AppError).message).toMatch(/^[^\n]+\.$/);
        }
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parse(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(AppError);
        }
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { entropyBytes } from '../testing/vectors.ts';
import { parseEntropy } from './entropy.ts';

const text = new TextDecoder().decode(entropyBytes);
const bytesOf = (changed: string): Uint8Array => new TextEncoder().encode(changed);
const lines = text.trimEnd().split('\n');

function withLine(number: number, line: string): Uint8Array {
  return bytesOf(lines.map((old, i) => (i === number - 1 ? line : old)).join('\n'));
}

describe('parseEntropy', () => {
  it('gives the text as it is, whatever the line ends', () => {
    expect(parseEntropy(entropyBytes) === text).toBe(true);
    expect(parseEntropy(bytesOf(lines.map((line) => `${line}\r\n`).join(''))) === text).toBe(true);
    expect(parseEntropy(bytesOf(lines.map((line, i) => line + (i % 2 ? '\r\n' : '\n')).join(''))) === text).toBe(true);
    expect(parseEntropy(bytesOf(lines.join('\n'))) === text.trimEnd()).toBe(true);
  });

  it.each([
    ['an empty file', new Uint8Array(), 'has 0 lines'],
    ['a file cut off within a line', entropyBytes.subarray(0, 100_000), 'characters in line 49'],
    ['a file cut off between lines', entropyBytes.subarray(0, 2049 * 1000), 'has 1000 lines'],
    ['a carriage return for its last line end', bytesOf(`${text.trimEnd()}\r`), 'neither LF nor CRLF'],
    ['a carriage return too many', bytesOf(text.replace('\n', '\r\r\n')), 'neither LF nor CRLF in line 1'],
    ['a short last line', bytesOf(lines.join('\n').slice(0, -1)), 'has 2047 characters in line 2048'],
    ['a long last line', bytesOf(`${lines.join('\n')}a`), 'has 2049 characters in line 2048'],
    ['a line too many', bytesOf(`${text}x`), 'goes on after'],
    ['an empty line at the end', bytesOf(`${text}\n`), 'goes on after'],
    ['a short line', withLine(7, 'abc'), 'has 3 characters in line 7'],
    ['a long line', withLine(7, `${lines[6] ?? ''}a`), 'has 2049 characters in line 7'],
    ['a wrong character', withLine(2048, `${'a'.repeat(2047)}+`), 'letters and digits in line 2048'],
    ['an umlaut', withLine(3, `ä${'a'.repeat(2047)}`), 'letters and digits in line 3'],
    ['a byte order mark', bytesOf(`\uFEFF${text}`), 'letters and digits in line 1'],
    ['old Macintosh line ends', bytesOf(lines.join('\r')), 'neither LF nor CRLF'],
    ['a web page', bytesOf('<!doctype html><title>Sign in</title>'), 'letters and digits in line 1'],
    ['a compressed file', new Uint8Array([0x1f, 0x8b, 8, 0]), 'letters and digits in line 1'],
    ['a UTF-16 file', new Uint8Array(new Uint16Array([65, 66, 67]).buffer), 'letters and digits in line 1'],
  ])('refuses %s', (_, bytes, sentence) => {
    expect(() => parseEntropy(bytes)).toThrow(
      expect.objectContaining({ code: 'KEYS_INVALID', message: expect.stringContaining(sentence) as string }),
    );
  });
});

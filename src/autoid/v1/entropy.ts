import { AppError } from '../../core/errors.ts';

/** Lines of the entropy file, and characters of each line: both ends of the protocol have this number built in. */
export const ENTROPY_SIZE = 2048;

const LF = 10;
const CR = 13;

/**
 * The text of an entropy file (`info2048.bin`): 2048 lines of 2048 characters A-Z, a-z, 0-9. Lines may end in LF or
 * CRLF, and the last one may lack its end; the text that comes out has LF only, which is what both ends hash.
 *
 * No other size is accepted: the reference computes with 2048 whatever the file holds, so that in a file of another shape
 * most intervals would name nothing, and a file that was cut off could not be told from a whole one.
 *
 * Throws KEYS_INVALID, which names the line but never what it holds.
 */
export function parseEntropy(bytes: Uint8Array): string {
  if (isAllowedOnly(bytes)) {
    const text = new TextDecoder().decode(bytes).replaceAll('\r\n', '\n');
    if (isWhole(text)) return text;
  }
  throw invalid(faultOf(bytes));
}

/** 1 for the bytes that a file may not hold. */
const REFUSED = Uint8Array.from({ length: 256 }, (_, byte) =>
  isAlphanumeric(byte) || byte === LF || byte === CR ? 0 : 1,
);

/** Whether a file holds letters, digits and line ends only. Every start waits for this: it is a table, for a pattern takes five times as long. */
function isAllowedOnly(bytes: Uint8Array): boolean {
  let refused = 0;
  for (let i = 0; i < bytes.length; i++) refused |= REFUSED[bytes[i] ?? 0] ?? 1;
  return refused === 0;
}

/** Whether the lines of such a text have the right length and number. */
function isWhole(text: string): boolean {
  if (text.includes('\r')) return false;
  for (let line = 0; line < ENTROPY_SIZE - 1; line++) {
    const start = line * (ENTROPY_SIZE + 1);
    if (text.indexOf('\n', start) !== start + ENTROPY_SIZE) return false;
  }
  const last = text.slice((ENTROPY_SIZE - 1) * (ENTROPY_SIZE + 1));
  return last.length - (last.endsWith('\n') ? 1 : 0) === ENTROPY_SIZE && last.lastIndexOf('\n', ENTROPY_SIZE - 1) < 0;
}

/** What the first fault of a file is. */
function faultOf(bytes: Uint8Array): string {
  let read = 0;
  for (let line = 1; line <= ENTROPY_SIZE; line++) {
    if (read >= bytes.length) return `has ${line - 1} lines where ${ENTROPY_SIZE} are needed`;
    const start = read;
    while (read < bytes.length && isAlphanumeric(bytes[read])) read++;
    const length = read - start;
    if (read < bytes.length && bytes[read] !== LF && bytes[read] !== CR) {
      return `holds something other than letters and digits in line ${line}`;
    }
    if (length !== ENTROPY_SIZE) return `has ${length} characters in line ${line} where ${ENTROPY_SIZE} are needed`;
    if (bytes[read] === CR && bytes[++read] !== LF) return `has a line end that is neither LF nor CRLF in line ${line}`;
    read++;
  }
  return `goes on after its ${ENTROPY_SIZE} lines`;
}

function isAlphanumeric(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57);
}

function invalid(what: string): AppError {
  return new AppError(
    'KEYS_INVALID',
    `The entropy file info2048.bin ${what}: put the server's own file, whole and unchanged, where the keys come from.`,
  );
}

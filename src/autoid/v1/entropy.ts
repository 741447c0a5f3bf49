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
  const text = new Uint8Array(ENTROPY_SIZE * (ENTROPY_SIZE + 1));
  let read = 0;
  let written = 0;
  for (let line = 1; line <= ENTROPY_SIZE; line++) {
    if (read >= bytes.length) throw invalid(`has ${line - 1} lines where ${ENTROPY_SIZE} are needed`);
    const start = read;
    while (read < bytes.length && isAlphanumeric(bytes[read])) read++;
    const length = read - start;
    if (read < bytes.length && bytes[read] !== LF && bytes[read] !== CR) {
      throw invalid(`holds something other than letters and digits in line ${line}`);
    }
    if (length !== ENTROPY_SIZE) {
      throw invalid(`has ${length} characters in line ${line} where ${ENTROPY_SIZE} are needed`);
    }
    text.set(bytes.subarray(start, read), written);
    written += length;
    if (read < bytes.length) {
      if (bytes[read] === CR) read++;
      if (bytes[read] !== LF) throw invalid(`has a line end that is neither LF nor CRLF in line ${line}`);
      text[written++] = LF;
      read++;
    }
  }
  if (read < bytes.length) throw invalid(`goes on after its ${ENTROPY_SIZE} lines`);
  return new TextDecoder().decode(text.subarray(0, written));
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

/**
 * Ends a bench: one line of JSON for programs, and the exit code.
 *
 * @param {{ bench: string, figure: number, unit: string, bar: number, holds: boolean } & Record<string, unknown>} result
 * @returns {number} the exit code: 1 when the bar was not reached
 */
export function report(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result.holds ? 0 : 1;
}

/** @param {readonly number[]} values @returns {number} the middle one; the mean of the two in the middle */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}

/** @param {number} value @param {number} [digits] */
export function rounded(value, digits = 2) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

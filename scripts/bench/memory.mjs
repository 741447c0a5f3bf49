// What a tree of processes holds in memory, and how that goes on.
import { readFile } from 'node:fs/promises';
import { processesOf } from './processes.mjs';
import { median } from './report.mjs';

/**
 * PSS: each process's own pages, and its share of those that it shares, so that the sum counts every page once. `own`
 * leaves out pages of files (programs, libraries, fonts): they are bounded by the files, and a share of them goes and
 * comes back whenever some other program starts or ends.
 *
 * @typedef {{ whole: number, own: number, ownByKind: Record<string, number> }} Memory kilobytes
 */

/**
 * @param {number} root process id
 * @returns {Promise<Memory>} of the process and all that descend from it; Linux only
 */
export async function memoryOfTree(root) {
  const all = await Promise.all(
    (await processesOf(root)).map(async ({ pid, kind }) => ({ kind, ...(await memoryOf(pid)) })),
  );
  /** @type {Record<string, number>} */
  const ownByKind = {};
  for (const { kind, own } of all) ownByKind[kind] = (ownByKind[kind] ?? 0) + own;
  const sum = (/** @type {'whole' | 'own'} */ name) => all.reduce((total, one) => total + one[name], 0);
  return { whole: sum('whole'), own: sum('own'), ownByKind };
}

/** @param {number} id @returns {Promise<{ whole: number, own: number }>} zeros when it is gone */
async function memoryOf(id) {
  const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
  const field = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0);
  return { whole: field('Pss'), own: field('Pss_Anon') + field('Pss_Shmem') };
}

/**
 * The median of the slopes between any two values (Theil and Sen): values that jump up and down between two levels do not
 * move it, while a steady rise is as much in it as in the straight line.
 *
 * @param {readonly number[]} values
 * @returns {number} change per value
 */
export function medianSlopeOf(values) {
  return median(values.flatMap((value, x) => values.slice(x + 1).map((later, i) => (later - value) / (i + 1))));
}

/**
 * The straight line that lies closest to the values (least squares).
 *
 * @param {readonly number[]} values
 */
function lineThrough(values) {
  const meanX = (values.length - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [above, spread] = [0, 0];
  values.forEach((value, x) => {
    above += (x - meanX) * (value - meanY);
    spread += (x - meanX) ** 2;
  });
  return { slope: above / spread, spread, at: (/** @type {number} */ x) => meanY + (above / spread) * (x - meanX) };
}

/** @param {readonly number[]} values @returns {number} change per value */
export function slopeOf(values) {
  return lineThrough(values).slope;
}

/** @param {readonly number[]} values @returns {number} the standard error of {@link slopeOf} */
export function slopeErrorOf(values) {
  const { spread, at } = lineThrough(values);
  const squares = values.reduce((sum, value, x) => sum + (value - at(x)) ** 2, 0);
  return Math.sqrt(squares / (values.length - 2) / spread);
}

/**
 * One straight line's slope for several series, each of which begins at a level of its own (least squares with a level for
 * each): what differs between the series does not count, only how each goes on.
 *
 * @param {readonly (readonly number[])[]} series
 * @returns {{ slope: number, error: number }} change per value, and its standard error
 */
export function commonSlopeOf(series) {
  const lines = series.filter(({ length }) => length > 1).map((values) => ({ values, ...lineThrough(values) }));
  const spread = lines.reduce((sum, one) => sum + one.spread, 0);
  const slope = lines.reduce((sum, one) => sum + one.slope * one.spread, 0) / spread;
  let [squares, count] = [0, 0];
  for (const { values } of lines) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const middle = (values.length - 1) / 2;
    squares += values.reduce((sum, value, x) => sum + (value - mean - slope * (x - middle)) ** 2, 0);
    count += values.length;
  }
  return { slope, error: Math.sqrt(squares / (count - lines.length - 1) / spread) };
}

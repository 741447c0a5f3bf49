// What a tree of processes holds in memory, and how that goes on.
import { readFile, readdir } from 'node:fs/promises';

/**
 * PSS: each process's own pages, and its share of those it shares, so that the sum counts every page once. Linux only.
 *
 * @param {number} root process id
 * @returns {Promise<{ kilobytes: number, processes: number }>} of the process and all that descend from it
 */
export async function treePss(root) {
  const ids = await descendants(root);
  const sizes = await Promise.all(ids.map(pssOf));
  return { kilobytes: sizes.reduce((sum, size) => sum + size, 0), processes: sizes.filter((size) => size > 0).length };
}

/** @param {number} root @returns {Promise<number[]>} */
async function descendants(root) {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of names) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // The command's name before it, in brackets, may hold anything.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (const id of found) found.push(...(children.get(id) ?? []));
  return found;
}

/** @param {number} id @returns {Promise<number>} kilobytes; 0 when it is gone */
async function pssOf(id) {
  const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
}

/**
 * The slope of the straight line that lies closest to the values (least squares).
 *
 * @param {readonly number[]} values
 * @returns {number} change per value
 */
export function slopeOf(values) {
  const meanX = (values.length - 1) / 2;
  const meanY = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [above, below] = [0, 0];
  values.forEach((value, x) => {
    above += (x - meanX) * (value - meanY);
    below += (x - meanX) ** 2;
  });
  return above / below;
}

// Judges what a wall held after each of many renewals, and what was seen on the screen meanwhile.
import { commonSlopeOf, medianSlopeOf } from './memory.mjs';
import { median, rounded } from './report.mjs';

/**
 * @typedef {import('./memory.mjs').Memory & { descriptors: number, threads: number, processes: number }} Sample after one
 *   renewal
 * @typedef {Exclude<keyof Sample, 'ownByKind'>} Figure
 * @typedef {{ seen: number, without: number, longestGapMs: number, elapsedMs: number }} Frames `without`: pictures of the
 *   screen that were not of the dashboard
 * @typedef {{ startedAt: string, electron: string, samples: Sample[], frames: Frames }} Piece one wall, from its start
 */

const PSS_BAR_MB = 5;
/** The part of each wall's renewals at its beginning in which it warms up, and which is not judged: 100 of 500. */
const WARM_UP = 1 / 5;
/** Fewer say nothing about a slope. */
const LEAST_SAMPLES = 30;
/** How many samples are taken together for "the first" and "the last". */
const ENDS = 20;
/** What may come and go beside what a renewal leaves behind: connections that are kept open, threads of pools. */
const FLAT = /** @type {const} */ ({ descriptors: 8, threads: 4, processes: 1 });

/**
 * @param {readonly Piece[]} pieces
 * @returns {{ lines: string[], result: { bench: string, figure: number, unit: string, bar: number, holds: boolean } & Record<string, unknown> }}
 */
export function judgePieces(pieces) {
  const judged = pieces
    .map(({ samples }) => samples.slice(Math.round(samples.length * WARM_UP)))
    .filter(({ length }) => length >= LEAST_SAMPLES);
  const count = judged.reduce((sum, { length }) => sum + length, 0);
  if (count === 0) {
    const result = { bench: 'memory', figure: NaN, unit: 'MB of PSS', bar: PSS_BAR_MB, holds: false };
    return {
      lines: [`No wall has been through enough renewals to be judged (${LEAST_SAMPLES} after its first fifth).`],
      result,
    };
  }
  const of = (/** @type {Figure} */ name) => judged.map((samples) => samples.map((one) => one[name]));
  const growthOf = (/** @type {Figure} */ name) => {
    const { slope, error } = commonSlopeOf(of(name));
    return { growth: slope * count, error: error * count };
  };
  const [whole, own] = [growthOf('whole'), growthOf('own')];
  const figure = rounded(whole.growth / 1024);
  const ownMedian = median(of('own').map((series) => medianSlopeOf(series) * count));
  const flat = /** @type {(keyof typeof FLAT)[]} */ (Object.keys(FLAT)).map((name) => ({
    name,
    bar: FLAT[name],
    growth: rounded(growthOf(name).growth, 1),
    ends: of(name).map((series) => ({ first: median(series.slice(0, ENDS)), last: median(series.slice(-ENDS)) })),
  }));
  const isFlat = flat.every(
    ({ bar, growth, ends }) => growth <= bar && ends.every(({ first, last }) => last - first <= bar),
  );
  const frames = pieces.reduce((sum, one) => sum + one.frames.seen, 0);
  const without = pieces.reduce((sum, one) => sum + one.frames.without, 0);
  const seconds = pieces.reduce((sum, one) => sum + one.frames.elapsedMs, 0) / 1000;
  const gap = Math.max(0, ...pieces.map((one) => one.frames.longestGapMs));
  const mb = (/** @type {number} */ kilobytes) => rounded(kilobytes / 1024, 2);
  const lines = [
    `Judged: ${count} renewals, the last four fifths of each wall's. Growth is the slope of the straight line of least squares`,
    `times ${count}; several walls have one slope, and a level each.`,
    `PSS of all processes      ${mb(whole.growth)} ± ${mb(whole.error)} MB (bar ${PSS_BAR_MB})`,
    `without pages of files    ${mb(own.growth)} ± ${mb(own.error)} MB; by the median slope ${mb(ownMedian)} MB`,
    `of it by process          ${kindsOf(judged).join(', ')}`,
    ...flat.map(({ name, bar, growth, ends }) => {
      const levels = ends.map(({ first, last }) => `${first} → ${last}`).join(', ');
      return `${name.padEnd(25)} ${growth}; median of the first and last ${ENDS}: ${levels} (bar ${bar} more)`;
    }),
    `${frames} pictures of the screen, ${rounded(frames / seconds, 1)} a second, longest gap ${gap} ms; ${without} without the dashboard`,
  ];
  const result = {
    bench: 'memory',
    figure,
    unit: `MB of PSS over ${count} renewals, regression`,
    bar: PSS_BAR_MB,
    holds: figure <= PSS_BAR_MB && isFlat && frames > 0 && without === 0,
    pictures: frames,
    picturesWithoutDashboard: without,
    ...Object.fromEntries(flat.map(({ name, growth, ends }) => [name, { growth, ends }])),
  };
  return { lines, result };
}

/** @param {readonly (readonly Sample[])[]} judged @returns {string[]} for each kind of process, its levels at both ends */
function kindsOf(judged) {
  const kinds = new Set(judged.flatMap((samples) => samples.flatMap(({ ownByKind }) => Object.keys(ownByKind))));
  return [...kinds].map((kind) => {
    const level = (/** @type {readonly Sample[]} */ some) => median(some.map(({ ownByKind }) => ownByKind[kind] ?? 0));
    const levels = judged.map((samples) => [samples.slice(0, ENDS), samples.slice(-ENDS)].map(level));
    return `${kind} ${levels.map((ends) => ends.map((one) => rounded(one / 1024, 1)).join(' → ')).join(', ')} MB`;
  });
}

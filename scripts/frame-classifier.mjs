// Says what a picture of the whole screen shows. A dashboard is never guessed: the stand-in's page carries a strip of
// coloured squares in its top-left corner (fiducial.json), and only a picture with that strip is a dashboard.
import { readFileSync } from 'node:fs';

/**
 * @typedef {{ data: Uint8Array, width: number, height: number, scale: number }} Frame RGB, 3 bytes a pixel, rows from the
 *   top without padding; `scale` is frame pixels per CSS pixel (480 wide of a 1920 wide screen: 0.25)
 * @typedef {{ squares: string[], squareCssPx: number, x: number, y: number }} Fiducial colours as `#rrggbb`; CSS pixels
 * @typedef {'dashboard' | 'blank' | 'notice' | 'unknown'} Kind
 * @typedef {{ kind: Kind, topShare: number, topColour: string, colours: number, edges: number, strip: number }} Verdict
 *   `topShare`: part of the pixels, 0 to 1, that have the most common colour; `colours`: distinct ones; `edges`: part of
 *   the pixels that differ from their left neighbour; `strip`: squares of the strip that match
 */

/** @type {Fiducial} */
const standInStrip = JSON.parse(readFileSync(new URL('./fiducial.json', import.meta.url), 'utf8'));

const DEFAULTS = {
  fiducial: standInStrip,
  /** The notice page's background. */
  noticeBackground: '#0b0f14',
  /** A picture of one colour up to this share is blank: a stray pixel row or a pointer does not make it a picture. */
  blankShare: 0.998,
  /** How far, per channel, a notice's background may be off. */
  tolerance: 6,
};

/**
 * Classifies one picture.
 *
 * - `dashboard`: the strip is there and the rest of the picture is not one colour (a page of which only the head is
 *   painted is still blank to who looks at the wall);
 * - `blank`: one colour, near enough, whichever it is;
 * - `notice`: the notice page's background with something on it;
 * - `unknown`: anything else.
 *
 * @param {Frame} frame
 * @param {Partial<typeof DEFAULTS>} [options]
 * @returns {Verdict}
 */
export function classifyFrame(frame, options = {}) {
  const { fiducial, noticeBackground, blankShare, tolerance } = { ...DEFAULTS, ...options };
  const strip = matchingSquares(frame, fiducial);
  const hasStrip = strip === fiducial.squares.length;
  const statistics = measure(frame, hasStrip ? Math.ceil((fiducial.y + fiducial.squareCssPx) * frame.scale) : 0);
  const { topShare, topColour } = statistics;
  /** @type {Kind} */
  let kind = 'unknown';
  if (topShare >= blankShare) kind = 'blank';
  else if (hasStrip) kind = 'dashboard';
  else if (topShare >= 0.5 && isNear(parseColour(topColour), parseColour(noticeBackground), tolerance)) kind = 'notice';
  return { kind, strip, ...statistics };
}

/**
 * How many squares of the strip are where they should be, each by the nearest colour of the palette.
 *
 * @param {Frame} frame
 * @param {Fiducial} [fiducial]
 * @returns {number}
 */
export function matchingSquares({ data, width, height, scale }, fiducial = standInStrip) {
  const palette = [...new Set(fiducial.squares)];
  const colours = palette.map(parseColour);
  let matching = 0;
  fiducial.squares.forEach((expected, i) => {
    const x = Math.floor((fiducial.x + (i + 0.5) * fiducial.squareCssPx) * scale);
    const y = Math.floor((fiducial.y + fiducial.squareCssPx / 2) * scale);
    if (x >= width || y >= height) return;
    const at = (y * width + x) * 3;
    const distances = colours.map(
      ([r, g, b]) => (data[at] - r) ** 2 + (data[at + 1] - g) ** 2 + (data[at + 2] - b) ** 2,
    );
    if (palette[distances.indexOf(Math.min(...distances))] === expected) matching++;
  });
  return matching;
}

// Five bits a channel: dithering and compression do not split a colour, and the counts fit one small array.
const BITS = 5;
const counts = new Uint32Array(1 << (3 * BITS));

/**
 * @param {Frame} frame
 * @param {number} skipRows rows at the top to leave out
 */
function measure({ data, width, height }, skipRows) {
  counts.fill(0);
  let edges = 0;
  const start = Math.min(skipRows, height - 1) * width * 3;
  const end = width * height * 3;
  let before = -1;
  for (let i = start; i < end; i += 3) {
    const key = ((data[i] >> 3) << 10) | ((data[i + 1] >> 3) << 5) | (data[i + 2] >> 3);
    counts[key]++;
    if (key !== before) edges++;
    before = key;
  }
  let top = 0;
  let colours = 0;
  for (let key = 0; key < counts.length; key++) {
    if (counts[key] === 0) continue;
    colours++;
    if (counts[key] > counts[top]) top = key;
  }
  const pixels = (end - start) / 3;
  return {
    topShare: counts[top] / pixels,
    topColour: exactColour(data, start, end, top),
    colours,
    edges: (edges - 1) / pixels,
  };
}

/**
 * The first pixel's own colour among those counted together.
 *
 * @param {Uint8Array} data
 * @param {number} start
 * @param {number} end
 * @param {number} key
 */
function exactColour(data, start, end, key) {
  for (let i = start; i < end; i += 3) {
    if ((((data[i] >> 3) << 10) | ((data[i + 1] >> 3) << 5) | (data[i + 2] >> 3)) === key)
      return `#${[data[i], data[i + 1], data[i + 2]].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  }
  return '#000000';
}

/** @param {string} hex `#rrggbb` */
function parseColour(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {number[]} a @param {number[]} b @param {number} tolerance */
function isNear(a, b, tolerance) {
  return a.every((value, i) => Math.abs(value - b[i]) <= tolerance);
}

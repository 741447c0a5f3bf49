// Says what a picture of the whole screen shows. A dashboard is never guessed: the stand-in's page carries a strip of
// coloured squares in its top-left corner (fiducial.json), and only a picture with that strip is a dashboard. Cells behind
// the squares say which dashboard it is, which load of the page, and which data it shows.
import { readFileSync } from 'node:fs';

/**
 * @typedef {{ data: Uint8Array, width: number, height: number, scale: number }} Frame RGB, 3 bytes a pixel, rows from the
 *   top without padding; `scale` is frame pixels per CSS pixel (480 wide of a 1920 wide screen: 0.25)
 * @typedef {{ palette: string[], fields: { name: string, bits: number }[], check: { bits: number, polynomial: number } }} Code
 *   cells behind the squares, each a colour of the palette (8 of them, 3 bits): the fields, most significant bit first,
 *   then the remainder of their division by the polynomial
 * @typedef {{ squares: string[], squareCssPx: number, x: number, y: number, code?: Code }} Fiducial colours as `#rrggbb`;
 *   CSS pixels
 * @typedef {'dashboard' | 'dimmed' | 'blank' | 'notice' | 'unknown'} Kind
 * @typedef {{ dashboardId: number, loadSeq: number, dataSeq: number }} StripFields each 0 to 255: which dashboard; which
 *   load of a page, counted over all of them; which answer to a data call of this dashboard
 * @typedef {{ kind: Kind, topShare: number, topColour: string, colours: number, edges: number, strip: number,
 *   brightness: number } & Partial<StripFields>} Verdict
 *   `topShare`: part of the pixels, 0 to 1, that have the most common colour; `colours`: distinct ones; `edges`: part of
 *   the pixels that differ from their left neighbour; `strip`: squares of the strip that match; `brightness`: of its white
 *   squares, 0 to 1. The fields are there when the strip could be read and its check holds
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

/** Below this, a strip's white is that of a picture which something dark lies over. */
const BRIGHT_FROM = 0.7;

/**
 * Classifies one picture.
 *
 * - `dashboard`: the strip is there and the rest of the picture is not one colour (a page of which only the head is
 *   painted is still blank to who looks at the wall);
 * - `dimmed`: the same, but darkened as a whole;
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
  const { matching: strip, brightness, fields } = readStrip(frame, fiducial);
  const hasStrip = strip === fiducial.squares.length;
  const statistics = measure(frame, hasStrip ? Math.ceil((fiducial.y + fiducial.squareCssPx) * frame.scale) : 0);
  const { topShare, topColour } = statistics;
  /** @type {Kind} */
  let kind = 'unknown';
  if (topShare >= blankShare) kind = 'blank';
  else if (hasStrip) kind = brightness >= BRIGHT_FROM ? 'dashboard' : 'dimmed';
  else if (topShare >= 0.5 && isNear(parseColour(topColour), parseColour(noticeBackground), tolerance)) kind = 'notice';
  return { kind, strip, brightness, ...statistics, ...(hasStrip ? fields : {}) };
}

/**
 * Part of a picture as a picture of its own: one of several displays that were captured together.
 *
 * @param {Frame} frame
 * @param {{ x: number, y: number, width: number, height: number }} part CSS pixels
 * @returns {Frame}
 */
export function partOfFrame({ data, width, height, scale }, part) {
  const [left, right] = [part.x, part.x + part.width].map((x) => Math.min(width, Math.round(x * scale)));
  const [top, bottom] = [part.y, part.y + part.height].map((y) => Math.min(height, Math.round(y * scale)));
  const rows = new Uint8Array((right - left) * (bottom - top) * 3);
  for (let y = top; y < bottom; y++) {
    const from = (y * width + left) * 3;
    rows.set(data.subarray(from, from + (right - left) * 3), (y - top) * (right - left) * 3);
  }
  return { data: rows, width: right - left, height: bottom - top, scale };
}

/**
 * How many squares of the strip are where they should be, each by the nearest colour of the palette.
 *
 * @param {Frame} frame
 * @param {Fiducial} [fiducial]
 * @returns {number}
 */
export function matchingSquares(frame, fiducial = standInStrip) {
  return readStrip(frame, fiducial).matching;
}

/**
 * Reads the strip by its own black and white: what lies over the whole picture changes those too.
 *
 * @param {Frame} frame
 * @param {Fiducial} fiducial
 * @returns {{ matching: number, brightness: number, fields: StripFields | undefined }}
 */
function readStrip(frame, fiducial) {
  const { squares, code } = fiducial;
  const seen = squares.map((_, i) => colourOfCell(frame, fiducial, i));
  const white = meanOf(seen.filter((_, i) => squares[i] === '#ffffff'));
  const black = meanOf(seen.filter((_, i) => squares[i] === '#000000'));
  const brightness = white === undefined ? 0 : (white[0] + white[1] + white[2]) / 3 / 255;
  const nothing = { matching: 0, brightness, fields: undefined };
  if (!white || !black || white.some((value, i) => value - black[i] < LEAST_CONTRAST)) return nothing;
  const level = (/** @type {number[]} */ colour) =>
    colour.map((value, i) => (255 * (value - black[i])) / (white[i] - black[i]));
  const palette = [...new Set(squares)];
  const matching = squares.filter((expected, i) => {
    const colour = seen[i];
    return colour !== undefined && palette[nearest(level(colour), palette)] === expected;
  }).length;
  if (code === undefined || matching < squares.length) return { ...nothing, matching };
  const bits = code.fields.reduce((sum, field) => sum + field.bits, code.check.bits);
  const cells = Array.from({ length: Math.ceil(bits / 3) }, (_, i) =>
    colourOfCell(frame, fiducial, squares.length + i),
  );
  if (cells.includes(undefined)) return { ...nothing, matching };
  const digits = cells.map((colour) => nearest(level(/** @type {number[]} */ (colour)), code.palette));
  return { matching, brightness, fields: decode(digits, code) };
}

/** Less than this between black and white is no strip, but a picture of one colour. */
const LEAST_CONTRAST = 32;

/**
 * The pixel in the middle of the strip's cell at this place; undefined outside the picture.
 *
 * @param {Frame} frame
 * @param {Fiducial} fiducial
 * @param {number} i
 * @returns {number[] | undefined}
 */
function colourOfCell({ data, width, height, scale }, fiducial, i) {
  const x = Math.floor((fiducial.x + (i + 0.5) * fiducial.squareCssPx) * scale);
  const y = Math.floor((fiducial.y + fiducial.squareCssPx / 2) * scale);
  if (x >= width || y >= height) return undefined;
  const at = (y * width + x) * 3;
  return [data[at], data[at + 1], data[at + 2]];
}

/** @param {(number[] | undefined)[]} colours @returns {number[] | undefined} */
function meanOf(colours) {
  const there = colours.filter((colour) => colour !== undefined);
  if (there.length === 0) return undefined;
  return [0, 1, 2].map((i) => there.reduce((sum, colour) => sum + colour[i], 0) / there.length);
}

/** @param {number[]} colour @param {string[]} palette @returns {number} place in the palette */
function nearest(colour, palette) {
  const distances = palette.map((hex) => parseColour(hex).reduce((sum, value, i) => sum + (value - colour[i]) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}

/**
 * @param {number[]} digits
 * @param {Code} code
 * @returns {StripFields | undefined} undefined when the check does not hold
 */
function decode(digits, { fields, check }) {
  const bits = digits.flatMap((digit) => [digit >> 2, (digit >> 1) & 1, digit & 1]);
  const length = fields.reduce((sum, field) => sum + field.bits, 0);
  // The remainder of a message with its remainder behind it is zero.
  let register = 0;
  for (const bit of bits.slice(0, length + check.bits)) {
    register = (register << 1) | bit;
    if (register >> check.bits) register ^= (1 << check.bits) | check.polynomial;
  }
  if (register !== 0) return undefined;
  let at = 0;
  /** @type {Record<string, number>} */
  const values = {};
  for (const { name, bits: width } of fields) {
    values[name] = Number.parseInt(bits.slice(at, at + width).join(''), 2);
    at += width;
  }
  return /** @type {StripFields} */ (values);
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

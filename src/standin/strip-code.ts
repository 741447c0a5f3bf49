/**
 * What the strip says beside "this is a dashboard": which one, which load of the page, which data. `scripts/fiducial.json` has the layout;
 * `scripts/frame-classifier.mjs` reads it from pictures of the screen.
 */
import fiducial from '../../scripts/fiducial.json' with { type: 'json' };

export interface StripFields {
  /** Which dashboard, 0 to 255. */
  readonly dashboardId: number;
  /** Which load of a console page, modulo 256. */
  readonly loadSeq: number;
  /** Which answer to a data call of this dashboard, modulo 256. */
  readonly dataSeq: number;
}

const BITS_PER_CELL = 3;

/** Remainder of the message, most significant bit first, by the layout's polynomial. */
function remainder(bits: readonly number[]): number {
  const { bits: width, polynomial } = fiducial.code.check;
  let register = 0;
  for (const bit of bits) {
    const carry = ((register >> (width - 1)) & 1) ^ bit;
    register = (register << 1) & ((1 << width) - 1);
    if (carry === 1) register ^= polynomial;
  }
  return register;
}

function bitsOf(value: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => (value >> (width - 1 - i)) & 1);
}

/** The colours' places in the palette, one digit (0 to 7) for each cell that follows the strip's squares. Fields are taken modulo their width. */
export function encodeStrip(fields: StripFields): string {
  const message = fiducial.code.fields.flatMap(({ name, bits }) => bitsOf(fields[name as keyof StripFields], bits));
  const bits = [...message, ...bitsOf(remainder(message), fiducial.code.check.bits)];
  let cells = '';
  for (let i = 0; i < bits.length; i += BITS_PER_CELL) {
    cells += String(Number.parseInt(bits.slice(i, i + BITS_PER_CELL).join(''), 2));
  }
  return cells;
}

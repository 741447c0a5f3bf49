/** What is told from a picture's pixels: 4 bytes each, row by row, the order of the colours does not count (the fourth is opacity). */

/** A place in a picture that shows something, as fractions of its width and height. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

// Steps of brightness, of 255, that an even area may show for noise and rounding.
const EVEN = 12;
const OTHER_COLOUR = 24;
const RIM = 2;

/** Whether there is something in a whole picture. A cursor or a lone line is no dashboard: a hundredth must differ from the corner. */
export function isVaried(pixels: Uint8Array): boolean {
  let darkest = 255;
  let brightest = 0;
  let differing = 0;
  const [a0 = 0, b0 = 0, c0 = 0] = pixels;
  for (let i = 0; i + 2 < pixels.length; i += 4) {
    const a = pixels[i] ?? 0;
    const b = pixels[i + 1] ?? 0;
    const c = pixels[i + 2] ?? 0;
    const light = (a + b + c) / 3;
    darkest = Math.min(darkest, light);
    brightest = Math.max(brightest, light);
    if (Math.abs(a - a0) + Math.abs(b - b0) + Math.abs(c - c0) > OTHER_COLOUR) differing += 1;
  }
  return brightest - darkest > EVEN && differing * 100 > pixels.length / 4;
}

/** Whether a small piece of a picture shows anything at all. */
export function isPatterned(pixels: Uint8Array): boolean {
  return contrast(pixels) > EVEN;
}

/**
 * Where in a picture, made small, a few pixels will tell that it is still there: at most one place in each third of its width, the one with
 * most contrast around it. The rim is left out, for other things may lie over it.
 */
export function tellingPlaces(pixels: Uint8Array, width: number, height: number): readonly Place[] {
  const best: ({ place: Place; contrast: number } | undefined)[] = [];
  for (let y = RIM; y < height - RIM; y += 1) {
    for (let x = RIM; x < width - RIM; x += 1) {
      const around = contrast(pixels, (x - 1 + (y - 1) * width) * 4, 3, 3, width);
      const third = Math.floor((3 * x) / width);
      if (around <= EVEN || around <= (best[third]?.contrast ?? 0)) continue;
      best[third] = { place: { x: (x + 0.5) / width, y: (y + 0.5) / height }, contrast: around };
    }
  }
  return best.flatMap((one) => (one === undefined ? [] : [one.place]));
}

/** The widest span of any colour in a rectangle of a picture; by default in all of it. */
function contrast(
  pixels: Uint8Array,
  from = 0,
  columns = Math.floor(pixels.length / 4),
  rows = 1,
  width = columns,
): number {
  const least = [255, 255, 255];
  const most = [0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = from + (row * width + column) * 4;
      for (let colour = 0; colour < 3; colour += 1) {
        const value = pixels[at + colour] ?? 0;
        least[colour] = Math.min(least[colour] ?? 255, value);
        most[colour] = Math.max(most[colour] ?? 0, value);
      }
    }
  }
  return Math.max(...most.map((value, colour) => value - (least[colour] ?? 0)));
}

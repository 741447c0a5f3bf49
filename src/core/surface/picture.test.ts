import { expect, it } from 'vitest';
import { isPatterned, isVaried, tellingPlaces } from './picture.ts';

const WIDTH = 64;
const HEIGHT = 36;

/** A picture of one colour with rectangles of another. */
function picture(...marks: { x: number; y: number; width: number; height: number; colour?: number }[]): Uint8Array {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 4).fill(40);
  for (const { x, y, width, height, colour = 220 } of marks)
    for (let row = y; row < y + height; row += 1)
      pixels.fill(colour, (row * WIDTH + x) * 4, (row * WIDTH + x + width) * 4);
  return pixels;
}

it('tells a picture with something in it from one of one colour', () => {
  expect(isVaried(picture({ x: 10, y: 10, width: 20, height: 10 }))).toBe(true);
  expect(isVaried(picture())).toBe(false);
  // A cursor is nothing; shades that noise makes are nothing.
  expect(isVaried(picture({ x: 10, y: 10, width: 2, height: 2 }))).toBe(false);
  expect(isVaried(picture({ x: 0, y: 5, width: 64, height: 20, colour: 46 }))).toBe(false);
  expect(isVaried(new Uint8Array())).toBe(false);
});

it('tells a piece that shows something from an even one', () => {
  expect(isPatterned(picture({ x: 10, y: 10, width: 1, height: 1 }))).toBe(true);
  expect(isPatterned(picture())).toBe(false);
  expect(isPatterned(picture({ x: 0, y: 5, width: 64, height: 20, colour: 46 }))).toBe(false);
  expect(isPatterned(new Uint8Array())).toBe(false);
});

it('finds a place in each third that shows something, away from the rim', () => {
  const pixels = picture(
    { x: 8, y: 20, width: 1, height: 1 },
    { x: 50, y: 0, width: 14, height: 1 },
    { x: 50, y: 12, width: 4, height: 1, colour: 120 },
    { x: 56, y: 30, width: 4, height: 1 },
  );
  const places = tellingPlaces(pixels, WIDTH, HEIGHT);
  expect(places).toHaveLength(2);
  const [left, right] = places;
  expect(Math.abs((left?.x ?? 0) * WIDTH - 8.5)).toBeLessThanOrEqual(1);
  expect(Math.abs((left?.y ?? 0) * HEIGHT - 20.5)).toBeLessThanOrEqual(1);
  expect(Math.abs((right?.y ?? 0) * HEIGHT - 30.5)).toBeLessThanOrEqual(1);
  expect(tellingPlaces(picture(), WIDTH, HEIGHT)).toEqual([]);
});

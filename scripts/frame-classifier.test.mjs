import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classifyFrame, matchingSquares } from './frame-classifier.mjs';

const fiducial = JSON.parse(readFileSync(new URL('./fiducial.json', import.meta.url), 'utf8'));

/** A picture `width` wide of a screen; `paint` gets CSS pixels of a screen at device pixel ratio 1. */
function picture(paint, { width = 480, height = 270, scale = 0.25 } = {}) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data.set(rgb(paint((x + 0.5) / scale, (y + 0.5) / scale)), (y * width + x) * 3);
  return { data, width, height, scale };
}

const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

const strip = (x, y) => (y < fiducial.squareCssPx ? fiducial.squares[Math.floor(x / fiducial.squareCssPx)] : undefined);
const charts = (x, y) => (Math.floor(x / 300 + y / 170) % 2 ? '#ffffff' : '#2266aa');

describe('classifyFrame', () => {
  it('knows a dashboard by its strip', () => {
    const verdict = classifyFrame(picture((x, y) => strip(x, y) ?? charts(x, y)));
    expect(verdict.kind).toBe('dashboard');
    expect(verdict.strip).toBe(16);
  });

  it('knows it on a 3840 pixel wide screen, where a square is two pixels and a half', () => {
    const frame = picture((x, y) => strip(x, y) ?? charts(x, y), { scale: 0.125 });
    expect(classifyFrame(frame).kind).toBe('dashboard');
  });

  it('knows it when every colour is darker and greyer than drawn', () => {
    const frame = picture((x, y) => strip(x, y) ?? charts(x, y));
    const faded = frame.data.map((value) => 20 + value * 0.8);
    expect(classifyFrame({ ...frame, data: faded }).kind).toBe('dashboard');
  });

  it('does not take a picture without the strip for a dashboard', () => {
    expect(classifyFrame(picture(charts)).kind).toBe('unknown');
  });

  it('does not take a strip in another order, or one square short, for the strip', () => {
    const turned = [...fiducial.squares].reverse();
    const wrong = (x, y) => (y < 20 ? turned[Math.floor(x / 20)] : undefined);
    expect(classifyFrame(picture((x, y) => wrong(x, y) ?? charts(x, y))).kind).toBe('unknown');
    const short = (x, y) => (x < 300 ? strip(x, y) : undefined);
    const frame = picture((x, y) => short(x, y) ?? charts(x, y));
    expect(matchingSquares(frame)).toBe(15);
    expect(classifyFrame(frame).kind).toBe('unknown');
  });

  it.each(['#ffffff', '#000000', '#0b0f14', '#eeeeee', '#123456'])('calls one colour blank: %s', (colour) => {
    const verdict = classifyFrame(picture(() => colour));
    expect(verdict.kind).toBe('blank');
    expect(verdict.topColour).toBe(colour);
    expect(verdict.colours).toBe(1);
  });

  it('calls a white screen blank though a pointer or a pixel row is on it', () => {
    expect(classifyFrame(picture((x, y) => (x < 40 && y < 40 ? '#000000' : '#ffffff'))).kind).toBe('blank');
  });

  it('calls a page blank of which only the strip is painted', () => {
    expect(classifyFrame(picture((x, y) => strip(x, y) ?? '#ffffff')).kind).toBe('blank');
  });

  it('knows the notice by its background, with text on it', () => {
    const text = (x, y) => (x > 600 && x < 1200 && y > 500 && y < 560 && Math.floor(x / 8) % 2 ? '#e6edf3' : '#0b0f14');
    expect(classifyFrame(picture(text)).kind).toBe('notice');
    expect(classifyFrame(picture(text), { noticeBackground: '#ffffff' }).kind).toBe('unknown');
  });
});

describe('the strip', () => {
  it('has 16 squares whose neighbours differ, and reads differently from either end', () => {
    const { squares } = fiducial;
    expect(squares).toHaveLength(16);
    for (let i = 1; i < squares.length; i++) expect(squares[i]).not.toBe(squares[i - 1]);
    expect([...squares].reverse()).not.toEqual(squares);
  });
});

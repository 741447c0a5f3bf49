import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeStrip } from '../src/standin/strip-code.ts';
import { classifyFrame, matchingSquares, partOfFrame } from './frame-classifier.mjs';

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

/** The whole strip, with its cells, over charts. */
const coded = (fields) => {
  const squares = [...fiducial.squares, ...[...encodeStrip(fields)].map((digit) => fiducial.code.palette[digit])];
  return (x, y) =>
    (y < fiducial.squareCssPx ? squares[Math.floor(x / fiducial.squareCssPx)] : undefined) ?? charts(x, y);
};

/** What a codec leaves of a picture: colour at half the resolution, blurred edges, and noise. */
function compressed({ data, width, height, scale }) {
  const at = (x, y, i) => data[(Math.min(y, height - 1) * width + Math.min(x, width - 1)) * 3 + i];
  const worse = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const own = [0, 1, 2].map((i) => at(x, y, i));
      const luma = 0.299 * own[0] + 0.587 * own[1] + 0.114 * own[2];
      const block = [0, 1, 2].map((i) => {
        const [left, top] = [x - (x % 2), y - (y % 2)];
        return (at(left, top, i) + at(left + 1, top, i) + at(left, top + 1, i) + at(left + 1, top + 1, i)) / 4;
      });
      const blockLuma = 0.299 * block[0] + 0.587 * block[1] + 0.114 * block[2];
      const noise = ((x * 7919 + y * 104729) % 41) - 20;
      // Into the range of television and out of it as if it were not: 16 to 235.
      worse.set(
        block.map((value) => Math.max(0, Math.min(255, (value - blockLuma + luma) * 0.86 + 16 + noise))),
        (y * width + x) * 3,
      );
    }
  return { data: worse, width, height, scale };
}

describe('the code in the strip', () => {
  const edges = [0, 1, 127, 128, 254, 255];
  const all = edges.flatMap((dashboardId) =>
    [0, 170].map((dataSeq) => ({ dashboardId, loadSeq: dataSeq ^ dashboardId, dataSeq })),
  );

  it.each([
    ['1080p, captured whole', { width: 1920, height: 120, scale: 1 }],
    ['1080p, captured small', { scale: 0.25 }],
    ['2160p, captured small', { scale: 0.125 }],
  ])('tells which dashboard, load and data: %s', (_name, size) => {
    for (const fields of all) {
      const frame = picture(coded(fields), size);
      expect(classifyFrame(frame)).toMatchObject({ kind: 'dashboard', ...fields });
    }
  });

  it.each([1, 2])('is read from what a codec has left of it, %s screen pixels to the CSS pixel', (scale) => {
    for (const fields of all) {
      const frame = compressed(picture(coded(fields), { width: 700 * scale, height: 60 * scale, scale }));
      expect(classifyFrame(frame)).toMatchObject({ kind: 'dashboard', ...fields });
    }
  });

  it('is not made up where there is none, or where a cell is wrong', () => {
    const plain = classifyFrame(picture((x, y) => strip(x, y) ?? charts(x, y)));
    expect(plain.kind).toBe('dashboard');
    expect(plain).not.toHaveProperty('dashboardId');
    const right = coded({ dashboardId: 77, loadSeq: 3, dataSeq: 200 });
    const cells = encodeStrip({ dashboardId: 77, loadSeq: 3, dataSeq: 200 }).length;
    for (let i = 0; i < cells; i++) {
      const from = (fiducial.squares.length + i) * fiducial.squareCssPx;
      for (const colour of fiducial.code.palette) {
        const paint = (x, y) => (y < 20 && x >= from && x < from + 20 ? colour : right(x, y));
        const verdict = classifyFrame(picture(paint, { width: 160, height: 40 }));
        expect(verdict.kind).toBe('dashboard');
        expect(verdict.dashboardId).toBe(colour === right(from + 10, 10) ? 77 : undefined);
      }
    }
  });

  it('is read from a picture that is dimmed, which is no live dashboard', () => {
    const fields = { dashboardId: 9, loadSeq: 10, dataSeq: 11 };
    const frame = picture(coded(fields));
    const under = [11, 15, 20];
    const dim = { ...frame, data: frame.data.map((value, i) => Math.round(value * 0.35 + under[i % 3] * 0.65)) };
    expect(classifyFrame(dim)).toMatchObject({ kind: 'dimmed', ...fields });
    expect(classifyFrame(dim).brightness).toBeLessThan(0.5);
  });

  it('is read from one display of two that were captured together', () => {
    const [left, right] = [
      coded({ dashboardId: 1, loadSeq: 2, dataSeq: 3 }),
      coded({ dashboardId: 4, loadSeq: 5, dataSeq: 6 }),
    ];
    const both = picture((x, y) => (x < 1920 ? left(x, y) : right(x - 1920, y)), { width: 960, height: 270 });
    const ids = [0, 1920].map(
      (x) => classifyFrame(partOfFrame(both, { x, y: 0, width: 1920, height: 1080 })).dashboardId,
    );
    expect(ids).toEqual([1, 4]);
  });
});

describe('the strip', () => {
  it('has a cell for every three bits of its code', () => {
    const { code } = fiducial;
    const bits = code.fields.reduce((sum, field) => sum + field.bits, code.check.bits);
    expect(encodeStrip({ dashboardId: 0, loadSeq: 0, dataSeq: 0 })).toHaveLength(bits / 3);
    expect(new Set(code.palette).size).toBe(8);
  });

  it('has 16 squares whose neighbours differ, and reads differently from either end', () => {
    const { squares } = fiducial;
    expect(squares).toHaveLength(16);
    for (let i = 1; i < squares.length; i++) expect(squares[i]).not.toBe(squares[i - 1]);
    expect([...squares].reverse()).not.toEqual(squares);
  });
});

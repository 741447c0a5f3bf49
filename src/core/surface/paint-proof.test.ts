import { expect, it } from 'vitest';
import { type PaintObservation, judgePaint } from './paint-proof.ts';

const whole: PaintObservation = {
  page: 'destination',
  ready: true,
  content: true,
  framed: true,
  picture: 'varied',
  data: 'answered',
};

it('takes nothing less than the whole proof before the deadline', () => {
  expect(judgePaint(whole, false)).toBe('painted');
  expect(judgePaint({ ...whole, data: 'none' }, false)).toBe('painted');
  const lacking: Partial<PaintObservation>[] = [
    { page: 'none' },
    { page: 'elsewhere' },
    { page: 'sign-in' },
    { ready: false },
    { framed: false },
    { picture: 'none' },
    { picture: 'empty' },
    { picture: 'one-colour' },
    { data: 'waiting' },
    { data: 'failing' },
  ];
  for (const one of lacking) expect(judgePaint({ ...whole, ...one }, false)).toBe('pending');
});

it('lets a page that is all but the probe go live as unverified at the deadline, and no other', () => {
  expect(judgePaint({ ...whole, ready: false }, true)).toBe('unverified');
  expect(judgePaint({ ...whole, page: 'sign-in' }, true)).toBe('failed');
  expect(judgePaint({ ...whole, ready: false, picture: 'one-colour' }, true)).toBe('failed');
  expect(judgePaint({ ...whole, ready: false, framed: false }, true)).toBe('failed');
});

it('takes a page for no dashboard that has nothing to show by the deadline', () => {
  for (const data of ['none', 'waiting', 'answered'] as const) {
    expect(judgePaint({ ...whole, ready: false, content: false, data }, true)).toBe('failed');
  }
});

it('never takes a page whose calls for data have all failed for a dashboard', () => {
  for (const ready of [true, false]) {
    expect(judgePaint({ ...whole, ready, data: 'failing' }, true)).toBe('without-data');
    expect(judgePaint({ ...whole, ready, content: ready, data: 'failing' }, true)).toBe('without-data');
    expect(judgePaint({ ...whole, ready, data: 'refused' }, true)).toBe('without-data');
  }
  // Refused for good, and the page has said so: waiting would not help.
  expect(judgePaint({ ...whole, data: 'refused' }, false)).toBe('without-data');
  expect(judgePaint({ ...whole, ready: false, data: 'refused' }, false)).toBe('pending');
  expect(judgePaint({ ...whole, data: 'refused', page: 'sign-in' }, true)).toBe('failed');
});

it('does not wait beyond the deadline for calls that never come to an end', () => {
  expect(judgePaint({ ...whole, data: 'waiting' }, true)).toBe('unverified');
  expect(judgePaint({ ...whole, ready: false, data: 'waiting' }, true)).toBe('unverified');
});

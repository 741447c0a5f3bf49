import { expect, it } from 'vitest';
import { ago, nextTry, span, staleLine } from './wording.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

it('tells how long something lasted, never more than it did', () => {
  const spans = [
    -5_000,
    0,
    999,
    59_999,
    MINUTE,
    14.9 * MINUTE,
    59.9 * MINUTE,
    HOUR,
    47.9 * HOUR,
    48 * HOUR,
    400 * HOUR,
  ];
  expect(spans.map(span)).toEqual([
    '0 s',
    '0 s',
    '0 s',
    '59 s',
    '1 min',
    '14 min',
    '59 min',
    '1 h',
    '47 h',
    '2 days',
    '16 days',
  ]);
});

it('tells how long ago something was', () => {
  expect([-1, 1_000, 14.5 * MINUTE, HOUR, 30 * HOUR, 72 * HOUR].map(ago)).toEqual([
    '0 seconds ago',
    '1 second ago',
    '14 minutes ago',
    '1 hour ago',
    '30 hours ago',
    '3 days ago',
  ]);
});

it('tells when the next try comes, never sooner than it does', () => {
  expect([-1, 0, 1, 20_000, 119_001, 119_999, 121_000, 2 * HOUR].map(nextTry)).toEqual([
    'now',
    'now',
    'in 1 s',
    'in 20 s',
    'in 2 min',
    'in 2 min',
    'in 3 min',
    'in 2 h',
  ]);
});

it('says that data are old, and when they will be asked for again', () => {
  expect(staleLine({ dataAt: 0, nextTryAt: 14 * MINUTE + 20_000 }, 14 * MINUTE)).toBe(
    'Data 14 min old, trying again in 20 s',
  );
  expect(staleLine({ dataAt: 0, nextTryAt: 0 }, 14 * MINUTE)).toBe('Data 14 min old, trying again now');
  expect(staleLine({ dataAt: 0 }, 14 * MINUTE)).toBe('Data 14 min old');
  expect(staleLine({ dataAt: 0, inPlaceOf: 'main', nextTryAt: 20_000 }, 0)).toBe(
    'In place of main, trying again in 20 s',
  );
});

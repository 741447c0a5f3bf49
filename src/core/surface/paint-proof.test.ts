import { expect, it } from 'vitest';
import { type PaintObservation, judgePaint } from './paint-proof.ts';

const whole: PaintObservation = { page: 'destination', ready: true, framed: true, picture: 'varied' };

it('takes nothing less than the whole proof before the deadline', () => {
  expect(judgePaint(whole, false)).toBe('painted');
  const lacking: Partial<PaintObservation>[] = [
    { page: 'none' },
    { page: 'elsewhere' },
    { page: 'sign-in' },
    { ready: false },
    { framed: false },
    { picture: 'none' },
    { picture: 'empty' },
    { picture: 'one-colour' },
  ];
  for (const one of lacking) expect(judgePaint({ ...whole, ...one }, false)).toBe('pending');
});

it('lets a page that is all but the probe go live as unverified at the deadline, and no other', () => {
  expect(judgePaint({ ...whole, ready: false }, true)).toBe('unverified');
  expect(judgePaint({ ...whole, page: 'sign-in' }, true)).toBe('failed');
  expect(judgePaint({ ...whole, ready: false, picture: 'one-colour' }, true)).toBe('failed');
  expect(judgePaint({ ...whole, ready: false, framed: false }, true)).toBe('failed');
});

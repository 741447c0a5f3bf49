import { expect, it } from 'vitest';
import type { StripText } from '../../core/surface/notice.ts';
import { logStrip } from './wall-log.ts';

const AT = Date.UTC(2026, 0, 31, 12);
const OLD: StripText = { dataAt: AT, reason: 'The console has no time.', nextTryAt: AT + 1 };

it('logs what is begun and ended to be said over a picture, and not every new try', () => {
  const logged: unknown[] = [];
  const logger = { log: (...line: unknown[]) => void logged.push(line) };
  const said = [undefined, undefined, OLD, { ...OLD, nextTryAt: AT + 2 }, { ...OLD, inPlaceOf: 'errors' }, undefined];
  for (const [i, strip] of said.entries()) if (i > 0) logStrip(logger, 'left', said[i - 1], strip);
  const fields = { surface: 'left', dataAt: '2026-01-31T12:00:00.000Z', reason: OLD.reason };
  expect(logged).toEqual([
    ['warn', 'surface.marked', fields],
    ['warn', 'surface.marked', { ...fields, inPlaceOf: 'errors' }],
    ['info', 'surface.unmarked', { surface: 'left' }],
  ]);
});

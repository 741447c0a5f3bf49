import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSource, parseSource } from './source.ts';

const word = (characters: string, max: number) =>
  fc.array(fc.constantFrom(...Array.from(characters)), { minLength: 1, maxLength: max }).map((parts) => parts.join(''));
const letters = 'abcdefghijklmnopqrstuvwxyz';
const known = fc.record(
  {
    store: word(letters, 32),
    id: fc.array(word(`${letters}ABCZ019_+=@:-`, 20), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    version: word(`${letters}AZ09-`, 64),
    stage: word(`${letters}AZ09_-`, 40),
  },
  { requiredKeys: ['store', 'id'] },
);

describe('a credential source', () => {
  it('is read and written in one spelling', () => {
    fc.assert(
      fc.property(known, (source) => {
        expect(parseSource(formatSource(source))).toEqual(source);
      }),
    );
  });

  it.each([
    ['secretsmanager,wall', { store: 'secretsmanager', id: 'wall' }],
    ['secretsmanager,wall,', { store: 'secretsmanager', id: 'wall' }],
    ['secretsmanager,wall,,', { store: 'secretsmanager', id: 'wall' }],
    ['secretsmanager,wall,,AWSPREVIOUS', { store: 'secretsmanager', id: 'wall', stage: 'AWSPREVIOUS' }],
    ['vault,secret/wall,3,key', { store: 'vault', id: 'secret/wall', version: '3', stage: 'key' }],
    ['secretsmanager,/prod/wall', { store: 'secretsmanager', id: '/prod/wall' }],
  ])('%s is read', (text, source) => expect(parseSource(text)).toEqual(source));

  it.each([
    '',
    'wall',
    ',wall',
    'secretsmanager,',
    'secretsmanager,wall,,,',
    'secretsmanager,wall,1,2,3',
    ' secretsmanager,wall',
    'secretsmanager ,wall',
    'secretsmanager, wall',
    'secretsmanager,wall ',
    'secretsmanager,wall\n',
    'secretsmanager,wall\u0000',
    'Secretsmanager,wall',
    'secretsmanager,w*',
    'secretsmanager,*',
    'secretsmanager,wäll',
    'secretsmanager,w\u0430ll',
    'secretsmanager,wall\u200b',
    'secretsmanager\uff0cwall',
    'vault,secret/../admin',
    'vault,..',
    'vault,./a',
    'vault,secret//admin',
    'vault,secret/',
    'vault,secret/%2e%2e/admin',
    'vault,secret\\admin',
    'vault,secret/admin?list=true',
    `secretsmanager,${'x'.repeat(513)}`,
    `secretsmanager,wall,${'1'.repeat(65)}`,
    `secretsmanager,${'x,'.repeat(100_000)}`,
  ])('%j is none', (text) => expect(parseSource(text)).toBeUndefined());

  it('never changes what it accepts but for empty fields at the end', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from('a,/.* A\u00e4')) })),
        (text) => {
          const source = parseSource(text);
          if (source !== undefined) expect(formatSource(source)).toBe(text.replace(/,+$/, ''));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

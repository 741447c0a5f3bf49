import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AllowRule } from '../devices/device.ts';
import { formatAllowRule, isAllowed, parseAllowRule } from './allow.ts';
import { canonicalDestination } from './destination.ts';
import { parseSource } from './source.ts';

const PLACE = 'https://eu-west-1.console.aws.amazon.com/cloudwatch/';
const MAIN = `${PLACE}home?region=eu-west-1#dashboards/dashboard/Main`;

/** As the server does it: both texts in their one spelling, or nothing. */
function mayHave(rules: readonly (AllowRule | string)[], sourceText: string, destinationText = ''): boolean {
  const source = parseSource(sourceText);
  const destination = canonicalDestination(destinationText);
  if (source === undefined || destination === undefined) return false;
  const parsed = rules.map((rule) => (typeof rule === 'string' ? parseAllowRule(rule) : rule));
  return isAllowed(parsed, source, destination);
}

describe('an allow-list', () => {
  it.each<[string, string, string, boolean]>([
    ['secretsmanager:wall', 'secretsmanager,wall', '', true],
    ['secretsmanager:wall', 'secretsmanager,wall,,AWSPREVIOUS', '', true],
    ['secretsmanager,wall', 'secretsmanager,wall,', '', true],
    ['secretsmanager:wall', 'secretsmanager,wall2', '', false],
    ['secretsmanager:wall', 'secretsmanager,Wall', '', false],
    ['secretsmanager:wall', 'file,wall', '', false],
    ['secretsmanager:wall', 'secretsmanager,wall', MAIN, false],
    ['secretsmanager:wall*', 'secretsmanager,wall2', '', true],
    ['secretsmanager:*', 'secretsmanager,anything/at/all', '', true],
    ['secretsmanager:*', 'secretsmanagers,wall', '', false],
    ['vault:kv/wall/*', 'vault,kv/wall/one', '', true],
    ['vault:kv/wall/*', 'vault,kv/wall', '', false],
    ['vault:kv/wall/*', 'vault,kv/wall/../admin', '', false],
    ['console:wall,*', 'console,wall', MAIN, true],
    ['console:wall,*', 'console,wall', '', true],
    [`console:wall,${MAIN}`, 'console,wall', MAIN, true],
    [`console:wall,${MAIN}`, 'console,wall', `${MAIN}2`, false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN, true],
    [`console:wall,${PLACE}*`, 'console,wall', '', false],
    [`console:wall,${PLACE}*`, 'console,wall', `${PLACE}../iam/home`, false],
    [`console:wall,${PLACE}*`, 'console,wall', `${PLACE}%2e%2e/iam/home`, false],
    [`console:wall,${PLACE}*`, 'console,wall', `${PLACE}%252e%252e/iam/home`, false],
    [`console:wall,${PLACE}*`, 'console,wall', `${PLACE}..%2fiam/home`, false],
    [`console:wall,${PLACE}*`, 'console,wall', `${PLACE}x#/../../iam`, false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('https:', 'http:'), false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('https://', 'https:\\\\'), false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('https://', 'https://x@'), false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('https', 'HTTPS'), true],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('.com/', '.com:443/'), true],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('.com/', '.com.example.net/'), false],
    [`console:wall,${PLACE}*`, 'console,wall', MAIN.replace('aws', 'аws'), false],
    ['console:wall,alarms:*', 'console,wall', 'alarms:eu-west-1?prefix=web-', true],
    ['console:wall,alarms:eu-west-1?*', 'console,wall', 'alarms:us-east-1?prefix=web-', false],
    ['console:wall,alarms:*', 'console,wall', 'list-dashboards:eu-west-1', false],
  ])('%s for %s at %s: %s', (rule, source, destination, expected) => {
    expect(mayHave([rule], source, destination)).toBe(expected);
  });

  it('lets nothing through that has no rule', () => expect(mayHave([], 'secretsmanager,wall')).toBe(false));

  it.each([
    '',
    'wall',
    ':wall',
    'secretsmanager:',
    '*:wall',
    '*',
    's*:wall',
    'Secretsmanager:wall',
    'secretsmanager:w*l',
    'secretsmanager:w**',
    'secretsmanager: wall',
    'vault:kv/../*',
    'vault:kv/..',
    'vault:kv//x*',
    'console:wall,https://*',
    'console:wall,https*',
    'console:wall,https://eu-west-1.console.aws.amazon.com*',
    'console:wall,https://*.console.aws.amazon.com/*',
    'console:wall,https://me@console.aws.amazon.com/*',
    'console:wall,/cloudwatch/*',
    'console:wall,alarms: *',
    'console:wäll',
  ])('%j is no rule', (text) => expect(() => parseAllowRule(text)).toThrow(expect.objectContaining({ code: 'USAGE' })));

  it('takes no malformed rule for one, wherever it comes from', () => {
    const rules: AllowRule[] = [
      { source: '*' },
      { source: 'secretsmanager' },
      { source: 'secretsmanager,wall,*' },
      { source: 'Secretsmanager,*' },
      { source: '*,*' },
      { source: 'secretsmanager,w*l' },
      { source: 'secretsmanager,wall', destination: '' },
      { source: 'secretsmanager,wall', destination: 'https://*' },
    ];
    for (const rule of rules) expect(mayHave([rule], 'secretsmanager,wall', '')).toBe(false);
    expect(mayHave([{ source: 'console,*', destination: 'http*' }], 'console,wall', MAIN)).toBe(false);
  });

  it('is written as it is read', () => {
    for (const text of [
      'secretsmanager:wall*',
      `console:wall,${PLACE}*`,
      'console:wall,*',
      'sts:arn:aws:iam::1:role/A',
    ]) {
      expect(formatAllowRule(parseAllowRule(text))).toBe(text);
    }
  });

  const ID = 'team/wall-1';
  const unit = fc.constantFrom(...Array.from('team/wall-1,*. \t\u0000\u00e4\u0430\u212a\u017f%2FTEAMWL:;'));
  it('gives one id to nobody who spells it in another way', () => {
    const texts = fc.oneof(
      fc.string({ unit, maxLength: 24 }),
      // One change somewhere in the right text.
      fc
        .tuple(fc.nat(ID.length), fc.nat(2), fc.string({ unit, maxLength: 2 }))
        .map(([at, drop, put]) => ID.slice(0, at) + put + ID.slice(at + drop)),
    );
    fc.assert(
      fc.property(texts, fc.boolean(), (text, after) => {
        const source = `secretsmanager,${text}`;
        // What may follow the id is a version and a stage, or empty fields.
        const own = text === ID || (text.startsWith(`${ID},`) && parseSource(source)?.id === ID);
        expect(mayHave(['secretsmanager:team/wall-1'], source)).toBe(own);
        const sibling = parseSource(source)?.id.startsWith('team/') === true;
        expect(mayHave(['secretsmanager:team/*'], after ? `${source},` : source)).toBe(
          after ? parseSource(`${source},`)?.id.startsWith('team/') === true : sibling,
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('gives an opened address to nothing outside of it, as a browser reads it', () => {
    const piece = fc.constantFrom(
      ...[
        '..',
        '%2e%2e',
        '%2E.',
        '.',
        '/',
        '\\',
        '%2f',
        '%5c',
        '?',
        '#',
        '@',
        ':',
        '%25',
        '%00',
        'a',
        'iam',
        '*',
        '\t',
        '\u3002',
      ],
    );
    const host = fc.constantFrom(
      'https://eu-west-1.console.aws.amazon.com',
      'https://evil.example',
      'HTTPS://EU-WEST-1.console.aws.amazon.com:443',
    );
    const address = fc
      .tuple(
        host,
        fc.array(piece, { maxLength: 6 }),
        fc.constantFrom('/cloudwatch/', '/cloudwatch', ''),
        fc.array(piece, { maxLength: 8 }),
      )
      .map(([origin, before, path, after]) => origin + before.join('') + path + after.join(''));
    fc.assert(
      fc.property(address, (text) => {
        if (!mayHave([`console:wall,${PLACE}*`], 'console,wall', text)) return;
        const url = new URL(canonicalDestination(text) ?? '');
        expect(url.origin).toBe('https://eu-west-1.console.aws.amazon.com');
        expect(url.pathname.startsWith('/cloudwatch/')).toBe(true);
        expect(decodeURIComponent(url.pathname.replace(/%(?![0-9a-f]{2})/gi, '%25')).split(/[/\\]/)).not.toContain(
          '..',
        );
      }),
      { numRuns: 5000 },
    );
  });
});

describe('a destination', () => {
  it('has one spelling', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string()), (text) => {
        const once = canonicalDestination(text);
        if (once !== undefined) expect(canonicalDestination(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    'a b',
    'https://',
    'https:// x/',
    'Alarms:x',
    '/x',
    'é',
    'x'.repeat(5000),
    `https://x/${'%61'.repeat(1500)}`,
  ])('%j is none', (text) => expect(canonicalDestination(text)).toBeUndefined());

  it('may be an address of the console with stars', () => {
    const text = "https://console.aws.amazon.com/cloudwatch/home#metricsV2:graph=~(metrics~(~(~'AWS*2fEC2)))";
    expect(canonicalDestination(text)).toBe(text);
  });
});
